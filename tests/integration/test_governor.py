#!/usr/bin/python3
"""The governor: when clients pay for the shadow, when replays cannot keep up, when the server runs out of connections, its load
goes down by itself, and comes back."""
import contextlib
import statistics
import threading
import time
import unittest

import psycopg

from support.cluster import Cluster
from support.proxy import PATIENCE, SANITIZED, Parallax, rule, wait_for

# contended(): a server that each of the shadow's statements slows down, for everybody.
SCHEMA = """
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO thing SELECT g, 'name-' || g FROM generate_series(1, 100) g;
CREATE TABLE contention (seconds float8 NOT NULL);
INSERT INTO contention VALUES (0);
CREATE FUNCTION contended(name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  others int := (SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'parallax-shadow' AND state <> 'idle' AND pid <> pg_backend_pid());
BEGIN
  PERFORM pg_sleep(0.003 + others * (SELECT seconds FROM contention));
  RETURN name;
END $$;
CREATE FUNCTION slowly(name text, seconds float8) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM pg_sleep(seconds); RETURN name; END $$;
"""
SAFE = ['contended', 'slowly']
CONTENDED = {'contended': rule('SELECT id, contended(name) FROM thing WHERE id = :id',
                               'select "id", slowly(contended("name"), 0.01) from "thing" where "id" = :id')}
SLOW = {'slow': rule('SELECT id, name FROM thing WHERE id = :id', 'select "id", slowly("name", 0.05) from "thing" where "id" = :id')}
QUICK = {'quick': rule('SELECT id, name FROM thing WHERE id = :id', 'select "id", "name" from "thing" where "id" = :id')}
INTERVAL = '50ms'


class Clients:
    """Sessions that ask for one thing after the other."""

    def __init__(self, proxy, sql, count=4, pause=0):
        self.end, self.problems, self.waits = threading.Event(), [], []
        self.threads = [threading.Thread(target=self.run, args=(proxy.url('app', 'shop'), sql, pause)) for _ in range(count)]

    def run(self, url, sql, pause):
        try:
            with psycopg.connect(url, autocommit=True) as session:
                number = 0
                while not self.end.is_set():
                    number = number % 100 + 1
                    began = time.monotonic()
                    assert session.execute(sql, [number]).fetchone() == (number, f'name-{number}')
                    self.waits.append(time.monotonic() - began)
                    time.sleep(pause)
        except Exception as problem:  # told on the main thread
            self.problems.append(repr(problem))

    def median_of(self, seconds):
        """Of what they wait in this time."""
        before = len(self.waits)
        time.sleep(seconds)
        return statistics.median(self.waits[before:])

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        for thread in self.threads:
            thread.join()
        assert not self.problems, self.problems


class Governor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(max_connections=40)
        cls.addClassCleanup(cls.cluster.destroy)
        with psycopg.connect(cls.cluster.url('postgres'), autocommit=True) as admin:
            admin.execute('CREATE ROLE app LOGIN')
            admin.execute('CREATE DATABASE shop OWNER app')
        cls.url = cls.cluster.url('app', 'shop')
        with psycopg.connect(cls.url, autocommit=True) as owner:
            owner.execute(SCHEMA)

    @contextlib.contextmanager
    def parallax(self, rules, arguments=(), pool=4, sample=1.0, **governor):
        shadow = {'governor': {'interval': INTERVAL, **governor}, 'pool': {'max': pool}, 'safe_functions': SAFE}
        with Parallax(self.url + '?sslmode=disable', {'rules': rules, 'sample': sample, 'shadow': shadow}, arguments) as proxy:
            proxy.wait_verified()
            yield proxy

    def contend(self, seconds):
        with psycopg.connect(self.url, autocommit=True) as session:
            session.execute('UPDATE contention SET seconds = %s', [seconds])

    @staticmethod
    def replays(proxy):
        return proxy.metrics().sum('shadow_replays_limit')

    @staticmethod
    def ratio(proxy):
        metrics = proxy.metrics()
        return min(value for _, value in metrics.series('sample_ratio'))

    def at_work(self, seconds):
        """How many of the shadow's connections are at work, on average of so long, as the server counts them."""
        counts = []
        with psycopg.connect(self.url, autocommit=True) as session:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                counts.append(session.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'parallax-shadow'"
                                              " AND state <> 'idle'").fetchone()[0])
                time.sleep(0.005)
        return statistics.mean(counts)

    def test_a_server_that_the_shadow_slows_down(self):
        """The replays at work fall, clients wait no longer than before, and all of it comes back when they cost nothing."""
        self.contend(0)
        with self.parallax(CONTENDED, sample=0.3, pool_wait='1m') as proxy, Clients(proxy, 'SELECT id, contended(name) FROM thing WHERE id = %s') as clients:
            time.sleep(2 * PATIENCE)
            usual, at_work = clients.median_of(1), self.at_work(1)
            self.assertEqual((4, 0.3), (self.replays(proxy), self.ratio(proxy)))
            self.assertGreater(at_work, 1)
            self.contend(0.006)
            wait_for(lambda: self.replays(proxy) == 1, 30, 'one replay at once', 0.005)
            wait_for(lambda: clients.median_of(0.5) < 1.3 * usual, 30, f'what clients waited before, {usual:.4f} s', 0)
            self.assertLess(self.at_work(1), at_work / 2)
            self.contend(0)
            wait_for(lambda: (self.replays(proxy), self.ratio(proxy)) == (4, 0.3), 60, 'all of it again')
            wait_for(lambda: self.at_work(0.5) > at_work / 2, 20, 'replays at work again')
        # With the proxy gone the counters are: they were looked at before.

    def test_the_counters_add_up_under_the_governor(self):
        self.contend(0.006)
        with self.parallax(CONTENDED, pool_wait='1m') as proxy:
            with Clients(proxy, 'SELECT id, contended(name) FROM thing WHERE id = %s'):
                wait_for(lambda: self.ratio(proxy) < 1, 30, 'less is sampled', 0.005)
                time.sleep(1)
            metrics = proxy.settled(60)
            self.assertGreater(metrics.sum('skipped_total', reason='sampled_out'), 0)
            self.assertGreater(metrics.sum('verdicts_total', verdict='match'), 0)
            self.assertEqual(metrics.sum('verdicts_total'), metrics.sum('verdicts_total', verdict='match'))
            log = proxy.log_text()
            self.assertIn('governor: replays at once 2, before 4: live_latency is at', log)
            self.assertRegex(log, r'warn.* governor: samples 0\.5 of what it would, before 1: live_latency is at')

    def test_a_server_that_is_slow_by_itself(self):
        """Nothing is taken back for what the shadow has not done."""
        self.contend(0)
        slow = 'SELECT id, contended(name) FROM thing WHERE id = %s'
        with self.parallax(CONTENDED, sample=0.1, pool_wait='1m') as proxy, Clients(proxy, slow, count=2):
            with psycopg.connect(self.url, autocommit=True) as owner:
                for seconds in (0.003, 0.012, 0.003, 0.009):
                    owner.execute(SCHEMA[SCHEMA.index('CREATE FUNCTION contended'):SCHEMA.index('CREATE FUNCTION slowly')]
                                  .replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION').replace('0.003', str(seconds)))
                    end = time.monotonic() + 2
                    while time.monotonic() < end:
                        self.assertEqual((4, 0.1), (self.replays(proxy), self.ratio(proxy)))
                        time.sleep(0.05)
                    self.assertNotIn('governor:', proxy.log_text())
                owner.execute(SCHEMA[SCHEMA.index('CREATE FUNCTION contended'):SCHEMA.index('CREATE FUNCTION slowly')]
                              .replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION'))

    def test_replays_that_cannot_keep_up(self):
        """Less is sampled, so that what is sampled is compared soon; nothing is dropped."""
        with self.parallax(SLOW, pool=1, pool_wait='200ms', live_latency=100) as proxy:
            with Clients(proxy, 'SELECT id, name FROM thing WHERE id = %s', count=2, pause=0.01):
                wait_for(lambda: self.ratio(proxy) <= 1 / 8, 30, 'an eighth', 0.005)
                wait_for(lambda: proxy.metrics().sum('governor_pressure_ratio', sign='pool_wait') > 0, 10, 'what it goes by', 0.005)
            wait_for(lambda: self.ratio(proxy) == 1, 60, 'all of it')
            self.assertEqual(0, proxy.settled().sum('dropped_total'))

    def test_what_waits_already_is_thinned_out(self):
        """A burst that is over when the governor sees it: nothing more comes that could be sampled less."""
        with self.parallax(SLOW, pool=1, pool_wait='1s', live_latency=100) as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            with session.pipeline():
                for number in range(1, 101):
                    session.execute('SELECT id, name FROM thing WHERE id = %s', [number])
            self.assertEqual(100, proxy.metrics().sum('operations_total'))
            self.assertEqual(0, proxy.metrics().sum('skipped_total'))
            metrics = proxy.settled(60)
            self.assertGreater(metrics.sum('skipped_total', reason='sampled_out'), 20)
            self.assertEqual(100, metrics.sum('skipped_total', reason='sampled_out') + metrics.sum('verdicts_total', verdict='match'))

    def test_a_server_that_runs_out_of_connections(self):
        with self.parallax(QUICK, connections=0.7, live_latency=100) as proxy, Clients(proxy, 'SELECT id, name FROM thing WHERE id = %s'):
            with psycopg.connect(self.url, autocommit=True) as session:
                def pool():
                    return session.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'parallax-shadow'").fetchone()[0]
                wait_for(lambda: pool() > 1, 20, 'several connections', 0.01)
                with contextlib.ExitStack() as others:
                    for _ in range(24):
                        others.enter_context(psycopg.connect(self.url))
                    wait_for(lambda: 'governor: shadow connections at once 2, before 4: connections is at' in proxy.log_text(), 20, 'the line of the log')
                    wait_for(lambda: pool() == 1, 10, 'one connection')
                    self.assertGreater(proxy.metrics().sum('governor_pressure_ratio', sign='connections'), 1)
                wait_for(lambda: pool() > 1, 40, 'several connections again')
                wait_for(lambda: 'governor: shadow connections at once 2, before 1' in proxy.log_text(), 40, 'the line of the log')
                self.assertEqual(4, self.replays(proxy))

    def test_switched_off_and_in_dev_it_changes_nothing(self):
        self.contend(0.006)
        for governor, arguments in (({'enabled': False}, ()), ({}, ('--dev',))):
            with self.subTest(governor=governor, arguments=arguments), self.parallax(CONTENDED, arguments, **governor) as proxy:
                with Clients(proxy, 'SELECT id, contended(name) FROM thing WHERE id = %s'):
                    end = time.monotonic() + 2
                    while time.monotonic() < end:
                        self.assertEqual((4, 1), (self.replays(proxy), self.ratio(proxy)))
                        time.sleep(0.05)


if __name__ == '__main__':
    unittest.main(verbosity=2)
