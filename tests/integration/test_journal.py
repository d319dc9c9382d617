#!/usr/bin/python3
"""The journal: a line for each verdict that is no match, summaries that add up to the metrics, no value unless it was asked
for; whole and bounded while it rotates; lost lines are counted, the evidence is not lost; the disk never harms a client."""
import contextlib
import glob
import json
import math
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import time
import unittest

import psycopg

from support.cluster import Cluster, free_port
from support.proxy import BINARY, Parallax, rule, wait_for

KEY = '0123456789abcdef0123456789abcdef'
SCHEMA = """
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL, amount numeric(10,2));
INSERT INTO thing SELECT g, 'secret-name-' || g, g * 1.50 FROM generate_series(1, 100) g;
ANALYZE;
"""
RULES = {
    'right': rule('SELECT id, name FROM thing WHERE id = :id', 'select "id", "name" from "thing" where "id" = :id'),
    'right.list': rule('SELECT id FROM thing WHERE id IN (:ids)', 'select "id" from "thing" where "id" in (:ids)'),
    'wrong.value': rule('SELECT id, name AS d FROM thing WHERE name = :name', 'select "id", upper("name") from "thing" where "name" = :name'),
    'wrong.error': rule('SELECT CAST(:x AS text)::int AS q', "select case when :x::text = '' then 0 else 1 end as q"),
    'wrong.fails': rule('SELECT CAST(:y AS text) AS t', 'select (:y::text)::int::text as t'),
    'page': rule('SELECT id FROM thing ORDER BY id LIMIT 3 OFFSET 0', 'select "id" from "thing" order by "id" limit 3'),
}
VERDICTS = 5  # lines of one_of_each: verdicts that are no match


def one_of_each(proxy, marker='1'):
    """Statements of all rules; what is secret in them begins with `secret`."""
    with psycopg.connect(proxy.url('app', 'shop'), options='-c myapp.claims=secret-claim', autocommit=True) as session:
        for number in (1, 2, 2):
            session.execute('SELECT id, name FROM thing WHERE id = %s', [number])
        session.execute('SELECT id FROM thing WHERE id IN (1, 2, NULL)')
        session.execute(f"SELECT id, name AS d FROM thing WHERE name = 'secret-name-{marker}' /* secret comment */")
        session.execute('SELECT id, name AS d FROM thing WHERE name = %s', [f'secret-name-{marker}'])
        session.execute('SELECT id, name AS d FROM thing WHERE name = %s', ['secret-name-7'])
        session.execute('SELECT id FROM thing ORDER BY id LIMIT 3 OFFSET 0')
        session.execute('SELECT id FROM thing ORDER BY id LIMIT 3 OFFSET 6')  # another page: a pin
        with contextlib.suppress(psycopg.errors.InvalidTextRepresentation):
            session.execute("SELECT CAST('secret-number' AS text)::int AS q")
        session.execute("SELECT CAST('secret-number' AS text) AS t")


def decoded(sketch):
    """The registers of a sketch, as the README describes it."""
    digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_'
    ranks = [digits.index(each) for each in sketch]
    if len(ranks) == 2048:
        return ranks
    registers = [0] * 2048
    for high, low, rank in zip(ranks[::3], ranks[1::3], ranks[2::3]):
        registers[high * 64 + low] = rank
    return registers


def counted(registers):
    """Linear counting, right for a few values."""
    return round(2048 * math.log(2048 / registers.count(0)))


class Journal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql('CREATE ROLE app LOGIN; CREATE DATABASE shop OWNER app')
        cls.cluster.psql(SCHEMA, 'shop', 'app')

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='parallax-journal-')
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name) / 'inner'
        self.directory.mkdir()
        self.path = self.directory / 'parallax.jsonl'

    def proxy(self, rules=None, **journal):
        proxy = Parallax(self.cluster.url('app', 'shop'),
                         {'sample': 1.0, 'rules': rules or RULES, 'journal': {'path': str(self.path), 'key': KEY, **journal}})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        return proxy

    def files(self):
        return sorted(glob.glob(f'{self.path}*'))

    def lines(self, kind=None):
        """All lines of all files; each must be whole."""
        found = []
        for path in self.files():
            found += [json.loads(line) for line in pathlib.Path(path).read_text().splitlines() if line]
        return [line for line in found if kind in (None, line['type'])]

    def assert_adds_up(self, metrics):
        """The summaries' totals are the metrics'."""
        summaries = self.lines('summary')
        for name in {labels['rule'] for labels, _ in metrics.series('operations_total')}:
            own = [line for line in summaries if line['rule'] == name]
            self.assertEqual(metrics.sum('operations_total', rule=name), sum(line['operations'] for line in own), name)
            self.assertEqual(metrics.sum('vacuous_matches_total', rule=name), sum(line['vacuous'] for line in own), name)
            for field, metric, label in (('verdicts', 'verdicts_total', 'verdict'), ('kinds', 'mismatches_total', 'kind'),
                                         ('skipped', 'skipped_total', 'reason'), ('dropped', 'dropped_total', 'reason'),
                                         ('equalized', 'equalized_total', 'step')):
                total = {}
                for line in own:
                    for key, count in line[field].items():
                        total[key] = total.get(key, 0) + count
                self.assertEqual(metrics.nonzero(metric, label, rule=name), total, (name, field))
            for field, metric, side in (('live', 'live_duration_seconds_count', 'legacy'), ('legacy', 'paired_duration_seconds_count', 'legacy'),
                                        ('rewrite', 'paired_duration_seconds_count', 'rewrite')):
                self.assertEqual(metrics.sum(metric, rule=name, side=side), sum(sum(line[field]['counts']) for line in own if field in line),
                                 (name, field))

    def test_a_line_for_each_finding_and_no_value(self):
        proxy = self.proxy()
        one_of_each(proxy)
        metrics = proxy.settled()
        wait_for(lambda: len(self.lines('verdict')) == VERDICTS, 10, f'lines in the journal: {self.lines()}')
        self.assertEqual(0, metrics.sum('journal_errors_total'))
        log = proxy.log_text()
        proxy.stop()
        self.assert_adds_up(metrics)
        by_rule = {}
        for line in self.lines('verdict'):
            by_rule.setdefault(line['rule'], []).append(line)
        self.assertEqual({'wrong.value': 3, 'wrong.error': 1, 'wrong.fails': 1}, {name: len(lines) for name, lines in by_rule.items()})
        # Replays of one rule may end in another order than they began: the two alike come first.
        hashes = [line['parameters']['name'] for line in by_rule['wrong.value']]
        literal, parameter, other = sorted(by_rule['wrong.value'], key=lambda line: -hashes.count(line['parameters']['name']))
        self.assertEqual(('mismatch', 'value', 'hashed'), (literal['verdict'], literal['kind'], literal['values']))
        self.assertEqual(RULES['wrong.value']['legacy'], literal['legacy_sql'])
        self.assertEqual(RULES['wrong.value']['rewrite'], literal['rewrite_sql'])
        # One value, one hash: as literal, as parameter and as a cell.
        self.assertEqual(literal['parameters'], parameter['parameters'])
        self.assertNotEqual(literal['parameters'], other['parameters'])
        self.assertEqual(['id', 'd'], literal['columns'])
        legacy, rewrite = literal['differences'][0]['legacy'], literal['differences'][0]['rewrite']
        self.assertEqual(literal['parameters']['name'], legacy[1])
        self.assertEqual(legacy[0], rewrite[0])
        self.assertNotEqual(legacy[1], rewrite[1])
        self.assertEqual('22P02', by_rule['wrong.error'][0]['legacy_sqlstate'])
        self.assertEqual(('rewrite_error', '22P02'), (by_rule['wrong.fails'][0]['verdict'], by_rule['wrong.fails'][0]['rewrite_sqlstate']))
        for line in self.lines('verdict'):
            self.assertGreater(line['live_ms'], 0)
            self.assertEqual('myapp.claims', next(name for name, _ in line['settings'] if name.startswith('myapp')))
        self.assertEqual(VERDICTS, len({line['id'] for line in self.lines('verdict')}))
        for text in (*(pathlib.Path(path).read_text() for path in self.files()), log):
            self.assertNotIn('secret', text.lower())
        summary = {line['rule']: line for line in self.lines('summary')}
        self.assertEqual({'pin': 1}, summary['page']['skipped'])
        self.assertEqual(2, summary['right']['distinct']['estimate'])
        self.assertEqual(2, counted(decoded(summary['right']['distinct']['sketch'])))
        ids = summary['right.list']['names']['ids']
        self.assertEqual((1, 3, 3, 1), (ids['nulls'], ids['lengths']['min'], ids['lengths']['max'], sum(ids['lengths']['counts'])))

    def test_generic_plans_come_with_the_first_finding_of_a_rule(self):
        self.cluster.psql('CREATE TABLE denied (id int); REVOKE ALL ON denied FROM app', 'shop')
        self.addCleanup(self.cluster.psql, 'DROP TABLE denied', 'shop')
        # Who may not read a table cannot explain it either; nothing of that stays on the connection.
        rules = {'denied': rule('SELECT id FROM denied WHERE id = :id', 'select "id" from "denied" where "id" = :id'),
                 'unprepared': rule('SELECT id AS u FROM thing WHERE id = :id', 'select "none" from "thing" where "id" = :id'),
                 'left': rule('SELECT name FROM pg_prepared_statements WHERE name = :name',
                              'select "name" from "pg_prepared_statements" where "name" = :name'), **RULES}
        proxy = Parallax(self.cluster.url('app', 'shop'), {'sample': 1.0, 'rules': rules, 'shadow': {'pool': {'max': 1}},
                                                           'journal': {'path': str(self.path), 'key': KEY}})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        one_of_each(proxy)
        with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            session.execute('SELECT id AS u FROM thing WHERE id = 3')
            session.execute("SELECT name FROM pg_prepared_statements WHERE name = 'parallax_plan'")
        metrics = proxy.settled()
        proxy.stop()
        self.assertEqual(1, metrics.sum('vacuous_matches_total', rule='left'))
        plans = {line['rule']: line for line in self.lines('plans')}
        self.assertEqual({'wrong.value', 'wrong.error', 'wrong.fails', 'unprepared'}, set(plans))
        self.assertEqual(len(plans), len(self.lines('plans')), 'once for each rule')
        node = plans['wrong.value']['legacy_plan'][0]['Plan']
        self.assertEqual(('thing', '(name = $1)'), (node['Relation Name'], node['Filter']))
        self.assertIn('rewrite_plan', plans['wrong.value'])
        self.assertIn('legacy_plan', plans['unprepared'])
        self.assertNotIn('rewrite_plan', plans['unprepared'])
        self.assertNotIn('secret', self.path.read_text())

    def test_full_values_are_the_operators_choice(self):
        proxy = self.proxy(values='full')
        one_of_each(proxy)
        proxy.settled()
        proxy.stop()
        lines = self.lines('verdict')
        # Operations are compared side by side, so that of the first call need not be the first.
        wrong = {line['parameters']['name']: line for line in lines if line['rule'] == 'wrong.value'}
        value = wrong['secret-name-1']
        self.assertEqual([['1', 'secret-name-1'], ['1', 'SECRET-NAME-1']], [value['differences'][0][side] for side in ('legacy', 'rewrite')])
        self.assertIn(['myapp.claims', 'secret-claim'], value['settings'])
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.path).st_mode))
        self.assertNotIn('invalid input syntax', self.path.read_text())
        self.assertNotIn('secret comment', self.path.read_text())

    def test_journals_of_two_runs_merge_under_one_key(self):
        for values in ((1, 2, 3), (3, 4)):
            proxy = self.proxy()
            with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
                for value in values:
                    session.execute('SELECT id, name FROM thing WHERE id = %s', [value])
            proxy.settled()
            proxy.stop()
        first, second = self.lines('summary')
        self.assertEqual((first['key'], first['version']), (second['key'], second['version']))
        self.assertNotEqual(first['instance'], second['instance'])
        both = [max(pair) for pair in zip(decoded(first['distinct']['sketch']), decoded(second['distinct']['sketch']))]
        self.assertEqual(4, counted(both))

    def test_rotation_under_load_loses_nothing(self):
        proxy = self.proxy(max_bytes='64KiB', max_files=200, rate=100000)
        sessions = 4
        done = 0
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(psycopg.connect(proxy.url('app', 'shop'), autocommit=True)) for _ in range(sessions)]
            for turn in range(150):
                for connection in connections:
                    connection.execute('SELECT id, name AS d FROM thing WHERE name = %s', [f'secret-name-{turn % 100 + 1}'])
                    done += 1
        metrics = proxy.settled()
        proxy.stop()
        self.assertEqual(done, metrics.sum('verdicts_total', verdict='mismatch'))
        self.assertEqual(done, len(self.lines('verdict')))
        self.assertGreater(len(self.files()), 5)
        self.assertTrue(all(os.path.getsize(path) <= 65536 for path in self.files()))
        self.assert_adds_up(metrics)

    def test_the_number_of_files_is_bounded_and_the_rate_too(self):
        proxy = self.proxy(max_bytes='64KiB', max_files=2, rate=50)
        with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            began = time.monotonic()
            for _ in range(400):
                session.execute('SELECT id, name AS d FROM thing WHERE name = %s', ['secret-name-1'])
            proxy.settled()
            seconds = time.monotonic() - began
        proxy.stop()
        self.assertLessEqual(len(self.files()), 2)
        self.assertLessEqual(len(self.lines('verdict')), 50 * (seconds + 2))
        summary = self.lines('summary')[-1]
        self.assertEqual(400, summary['verdicts']['mismatch'])
        self.assertGreater(summary['suppressed'], 0)

    def proves_recovery(self, proxy, reason, lost, repaired):
        """While `lost` holds no line can be written; clients do not notice, and after `repaired` no evidence is missing."""
        one_of_each(proxy)
        proxy.settled()
        wait_for(lambda: len(self.lines('verdict')) == VERDICTS, 10, 'lines before the fault')
        lost()
        began = time.monotonic()
        one_of_each(proxy)
        self.assertLess(time.monotonic() - began, 5)
        proxy.settled()
        wait_for(lambda: proxy.metrics().sum('journal_errors_total') >= VERDICTS, 10, 'lost lines are counted')
        self.assertRegex(proxy.log_text(), f'journal: .*: {reason}')
        self.assertTrue(proxy.ready())
        repaired()
        one_of_each(proxy)
        metrics = proxy.settled()
        proxy.stop()
        return metrics

    def test_a_removed_directory(self):
        proxy = self.proxy()

        def remove():
            self.path.unlink()
            self.directory.rmdir()

        metrics = self.proves_recovery(proxy, 'No such file or directory', remove, self.directory.mkdir)
        self.assertEqual(VERDICTS, len(self.lines('verdict')))
        self.assert_adds_up(metrics)

    @unittest.skipUnless(os.geteuid() == 0, 'mounts a small file system')
    def test_a_full_disk(self):
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', self.directory], check=False)
        if mounted.returncode != 0:
            self.skipTest('cannot mount')
        self.addCleanup(subprocess.run, ['umount', '-l', self.directory], check=False)
        proxy = self.proxy()
        filler = self.directory / 'filler'

        def fill():
            with contextlib.suppress(OSError), open(filler, 'wb', buffering=0) as file:
                while True:
                    file.write(bytes(256))
            with contextlib.suppress(OSError), open(self.path, 'ab', buffering=0) as file:
                while True:  # what is left of the journal's own last page
                    file.write(b'\n')

        metrics = self.proves_recovery(proxy, 'No space left on device', fill, filler.unlink)
        self.assertEqual(2 * VERDICTS, len(self.lines('verdict')))
        self.assert_adds_up(metrics)

    def test_renamed_by_another_program_it_is_opened_again(self):
        proxy = self.proxy()
        one_of_each(proxy)
        proxy.settled()
        wait_for(lambda: len(self.lines('verdict')) == VERDICTS, 10, 'lines')
        self.path.rename(self.directory / 'parallax.jsonl.moved')
        time.sleep(1.5)
        one_of_each(proxy)
        metrics = proxy.settled()
        proxy.stop()
        self.assertTrue(self.path.exists())
        self.assertEqual(2 * VERDICTS, len(self.lines('verdict')))
        self.assert_adds_up(metrics)

    def test_killed_it_leaves_whole_lines_and_the_next_run_goes_on(self):
        proxy = self.proxy()
        one_of_each(proxy)
        proxy.settled()
        wait_for(lambda: len(self.lines('verdict')) == VERDICTS, 10, 'lines')
        proxy.process.send_signal(signal.SIGKILL)
        proxy.process.wait()
        proxy.log.close()
        proxy.directory.cleanup()
        with open(self.path, 'ab') as file:
            file.write(b'{"v":1,"type":"verd')  # as a machine that lost power might
        proxy = self.proxy()
        one_of_each(proxy)
        proxy.settled()
        proxy.stop()
        texts = self.path.read_text().splitlines()
        torn = [text for text in texts if not text.endswith('}')]
        self.assertEqual(['{"v":1,"type":"verd'], torn)
        whole = [json.loads(text) for text in texts if text not in torn]
        self.assertEqual(2 * VERDICTS, len([line for line in whole if line['type'] == 'verdict']))

    def test_a_path_that_cannot_be_opened_refuses_the_configuration(self):
        config = self.directory / 'parallax.yaml'
        config.write_text(f'listen: 127.0.0.1:{free_port()}\nupstream: postgresql://app@127.0.0.1:5432/shop\njournal: {{path: none/j.jsonl}}\n')
        done = subprocess.run([BINARY, 'run', '-c', config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
        self.assertEqual(2, done.returncode, done.stdout)
        self.assertRegex(done.stdout, r'parallax.yaml:3:17: `journal.path`: cannot open \S*none/j.jsonl: No such file or directory')
        # What only judges makes no file.
        config.write_text(config.read_text().replace('none/', ''))
        done = subprocess.run([BINARY, 'check', '-c', config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertFalse((self.directory / 'j.jsonl').exists())


if __name__ == '__main__':
    unittest.main(verbosity=2)
