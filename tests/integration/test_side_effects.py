#!/usr/bin/python3
"""A replay changes nothing. Whatever a read-only transaction lets through is refused when the configuration is read, or,
where only the server knows (views, policies, functions, operators, casts), before any statement of the rule is sent: the
server's own log says so. And thousands of replays leave no lock, slot, transaction number, temporary table or row."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from support.cluster import Cluster
from support.proxy import BINARY, ROOT, Parallax, rule, wait_for
from support.wire import Wire, query

# Everything that passes BEGIN READ ONLY or its ROLLBACK, as somebody might write it into a rule.
REFUSED_AT_LOAD = [
    'select pg_advisory_lock(42)',
    'select id from item where pg_try_advisory_xact_lock(id)',
    "select dblink_exec('dbname=x', 'insert into item values (0)')",
    "select pg_catalog.pg_create_physical_replication_slot('left')",
    "copy item to program 'cat'",
    "copy item to '/tmp/x'",
    'select PG_STAT_RESET()',
    'select "pg_reload_conf"()',
    'select "pg_catalog"."pg_switch_wal"()',
    "select pg_create_restore_point('x')",
    "select pg_logical_emit_message(false, 'a', 'b')",
    'select pg_terminate_backend(1)',
    'select id from item order by pg_sleep(1)',
    'lock table item in access exclusive mode',
    'select txid_current()',
    'analyze item',
    'select lo_create(0)',
    "select lo_import('/etc/hostname')",
    "select pg_notify('a', 'b')",
    "notify a, 'b'",
    'listen a',
    "select set_config('role', 'postgres', false)",
    'select pg_export_snapshot()',
    'set transaction read write',
    'set local transaction_read_only = off',
    'commit; insert into item values (0)',
    "select nextval('numbers')",
    'with w as (insert into item values (0) returning id) select id from w',
    'select id from item for update',
    'select id into copied from item',
    "select query_to_xml('select pg_advisory_lock(1)', true, true, '')",
    "select * from ts_stat('select pg_advisory_lock(1)')",
    'explain analyze select id from item',
    'call commits()',
    "do 'begin commit; end'",
    'select id from item where id = (select max(x) from (select lastval() x) s)',
]

# Only the server knows these. The reason, and what the rewrite reads.
REFUSED_BY_CATALOG = {
    'by.function': ('function writes is volatile', 'select writes(id) from item where id = :id'),
    'by.sql_function': ('pg_advisory_lock, behind function locks', 'select locks(id) from item where id = :id'),
    'by.stable_plpgsql': ('pg_advisory_lock, behind function looks_stable', 'select looks_stable(id) from item where id = :id'),
    'by.view': ('pg_advisory_lock, behind relation locking', 'select id from locking where id = :id'),
    'by.policy': ('pg_advisory_lock, behind relation guarded', 'select id from guarded where id = :id'),
    'by.operator': ('is volatile: a replay could change', 'select id @@@ 1 from item where id = :id'),
    'by.cast': ('function to_mood', 'select id::mood from item where id = :id'),
    'by.foreign_table': ('foreign table elsewhere is on another server', 'select id from elsewhere where id = :id'),
    'by.partition': ('foreign table parted_there, behind relation parted', 'select id from parted where id = :id'),
    'by.rights': ('may not read secret: GRANT SELECT ON secret TO reader', 'select id from secret where id = :id'),
}
SCHEMA = """
CREATE EXTENSION file_fdw;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT g, 'item ' || g FROM generate_series(1, 100) g;
CREATE TABLE secret (id int PRIMARY KEY);
CREATE FUNCTION writes(a int) RETURNS int LANGUAGE sql AS 'insert into item values (-a) returning id';
CREATE FUNCTION writes2(a int, b int) RETURNS int LANGUAGE sql AS 'select writes(a)';
CREATE FUNCTION locks(a int) RETURNS int STABLE LANGUAGE sql AS 'select a from pg_advisory_lock(a)';
CREATE FUNCTION looks_stable(a int) RETURNS int STABLE LANGUAGE plpgsql AS 'begin perform pg_advisory_lock(a); return a; end';
CREATE VIEW locking AS SELECT id FROM item WHERE pg_advisory_lock(id) IS NOT NULL;
CREATE TABLE guarded (id int PRIMARY KEY);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY guard ON guarded USING (locks(id) > 0);
CREATE OPERATOR @@@ (FUNCTION = writes2, LEFTARG = int, RIGHTARG = int);
CREATE TYPE mood AS ENUM ('ok');
CREATE FUNCTION to_mood(a int) RETURNS mood LANGUAGE sql AS $$select 'ok'::mood$$;
CREATE CAST (int AS mood) WITH FUNCTION to_mood(int);
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE elsewhere (id int) SERVER files OPTIONS (filename '/dev/null');
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE parted_there PARTITION OF parted FOR VALUES FROM (0) TO (9) SERVER files OPTIONS (filename '/dev/null');
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE ROLE reader LOGIN;
CREATE ROLE writer LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, writer;
REVOKE SELECT ON secret FROM reader;
GRANT DELETE ON item TO writer;
"""
GOOD = {
    'item.byId': rule('SELECT id, name FROM item WHERE id = :id', 'select "id", "name" from "item" where "item"."id" = :id'),
    'item.count': rule('SELECT count(*) FROM item WHERE id < :n', 'select count("id") from "item" where "id" < :n'),
    'item.fails': rule('SELECT id, 1 AS one FROM item WHERE id = :n', 'select "id", 1 / ("id" - "id") from "item" where "id" = :n'),
}
REPLAYS = 2400
ALLOWED = re.compile(r'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY$|ROLLBACK$|(?i:select|with recursive)\s')


class SideEffects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(log_statement="'all'", log_min_duration_statement=0, log_line_prefix="'%a|'",
                              log_min_messages='log')
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(SCHEMA)

    def proxied(self, rules, user='reader', **shadow):
        settings = {'url': self.cluster.url(user) + '?sslmode=disable', **shadow}
        return Parallax(self.cluster.url(user), {'sample': 1.0, 'rules': rules, 'shadow': settings})

    def logged(self, start):
        """What the shadow's connections were seen to send: parsed, bound or executed."""
        text = self.cluster.log.read_bytes()[start:].decode()
        return [line.split('|', 1)[1] for line in text.splitlines() if line.startswith('parallax-shadow|')]

    def log_size(self):
        return self.cluster.log.stat().st_size

    def test_what_read_only_lets_through_is_refused_at_load(self):
        rules = {f'r{number}': rule(f'SELECT id FROM item WHERE id = {number}', sql) for number, sql in enumerate(REFUSED_AT_LOAD)}
        start = self.log_size()
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'parallax.yaml'
            path.write_text(json.dumps({'listen': '127.0.0.1:0', 'upstream': self.cluster.url('reader'), 'rules': rules}, indent=1))
            done = subprocess.run([BINARY, 'run', '-c', path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=30, check=False)
            places = {number for number, line in enumerate(path.read_text().splitlines(), 1) if '"rewrite"' in line}
        self.assertEqual(2, done.returncode, done.stdout)
        refused = {int(line) for line in re.findall(r'parallax\.yaml:(\d+):\d+: ', done.stdout)}
        self.assertEqual(places, refused, done.stdout)
        self.assertEqual([], self.logged(start))

    def test_what_only_the_server_knows_is_refused_before_anything_is_sent(self):
        rules = {name: rule(f'SELECT id FROM item WHERE id = :id AND name = \'{name}\'', sql)
                 for name, (_, sql) in REFUSED_BY_CATALOG.items()}
        start = self.log_size()
        with self.proxied(rules) as proxy:
            proxy.wait_verified()
            self.assertEqual({name: 'broken' for name in rules}, proxy.states())
            for name, (reason, _) in REFUSED_BY_CATALOG.items():
                lines = [line for line in proxy.log_text().splitlines() if f'rule={name} ' in line]
                self.assertTrue(any(reason in line for line in lines), (name, lines))
            with Wire(proxy.host, proxy.port).start(user='reader') as session:
                for name in rules:
                    session.send(query(f"SELECT id FROM item WHERE id = 1 AND name = '{name}'"))
                    session.until_ready()
            self.assertEqual(len(rules), proxy.settled().sum('skipped_total', reason='broken'))
        seen = '\n'.join(self.logged(start))
        self.assertIn('WITH RECURSIVE', seen)
        for name, (_, sql) in REFUSED_BY_CATALOG.items():
            self.assertNotIn(sql.split(' where ')[0], seen, name)

    def facts(self):
        """What replays could have changed."""
        return self.cluster.psql("""
            SELECT pg_snapshot_xmax(pg_current_snapshot()), (SELECT count(*) FROM pg_replication_slots),
              (SELECT count(*) FROM pg_class WHERE relpersistence = 't'), (SELECT count(*) FROM pg_largeobject_metadata),
              (SELECT count(*) FROM pg_class), (SELECT md5(string_agg(i::text, ',' ORDER BY id)) FROM item i),
              (SELECT count(*) FROM pg_prepared_xacts), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')""")

    def test_thousands_of_replays_leave_nothing(self):
        before, start = self.facts(), self.log_size()
        with self.proxied(GOOD, queue={'max_jobs': REPLAYS}) as proxy:
            proxy.wait_verified()
            self.assertEqual({'ready'}, set(proxy.states().values()))
            with Wire(proxy.host, proxy.port).start(user='reader') as session:
                for number in range(REPLAYS // 3):
                    session.send(query(f'SELECT id, name FROM item WHERE id = {number % 100}'),
                                 query(f'SELECT count(*) FROM item WHERE id < {number % 100}'),
                                 query(f'SELECT id, 1 AS one FROM item WHERE id = {1 + number % 100}'))
                    session.until_ready(3)
            metrics = proxy.settled()
            self.assertEqual(2 * REPLAYS // 3, metrics.sum('verdicts_total', verdict='match'))
            self.assertEqual(REPLAYS // 3, metrics.sum('verdicts_total', verdict='rewrite_error'))
            # The connections of the pool are still there, and idle.
            sessions = "FROM pg_stat_activity a WHERE application_name = 'parallax-shadow'"
            self.assertNotEqual('0', self.cluster.psql(f'SELECT count(*) {sessions}'))
            self.assertEqual('0', self.cluster.psql(f"SELECT count(*) {sessions} AND (state <> 'idle' OR backend_xid IS NOT NULL"
                                                    ' OR backend_xmin IS NOT NULL)'))
            self.assertEqual('0', self.cluster.psql(f'SELECT count(*) FROM pg_locks WHERE pid IN (SELECT pid {sessions})'))
        self.assertEqual(before, self.facts())
        # By the simple protocol, which could carry more than one statement, nothing has come.
        lines = self.logged(start)
        self.assertEqual([], [line for line in lines if re.search(r'statement: ', line)])
        executed = [line.split('execute <unnamed>: ', 1)[1] for line in lines if 'execute <unnamed>: ' in line]
        self.assertEqual([], sorted({sql for sql in executed if not ALLOWED.match(sql)}))
        self.assertEqual(executed.count('ROLLBACK'), sum(sql.startswith('BEGIN') for sql in executed))
        self.assertGreater(executed.count('ROLLBACK'), REPLAYS)

    def warnings(self, user):
        with self.proxied(GOOD, user=user) as proxy:
            proxy.wait_verified()
            self.assertEqual({'ready'}, set(proxy.states().values()))
            return [line for line in proxy.log_text().splitlines() if "the shadow's role" in line]

    def test_a_role_that_can_write_is_warned_of_once(self):
        self.assertEqual([], self.warnings('reader'))
        for user, may in (('postgres', 'is a superuser'), ('writer', 'may change item')):
            lines = self.warnings(user)
            self.assertEqual(1, len(lines), lines)
            self.assertRegex(lines[0], f"warn.* the shadow's role {user} {may}.*CREATE ROLE parallax LOGIN")

    def test_the_role_that_the_readme_advises(self):
        readme = (ROOT / 'README.md').read_text()
        advice = next(block for block in re.findall(r'```sql\n(.*?)```', readme, re.S) if 'CREATE ROLE parallax' in block)
        advice = re.sub(r'\bapp\b', 'advised', advice.replace('…', 'secret'))
        self.cluster.psql('CREATE ROLE advised LOGIN; CREATE DATABASE advised OWNER advised')
        self.cluster.psql("CREATE TABLE things (id int PRIMARY KEY, name text); INSERT INTO things VALUES (1, 'one')", 'advised', 'advised')
        self.cluster.psql(advice, 'advised')
        rules = {'thing': rule('SELECT name FROM things WHERE id = :id', 'select things.name from things where things.id = :id')}
        for identity, outcome in (('set_role', ('verdicts_total', 'verdict', 'match')), ('same_user', ('skipped_total', 'reason', 'context'))):
            shadow = {'url': self.cluster.url('parallax', 'advised', 'secret'), 'identity': identity}
            with Parallax(self.cluster.url('advised', 'advised'), {'sample': 1.0, 'rules': rules, 'shadow': shadow}) as proxy:
                proxy.wait_verified()
                with Wire(proxy.host, proxy.port).start(user='advised', database='advised') as session:
                    session.send(query('SELECT name FROM things WHERE id = 1'))
                    session.until_ready()
                series, label, value = outcome
                self.assertEqual({value: 1}, proxy.settled().nonzero(series, label))
                self.assertNotIn("the shadow's role", proxy.log_text())

    def test_a_function_that_the_operator_vouches_for(self):
        rules = {'vouched': rule('SELECT id FROM item WHERE id = :id', 'select id from item where id = :id and to_mood(id) is not null')}
        for vouched, state in (([], 'broken'), (['public.to_mood'], 'ready')):
            with self.proxied(rules, safe_functions=vouched) as proxy:
                proxy.wait_verified()
                self.assertEqual({'vouched': state}, proxy.states())

    def test_a_grant_mends_a_rule_without_a_restart(self):
        rules = {'secret': rule('SELECT id FROM secret WHERE id = :id', 'select "id" from "secret" where "id" = :id')}
        with self.proxied(rules) as proxy:
            proxy.wait_verified()
            self.assertEqual({'secret': 'broken'}, proxy.states())
            self.cluster.psql('GRANT SELECT ON secret TO reader')
            try:
                wait_for(lambda: proxy.states() == {'secret': 'ready'}, 40, 'the rule is ready')
                with Wire(proxy.host, proxy.port).start(user='reader') as session:
                    session.send(query('SELECT id FROM secret WHERE id = 1'))
                    session.until_ready()
                self.assertEqual({'match': 1}, proxy.settled().nonzero('verdicts_total', 'verdict'))
            finally:
                self.cluster.psql('REVOKE SELECT ON secret FROM reader')
            self.assertEqual(1, proxy.log_text().count('may not read secret'))

    def test_the_examples_of_an_orm_are_ready(self):
        self.cluster.load_scenario()
        examples = str(ROOT / 'deploy' / 'examples' / 'rules.yaml')
        with Parallax(self.cluster.url('app', 'pinpoint'), {'sample': 1.0, 'include': [examples]}) as proxy:
            proxy.wait_verified()
            self.assertEqual({'ready'}, set(proxy.states().values()), proxy.log_text())
            self.assertGreater(len(proxy.states()), 10)


if __name__ == '__main__':
    unittest.main(verbosity=2)
