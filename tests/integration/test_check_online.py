#!/usr/bin/python3
"""`check --online`: what a server says of each rule, with its place, its exit status, and nothing executed; and what is said
when there is no server to ask."""
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import unittest

from support.cluster import Cluster, free_port
from support.proxy import BINARY, PATIENCE, rule
from support.troubled_relay import TroubledRelay

SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, kind varchar(20), amount int, big bigint, at timestamptz);
INSERT INTO item SELECT g, 'item ' || g, 'k', g, g, now() FROM generate_series(1, 1000) g;
CREATE TABLE large (id int, note text);
INSERT INTO large SELECT g, 'note' FROM generate_series(1, 20000) g;
CREATE TABLE secret (id int PRIMARY KEY);
CREATE SEQUENCE numbers;
CREATE FUNCTION counts(a int) RETURNS int LANGUAGE plpgsql AS 'begin perform nextval(''numbers''); return a; end';
ANALYZE;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE ROLE reader LOGIN;
GRANT SELECT ON item, large TO reader;
CREATE ROLE locked LOGIN PASSWORD 'right';
"""
BY_ID = rule('SELECT id, name FROM item WHERE id = :id', 'select "item"."id", "item"."name" from "item" where "item"."id" = :id')
SECRET = 'hunter2-' + 'x' * 8


class CheckOnline(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all locked 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust'],
                              log_statement="'all'", log_line_prefix="'%a|'", log_min_messages='log')
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(SCHEMA)

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='parallax-online-')
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / 'parallax.yaml'

    def check(self, rules, *arguments, url=None, text=None, **settings):
        """`rules`: as a dict, or `text`: as YAML."""
        config = {'listen': '127.0.0.1:0', 'upstream': url or self.cluster.url('reader') + '?sslmode=disable', **settings}
        lines = ''.join(f'{key}: {json.dumps(value)}\n' for key, value in config.items())
        self.path.write_text(lines + (text or 'rules: ' + json.dumps(rules, indent=1) + '\n'))
        return self.run_check('--online', *arguments)

    def run_check(self, *arguments):
        return subprocess.run([BINARY, 'check', '-c', self.path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60 * PATIENCE, check=False)

    def blocks(self, done):
        """The lines of each rule, by its name, the state first."""
        out = {}
        for line in done.stdout.splitlines():
            head = re.match(r'(ready|fails|broken|unverified) +(\S+)$', line)
            if head:
                block = out[head.group(2)] = [head.group(1)]
            elif line.startswith('    '):
                block.append(line.strip())
        return out

    def only(self, legacy, rewrite, *arguments, **more):
        """State, the other lines as one text, and exit status of a single rule."""
        shadow = {'shadow': more.pop('shadow')} if 'shadow' in more else {}
        done = self.check({'one': rule(legacy, rewrite, **more)}, *arguments, **shadow)
        block = self.blocks(done).get('one')
        self.assertIsNotNone(block, done.stdout + done.stderr)
        return block[0], '\n'.join(block[1:]), done.returncode

    def position(self, marked):
        """Line and column, in the file, of what stands behind `marked`."""
        before = self.path.read_text().partition(marked)[0] + marked
        return f'{self.path}:{before.count(chr(10)) + 1}:{len(before.encode()) - (before.encode().rfind(10) + 1) + 1}: '

    def test_ready(self):
        start = self.cluster.log.stat().st_size
        done = self.check({'item.byId': BY_ID, 'item.named': rule(
            'SELECT id, upper(name) AS a, lower(name) AS b FROM item WHERE id IN (:ids)',
            'select "id", upper("name"), lower("name") from "item" where "id" = any(:ids)',
            columns={'a': 'upper', 'b': 'lower'})})
        self.assertEqual((0, ''), (done.returncode, done.stderr), done.stdout)
        lines = done.stdout.splitlines()
        self.assertEqual(f'{self.path}: 2 rules, fine', lines[0])
        self.assertEqual(f'shadow: 127.0.0.1:{self.cluster.port}, database postgres, user reader', lines[1])
        self.assertEqual('2 rules: 2 ready', lines[-1])
        blocks = self.blocks(done)
        self.assertEqual(['item.byId', 'item.named'], list(blocks))
        self.assertEqual(['ready', 'id    -> id    same column  int4', 'name  -> name  same column  text'], blocks['item.byId'][:3])
        self.assertRegex(blocks['item.byId'][3], r'^legacy plan:  cost \d+\.\d\d, 1 row: Index Scan using item_pkey on item$')
        self.assertRegex(blocks['item.byId'][4], r'^rewrite plan: cost ')
        self.assertEqual(['id  -> id     same column  int4', 'a   -> upper  named        text', 'b   -> lower  named        text'],
                         blocks['item.named'][1:4])
        logged = [line.split('|', 1)[1] for line in self.cluster.log.read_bytes()[start:].decode().splitlines()
                  if line.startswith('parallax-shadow|')]
        statements = [line.partition(': ')[2] for line in logged if 'statement: ' in line or 'execute ' in line]
        self.assertGreater(len(statements), 10)
        for statement in statements:
            self.assertRegex(statement, r'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY$|ROLLBACK$|SELECT pg_catalog\.set_config|'
                             r'SELECT .*pg_catalog|WITH RECURSIVE safe|PREPARE parallax_plan|EXPLAIN \(FORMAT JSON\)|DEALLOCATE parallax_plan')

    def test_whole_plans(self):
        _, said, status = self.only('SELECT id FROM item WHERE id = :id ORDER BY name LIMIT 5', 'select id from item where id = :id order by name limit 5',
                                    '--plans')
        self.assertEqual(0, status)
        self.assertRegex(said, r'Limit  \(cost [\d.]+, 1 row\)\n.*Sort  \(cost(.|\n)*Sort Key: name\n.*Index Scan using item_pkey on item(.|\n)*Index Cond: \(id = \$1\)')
        self.assertEqual(2, self.run_check('--plans').returncode)

    def test_a_dearer_rewrite_is_told(self):
        state, said, status = self.only('SELECT name FROM item WHERE id = :id', 'select name from item where id = :id and exists (select from large where note = name)')
        self.assertEqual(('ready', 0), (state, status))
        self.assertIn('warning: the planner takes the rewrite to cost', said)

    def test_left_over_crossing_and_unpaired(self):
        state, said, status = self.only('SELECT id, name, count(*) AS n FROM item GROUP BY id, name',
                                        'select "name", "id", "kind", count(*) from "item" group by "id", "name", "kind"',
                                        columns={'n': 'count'})
        self.assertEqual(('ready', 0), (state, status), said)
        self.assertIn('warning: pairs cross: "name" (column 2) is column 1 of the rewrite, "name"', said)
        self.assertIn('warning: columns of the rewrite without a pair, not compared: "kind"', said)
        state, said, status = self.only('SELECT id, count(*) AS n FROM item GROUP BY id', 'select "id", count("id") as "m" from "item" group by "id"')
        self.assertEqual(('ready', 0), (state, status), said)
        self.assertIn('n   -> m   left over    int8', said)
        self.assertIn('warning: "n" of legacy and "m" of the rewrite are paired because', said)

    def test_a_column_without_a_pair(self):
        state, said, status = self.only('SELECT id, name FROM item', 'select "id" from "item"')
        self.assertEqual(('broken', 1), (state, status))
        self.assertIn(self.position('rules: {\n '), said)
        self.assertIn('legacy column "name" has no pair', said)
        state, said, status = self.only('SELECT id, name FROM item', 'select "id" from "item"', ignore={'name': 'not shown'})
        self.assertEqual(('ready', 0), (state, status))
        self.assertIn('name  ignored  not shown', said)

    def test_what_the_server_refuses_has_its_place_in_the_file(self):
        done = self.check(None, text='rules:\n'
                          '  no.table:\n    legacy: |\n      SELECT \'äöü\', id\n      FROM ¦nowhere WHERE id = :identity\n'
                          '    rewrite: "select id from item where id = :identity"\n'
                          '  no.column:\n    legacy: "SELECT id FROM item WHERE id = :identity"\n'
                          '    rewrite: |\n      select id from item where id = :identity\n        and item.¦wrong = 1\n'
                          '  no.function:\n    legacy: "SELECT name FROM item WHERE id = :a"\n    rewrite: |\n      select name from item where id = :b\n'
                          '    let:\n      b: "¦nothing(:a)"\n'.replace('¦', ''))
        self.assertEqual(1, done.returncode, done.stdout)
        blocks = self.blocks(done)
        self.assertEqual(['broken', self.position("id\n      FROM ") + 'the legacy statement cannot be prepared: 42P01: relation "nowhere" does not exist'],
                         blocks['no.table'])
        self.assertEqual('fails', blocks['no.column'][0])
        self.assertEqual(self.position('        and ') + 'the rewrite cannot be prepared: 42703: column item.wrong does not exist',
                         blocks['no.column'][1])
        self.assertRegex(blocks['no.column'][-2], '^legacy plan:  cost')
        self.assertEqual('rewrite plan: none', blocks['no.column'][-1])
        self.assertEqual('broken', blocks['no.function'][0])
        self.assertTrue(blocks['no.function'][1].startswith(self.position('      b: "') + '`let` b cannot be prepared: 42883: '), blocks)
        self.assertEqual('3 rules: 1 fails, 2 broken', done.stdout.splitlines()[-1])

    def test_types(self):
        state, said, status = self.only('SELECT id, big FROM item', 'select "id", "big"::int4 as "big" from "item"')
        self.assertEqual(('ready', 0), (state, status))
        self.assertIn('big  -> big  same column  int8 against int4 (compared by value: type_width)', said)
        both = ('SELECT id, amount FROM item', 'select "id", "amount"::text as "amount" from "item"')
        state, said, status = self.only(*both)
        self.assertEqual(('fails', 1), (state, status))
        self.assertIn('column "amount": int4 against text, which is a mismatch (column_type)', said)
        self.assertIn('amount  -> amount  same column  int4 against text (mismatch: column_type)', said)
        state, _, status = self.only(*both, expect=[{'kinds': ['column_type'], 'until': '2199-01-01', 'why': 'wanted'}])
        self.assertEqual(('ready', 0), (state, status))
        state, said, status = self.only('SELECT id, big FROM item', 'select "id", "big"::int4 as "big" from "item"',
                                        compare={'treat': {'type_width': 'mismatch'}})
        self.assertEqual(('fails', 1), (state, status))
        self.assertIn('equal only by `type_width`, which `treat` makes a mismatch', said)

    def test_types_of_names(self):
        state, said, status = self.only('SELECT id FROM item WHERE id = :a AND big = :b AND name = :c AND id IN (:ids) AND id <> :_',
                                        'select id from item where id::text = :a and id = :b and kind = :c and id = any(:ids)')
        self.assertEqual(('ready', 0), (state, status), said)
        self.assertEqual(['warning: :a is int4 in legacy and text in the rewrite'], re.findall('warning: .*', said))
        _, said, _ = self.only('SELECT id FROM item WHERE at > :since', 'select id from item where at > :since and at >= :since')
        self.assertEqual(1, said.count('warning: :since is a timestamptz'), said)

    def test_rights(self):
        state, said, status = self.only('SELECT id FROM secret', 'select "id" from "secret"')
        self.assertEqual(('broken', 1), (state, status))
        self.assertIn("the shadow's role may not read secret: GRANT SELECT ON secret TO reader", said)

    def test_side_effects(self):
        state, said, status = self.only('SELECT counts(id) AS a FROM item', 'select counts("id") as "a" from "item"')
        self.assertEqual(('broken', 1), (state, status))
        self.assertIn('function counts', said)
        state, _, status = self.only('SELECT counts(id) AS a FROM item', 'select counts("id") as "a" from "item"',
                                     shadow={'safe_functions': ['counts']})
        self.assertEqual(('ready', 0), (state, status))
        self.assertEqual('f', self.cluster.psql('SELECT is_called FROM numbers'))

    def test_a_role_that_may_write_is_warned_of(self):
        done = self.check({'item.byId': BY_ID}, url=self.cluster.url() + '?sslmode=disable')
        self.assertEqual(0, done.returncode)
        self.assertIn("warning: the shadow's role postgres is a superuser", done.stderr)

    def test_a_locked_table_is_no_answer(self):
        script = f"BEGIN; LOCK TABLE large; SELECT pg_sleep({10 * PATIENCE});"
        with subprocess.Popen(['psql', '-qX', self.cluster.url(), '-c', script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as locker:
            self.addCleanup(locker.kill)
            while self.cluster.psql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'large'::regclass AND granted") == '0':
                time.sleep(0.02)
            rules = {'large.all': rule('SELECT id, note FROM large', 'select "id", "note" from "large"'), 'item.byId': BY_ID}
            done = self.check(rules)
            locker.kill()
        self.assertEqual(2, done.returncode, done.stdout)
        blocks = self.blocks(done)
        self.assertEqual('unverified', blocks['large.all'][0])
        self.assertIn('55P03', blocks['large.all'][1])
        self.assertEqual('ready', blocks['item.byId'][0])
        self.assertEqual('2 rules: 1 ready, 1 unverified', done.stdout.splitlines()[-1])

    def assert_no_connection(self, done, port, words, user='reader'):
        self.assertEqual(2, done.returncode, done.stdout)
        self.assertRegex(done.stderr, rf'^no shadow connection to 127\.0\.0\.1:{port}, database postgres, user {user}: .*{words}')
        self.assertEqual(f'{self.path}: 1 rule, fine\n', done.stdout)

    def test_wrong_password(self):
        done = self.check({'item.byId': BY_ID}, url=self.cluster.url('locked', password=SECRET) + '?sslmode=disable')
        self.assert_no_connection(done, self.cluster.port, '28P01: .*password authentication failed', 'locked')
        self.assertNotIn(SECRET, done.stdout + done.stderr)

    def test_no_server(self):
        port = free_port()
        done = self.check({'item.byId': BY_ID}, url=f'postgresql://reader@127.0.0.1:{port}/postgres?sslmode=disable')
        self.assert_no_connection(done, port, 'refused')

    def test_a_server_that_never_answers(self):
        with socket.create_server(('127.0.0.1', 0)) as silent:
            port = silent.getsockname()[1]
            start = time.monotonic()
            done = self.check({'item.byId': BY_ID}, url=f'postgresql://reader@127.0.0.1:{port}/postgres?sslmode=disable',
                              shadow={'pool': {'connect_timeout': '1s'}})
            self.assertLess(time.monotonic() - start, 4 * PATIENCE)
        self.assert_no_connection(done, port, 'no answer within 1000 ms')

    def test_a_server_that_stops_answering(self):
        """The login passes, and then nothing does."""
        class Stops(TroubledRelay):
            def _pass_on(self, source, target, answer):
                data = source.recv(65536)
                if b'BEGIN ISOLATION' in data:
                    self.trouble = 'frozen'
                    return True
                target.sendall(data)
                return bool(data)
        with Stops(self.cluster.port) as relay:
            done = self.check({'item.byId': BY_ID}, url=f'postgresql://reader@127.0.0.1:{relay.port}/postgres?sslmode=disable',
                              shadow={'statement_timeout': '100ms'})
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual('unverified', self.blocks(done)['item.byId'][0])
        self.assertIn('the shadow server did not answer in time', done.stdout)

    def test_several_listeners_and_the_shadow_of_its_own(self):
        self.cluster.psql('CREATE DATABASE other')
        listeners = [{'name': name, 'listen': '127.0.0.1:0', 'upstream': self.cluster.url('reader', database) + '?sslmode=disable'}
                     for name, database in (('app', 'other'), ('jobs', 'other'))]
        self.path.write_text(json.dumps({'listeners': listeners, 'rules': {'one': BY_ID}}))
        done = self.run_check('--online')
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn('42P01', done.stdout)
        self.path.write_text(json.dumps({'listeners': listeners, 'rules': {'one': BY_ID}, 'shadow': {'url': self.cluster.url('reader') + '?sslmode=disable'}}))
        done = self.run_check('--online')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_nothing_to_ask(self):
        done = self.check({}, text='rules: {}\n')
        self.assertEqual((0, '0 rules'), (done.returncode, done.stdout.splitlines()[-1]), done.stderr)

    def test_off_is_checked_too(self):
        done = self.check({'item.byId': BY_ID}, mode='off')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_mistakes_of_the_file_come_first(self):
        done = self.check({'one': rule('SELECT id FROM item', 'delete from item')})
        self.assertEqual((2, ''), (done.returncode, done.stdout))

    def test_a_reader_that_goes_away(self):
        self.check({f'r{i}': rule(f'SELECT id, name, kind FROM item WHERE id = {i}', f'select id, name, kind from item where id = {i}')
                    for i in range(200)})
        done = subprocess.run(['bash', '-c', 'set -o pipefail; "$0" check -c "$1" --online --plans | head -1; exit ${PIPESTATUS[0]}',
                               BINARY, self.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60 * PATIENCE, check=False)
        self.assertEqual((0, f'{self.path}: 200 rules, fine\n'), (done.returncode, done.stdout), done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
