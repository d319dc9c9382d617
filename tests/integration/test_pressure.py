#!/usr/bin/python3
"""A shadow server in every kind of trouble: clients get the same bytes without waiting for it, what was not compared is
counted with the right reason, nothing is called a match or a mismatch for it, and comparison goes on by itself once the
trouble is over. And never more connections than the pool may have."""
import contextlib
import re
import threading
import time
import unittest

from support.cluster import Cluster
from support.proxy import PATIENCE, Parallax, rule, wait_for
from support.troubled_relay import TroubledRelay
from support.wire import Wire, query

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT g, 'item ' || g FROM generate_series(1, 200) g;
GRANT SELECT ON item TO app;
"""
RULES = {'item.byId': rule('SELECT id, name FROM item WHERE id = :id', 'select "id", "name" from "item" where "item"."id" = :id')}
STATEMENTS = [query(f'SELECT id, name FROM item WHERE id = {number}') for number in range(1, 51)]
LONGEST = 1.0  # seconds that one statement may take; the troubles last longer
POOL_MAX = 3
RECOVERY = 60


def cluster(**settings):
    server = Cluster(hba=['host all app 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust'], **settings)
    server.psql("CREATE ROLE app LOGIN PASSWORD 'right'")
    server.psql(SCHEMA)
    return server


class Trouble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = Cluster()
        cls.addClassCleanup(cls.upstream.destroy)
        cls.upstream.psql('CREATE ROLE app LOGIN')
        cls.upstream.psql(SCHEMA)
        cls.shadow = cluster(max_connections=12, log_connections='on', log_disconnections='on', log_line_prefix="'%p '")
        cls.addClassCleanup(cls.shadow.destroy)
        with Wire(cls.upstream.host, cls.upstream.port).start(user='app') as session:
            cls.direct, _ = cls.answers(session)

    @staticmethod
    def answers(session):
        """What the statements give, and how long each took."""
        found, times = [], []
        for statement in STATEMENTS:
            began = time.monotonic()
            session.send(statement)
            found.append(session.until_ready())
            times.append(time.monotonic() - began)
        return found, times

    @contextlib.contextmanager
    def proxied(self, port=None, **shadow):
        settings = {'url': self.shadow.url('app', password='right', port=port) + '?sslmode=disable', 'statement_timeout': '300ms',
                    'pool': {'max': POOL_MAX, 'connect_timeout': '1s'}, 'queue': {'max_jobs': 100}, **shadow}
        with Parallax(self.upstream.url(), {'sample': 1.0, 'rules': RULES, 'shadow': settings}) as proxy:
            proxy.wait_verified()
            with Wire(proxy.host, proxy.port).start(user='app') as session:
                self.proxy, self.session = proxy, session
                self.run_statements()
                self.assertEqual({'match': len(STATEMENTS)}, self.verdicts())
                yield proxy
                self.assert_compares_again()
                metrics = proxy.settled()
                for verdict in ('mismatch', 'rewrite_error', 'race', 'unstable', 'expected'):
                    self.assertEqual(0, metrics.sum('verdicts_total', verdict=verdict), verdict)

    def verdicts(self):
        return self.proxy.settled(60).nonzero('verdicts_total', 'verdict')

    def count(self, metric, **labels):
        return self.proxy.metrics().sum(metric, **labels)

    def run_statements(self, rounds=1):
        for _ in range(rounds):
            found, times = self.answers(self.session)
            self.assertEqual(self.direct, found)
            self.assertLess(max(times), LONGEST * PATIENCE)

    def until(self, metric, least=1, **labels):
        """Runs statements until so many have ended in this way."""
        before = self.count(metric, **labels)

        def reached():
            self.run_statements()
            return self.count(metric, **labels) >= before + least
        wait_for(reached, 60, f'{metric} {labels}', 0.05)

    def assert_compares_again(self):
        before = self.count('verdicts_total', verdict='match')

        def compared():
            self.session.send(STATEMENTS[0])
            self.session.until_ready()
            return self.count('verdicts_total', verdict='match') > before
        wait_for(compared, RECOVERY, 'a match again', 0.2)

    def matches_during(self, trouble):
        before = self.count('verdicts_total', verdict='match')
        trouble()
        return self.count('verdicts_total', verdict='match') - before

    # --- a relay in front of the shadow -----------------------------------------------------------------------------

    def relayed(self, trouble, *reasons):
        """Each of `reasons` (metric, label) is counted while the trouble lasts, and no operation is a match."""
        with TroubledRelay(self.shadow.port) as relay, self.proxied(relay.port) as proxy:
            relay.trouble = trouble
            try:
                for metric, reason in reasons:
                    self.until(metric, reason=reason)
            finally:
                relay.trouble = None
            return proxy.log_text()

    def test_slow(self):
        self.assertIn('breaker=open', self.relayed('slow', ('skipped_total', 'breaker')))

    def test_frozen(self):
        self.relayed('frozen', ('dropped_total', 'queue_jobs'), ('skipped_total', 'server'))

    def test_garbage(self):
        self.relayed('garbage', ('skipped_total', 'server'))

    def test_gone(self):
        self.relayed('gone', ('skipped_total', 'server'))

    # --- the server itself ------------------------------------------------------------------------------------------

    def test_stopped_in_its_tracks(self):
        with self.proxied():
            self.shadow.freeze()
            try:
                matches = self.matches_during(lambda: self.until('dropped_total', reason='queue_jobs'))
                self.assertLessEqual(matches, 1)  # what was under way
            finally:
                self.shadow.thaw()

    def test_restarting(self):
        with self.proxied():
            for mode in ('fast', 'immediate'):
                self.shadow.stop(mode)
                try:
                    self.until('skipped_total', reason='server', least=10)
                finally:
                    self.shadow.start()
                self.assert_compares_again()

    def test_full(self):
        with self.proxied(pool={'max': POOL_MAX, 'idle_timeout': '100ms', 'connect_timeout': '1s'}) as proxy:
            wait_for(lambda: self.count('shadow_connections', state='idle') == 0, 10, 'no idle connection')
            with contextlib.ExitStack() as held:
                for _ in range(9):  # all but those reserved for superusers
                    held.enter_context(Wire(self.shadow.host, self.shadow.port).start(user='postgres'))
                self.until('skipped_total', reason='too_many_connections', least=10)
                wait_for(lambda: self.count('shadow_connections') == 0, 3, 'no connection, nor an attempt')
            self.assertIn('53300', proxy.log_text())

    def test_another_password(self):
        with self.proxied() as proxy:
            self.shadow.psql("ALTER ROLE app PASSWORD 'another'; SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                             " WHERE usename = 'app'")
            try:
                self.until('skipped_total', reason='server', least=10)
            finally:
                self.shadow.psql("ALTER ROLE app PASSWORD 'right'")
            self.assertIn('28P01', proxy.log_text())
            self.assertNotIn('right', proxy.log_text())

    def test_revoked_rights(self):
        with self.proxied():
            self.shadow.psql('REVOKE SELECT ON item FROM app')
            try:
                self.run_statements(2)
                self.assertEqual(2 * len(STATEMENTS), self.proxy.settled().sum('skipped_total', reason='rights'))
                self.assertEqual(0, self.count('skipped_total', reason='breaker'))
            finally:
                self.shadow.psql('GRANT SELECT ON item TO app')

    def test_locked_table(self):
        with self.proxied(), Wire(self.shadow.host, self.shadow.port).start(user='postgres') as holder:
            holder.send(query('BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE'))
            holder.until_ready()
            self.until('verdicts_total', verdict='timeout', least=5)
            self.until('skipped_total', reason='breaker', least=10)
            holder.send(query('ROLLBACK'))
            holder.until_ready()

    # --- connections ------------------------------------------------------------------------------------------------

    def test_never_more_connections_than_the_pool_may_have(self):
        start = self.shadow.log.stat().st_size
        with self.proxied(pool={'max': POOL_MAX, 'idle_timeout': '100ms', 'connect_timeout': '1s'}):
            end = threading.Event()
            clients = threading.Thread(target=self.storm, args=[end])
            clients.start()
            try:
                for number in range(12):
                    time.sleep(0.3)
                    if number % 4 == 3:
                        self.shadow.stop(('fast', 'immediate')[number // 4 % 2])
                        time.sleep(0.2)
                        self.shadow.start()
                    else:
                        self.shadow.psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'")
            finally:
                end.set()
                clients.join()
            self.assert_compares_again()
        most, made = self.connections_logged(start)
        self.assertLessEqual(most, POOL_MAX)
        self.assertGreater(made, 20)

    def storm(self, end):
        with Wire(self.proxy.host, self.proxy.port).start(user='app') as session:
            while not end.is_set():
                session.send(b''.join(STATEMENTS[:10]))
                for _ in range(10):
                    session.until_ready()
                time.sleep(0.12)  # longer than a connection stays idle

    def connections_logged(self, start):
        """The most that the shadow had at once by the server's own log, and how many it made in all."""
        present, most, made = set(), 0, 0
        for line in self.shadow.log.read_bytes()[start:].decode().splitlines():
            pid = line.split(' ', 1)[0]
            if 'database system was shut down' in line or 'database system was interrupted' in line:
                present.clear()
            elif re.search('connection authorized: user=app ', line):
                present.add(pid)
                made += 1
                most = max(most, len(present))
            elif 'disconnection: ' in line:
                present.discard(pid)
        return most, made


if __name__ == '__main__':
    unittest.main(verbosity=2)
