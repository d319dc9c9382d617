#!/usr/bin/python3
"""`parallax learn`: what passes is counted and put together, what answers what is found by results, tags and values, and the
proposed rules load and match. Clients here write as ORMs do; tests/e2e has the real ones."""
import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import psycopg
import yaml

from support.cluster import Cluster
from support.proxy import BINARY, PATIENCE, Parallax, PeakMemory

SCHEMA = """
CREATE TABLE users (id text PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL);
CREATE TABLE roles (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE memberships (id text PRIMARY KEY, "userId" text NOT NULL REFERENCES users, "roleId" text NOT NULL REFERENCES roles);
INSERT INTO users SELECT 'u' || g, 'secret' || g || '@example.test', 'Person ' || g FROM generate_series(0, 29) g;
INSERT INTO roles SELECT 'r' || g, 'role ' || g FROM generate_series(0, 4) g;
INSERT INTO memberships SELECT 'm' || u || '_' || k, 'u' || u, 'r' || (u * 3 + k) % 5 FROM generate_series(0, 24) u, generate_series(1, 3) k WHERE k <= u % 4;
"""
USER = 'SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = %s LIMIT %s OFFSET %s'
MEMBERSHIPS = ('SELECT "public"."memberships"."id", "public"."memberships"."userId", "public"."memberships"."roleId" FROM "public"."memberships"'
               ' WHERE "public"."memberships"."userId" IN (%s) OFFSET %s')
ROLES = 'SELECT "public"."roles"."id", "public"."roles"."name" FROM "public"."roles" WHERE "public"."roles"."id" IN ({}) OFFSET %s'
JOIN = ('select "users"."id", "users"."name", "memberships"."id", "memberships"."userId", "memberships"."roleId", "roles"."id", "roles"."name" from "users"'
        ' left join "memberships" on "users"."id" = "memberships"."userId" left join "roles" on "memberships"."roleId" = "roles"."id" where "users"."id" = %s')
BY_EMAIL = 'SELECT "public"."users"."id", "public"."users"."email" FROM "public"."users" WHERE ("public"."users"."email" = %s AND 1=1) LIMIT %s OFFSET %s'
NEW_BY_EMAIL = 'select "id", "email" from "users" where "users"."email" = %s'
SEARCH = 'SELECT "public"."users"."id" FROM "public"."users" WHERE "public"."users"."name" ILIKE (\'%%\' || %s || \'%%\') ORDER BY "public"."users"."id" ASC LIMIT %s OFFSET %s'
NEW_SEARCH = 'select "id" from "users" where "users"."name" ilike %s order by "users"."id" asc limit %s'


def profile(session, user):
    """As Prisma 7 asks for a user with its memberships and their roles."""
    found = session.execute(USER, (user, 1, 0)).fetchall()
    members = session.execute(MEMBERSHIPS, (found[0][0] if found else None, 0)).fetchall()
    roles = [member[2] for member in members] or [None]
    session.execute(ROLES.format(', '.join(['%s'] * len(roles))), (*roles, 0)).fetchall()


class Learn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(SCHEMA)

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.out = self.directory / 'learned.yaml'

    def learner(self, *arguments, config=None):
        proxy = Parallax(self.cluster.url(), config, ['--rewrite', 'application_name=new', '--out', self.out, *arguments], command='learn')
        self.addCleanup(proxy.stop)
        return proxy

    @staticmethod
    def session(proxy, name='old', simple=False):
        factory = psycopg.ClientCursor if simple else psycopg.Cursor
        return psycopg.connect(proxy.url(application_name=name), autocommit=True, cursor_factory=factory)

    def learnt(self, proxy):
        """The rules that load, and what was printed."""
        proxy.terminate()
        self.assertEqual(0, proxy.process.wait(30 * PATIENCE), proxy.log_text())
        return self.rules(), proxy.log_text()

    def rules(self):
        return yaml.load(self.out.read_text(), yaml.BaseLoader)['rules']

    def both(self, proxy, rewrite=NEW_BY_EMAIL, simple=False):
        with self.session(proxy, simple=simple) as old, self.session(proxy, 'new', simple=simple) as new:
            for number in range(6):
                old.execute(BY_EMAIL, (f'secret{number}@example.test', 1, 0)).fetchall()
                new.execute(rewrite, (f'secret{number}@example.test',)).fetchall()

    def test_both_sides_make_rules_that_match(self):
        proxy = self.learner()
        with self.session(proxy) as old, self.session(proxy, 'new') as new:
            for number in (*range(8), 27, 99):
                profile(old, f'u{number}')
                new.execute(JOIN, (f'u{number}',)).fetchall()
                old.execute(BY_EMAIL, (f'secret{number}@example.test', 1, 0)).fetchall()
                new.execute(NEW_BY_EMAIL, (f'secret{number}@example.test',)).fetchall()
                old.execute(SEARCH, (f'person {number}', 1 + number % 3, 0)).fetchall()
                new.execute(NEW_SEARCH, (f'%person {number}%', 1 + number % 3)).fetchall()
        rules, told = self.learnt(proxy)
        self.assertEqual({'users.findUnique', 'users.findUnique.2', 'users.findMany'}, set(rules), told)
        operation = next(rule for rule in rules.values() if isinstance(rule['legacy'], dict))
        self.assertEqual(['user', 'memberships', 'roles'], list(operation['legacy']))
        self.assertIn('"userId" IN (:user.id)', operation['legacy']['memberships'])
        self.assertIn('"id" IN (:memberships.roleId)', operation['legacy']['roles'])
        self.assertEqual({'nameLike': "'%' || :name || '%'"}, rules['users.findMany']['let'])
        self.assertIn('LIMIT :limit OFFSET 0', rules['users.findMany']['legacy'])
        self.assertIn('(3 with rows,', re.sub(r'\(\d+ with rows', '(3 with rows', self.out.read_text()))
        self.check_online()
        self.check_matching(rules)

    def check_online(self):
        config = self.directory / 'parallax.yaml'
        config.write_text(json.dumps({'listen': '127.0.0.1:0', 'upstream': self.cluster.url(), 'include': [str(self.out)]}))
        done = subprocess.run([BINARY, 'check', '-c', config, '--online'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout)

    def check_matching(self, rules):
        with Parallax(self.cluster.url(), {'sample': 1.0, 'rules': rules}) as proxy:
            proxy.wait_verified()
            with self.session(proxy) as old:
                for number in (*range(12), 28, 77):
                    profile(old, f'u{number}')
                    old.execute(BY_EMAIL, (f'secret{number}@example.test', 1, 0)).fetchall()
                    old.execute(SEARCH, (f'person {number}', 2, 0)).fetchall()
            metrics = proxy.settled()
            for name in rules:
                self.assertEqual({'match': 14}, metrics.nonzero('verdicts_total', 'verdict', rule=name), name)

    def test_no_value_is_told(self):
        for simple in (False, True):
            with self.subTest(simple=simple):
                proxy = self.learner('--force')
                self.both(proxy, simple=simple)
                rules, told = self.learnt(proxy)
                self.assertEqual(1, len(rules), told)
                for text in (self.out.read_text(), told):
                    self.assertNotIn('secret', text)
                    self.assertNotIn('example.test', text)

    def test_wrong_rewrites_are_not_proposed(self):
        for wrong in ('select "id", "email" from "users" where "users"."email" > %s',
                      'select "id", lower("name") from "users" where "users"."email" = %s',
                      'select "id", "email" from "users" where "users"."email" = %s and false',
                      'select "users"."id", "users"."email" from "users", "roles" where "users"."email" = %s',
                      'select "id", "email" from "users" where "users"."email" = lower(%s) and "users"."id" <> \'u3\' and "users"."id" <> \'u4\''):
            with self.subTest(wrong=wrong):
                proxy = self.learner('--force')
                self.both(proxy, wrong)
                rules, told = self.learnt(proxy)
                self.assertEqual({}, dict(rules), told)
                self.assertIn('none', told)

    def test_a_wrong_rewrite_with_the_right_tag_is_proposed_and_told(self):
        proxy = self.learner()
        with self.session(proxy) as old, self.session(proxy, 'new') as new:
            for number in range(6):
                tag = " /*operation='user.byEmail'*/"
                old.execute(BY_EMAIL + tag, (f'secret{number}@example.test', 1, 0)).fetchall()
                new.execute(NEW_BY_EMAIL + ' and "users"."id" < \'u3\'' + tag, (f'secret{number}@example.test',)).fetchall()
        rules, _ = self.learnt(proxy)
        self.assertEqual(['user.byEmail'], list(rules))
        self.assertIn('3 gave something else', self.out.read_text())

    def test_legacy_alone_is_written_as_comments_with_its_links(self):
        proxy = self.learner()
        with self.session(proxy) as old:
            for number in range(6):
                profile(old, f'u{number}')
        rules, told = self.learnt(proxy)
        self.assertEqual({}, dict(rules))
        self.assertIn('no SELECT was of the rewrite, --rewrite application_name=new', told)
        self.assertIn('IN (:memberships.roleId)', self.out.read_text())
        self.assertRegex(told, r'(?m)^ +6 +0 .*new: users\.findUnique')

    def test_tags_choose_the_side_and_what_a_rule_covers_is_no_news(self):
        covered = {'user.byEmail': {'legacy': BY_EMAIL.replace('%s', ':email', 1).replace('%s', '1', 1).replace('%s', '0', 1),
                                    'rewrite': NEW_BY_EMAIL.replace('%s', ':email')}}
        proxy = Parallax(self.cluster.url(), {'rules': covered}, ['--rewrite', 'orm=drizzle', '--legacy', 'orm=prisma', '--out', self.out], command='learn')
        self.addCleanup(proxy.stop)
        with self.session(proxy) as session:
            for number in range(4):
                mail = f'secret{number}@example.test'
                session.execute(BY_EMAIL + " /*orm='prisma'*/", (mail, 1, 0)).fetchall()
                session.execute(NEW_BY_EMAIL + " /*orm='drizzle'*/", (mail,)).fetchall()
                session.execute(USER + " /*orm='prisma'*/", (f'u{number}', 1, 0)).fetchall()
            session.execute('select 1').fetchall()
        rules, told = self.learnt(proxy)
        self.assertEqual({}, dict(rules))
        self.assertEqual(2, len(re.findall(r'  user\.byEmail ', told)), told)
        self.assertIn('1 statement of neither side', told)

    def test_rewrites_that_a_script_has_written(self):
        rewrites = self.directory / 'rewrites.json'
        rewrites.write_text(json.dumps([{'operation': 'user.byEmail', 'sql': NEW_BY_EMAIL.replace('%s', '$1'), 'params': ['secret1@example.test']}]))
        proxy = self.learner('--rewrites', rewrites)
        with self.session(proxy) as old:
            for number in range(4):
                old.execute(BY_EMAIL + " /*operation='user.byEmail'*/", (f'secret{number}@example.test', 1, 0)).fetchall()
        rules, _ = self.learnt(proxy)
        self.assertEqual(NEW_BY_EMAIL.replace('%s', ':email'), rules['user.byEmail']['rewrite'].strip())
        self.assertIn('the results were not compared', self.out.read_text())

    def test_it_ends_by_itself(self):
        proxy = self.learner('--until-idle', '500ms')
        time.sleep(1)
        self.assertIsNone(proxy.process.poll())  # nothing has begun
        self.both(proxy)
        self.assertEqual(0, proxy.process.wait(20 * PATIENCE))
        self.assertEqual(1, len(self.rules()))

    def test_what_was_learnt_is_not_lost_with_its_file(self):
        proxy = Parallax(self.cluster.url(), None, ['--rewrite', 'application_name=new', '--out', self.directory / 'gone' / 'out.yaml'], command='learn')
        self.addCleanup(proxy.directory.cleanup)
        self.addCleanup(proxy.log.close)
        self.both(proxy)
        with self.assertRaisesRegex(AssertionError, 'exit status 1:[^§]*No such file or directory[^§]*"email" = :email'):
            proxy.stop()

    def test_memory_is_bounded(self):
        proxy = self.learner(config={'shadow': {'capture': {'max_bytes': '1MiB'}}})
        with PeakMemory(proxy) as memory, self.session(proxy) as old:
            for number in range(1500):
                old.execute("SELECT repeat('x', 900000) AS a, %s::int AS b", (number,)).fetchall()
            old.execute("SELECT repeat('x', 50000000) AS c").fetchall()
        rules, told = self.learnt(proxy)
        self.assertLess(memory.growth(), 500 << 20)
        self.assertRegex(told, r'\d+ executions counted, but no longer kept')
        self.assertRegex(told, r'(?m)^ +1500 ')
        self.assertEqual({}, dict(rules))

    def test_mistakes(self):
        config = self.directory / 'parallax.yaml'
        config.write_text(json.dumps({'listen': '127.0.0.1:0', 'upstream': self.cluster.url()}))
        self.out.write_text('mine')
        bad = self.directory / 'bad.json'
        bad.write_text('[{"operation": "a", "sql": "select 1", "parms": []}]')
        for arguments, answer in ((['--out', self.out], 'is there already: --force'),
                                  (['--rewrite', 'new'], 'there is no listener `new`, there is `'),
                                  (['--legacy', '=x'], '--legacy: write KEY=VALUE'),
                                  (['--rewrites', bad], 'entry 1: unknown key `parms`'),
                                  (['--rewrites', self.directory / 'none.json'], 'No such file'),
                                  (['--until-idle', '3'], 'write a duration such as'),
                                  (['--force'], '--out')):
            with self.subTest(arguments=arguments):
                done = subprocess.run([BINARY, 'learn', '-c', config, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=20)
                self.assertEqual((2, ''), (done.returncode, done.stdout), done.stderr)
                self.assertIn(answer, done.stderr)
        self.assertEqual('mine', self.out.read_text())


if __name__ == '__main__':
    unittest.main(verbosity=2)
