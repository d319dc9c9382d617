#!/usr/bin/python3
"""What a client's session has set is what the replay has: the rule below asks for settings and role, so a replay in another
context is a race. At random through transactions, savepoints and errors; for two tenants under row-level security at once;
for sessions that read dates, floats and bytes in other ways; and behind a pooler, where nothing may stay for others."""
import random
import os
import threading
import unittest

import psycopg

from clients.rig import DATABASE, PASSWORD, USER
from support.cluster import Cluster
from support.proxy import PATIENCE, Parallax, rule
from test_pgbouncer import PgBouncer

SCHEMA = """
CREATE TABLE one (n int PRIMARY KEY);
INSERT INTO one SELECT generate_series(1, 9);
CREATE TABLE note (id int PRIMARY KEY, tenant text NOT NULL, body text NOT NULL);
INSERT INTO note SELECT g, CASE WHEN g % 2 = 0 THEN 'even' ELSE 'odd' END, 'body ' || g FROM generate_series(1, 40) g;
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON note USING (tenant = current_setting('app.tenant', true));
CREATE TABLE strange (id int PRIMARY KEY, at timestamptz, day date, f float8, bytes bytea, span interval);
INSERT INTO strange SELECT g, '2024-03-05 06:07:08.9Z'::timestamptz + g * interval '1 day 3 hours', date '2024-01-31' + g, g / 3.0::float8,
  decode(md5(g::text), 'hex'), g * interval '1 day 2 hours' FROM generate_series(1, 12) g;
GRANT USAGE ON SCHEMA public TO reader, tenant;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, tenant;
"""
SEEN = ("concat_ws('|', current_setting('work_mem'), current_setting('TimeZone'), current_setting('search_path'), current_setting('app.a', true),"
        " current_setting('app.b', true), current_user)")
RULES = {
    'seen': rule(f'SELECT {SEEN} AS seen FROM public.one WHERE n = :n', f'select {SEEN} as "x" from "public"."one" where "one"."n" = :n'),
    'notes': rule('SELECT id, tenant, body FROM note WHERE id > :id ORDER BY id', 'select "id", "tenant", "body" from "note" where "id" > :id order by "id"'),
    'notes.wrong': rule('SELECT id, body FROM note WHERE id > :id', 'select "id", "body" from "note" where "id" >= :id'),
    'strange': rule('SELECT id, at, day, f, bytes, span FROM strange WHERE id > :id', 'select "span", "bytes", "f", "day", "at", "id" from "strange" where "id" > :id'),
    'strange.text': rule('SELECT id, at::text AS t FROM strange WHERE id > :id', 'select "id", "at"::text from "strange" where "id" > :id'),
}
SEED = int(os.environ.get('PARALLAX_SEED', '0')) or random.randrange(1, 1 << 30)
STEPS = 1500


class Context(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        for role in (USER, 'reader', 'tenant'):
            cls.cluster.psql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        cls.cluster.psql(f'GRANT reader, tenant TO {USER}; CREATE DATABASE {DATABASE} OWNER {USER}')
        cls.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}', DATABASE)

    def started(self, upstream=None, **shadow):
        proxy = Parallax(upstream or self.cluster.url(USER, DATABASE, PASSWORD), {'sample': 1.0, 'rules': RULES, 'shadow': shadow})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        self.assertEqual({'ready'}, set(proxy.states().values()), proxy.log_text())
        return proxy

    def connect(self, proxy, user=USER, **more):
        return psycopg.connect(proxy.url(user, DATABASE, PASSWORD), autocommit=True, **more)

    def verdicts(self, proxy, name):
        metrics = proxy.settled(60)
        self.assertEqual({}, metrics.nonzero('skipped_total', 'reason', rule=name), proxy.log_text()[-2000:])
        return metrics.nonzero('verdicts_total', 'verdict', rule=name)

    def test_whatever_a_session_does_the_replay_has_it(self):
        print(f'PARALLAX_SEED={SEED}', flush=True)
        source = random.Random(SEED)
        proxy = self.started(queue={'max_jobs': 100_000})
        probes = 0
        for _ in range(10):
            prepared = source.random() < 0.5
            with self.connect(proxy, prepare_threshold=0 if prepared else None) as connection:
                in_block, failed, savepoints = False, False, 0
                for _ in range(STEPS // 10):
                    statement = self.random_statement(source, in_block, savepoints, not prepared)
                    if failed:
                        statement = 'ROLLBACK' if savepoints == 0 or source.random() < 0.5 else 'ROLLBACK TO s'
                    try:
                        if statement == 'pipeline':
                            with connection.pipeline():
                                connection.execute("SET app.b = 'in a pipeline'")
                                connection.execute('SELECT 1 / %s', [source.choice([0, 1, 1])])
                        elif isinstance(statement, tuple):
                            connection.execute(*statement)
                        else:
                            connection.execute(statement)
                    except psycopg.Error:
                        failed = in_block
                        continue
                    name = statement if isinstance(statement, str) else statement[0]
                    in_block = True if name == 'BEGIN' else False if name in ('COMMIT', 'ROLLBACK') else in_block
                    savepoints = 0 if name in ('BEGIN', 'COMMIT', 'ROLLBACK', 'RELEASE s') else savepoints + (name == 'SAVEPOINT s')
                    failed = False
                    connection.execute('SELECT ' + SEEN + ' AS seen FROM public.one WHERE n = %s', [1 + probes % 9])
                    probes += 1
        self.assertEqual({'match': probes}, self.verdicts(proxy, 'seen'))

    @staticmethod
    def random_statement(source, in_block, savepoints, discards):
        value = source.choice(['1', 'two words', "it''s", '', '{"a": 1}'])
        statements = [
            f"SET app.a = '{value}'", f"SET LOCAL app.a = '{value}'", "SET work_mem TO '8MB'", "SET LOCAL work_mem = 2048", 'RESET work_mem',
            'RESET app.a', 'RESET ALL', "SET search_path TO public, \"Odd Name\", pg_catalog", "SET search_path = ''", 'SET search_path TO DEFAULT',
            "SET TIME ZONE 'Asia/Tokyo'", 'SET TIME ZONE DEFAULT', "SET LOCAL timezone TO 'UTC'", 'SET ROLE reader', 'SET LOCAL ROLE tenant', 'RESET ROLE',
            "SELECT set_config('app.b', 'constant', false)", "SELECT pg_catalog.set_config('app.b', 'local', true) AS x",
            ('SELECT set_config(%s, %s, %s)', ['app.b', value, source.random() < 0.5]), 'SELECT 1 / 0', 'SET app.a = a b', 'pipeline',
            "SET app.b = 'first'; SET app.a = 'second'", "SET app.b = 'undone'; SELECT 1 / 0"]
        if in_block:
            statements += ['COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'COMMIT', 'ROLLBACK'] + ['ROLLBACK TO s', 'RELEASE s'] * (savepoints > 0)
            statements.remove('pipeline')
        else:
            statements += ['BEGIN'] * 6
            # It drops prepared statements, too, which the driver does not know.
            statements += ['DISCARD ALL'] * discards
        return source.choice(statements)

    def test_two_tenants_never_meet(self):
        proxy = self.started(queue={'max_jobs': 100_000})
        rounds, failures = 60, []

        def reads(tenant):
            try:
                with self.connect(proxy) as connection:
                    for number in range(rounds):
                        with connection.transaction():
                            connection.execute("SELECT set_config('app.tenant', %s, true), set_config('role', 'tenant', true)", [tenant])
                            rows = connection.execute('SELECT id, tenant, body FROM note WHERE id > %s ORDER BY id', [number % 7]).fetchall()
                            connection.execute('SELECT id, body FROM note WHERE id > %s', [2 if tenant == 'even' else 3])
                        if {row[1] for row in rows} != {tenant}:
                            failures.append((tenant, rows))
            except Exception as error:  # noqa: BLE001 (a thread's error is the test's)
                failures.append(error)
        threads = [threading.Thread(target=reads, args=[tenant]) for tenant in ('even', 'odd') * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60 * PATIENCE)
        self.assertEqual([], failures)
        self.assertEqual({'match': 4 * rounds}, self.verdicts(proxy, 'notes'))
        self.assertEqual({'mismatch': 4 * rounds}, self.verdicts(proxy, 'notes.wrong'))
        # Without its prologue a session sees no row, and the replay none of another's.
        with self.connect(proxy) as connection:
            connection.execute('SET ROLE tenant')
            self.assertEqual([], connection.execute('SELECT id, tenant, body FROM note WHERE id > 0 ORDER BY id').fetchall())
        self.verdicts(proxy, 'notes')
        self.assertEqual(1, proxy.settled().sum('vacuous_matches_total', rule='notes'))
        self.assertNotIn('body 1', proxy.log_text())

    def test_a_text_that_would_overflow_the_parser(self):
        """Read for settings as every text of several statements: it ended the process, with all sessions."""
        proxy = self.started()
        with self.connect(proxy) as other, self.connect(proxy) as session:
            for before in ('select ', "select set_config('app.a', 'x', true), ", 'update one set n = ', "set local app.a = 'x'; select "):
                try:
                    session.execute(before + '1' + '+1' * 120_000 + '; select 1')
                except psycopg.Error as error:  # the server's own limits
                    self.assertIsNotNone(error.sqlstate, error)
                self.assertEqual((1,), other.execute('SELECT 1').fetchone())
            self.assertEqual((1,), session.execute('SELECT 1').fetchone())
        self.assertIsNone(proxy.process.poll())

    def test_sessions_that_write_values_in_other_ways(self):
        proxy = self.started()
        styles = (['SET TIME ZONE \'America/St_Johns\''], ["SET DateStyle TO 'German'"], ["SET DateStyle = 'SQL, DMY'", "SET IntervalStyle = 'iso_8601'"],
                  ['SET extra_float_digits = -3'], ["SET bytea_output = 'escape'"], ["SET IntervalStyle TO sql_standard", "SET TIME ZONE 'Asia/Kolkata'"])
        for style in styles:
            with self.subTest(style=style), self.connect(proxy) as connection:
                for statement in style:
                    connection.execute(statement)
                for binary in (False, True):
                    cursor = connection.execute('SELECT id, at::text AS t FROM strange WHERE id > %s', [3], binary=binary)
                    self.assertEqual(9, cursor.rowcount)
                    cursor = connection.execute('SELECT id, at, day, f, bytes, span FROM strange WHERE id > %s', [3], binary=binary)
                    self.assertEqual(9, cursor.rowcount)
                self.assertEqual({'match'}, set(self.verdicts(proxy, 'strange')))
        self.assertEqual({'match': 2 * len(styles)}, self.verdicts(proxy, 'strange'))
        self.assertEqual({'match': 2 * len(styles)}, self.verdicts(proxy, 'strange.text'))

    def test_identity(self):
        same_user = self.started()
        with self.connect(same_user, 'reader') as connection:
            connection.execute('SELECT ' + SEEN + ' AS seen FROM public.one WHERE n = 1')
        self.assertEqual({'context': 1}, same_user.settled().nonzero('skipped_total', 'reason', rule='seen'))
        proxy = self.started(identity='set_role')
        with self.connect(proxy, 'reader') as connection:
            connection.execute('SELECT ' + SEEN + ' AS seen FROM public.one WHERE n = 1')
        self.assertEqual({'match': 1}, self.verdicts(proxy, 'seen'))
        with self.connect(proxy, 'tenant') as connection:  # sees what its own claims allow
            connection.execute("SET app.tenant = 'odd'")
            self.assertEqual(20, len(connection.execute('SELECT id, tenant, body FROM note WHERE id > 0 ORDER BY id').fetchall()))
        self.assertEqual({'match': 1}, self.verdicts(proxy, 'notes'))

    def test_a_role_that_the_shadow_may_not_take_is_context(self):
        """What row-level security would hide from the shadow's own role is neither a match nor a race."""
        proxy = self.started(url=self.cluster.url('tenant', DATABASE, PASSWORD), identity='set_role')
        with self.connect(proxy, 'reader') as connection:
            for _ in range(3):
                connection.execute('SELECT id, tenant, body FROM note WHERE id > 0 ORDER BY id')
        metrics = proxy.settled()
        self.assertEqual({}, metrics.nonzero('verdicts_total', 'verdict', rule='notes'))
        self.assertEqual({'context': 3}, metrics.nonzero('skipped_total', 'reason', rule='notes'))

    def test_nothing_stays_behind_a_pooler(self):
        pooler = PgBouncer(self.cluster.port)
        self.addCleanup(pooler.stop)
        pooled = self.cluster.url(USER, DATABASE, PASSWORD, pooler.port)
        proxy = self.started(url=pooled, pool={'max': 2})
        with self.connect(proxy) as connection:
            for number in range(12):
                with connection.transaction():
                    connection.execute("SET LOCAL work_mem = '8MB'; SET LOCAL search_path = public; SET LOCAL ROLE reader")
                    connection.execute('SELECT id, at::text AS t FROM strange WHERE id > %s', [3])
                with connection.transaction():
                    connection.execute("SELECT set_config('app.a', 'secret', true)")
                    connection.execute('SELECT ' + SEEN + ' AS seen FROM public.one WHERE n = %s', [1 + number % 9])
        metrics = proxy.settled()
        self.assertEqual({'context': 12}, metrics.nonzero('skipped_total', 'reason', rule='seen'))
        # The transaction with the custom setting has left its name in the client's session from then on.
        self.assertEqual({'match': 1}, metrics.nonzero('verdicts_total', 'verdict', rule='strange.text'))
        self.assertEqual({'context': 11}, metrics.nonzero('skipped_total', 'reason', rule='strange.text'))
        # Only replays have used the pooler's connections so far.
        with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as other:
            left = other.execute("SELECT current_setting('app.a', true), current_setting('work_mem'), current_user::text").fetchone()
        self.assertEqual((None, '4MB', USER), left)


if __name__ == '__main__':
    unittest.main(verbosity=2)
