#!/usr/bin/python3
"""The configuration is read again while sessions run: new rules serve old sessions, a bad file changes nothing, counters go on,
nothing is lost or counted twice, and the connections of both generations together stay within the budget."""
import json
import pathlib
import signal
import tempfile
import threading
import time
import unittest

import psycopg

from support.cluster import Cluster
from support.proxy import SANITIZED, Parallax, rule, wait_for

LEGACY = 'SELECT id, name FROM thing WHERE id = :id'
RIGHT = rule(LEGACY, 'select "id", "name" from "thing" where "id" = :id')
WRONG = rule(LEGACY, 'select "id", upper("name") from "thing" where "id" = :id')
OTHER = rule('SELECT name FROM thing WHERE name = :name', 'select "name" from "thing" where "name" = :name')
POOL_MAX = 3


class Reload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql('CREATE ROLE app LOGIN; CREATE DATABASE shop OWNER app')
        cls.cluster.psql("CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL); INSERT INTO thing SELECT g, 'name-' || g FROM generate_series(1, 100) g",
                         'shop', 'app')

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rules_file = self.folder / 'rules.yaml'
        self.journal = self.folder / 'journal.jsonl'

    def write(self, **rules):
        self.rules_file.write_text(json.dumps({'rules': rules}))

    def change(self, proxy, **keys):
        proxy.config_path.write_text(json.dumps({**json.loads(proxy.config_path.read_text()), **keys}))
        self.reload(proxy)

    def proxy(self, arguments=(), **more):
        url = self.cluster.url('app', 'shop')
        config = {'include': [str(self.rules_file)], 'sample': 1.0,
                  'shadow': {'pool': {'max': POOL_MAX}}, **more}
        return Parallax(url, config, arguments=arguments)

    def count(self, proxy, text):
        return proxy.log_text().count(text)

    def reload(self, proxy, expect='the configuration was read again'):
        before = self.count(proxy, expect)
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.count(proxy, expect) > before, what=expect)

    def value(self, proxy, name, **labels):
        """None where there is no such series."""
        found = [value for has, value in proxy.metrics().series(name) if has == labels]
        return found[0] if found else None

    def verdicts(self, proxy, name, verdict):
        return self.value(proxy, 'verdicts_total', rule=name, verdict=verdict)

    def test_a_named_statement_from_before_is_compared_under_the_new_rule_and_counters_continue(self):
        self.write(thing=RIGHT, other=OTHER)
        with self.proxy() as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            proxy.wait_verified()
            ask = lambda: session.execute('SELECT id, name FROM thing WHERE id = %s', [7], prepare=True).fetchall()
            self.assertEqual(ask(), [(7, 'name-7')])
            self.assertEqual(ask(), [(7, 'name-7')])
            proxy.settled()
            self.assertEqual(self.verdicts(proxy, 'thing', 'match'), 2)
            self.write(thing=WRONG, new=rule('SELECT 1 AS one WHERE :x = 1', 'select 1 as one where :x = 1'))
            self.reload(proxy)
            wait_for(lambda: self.verdicts(proxy, 'other', 'match') is None, what='the series of the removed rule to go')
            proxy.wait_verified()
            self.assertEqual(ask(), [(7, 'name-7')])
            proxy.settled()
            self.assertEqual(self.verdicts(proxy, 'thing', 'match'), 2)
            self.assertEqual(self.verdicts(proxy, 'thing', 'mismatch'), 1)
            self.assertEqual(self.verdicts(proxy, 'new', 'match'), 0)

    def test_a_named_statement_that_no_rule_covered_is_covered_by_a_new_one(self):
        self.write(other=OTHER)
        with self.proxy() as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            ask = lambda: session.execute('SELECT id, name FROM thing WHERE id = %b', [7], prepare=True).fetchall()
            ask()
            self.write(other=OTHER, thing=RIGHT)
            self.reload(proxy)
            wait_for(lambda: proxy.states().get('thing') == 'ready', what='the new rule')
            ask()
            proxy.settled()
            self.assertEqual(self.verdicts(proxy, 'thing', 'match'), 1)

    def test_a_bad_file_changes_nothing_and_says_where(self):
        self.write(thing=RIGHT)
        with self.proxy() as proxy:
            proxy.wait_verified()
            self.assertEqual(self.value(proxy, 'config_last_reload_successful'), 1)
            self.rules_file.write_text('rules:\n  thing: {legacies: "x"}\n')
            self.reload(proxy, 'the configuration stays as it was')
            self.assertIn(f'{self.rules_file}:2:', proxy.log_text())
            self.assertEqual(self.value(proxy, 'config_last_reload_successful'), 0)
            with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
                session.execute('SELECT id, name FROM thing WHERE id = 1')
            proxy.settled()
            self.assertEqual(self.verdicts(proxy, 'thing', 'match'), 1)

    def test_fifty_reloads_under_load(self):
        self.write(thing=RIGHT, other=OTHER)
        more = {'journal': {'path': str(self.journal), 'values': 'hashed', 'key': '0123456789abcdef0123456789abcdef'}}
        errors, most, done = [], [0], threading.Event()

        def load(proxy, number):
            try:
                with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
                    while not done.is_set():
                        key = number * 10 + 1
                        for prepare in (True, False):
                            rows = session.execute('SELECT id, name FROM thing WHERE id = %s', [key], prepare=prepare).fetchall()
                            if rows != [(key, f'name-{key}')]:
                                errors.append(rows)
            except Exception as error:
                errors.append(error)

        def watch():
            with psycopg.connect(self.cluster.url(), autocommit=True) as session:
                while not done.is_set():
                    now = session.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'parallax-shadow'").fetchone()[0]
                    most[0] = max(most[0], now)

        with self.proxy(**more) as proxy:
            proxy.wait_verified()
            threads = [threading.Thread(target=load, args=(proxy, number)) for number in range(4)] + [threading.Thread(target=watch)]
            for thread in threads:
                thread.start()
            try:
                time.sleep(0.5)
                for number in range(50):
                    self.write(thing=WRONG if number % 2 else RIGHT, **({} if number % 3 else {'other': OTHER}))
                    self.reload(proxy)
                    time.sleep(0.1)
                proxy.wait_verified()
                time.sleep(0.3)
            finally:
                done.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(errors, [])
            self.assertGreater(most[0], 0)
            self.assertLessEqual(most[0], POOL_MAX)
            proxy.settled()
            total = self.value(proxy, 'operations_total', rule='thing')
            metrics = proxy.metrics()
            ended = sum(metrics.sum(name, rule='thing') for name in ('verdicts_total', 'skipped_total', 'dropped_total'))
            self.assertGreater(self.verdicts(proxy, 'thing', 'match'), 0)
            self.assertGreater(self.verdicts(proxy, 'thing', 'mismatch'), 0)
            self.assertEqual(ended, total)
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        summed = sum(line['operations'] for line in lines if line.get('type') == 'summary' and line['rule'] == 'thing')
        self.assertEqual(summed, total)

    def test_what_needs_a_restart_refuses_the_reload(self):
        self.write(thing=RIGHT)
        with self.proxy() as proxy:
            settings = json.loads(proxy.config_path.read_text())
            proxy.config_path.write_text(json.dumps({**settings, 'workers': 7, 'metrics': {'listen': '127.0.0.1:1'}, 'state_dir': str(self.folder)}))
            self.reload(proxy, 'the configuration stays as it was')
            for key in ('workers', 'metrics.listen', 'state_dir'):
                self.assertIn(f'needs a restart: `{key}` is changed', proxy.log_text())

    def test_modes_take_effect_for_open_sessions_and_the_switch_stays(self):
        self.write(thing=RIGHT)
        with self.proxy(mode='off') as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            ask = lambda: session.execute('SELECT id, name FROM thing WHERE id = %s', [7], prepare=True).fetchall()
            ask()
            self.change(proxy, mode='shadow')
            wait_for(lambda: proxy.states().get('thing') == 'ready', what='verification')
            ask()
            proxy.settled()
            self.assertEqual(self.verdicts(proxy, 'thing', 'match'), 1)
            self.assertEqual(self.value(proxy, 'skipped_total', rule='thing', reason='off'), 1)
            proxy.process.send_signal(signal.SIGUSR1)
            wait_for(lambda: self.value(proxy, 'rule_mode', rule='thing', mode='off') == 1, what='the switch')
            self.change(proxy, sample=0.5)
            ask()
            proxy.settled()
            self.assertEqual(self.value(proxy, 'skipped_total', rule='thing', reason='off'), 2)
            self.assertEqual(self.value(proxy, 'rule_mode', rule='thing', mode='off'), 1)

    def test_strict_clients_wait_for_the_new_rules(self):
        self.write(thing=RIGHT)
        with self.proxy(mode='strict') as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            ask = lambda: session.execute('SELECT id, name FROM thing WHERE id = %s', [7], prepare=True).fetchall()
            for number in range(6):
                self.write(thing=WRONG if number % 2 else RIGHT)
                self.reload(proxy)
                if number % 2:
                    with self.assertRaises(psycopg.Error) as raised:
                        ask()
                    self.assertEqual(raised.exception.sqlstate, 'PLX01')
                else:
                    self.assertEqual(ask(), [(7, 'name-7')])

    def test_a_password_that_changes_is_used(self):
        self.cluster.psql("CREATE ROLE looker LOGIN PASSWORD 'one'; GRANT pg_read_all_data TO looker")
        self.cluster.write_hba(['host all looker 127.0.0.1/32 scram-sha-256', 'local all all trust', 'host all all 127.0.0.1/32 trust'])
        self.cluster.reload()
        self.write(thing=RIGHT)
        url = self.cluster.url('looker', 'shop', password='two')
        with self.proxy(shadow={'url': url, 'identity': 'same_user'}) as proxy:
            wait_for(lambda: 'password authentication failed' in proxy.log_text(), what='the wrong password')
            self.change(proxy, shadow={'url': url.replace(':two@', ':one@'), 'identity': 'same_user'})
            wait_for(lambda: proxy.states().get('thing') == 'ready', what='verification')

    def test_dev_reads_what_an_editor_writes(self):
        self.write(thing=RIGHT)
        with self.proxy(arguments=['--dev']) as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            proxy.wait_verified()
            ask = lambda: session.execute('SELECT id, name FROM thing WHERE id = %s', [7], prepare=True).fetchall()
            ask()
            proxy.settled()
            new = self.folder / '.rules.yaml.swp'
            for number, (rules, verdict) in enumerate([(WRONG, 'mismatch'), (RIGHT, 'match')], 1):
                (self.folder / 'notes.txt').write_text('no rule')  # nothing of the configuration
                new.write_text(json.dumps({'rules': {'thing': rules}}))
                new.rename(self.rules_file)
                wait_for(lambda: self.count(proxy, 'the configuration was read again: 1 rules') == number, what='the reload')
                before = self.verdicts(proxy, 'thing', verdict)
                wait_for(lambda: (ask(), self.verdicts(proxy, 'thing', verdict) > before)[1], what=verdict)
            (self.folder / 'notes.txt').write_text('still no rule')
            time.sleep(0.5)
            self.assertEqual(self.count(proxy, 'the configuration was read again'), 2)

    def test_memory_and_descriptors_stay_where_they_are(self):
        self.write(thing=RIGHT)
        with self.proxy() as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            descriptors = lambda: len(list(pathlib.Path(f'/proc/{proxy.process.pid}/fd').iterdir()))
            def reloads(count):
                for number in range(count):
                    session.execute('SELECT id, name FROM thing WHERE id = %s', [7], prepare=True)
                    self.write(thing=WRONG if number % 2 else RIGHT)
                    self.reload(proxy)
                    proxy.wait_verified()
            reloads(50)
            before, open_before = proxy.resident_bytes(), descriptors()
            reloads(200)
            if not SANITIZED:
                self.assertLess(proxy.resident_bytes() - before, 8 * 1024 * 1024)
            self.assertLess(descriptors() - open_before, 20)


if __name__ == '__main__':
    unittest.main()
