#!/usr/bin/python3
"""Each planted wrong rewrite is found with its kind and each right one is a match, while pgbench writes to the very rows
at full speed; everything that is not compared is counted with its reason; the counters add up after every test."""
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import unittest

import psycopg

from support.cluster import Cluster
from support.proxy import PATIENCE, ROOT, Parallax, rule, wait_for

TRAFFIC = ROOT / 'deploy' / 'traffic'
EXAMPLES = ROOT / 'deploy' / 'examples'
SECONDS = int(os.environ.get('PARALLAX_WRITE_SECONDS', '20'))

# One planted error per kind, each on statements of its own (told apart by the label of the first column's expression).
PLANTED = {
    'right.all': rule('SELECT * FROM thing ORDER BY id', 'select "id", "name", "amount", "kind", "note" from "thing" order by "thing"."id"'),
    'right.unordered': rule('SELECT id, kind FROM thing WHERE id < :n', 'select "id", "kind" from "thing" where "thing"."id" < :n order by "id" desc'),
    'right.reordered': rule('SELECT id, name, amount FROM thing WHERE id = :id', 'select "amount", "id", "name" from "thing" where "id" = :id'),
    'right.both_fail': rule('SELECT 10 / :x::int AS right_q', 'select 20 / :x::int as q'),
    'match.scale': rule('SELECT amount AS a FROM thing WHERE id = :id', 'select "amount" * 1.00 from "thing" where "id" = :id'),
    'match.width': rule('SELECT id AS w FROM thing WHERE id = :id', 'select "id"::bigint from "thing" where "id" = :id'),
    'match.enum': rule('SELECT kind::text AS e FROM thing WHERE id = :id', 'select "kind" from "thing" where "id" = :id'),
    'wrong.missing_row': rule('SELECT id AS a FROM thing ORDER BY id LIMIT :n', 'select "id" from "thing" where "note" is not null order by "id" limit :n'),
    'wrong.extra_row': rule('SELECT id AS b FROM thing WHERE id <= :n ORDER BY id', 'select "id" from "thing" where "id" <= :n + 1 order by "id"'),
    'wrong.null': rule('SELECT id, note AS c FROM thing WHERE id = :id', 'select "id", coalesce("note", \'none\') from "thing" where "id" = :id'),
    'wrong.value': rule('SELECT id, name AS d FROM thing WHERE id = :id', 'select "id", upper("name") from "thing" where "id" = :id'),
    'wrong.order': rule('SELECT id AS e2 FROM thing WHERE id < :n ORDER BY id', 'select "id" from "thing" where "id" < :n order by "id" desc'),
    'wrong.column_type': rule('SELECT id, amount AS f FROM thing WHERE id = :id', 'select "id", "amount"::double precision from "thing" where "id" = :id'),
    'wrong.error': rule('SELECT 10 / :x::int AS wrong_q', 'select case when :x::int = 0 then 0 else 10 / :x::int end as q'),
    'wrong.column_count': rule('SELECT id AS cc FROM widening ORDER BY id', 'select * from "widening" order by "id"'),
    'changed.legacy': rule('SELECT * FROM widening ORDER BY id', 'select "id" from "widening" order by "id"'),
    'wrong.fails': rule('SELECT id AS g FROM thing WHERE id = :id', 'select "missing_column" from "thing" where "id" = :id'),
    'wrong.unpairable': rule('SELECT id AS h, name, amount FROM thing WHERE id = :id', 'select "id" from "thing" where "id" = :id'),
    'tie.distinct_on': rule('SELECT DISTINCT ON (kind) kind AS t, id FROM thing ORDER BY kind',
                            'select distinct on ("kind") "kind", "id" from "thing" order by "kind", "id" desc'),
    'wrong.distinct_on': rule('SELECT DISTINCT ON (kind) kind AS t2, id FROM thing ORDER BY kind, id',
                              'select distinct on ("kind") "kind", "id" from "thing" where "id" % 2 = 0 order by "kind", "id"'),
    'page.first': rule('SELECT id AS p FROM thing ORDER BY id LIMIT 10 OFFSET 0', 'select "id" from "thing" order by "id" limit 10'),
    'sampled.never': {**rule('SELECT id AS s FROM thing WHERE id = :id', 'select "id" from "thing" where "id" = :id'), 'sample': 0.0},
}
# statement(s) to send and what must be counted for the rule: verdicts, kinds, skipped
EXPECTED = {
    'right.all': (['SELECT * FROM thing ORDER BY id'], {'match': 1}, {}),
    'right.unordered': (['SELECT id, kind FROM thing WHERE id < 20'], {'match': 1}, {}),
    'right.reordered': (['SELECT id, name, amount FROM thing WHERE id = 3'], {'match': 1}, {}),
    'right.both_fail': (['SELECT 10 / 0::int AS right_q'], {'match': 1}, {}),
    'match.scale': (['SELECT amount AS a FROM thing WHERE id = 3'], {'match': 1}, {}),
    'match.width': (['SELECT id AS w FROM thing WHERE id = 3'], {'match': 1}, {}),
    'match.enum': (['SELECT kind::text AS e FROM thing WHERE id = 3'], {'match': 1}, {}),
    'wrong.missing_row': (['SELECT id AS a FROM thing ORDER BY id LIMIT 1000'], {'mismatch': 1}, {'missing_row': 1}),
    'wrong.extra_row': (['SELECT id AS b FROM thing WHERE id <= 5 ORDER BY id'], {'mismatch': 1}, {'extra_row': 1}),
    'wrong.null': (['SELECT id, note AS c FROM thing WHERE id = 5'], {'mismatch': 1}, {'null': 1}),
    'wrong.value': (['SELECT id, name AS d FROM thing WHERE id = 3'], {'mismatch': 1}, {'value': 1}),
    'wrong.order': (['SELECT id AS e2 FROM thing WHERE id < 9 ORDER BY id'], {'mismatch': 1}, {'order': 1}),
    'wrong.column_type': (['SELECT id, amount AS f FROM thing WHERE id = 3'], {'mismatch': 1}, {'column_type': 1}),
    'wrong.error': (['SELECT 10 / 0::int AS wrong_q'], {'mismatch': 1}, {'error': 1}),
    'tie.distinct_on': (['SELECT DISTINCT ON (kind) kind AS t, id FROM thing ORDER BY kind'], {'unstable': 1}, {}),
    'wrong.distinct_on': (['SELECT DISTINCT ON (kind) kind AS t2, id FROM thing ORDER BY kind, id'], {'mismatch': 1}, {'missing_row': 1}),
    'wrong.fails': (['SELECT id AS g FROM thing WHERE id = 3'], {'rewrite_error': 1}, {}),
}
SCHEMA = """
CREATE TYPE thing_kind AS ENUM ('plain', 'fancy');
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL, amount numeric(10,2), kind thing_kind NOT NULL, note text);
INSERT INTO thing SELECT g, 'thing ' || g, g * 1.50, CASE WHEN g % 2 = 0 THEN 'plain' ELSE 'fancy' END::thing_kind,
  CASE WHEN g % 5 <> 0 THEN 'note ' || g END FROM generate_series(1, 100) g;
CREATE TABLE widening (id int PRIMARY KEY);
INSERT INTO widening VALUES (1), (2);
ANALYZE;
"""


class Kinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql('CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE DATABASE shop OWNER app;'
                         'CREATE DATABASE elsewhere OWNER app')
        for database in ('shop', 'elsewhere'):
            cls.cluster.psql(SCHEMA, database, 'app')
        cls.cluster.psql('GRANT SELECT ON thing TO other', 'shop', 'app')

    def setUp(self):
        self.proxy = Parallax(self.cluster.url('app', 'shop'), {'sample': 1.0, 'rules': PLANTED})
        self.addCleanup(self.proxy.stop)
        self.proxy.wait_verified()

    def connect(self, user='app', database='shop', **more):
        return psycopg.connect(self.proxy.url(user, database), autocommit=True, **more)

    def counted(self, name):
        metrics = self.proxy.settled()
        return (metrics.nonzero('verdicts_total', 'verdict', rule=name), metrics.nonzero('mismatches_total', 'kind', rule=name),
                metrics.nonzero('skipped_total', 'reason', rule=name))

    def test_each_kind_is_found(self):
        with self.connect() as session:
            for statements, _, _ in EXPECTED.values():
                for sql in statements:
                    try:
                        session.execute(sql)
                    except psycopg.errors.DivisionByZero:
                        pass
        for name, (_, verdicts, kinds) in EXPECTED.items():
            with self.subTest(rule=name):
                self.assertEqual((verdicts, kinds, {}), self.counted(name))
        metrics = self.proxy.settled()
        steps = {name: metrics.nonzero('equalized_total', 'step', rule=name) for name in EXPECTED}
        self.assertIn('numeric_scale', steps['match.scale'])
        self.assertIn('type_width', steps['match.width'])
        self.assertIn('enum_text', steps['match.enum'])
        self.assertIn('order', steps['right.unordered'])
        self.assertEqual({'exact': 1}, steps['right.all'])
        self.assertEqual('broken', self.proxy.states()['wrong.unpairable'])
        self.assertEqual('ready', self.proxy.states()['wrong.fails'])
        # Without the time at the head of each line, which holds 4.50 at times (…:24.507Z).
        log = re.sub(r'(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z ', '', self.proxy.log_text())
        self.assertNotRegex(log, r'(?m)^20\d\d-')
        for value in ('thing 3', 'THING 3', '4.50'):
            self.assertNotIn(value, log, 'row values never stand in the log')

    def test_equal_rows_are_settled_without_a_snapshot(self):
        name = 'right.reordered'
        before = self.proxy.settled()
        with self.connect() as session:
            for _ in range(32):
                session.execute('SELECT id, name, amount FROM thing WHERE id = %s', [3])
        after = self.proxy.settled()

        def more(metric, **labels):
            return after.sum(metric, rule=name, **labels) - before.sum(metric, rule=name, **labels)
        self.assertEqual(32, more('verdicts_total', verdict='match'))
        # one in eight goes through the snapshot, which alone gives a pair of latencies
        self.assertEqual(4, more('paired_duration_seconds_count', side='legacy'))

    def test_shape_changed_since_verification(self):
        with self.connect(prepare_threshold=None) as session:
            for sql in ('SELECT id AS cc FROM widening ORDER BY id', 'SELECT * FROM widening ORDER BY id'):
                session.execute(sql)
            self.assertEqual(({'match': 1}, {}, {}), self.counted('wrong.column_count'))
            self.assertEqual(({'match': 1}, {}, {}), self.counted('changed.legacy'))
            self.cluster.psql('ALTER TABLE widening ADD COLUMN more int', 'shop', 'app')
            for sql in ('SELECT id AS cc FROM widening ORDER BY id', 'SELECT * FROM widening ORDER BY id'):
                session.execute(sql)
            # the rewrite has another shape: a finding. Legacy has: the rule itself must be verified again
            self.assertEqual(({'match': 1, 'mismatch': 1}, {'column_count': 1}, {}), self.counted('wrong.column_count'))
            self.assertEqual(({'match': 1}, {}, {'broken': 1}), self.counted('changed.legacy'))
            wait_for(lambda: self.proxy.states()['changed.legacy'] == 'broken', 10, 'verified again')
            self.assertIn('"more"', self.proxy.log_text())
        self.cluster.psql('ALTER TABLE widening DROP COLUMN more', 'shop', 'app')

    def test_skipped(self):
        sql, name = 'SELECT id, name, amount FROM thing WHERE id = %s', 'right.reordered'
        cases = (
            ('context', {'user': 'other'}, []),
            ('context', {}, ["SELECT set_config(name, '8MB', false) FROM (VALUES ('work_mem')) x (name)"]),
            ('context', {}, ['DO $$ BEGIN PERFORM 1; END $$']),
            ('txn_wrote', {}, ['BEGIN', "UPDATE thing SET note = 'x' WHERE id = 1"]),
            ('txn_wrote', {}, ['BEGIN', 'CREATE TABLE new_one (id int)']),
            ('temp_objects', {}, ['CREATE TEMP TABLE own (id int)']),
            ('other_database', {'database': 'elsewhere'}, []),
        )
        for reason, connection, statements in cases:
            with self.subTest(reason=reason, connection=connection, statements=statements):
                verdicts, _, skipped = self.counted(name)
                with self.connect(**connection) as session:
                    for statement in statements:
                        session.execute(statement)
                    for number in (3, 4):
                        session.execute(sql, [number])
                    verdicts_after, _, skipped_after = self.counted(name)
                    if statements[:1] == ['BEGIN']:
                        session.execute('ROLLBACK')
                self.assertEqual(verdicts, verdicts_after)
                self.assertEqual({**skipped, reason: skipped.get(reason, 0) + 2}, skipped_after)
        # back to normal after a rollback: the transaction's writes are gone, and so is the reason
        with self.connect() as session:
            before = self.counted(name)[0].get('match', 0)
            session.execute('BEGIN')
            session.execute(sql, [4])
            session.execute("UPDATE thing SET note = 'x' WHERE id = 1")
            session.execute('ROLLBACK')
            session.execute(sql, [4])
            self.assertEqual(before + 2, self.counted(name)[0].get('match', 0))

    def test_pins_and_samples(self):
        with self.connect() as session:
            session.execute('SELECT id AS p FROM thing ORDER BY id LIMIT 10 OFFSET 0')
            session.execute('SELECT id AS p FROM thing ORDER BY id LIMIT %s OFFSET %s', [10, 0])
            self.assertEqual(({'match': 2}, {}, {}), self.counted('page.first'))
            session.execute('SELECT id AS p FROM thing ORDER BY id LIMIT 10 OFFSET 10')
            session.execute('SELECT id AS p FROM thing ORDER BY id LIMIT %s OFFSET %s', [10, 20])
            self.assertEqual(({'match': 2}, {}, {'pin': 2}), self.counted('page.first'))
            session.execute('SELECT id AS s FROM thing WHERE id = %s', [3])
            self.assertEqual(({}, {}, {'sampled_out': 1}), self.counted('sampled.never'))
            session.execute('SELECT id AS h, name, amount FROM thing WHERE id = 3')
            self.assertEqual(({}, {}, {'broken': 1}), self.counted('wrong.unpairable'))

    def test_startup_settings_are_copied(self):
        # The client's own DateStyle and TimeZone hold in the snapshot too.
        with self.connect(options='-c DateStyle=German -c TimeZone=Asia/Tokyo') as session:
            session.execute('SELECT id, name, amount FROM thing WHERE id = 3')
            self.assertEqual(({'match': 1}, {}, {}), self.counted('right.reordered'))

    def test_the_replay_leaves_no_trace(self):
        before = self.cluster.psql('SELECT pg_current_xact_id()', 'shop')
        with self.connect() as session:
            for number in range(50):
                session.execute('SELECT id, name, amount FROM thing WHERE id = %s', [number])
        self.counted('right.reordered')
        after = self.cluster.psql('SELECT pg_current_xact_id()', 'shop')
        self.assertEqual(int(before) + 1, int(after), 'no replay took a transaction id')


class UnderWrites(unittest.TestCase):
    """The demonstration's rules, its clients, and writers at full speed on the rows that are read."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.load_scenario()

    def test_no_false_mismatch(self):
        config = {'sample': 1.0, 'include': [str(EXAMPLES / 'rules.yaml'), str(EXAMPLES / 'wrong-rules.yaml')],
                  'shadow': {'pool': {'max': 4}, 'queue': {'max_jobs': 100_000, 'max_bytes': '256MiB'}}}
        with Parallax(self.cluster.url('app', 'pinpoint'), config) as proxy:
            proxy.wait_verified()
            self.assertEqual({'ready'}, set(proxy.states().values()), proxy.states())
            self.run_traffic(proxy)
            self.check(proxy.settled(120))

    def run_traffic(self, proxy):
        direct, proxied = self.cluster.url('app', 'pinpoint'), proxy.url('app', 'pinpoint')
        output = tempfile.TemporaryFile('w+')
        self.addCleanup(output.close)
        programs = [subprocess.Popen(['pgbench', '-n', '-c', '2', '-T', str(SECONDS), '-f', TRAFFIC / 'write.pgbench.sql', direct],
                                     stdout=output, stderr=output)]
        end = time.monotonic() + SECONDS
        failures = []

        def repeat(*command):
            while time.monotonic() < end:
                done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      check=False, timeout=120 * PATIENCE)
                if done.returncode != 0:
                    failures.append(done.stdout)
                    return
        threads = [threading.Thread(target=repeat, args=command) for command in (
            ('node', TRAFFIC / 'prisma.mjs', proxied, 3), ('node', TRAFFIC / 'postgresjs.mjs', proxied, 3),
            ('/usr/bin/python3', TRAFFIC / 'psycopg_app.py', proxied, 3),
            ('psql', '-qXf', TRAFFIC / 'session.sql', proxied),
            ('pgbench', '-n', '-M', 'prepared', '-R', '20', '-t', '20', '-f', TRAFFIC / 'read.pgbench.sql', proxied))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for program in programs:
            program.wait(timeout=60)
        output.seek(0)
        written = re.search(r'actually processed: (\d+)', output.read())
        self.assertEqual([], failures)
        self.assertGreater(int(written.group(1)), 100 * SECONDS // PATIENCE, 'the writers were busy')

    def check(self, metrics):
        planted = json.loads((TRAFFIC / 'expected.json').read_text())
        for name in metrics.rules():
            verdicts = metrics.nonzero('verdicts_total', 'verdict', rule=name)
            kinds = metrics.nonzero('mismatches_total', 'kind', rule=name)
            with self.subTest(rule=name, verdicts=verdicts, kinds=kinds, skipped=metrics.nonzero('skipped_total', 'reason', rule=name)):
                outcome, _, detail = planted.get(name, 'match').partition('/')
                if outcome == 'skipped':
                    self.assertEqual({}, verdicts)
                    self.assertEqual({detail}, set(metrics.nonzero('skipped_total', 'reason', rule=name)))
                    continue
                # a statement_timeout on a busy machine is no finding about the rule
                verdicts.pop('timeout', None)
                # writers between the client's statement and the snapshot: both sides agree, and neither is to blame
                races = verdicts.pop('race', 0) if outcome == 'match' else 0
                self.assertEqual({outcome}, set(verdicts))
                self.assertGreater(verdicts[outcome] + races, 5)
                self.assertEqual({detail} if detail else set(), set(kinds))
        self.assertEqual(0, metrics.sum('verdicts_total', verdict='unstable'))
        self.assertEqual(0, metrics.sum('dropped_total'))
        self.assertGreater(metrics.sum('skipped_total', rule='issueRouter.openOnMachine', reason='txn_wrote'), 0)
        self.assertGreater(metrics.sum('skipped_total', rule='userRouter.byEmail', reason='context'), 0)
        self.assertEqual(0, metrics.sum('tap_desync_total'))


if __name__ == '__main__':
    unittest.main(verbosity=2)
