#!/usr/bin/python3
"""`parallax ready --power`: mistakes planted in the rewrite, run over the operations that the journal has kept. What the data could
not have shown is named; when the data change, it is caught."""
import datetime
import json
import pathlib
import subprocess
import tempfile
import unittest

import psycopg

from support.cluster import Cluster
from support.proxy import BINARY, Parallax, rule

SCHEMA = """
CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL, nick text, age int NOT NULL, "deletedAt" timestamp);
CREATE TABLE pet (id int PRIMARY KEY, person int NOT NULL, name text NOT NULL);
INSERT INTO person SELECT g, 'name-' || g, NULL, 20 + g, NULL FROM generate_series(1, 20) g;
INSERT INTO pet SELECT g, g, 'pet-' || g FROM generate_series(1, 20) g;
INSERT INTO pet SELECT 100 + g, g, 'zoo-' || g FROM generate_series(1, 20) g;
ANALYZE;
"""
ALIVE = rule('SELECT id, name, nick FROM person WHERE age < :age AND "deletedAt" IS NULL ORDER BY age LIMIT :take',
             'select "id", "name", "nick" from "person" where "age" < :age and "deletedAt" is null order by "age" limit :take')
ORDERED = rule('SELECT id, name, age FROM person WHERE id > :low ORDER BY age, name DESC',
               'select "id", "name", "age" from "person" where "id" > :low order by "age", "name" desc')
JOINED = rule('SELECT p.id, p.name, q.name AS pet FROM person p LEFT JOIN pet q ON q.person = p.id WHERE p.id = :id',
              'select "person"."id", "person"."name", "pet"."name" from "person" left join "pet" on "pet"."person" = "person"."id" '
              'where "person"."id" = :id')
SEVERAL = {'legacy': {'people': 'SELECT id, name FROM person WHERE id IN (:ids)',
                      'pets': 'SELECT id, person, name FROM pet WHERE person IN (:people.id)'},
           'rewrite': 'select "person"."id", "person"."name", "pet"."id", "pet"."person", "pet"."name" from "person" '
                      'left join "pet" on "pet"."person" = "person"."id" where "person"."id" in (:ids)'}
SEARCH = {**rule("SELECT id, name FROM person WHERE name ILIKE ('%' || :part || '%')", 'select "id", "name" from "person" where "name" ilike :like'),
          'let': {'like': "'%' || :part || '%'"}}


def run(*arguments):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr


class Power(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql('CREATE ROLE app LOGIN')

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='parallax-power-')
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.journal = self.directory / 'journal'
        self.cluster.psql('DROP DATABASE IF EXISTS shop')
        self.cluster.psql('CREATE DATABASE shop OWNER app')
        self.psql(SCHEMA)

    def psql(self, sql):
        self.cluster.psql(sql, 'shop', 'app')

    def record(self, rules, work, values='full'):
        """One life of an instance under which `work` runs; the configuration for `ready` stays."""
        settings = {'sample': 1.0, 'rules': rules, 'journal': {'path': str(self.journal), 'values': values}}
        with Parallax(self.cluster.url('app', 'shop'), settings) as proxy:
            proxy.wait_verified()
            with psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
                work(session)
            metrics = proxy.settled()
        self.assertEqual(metrics.sum('operations_total'), metrics.sum('verdicts_total', verdict='match'))
        self.config = self.write_config(rules)

    def write_config(self, rules):
        config = self.directory / 'read.yaml'
        config.write_text(json.dumps({'listen': '127.0.0.1:0', 'upstream': self.cluster.url('app', 'shop'), 'rules': rules}))
        return config

    def power(self, name, *arguments):
        status, text, errors = run('ready', self.journal, '-c', self.config, '--power', '--format', 'json', *arguments)
        self.assertIn(status, (0, 1), errors)
        self.assertEqual('', errors)
        power = {each['rule']: each for each in json.loads(text)['rules']}[name]['power']
        self.assertEqual(power['planted'], power['caught'] + len(power['survivors']) + len(power['undecided']), power)
        return power

    @staticmethod
    def ask_alive(session):
        for age in (22, 25, 30, 60):
            for take in (3, 100):
                session.execute('SELECT id, name, nick FROM person WHERE age < %s AND "deletedAt" IS NULL ORDER BY age LIMIT %s', [age, take])

    def test_a_condition_that_no_row_needs_survives_until_a_row_does(self):
        self.record({'alive': ALIVE}, self.ask_alive)
        forgotten, nulls = 'without and "deletedAt" is null', 'NULL in place of "nick"'
        power = self.power('alive')
        self.assertEqual(8, power['operations'])
        self.assertEqual({}, power['left_out'])
        self.assertIn(forgotten, power['survivors'])
        self.assertIn(nulls, power['survivors'])
        for caught in ('without and "age" < :age', '<= in place of < in "age" < :age', 'without limit :take', 'one row more than limit :take',
                       ':age exchanged with :take', 'order by "age" desc in place of asc', 'NULL in place of "name"'):
            self.assertNotIn(caught, power['survivors'])
        self.assertEqual([], power['undecided'])
        status, text, _ = run('ready', self.journal, '-c', self.config, '--power')
        self.assertIn(f'power: {power["caught"]} of {power["planted"]} planted mistakes were caught over 8 recorded operations\n', text)
        self.assertIn(f'      {forgotten}: no recorded operation tells the difference\n', text)
        self.psql("""INSERT INTO person VALUES (50, 'gone', NULL, 21, now())""")
        self.psql("""UPDATE person SET nick = 'nick' WHERE id = 2""")
        now = self.power('alive')
        self.assertEqual(power['planted'], now['planted'])
        self.assertEqual(set(), {forgotten, nulls} & set(now['survivors']))
        self.assertGreater(now['caught'], power['caught'])

    def test_samples_are_no_evidence_and_can_be_replayed(self):
        self.record({'alive': ALIVE}, self.ask_alive)
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        samples = [line for line in lines if line['type'] == 'sample']
        self.assertEqual(8, len(samples))
        self.assertIn({'age': '22', 'take': '3'}, [sample['parameters'] for sample in samples])
        self.assertEqual('app', samples[0]['user'])
        status, text, _ = run('report', self.journal, '--format', 'json')
        current = json.loads(text)['rules'][0]['current']
        self.assertEqual((0, 8, {'match': 8}), (status, current['operations'], current['verdicts']))
        self.assertEqual(0, run('replay', self.journal, '--id', samples[0]['id'], '-c', self.config)[0])

    def test_hashed_journals_hold_no_samples_and_power_says_what_it_needs(self):
        self.record({'alive': ALIVE}, self.ask_alive, values='hashed')
        self.assertNotIn('"sample"', self.journal.read_text())
        status, text, _ = run('ready', self.journal, '-c', self.config, '--power', '--min-comparisons', 1, '--min-distinct', 1, '--max-latency-ratio', 1e6)
        self.assertEqual(0, status, text)
        self.assertIn('power: not known: no operation is recorded: `journal: {values: full}` keeps samples', text)
        status, text, _ = run('ready', self.journal, '-c', self.config, '--power', '--min-comparisons', 1, '--min-distinct', 1, '--max-latency-ratio', 1e6,
                              '--min-power', 0.1)
        self.assertEqual(1, status)
        self.assertIn('its power is not known', text)

    def test_the_last_sort_key_matters_where_rows_tie(self):
        def work(session):
            for low in (0, 5, 10):
                session.execute('SELECT id, name, age FROM person WHERE id > %s ORDER BY age, name DESC', [low])
        self.record({'ordered': ORDERED}, work)
        survivors = self.power('ordered')['survivors']
        self.assertIn('without order by "name" desc', survivors)
        self.assertIn('order by "name" asc in place of desc', survivors)
        self.psql("INSERT INTO person VALUES (31, 'a', NULL, 40, NULL), (30, 'zz', NULL, 40, NULL)")
        survivors = self.power('ordered')['survivors']
        self.assertNotIn('order by "name" asc in place of desc', survivors)
        self.assertNotIn('order by "age" desc in place of asc', survivors)

    def test_a_left_join_is_an_inner_join_until_a_row_has_no_partner(self):
        def work(session):
            for id in (1, 2, 21):
                session.execute('SELECT p.id, p.name, q.name AS pet FROM person p LEFT JOIN pet q ON q.person = p.id WHERE p.id = %s', [id])
        self.record({'joined': JOINED}, work)
        wrong = 'inner join in place of left join "pet"'
        power = self.power('joined')
        self.assertEqual(3, power['operations'])
        self.assertIn(wrong, power['survivors'])
        self.psql("INSERT INTO person VALUES (21, 'alone', NULL, 70, NULL)")
        self.assertNotIn(wrong, self.power('joined')['survivors'])

    def test_several_statements_with_links(self):
        def work(session):
            for ids in ((1, 2), (3, 4, 5)):
                rows = session.execute(f'SELECT id, name FROM person WHERE id IN ({", ".join(["%s"] * len(ids))})', ids).fetchall()
                parents = [row[0] for row in rows]
                session.execute(f'SELECT id, person, name FROM pet WHERE person IN ({", ".join(["%s"] * len(parents))})', parents)
        self.record({'several': SEVERAL}, work)
        power = self.power('several')
        self.assertEqual(2, power['operations'])
        self.assertEqual({}, power['left_out'])
        self.assertIn('inner join in place of left join "pet"', power['survivors'])
        self.assertNotIn('without where "person"."id" in (:ids)', power['survivors'])
        self.assertNotIn('NULL in place of "pet"."name"', power['survivors'])
        self.psql('DELETE FROM pet WHERE person = 4')
        self.assertNotIn('inner join in place of left join "pet"', self.power('several')['survivors'])

    def test_a_rule_with_a_let(self):
        def work(session):
            for part in ('name-1', 'name-2'):
                session.execute("SELECT id, name FROM person WHERE name ILIKE ('%%' || %s || '%%')", [part])
        self.record({'search': SEARCH}, work)
        power = self.power('search')
        self.assertEqual(2, power['operations'])
        self.assertEqual(['like in place of ilike in "name" ilike :like'], power['survivors'])
        self.psql("INSERT INTO person VALUES (60, 'NAME-11', NULL, 70, NULL)")
        self.assertEqual([], self.power('search')['survivors'])

    def test_operations_of_which_the_client_sent_the_rewrite(self):
        def work(session):
            for id in (1, 2):
                session.execute('select "person"."id", "person"."name", "pet"."name" from "person" left join "pet" on "pet"."person" = "person"."id" '
                                'where "person"."id" = %s', [id])
        self.record({'joined': JOINED}, work)
        sides = {json.loads(line)['side'] for line in self.journal.read_text().splitlines() if '"sample"' in line}
        self.assertEqual({'rewrite'}, sides)
        power = self.power('joined')
        self.assertEqual(2, power['operations'])
        self.assertIn('inner join in place of left join "pet"', power['survivors'])
        self.assertNotIn('NULL in place of "pet"."name"', power['survivors'])

    def test_each_operation_has_its_session_again(self):
        self.psql("""ALTER TABLE person ENABLE ROW LEVEL SECURITY; ALTER TABLE person FORCE ROW LEVEL SECURITY;
                     CREATE POLICY own ON person USING (current_setting('app.tenant', true) = 'all' OR id < 5)""")
        def work(session):
            for tenant in ('few', 'all', 'few'):
                session.execute(f"SET app.tenant = '{tenant}'")
                self.ask_alive(session)
        self.record({'alive': ALIVE}, work)
        power = self.power('alive')
        self.assertEqual((16, {}), (power['operations'], power['left_out']))

    def test_binary_parameters(self):
        at = rule('SELECT id, name FROM person WHERE "deletedAt" >= :since AND age > :age',
                  'select "id", "name" from "person" where "deletedAt" >= :since and "age" > :age')
        self.psql("""INSERT INTO person VALUES (50, 'gone', NULL, 21, '2026-01-01 00:00:00'), (51, 'gone', NULL, 60, '2026-02-01 00:00:00')""")
        def work(session):
            for day in (1, 2):
                session.execute('SELECT id, name FROM person WHERE "deletedAt" >= %b AND age > %b', [datetime.datetime(2026, 1, day), 30 - day * 10])
        self.record({'at': at}, work)
        power = self.power('at')
        self.assertEqual((2, {}), (power['operations'], power['left_out']))
        self.assertNotIn('> in place of >= in "deletedAt" >= :since', power['survivors'])
        self.assertIn('>= in place of > in "age" > :age', power['survivors'])

    def test_samples_of_a_former_version_are_used_where_their_names_fit(self):
        self.record({'alive': ALIVE, 'joined': JOINED}, self.ask_alive)
        other = {**ALIVE, 'rewrite': ALIVE['rewrite'].replace('limit :take', 'limit :take offset 0')}
        self.config = self.write_config({'alive': other, 'joined': JOINED})
        self.assertEqual(8, self.power('alive')['operations'])
        named = {side: ALIVE[side].replace(':take', ':page') for side in ('legacy', 'rewrite')}
        self.config = self.write_config({'alive': named, 'joined': JOINED})
        power = self.power('alive')
        self.assertEqual('none of the recorded operations can be used', power['unknown'])
        self.assertEqual({'the rule has a name that the line has no value for: page': 8}, power['left_out'])
        status, text, _ = run('ready', self.journal, '-c', self.config, '--power', '--rule', 'joined')
        self.assertEqual(1, status)
        self.assertIn('joined', text)
        self.assertNotIn('alive', text)
        self.assertIn('no operation is recorded', text)

    def test_no_sequence_is_disturbed_that_is_not_compared(self):
        free = {**ORDERED, 'compare': {'order': 'ignore'}}
        self.record({'free': free}, lambda session: session.execute('SELECT id, name, age FROM person WHERE id > %s ORDER BY age, name DESC', [3]))
        self.assertEqual([], [each for each in self.power('free')['survivors'] if 'order by' in each])

    def test_the_least_power_decides(self):
        self.record({'alive': ALIVE}, self.ask_alive)
        easy = ('ready', self.journal, '-c', self.config, '--min-comparisons', 1, '--min-distinct', 1, '--max-latency-ratio', 1e6, '--power')
        self.assertEqual(0, run(*easy)[0])
        self.assertEqual(0, run(*easy, '--min-power', 0.5)[0])
        status, text, _ = run(*easy, '--min-power', 1)
        self.assertEqual(1, status)
        self.assertIn('of the planted mistakes were caught, at least 100 % must be', text)

    def test_as_many_operations_as_are_asked_for(self):
        self.record({'alive': ALIVE}, self.ask_alive)
        self.assertEqual(2, self.power('alive', '--power-samples', 2)['operations'])

    def test_an_operation_that_differs_now_is_left_out_and_told(self):
        self.record({'alive': ALIVE}, self.ask_alive)
        wrong = {**ALIVE, 'rewrite': ALIVE['rewrite'].replace('"age" < :age', '"age" < :age and "age" < 26')}
        self.config = self.write_config({'alive': wrong})
        power = self.power('alive')
        self.assertEqual(8, power['operations'] + sum(power['left_out'].values()))
        self.assertGreater(power['operations'], 0)
        self.assertTrue(all(why.startswith('mismatch') for why in power['left_out']), power)
        self.assertGreater(sum(power['left_out'].values()), 0)

    def test_a_mistake_that_takes_too_long_is_not_decided(self):
        slow = rule('SELECT id FROM person WHERE age < :age', 'select "id" from "person" where "age" < :age and "id" not in '
                    '(select 0 - a.g - b.g from generate_series(1, 4000) a(g), generate_series(1, 4000) b(g) where a.g < 0)')
        def work(session):
            for age in range(21, 41):
                session.execute('SELECT id FROM person WHERE age < %s', [age])
        self.record({'slow': slow}, work)
        config = json.loads(self.config.read_text())
        config['shadow'] = {'statement_timeout': '500ms'}
        self.config.write_text(json.dumps(config))
        power = self.power('slow')
        undecided = {each['mistake']: each['why'] for each in power['undecided']}
        self.assertEqual('timeout 2', undecided['without where a.g < 0'])

    def test_no_connection_is_told(self):
        self.record({'alive': ALIVE}, self.ask_alive)
        config = json.loads(self.config.read_text())
        config['upstream'] = 'postgresql://app@127.0.0.1:1/shop'
        self.config.write_text(json.dumps(config))
        status, text, errors = run('ready', self.journal, '-c', self.config, '--power')
        self.assertEqual((2, ''), (status, text))
        self.assertIn('no shadow connection', errors)
        self.assertEqual(1, run('ready', self.journal, '-c', self.config)[0], 'without --power nobody is asked')


if __name__ == '__main__':
    unittest.main()
