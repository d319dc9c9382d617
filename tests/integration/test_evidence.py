#!/usr/bin/python3
"""Journals put together: `parallax report` says what differed, `parallax ready` which rules may switch. Counts are those of
the metrics, also over instances and restarts; what cannot be read is told; evidence belongs to a version of the rule."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import psycopg

from support.cluster import Cluster
from support.proxy import BINARY, Parallax, rule

KEY = '0123456789abcdef0123456789abcdef'
SCHEMA = """
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO thing SELECT g, 'name-' || g FROM generate_series(1, 100) g;
INSERT INTO thing VALUES (101, '<script>alert(1)</script>');
ANALYZE;
"""
RIGHT = rule('SELECT id, name FROM thing WHERE id = :id', 'select "id", "name" from "thing" where "id" = :id', part_of=['page'])
LISTS = rule('SELECT id FROM thing WHERE id IN (:ids)', 'select "id" from "thing" where "id" in (:ids)', part_of=['page'])
WRONG = rule('SELECT id, name AS d FROM thing WHERE name = :name', 'select "id", upper("name") from "thing" where "name" = :name')
FIXED = {**WRONG, 'rewrite': 'select "id", "name" from "thing" where "name" = :name'}
IDLE = rule('SELECT count(*) FROM thing WHERE id > :low', 'select count(*) from "thing" where "id" > :low')


def run(*arguments, stdin=None):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, check=False, input=stdin, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Journals(unittest.TestCase):
    """Instances that write journals, and the commands that read them."""
    SCHEMA = SCHEMA

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql('CREATE ROLE app LOGIN; CREATE DATABASE shop OWNER app')
        cls.cluster.psql(cls.SCHEMA, 'shop', 'app')

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='parallax-evidence-')
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def config(self, rules):
        """A configuration for the commands that read it without serving."""
        path = self.directory / 'read.yaml'
        path.write_text(json.dumps({'listen': '127.0.0.1:0', 'upstream': self.cluster.url('app', 'shop'), 'rules': rules}))
        return path

    def serve(self, journal, rules, work, **options):
        """One life of an instance; returns its metrics at the end."""
        settings = {'sample': 1.0, 'rules': rules, 'journal': {'path': str(self.directory / journal), 'key': KEY, **options}}
        with Parallax(self.cluster.url('app', 'shop'), settings) as proxy:
            proxy.wait_verified()
            with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
                work(session)
            return proxy.settled()

    @staticmethod
    def ask(session, ids=(), lists=(), names=()):
        for each in ids:
            session.execute('SELECT id, name FROM thing WHERE id = %s', [each])
        for members in lists:
            session.execute(f'SELECT id FROM thing WHERE id IN ({", ".join(map(str, members))})')
        for each in names:
            session.execute('SELECT id, name AS d FROM thing WHERE name = %s', [each])

    def report(self, *arguments):
        status, text, errors = run('report', '--format', 'json', *arguments)
        self.assertTrue(text, errors)
        report = json.loads(text)
        return status, report, {each['rule']: each for each in report['rules']}


class Evidence(Journals):
    def test_instances_and_restarts_add_up_to_the_metrics(self):
        rules = {'right': RIGHT, 'lists': LISTS}
        lives = [self.serve('a', rules, lambda session: self.ask(session, ids=range(1, 31), lists=[(1,), (2, 3)])),
                 self.serve('a', rules, lambda session: self.ask(session, ids=range(21, 41))),
                 self.serve('b', rules, lambda session: self.ask(session, ids=[*range(31, 51), 999]))]
        a, b = self.directory / 'a', self.directory / 'b'
        status, report, found = self.report(a, b)
        self.assertEqual(0, status)
        for name in rules:
            now = found[name]['current']
            self.assertEqual(sum(life.sum('operations_total', rule=name) for life in lives), now['operations'])
            self.assertEqual(sum(life.sum('verdicts_total', rule=name, verdict='match') for life in lives), now['verdicts']['match'])
            self.assertEqual(sum(life.sum('vacuous_matches_total', rule=name) for life in lives), now['vacuous'])
            for side in ('legacy', 'rewrite'):
                self.assertEqual(sum(life.sum('paired_duration_seconds_count', rule=name, side=side) for life in lives),
                                 now[side]['observations'])
        self.assertEqual(71, found['right']['current']['operations'])
        self.assertEqual(3, found['right']['current']['instances'])
        # 51 different values by 71 operations: sketches of instances were put together.
        self.assertAlmostEqual(51, found['right']['current']['distinct'], delta=3)
        self.assertEqual({'none': 0, 'one': 1, 'many': 1}, found['lists']['current']['names']['ids']['lengths'])
        # The same again, under its name and as a copy: nothing counts twice.
        shutil.copy(a, self.directory / 'copy')
        self.assertEqual(found, self.report(a, b, a, self.directory / 'copy')[2])
        # Rotated files belong to it; standard input does as well.
        shutil.move(b, self.directory / 'c.1')
        (self.directory / 'c').write_text(a.read_text())
        self.assertEqual(found, self.report(self.directory / 'c')[2])
        whole = (self.directory / 'c.1').read_text() + a.read_text()
        status, text, _ = run('report', '--format', 'json', '-', stdin=whole)
        self.assertEqual((0, found), (status, {each['rule']: each for each in json.loads(text)['rules']}))
        self.assertEqual(0, run('report', '--last', '1h', a)[0])
        for command in ('report', 'ready'):  # of nothing there is nothing good to say
            status, text, errors = run(command, '--format', 'json', '--since', '2100-01-01', a)
            self.assertEqual((2, []), (status, json.loads(text)['rules']))
            self.assertIn('no line is of the time that is asked for', errors)

    def test_a_wrong_rewrite_is_told_in_every_form(self):
        self.serve('a', {'wrong': WRONG, 'right': RIGHT},
                   lambda session: self.ask(session, ids=[1], names=['<script>alert(1)</script>']), values='full')
        journal = self.directory / 'a'
        status, text, _ = run('report', journal)
        self.assertEqual(1, status)
        self.assertIn('1 mismatch', text)
        self.assertIn('<script>', text)
        self.assertIn('<SCRIPT>', text)
        status, _, found = self.report(journal)
        self.assertEqual(1, status)
        example = found['wrong']['examples'][0]
        self.assertEqual({'name': '<script>alert(1)</script>'}, example['parameters'])
        self.assertEqual([{'kind': 'value', 'legacy': ['101', '<script>alert(1)</script>'], 'rewrite': ['101', '<SCRIPT>ALERT(1)</SCRIPT>']}],
                         example['differences'])
        out = self.directory / 'report.html'
        self.assertEqual((1, '', ''), run('report', journal, '--format', 'html', '--out', out))
        html = out.read_text()
        self.assertNotIn('<script', html.lower())
        self.assertIn('&lt;script&gt;alert(1)&lt;/script&gt;', html)
        self.assertNotIn('http', html)
        self.assertEqual(0o600, out.stat().st_mode & 0o777)
        with open('/dev/full', 'w', encoding='ascii') as full:
            cut = subprocess.run([BINARY, 'report', journal], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((2, 'parallax: cannot write to standard output\n'), (cut.returncode, cut.stderr))
        status, xml_text, _ = run('report', journal, '--format', 'junit')
        self.assertEqual(1, status)
        suites = xml.etree.ElementTree.fromstring(xml_text)
        self.assertEqual(('2', '1', '0'), tuple(suites.get(name) for name in ('tests', 'failures', 'errors')))
        cases = {case.get('name'): [child.tag for child in case] for case in suites.iter('testcase')}
        self.assertEqual({'wrong': ['failure'], 'right': []}, cases)

    def test_a_rule_that_compared_nothing(self):
        rules = {'right': RIGHT, 'idle': IDLE}
        self.serve('a', rules, lambda session: self.ask(session, ids=[1, 2]))
        journal, config = self.directory / 'a', self.config(rules)
        self.assertEqual(0, run('report', journal, '-c', config)[0])
        self.assertEqual(1, run('report', journal, '-c', config, '--every-rule')[0])
        self.assertEqual(0, run('report', journal, '--min-comparisons', 2)[0])
        self.assertEqual(1, run('report', journal, '--min-comparisons', 3)[0])
        status, text, _ = run('report', journal, '-c', config, '--every-rule', '--format', 'junit')
        suites = xml.etree.ElementTree.fromstring(text)
        self.assertEqual({'right': [], 'idle': ['error']},
                         {case.get('name'): [child.tag for child in case] for case in suites.iter('testcase')})
        others = self.config({'idle': IDLE})
        self.assertEqual([0, 1], [run('report', journal, '-c', others, '--min-comparisons', least)[0] for least in (0, 1)])
        self.assertEqual(2, run('ready', journal, '-c', self.config({}))[0], 'no rule is ready where there is none')

    def test_ready_says_why_not(self):
        rules = {'right': RIGHT, 'lists': LISTS}
        self.serve('a', rules, lambda session: self.ask(session, ids=range(1, 41), lists=[(n,) for n in range(40)]))
        journal, config = self.directory / 'a', self.config(rules)
        easy = ('--min-comparisons', 40, '--max-latency-ratio', 1000)
        status, text, _ = run('ready', journal, '-c', config)
        self.assertEqual(1, status)
        self.assertIn('40 comparisons, needs 1000', text)
        status, text, _ = run('ready', journal, '-c', config, '--rule', 'right', *easy)
        self.assertEqual(0, status, text)
        self.assertIn('no difference in 40 matches: at most 7.5 % of operations like these differ (95 %)', text)
        status, text, _ = run('ready', journal, '-c', config, *easy)
        self.assertEqual(1, status)
        self.assertIn('the list :ids never had more than one member', text)
        self.assertIn('group page: not ready because of lists', text)
        self.assertIn('different sets of parameters, needs 100', run('ready', journal, '--min-distinct', 100)[1])
        self.serve('a', rules, lambda session: self.ask(session, lists=[(1, 2)]))
        status, text, _ = run('ready', journal, '-c', config, *easy)
        self.assertEqual(0, status, text)
        self.assertIn('group page: ready', text)
        self.assertEqual(2, run('ready', journal, '-c', config, '--rule', 'none')[0])

    def test_evidence_belongs_to_a_version(self):
        self.serve('a', {'r': WRONG}, lambda session: self.ask(session, names=['name-1']))
        journal, fixed = self.directory / 'a', self.config({'r': FIXED})
        # What the old version found is not the new one's; nor is it evidence for it.
        status, text, _ = run('report', journal, '-c', fixed)
        self.assertEqual(0, status, text)
        self.assertIn('do not count', text)
        self.assertEqual(1, run('report', journal, '-c', fixed, '--every-rule')[0])
        self.assertIn('0 comparisons, needs 1', run('ready', journal, '-c', fixed, '--min-comparisons', 1)[1])
        self.serve('a', {'r': FIXED}, lambda session: self.ask(session, names=['name-1']))
        self.assertEqual(0, run('report', journal, '-c', fixed, '--every-rule')[0])
        self.assertEqual(0, run('report', journal)[0], 'without a configuration the newest version counts')
        self.assertEqual(1, run('report', journal, '-c', self.config({'r': WRONG}))[0])

    def test_a_broken_rule_is_not_ready(self):
        broken = rule('SELECT id FROM gone WHERE id = :id', 'select "id" from "thing" where "id" = :id')
        def work(session):
            with self.assertRaises(psycopg.errors.UndefinedTable):
                session.execute('SELECT id FROM gone WHERE id = 1')
        self.serve('a', {'broken': broken}, work)
        status, text, _ = run('ready', self.directory / 'a', '--min-comparisons', 0)
        self.assertEqual(1, status)
        self.assertIn('the rule is broken', text)
        # Its state was told before the time that is asked for, and holds.
        lines = [json.loads(line) for line in (self.directory / 'a').read_text().splitlines()]
        since = next(line['time'] for line in lines if line['type'] == 'summary')
        lines = [{**line, 'time': '2020-01-01T00:00:00.000Z'} if line['type'] == 'state' else {**line, 'state': ''} for line in lines]
        (self.directory / 'b').write_text(''.join(json.dumps(line) + '\n' for line in lines))
        status, text, _ = run('ready', self.directory / 'b', '--min-comparisons', 0, '--since', since)
        self.assertEqual(1, status)
        self.assertIn('the rule is broken', text)

    def test_what_cannot_be_read_is_told(self):
        self.serve('a', {'right': RIGHT}, lambda session: self.ask(session, ids=[1, 2]))
        journal = self.directory / 'a'
        good = journal.read_text()
        odd = self.directory / 'odd'
        odd.write_text('no JSON\n{"a": 1}\n{"v": 7, "type": "summary"}\n' + good + good.splitlines()[-1][:-20])
        status, text, errors = run('report', odd)
        self.assertEqual(0, status)
        self.assertEqual(run('report', journal)[1], text)
        last = 4 + len(good.splitlines())
        for place, what in ((1, 'no JSON object'), (2, 'no line of a journal'), (3, 'journal version 7'), (last, 'the last line is torn')):
            self.assertIn(f'{odd}:{place}: {what}', errors)
        odd.write_text('nothing here\n')
        self.assertEqual(2, run('report', odd)[0])
        status, _, errors = run('report', journal, self.directory / 'none')
        self.assertEqual(2, status)
        self.assertIn('No such file', errors)
        self.assertEqual(2, run('report')[0])
        self.assertEqual(2, run('report', journal, '--every-rule')[0])
        self.assertEqual(2, run('report', journal, '--since', 'yesterday')[0])

    def test_a_mismatch_whose_summary_was_lost_counts(self):
        self.serve('a', {'wrong': WRONG}, lambda session: self.ask(session, names=['name-1', 'name-2']))
        lines = (self.directory / 'a').read_text().splitlines()
        cut = self.directory / 'cut'
        cut.write_text(''.join(line + '\n' for line in lines if json.loads(line)['type'] != 'summary'))
        status, text, _ = run('report', cut)
        self.assertEqual(1, status)
        self.assertIn('2 mismatches', text)


if __name__ == '__main__':
    unittest.main()
