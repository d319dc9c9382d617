#!/usr/bin/python3
"""Operations of several statements: one call of an ORM sends a root and its children, on whatever connections of its pool,
and one statement answers them all. Clients here write their statements as Prisma 7 does; tests/e2e has Prisma itself."""
import concurrent.futures
import itertools
import os
import queue
import random
import threading
import time
import unittest

import psycopg

from clients.rig import DATABASE, PASSWORD, USER
from support.cluster import Cluster
from support.proxy import SANITIZED, Parallax, rule, wait_for

SCHEMA = """
CREATE TABLE users (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE roles (id text PRIMARY KEY, name text NOT NULL, permissions text[] NOT NULL);
CREATE TABLE memberships (id text PRIMARY KEY, "userId" text NOT NULL REFERENCES users, "roleId" text NOT NULL REFERENCES roles, n int NOT NULL);
CREATE TABLE issues (id int PRIMARY KEY, title text NOT NULL, "createdById" text NOT NULL REFERENCES users, "assignedToId" text REFERENCES users);
CREATE TABLE shelves (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE books (id int PRIMARY KEY, "shelfId" int NOT NULL REFERENCES shelves, title text NOT NULL, rank int NOT NULL);
INSERT INTO users SELECT 'u' || g, 'user ' || g FROM generate_series(0, 39) g;
INSERT INTO roles SELECT 'r' || g, 'role ' || g, ARRAY['a' || g, 'b'] FROM generate_series(0, 4) g;
INSERT INTO memberships SELECT 'm' || u || '_' || k, 'u' || u, 'r' || (u * 3 + k) % 5, u * 10 + k
  FROM generate_series(0, 29) u, generate_series(1, 3) k WHERE k <= u % 4;
INSERT INTO issues SELECT g, 'issue ' || g, 'u' || g % 7, CASE WHEN g % 3 = 0 THEN NULL ELSE 'u' || g % 11 END FROM generate_series(1, 60) g;
INSERT INTO shelves SELECT g, 'shelf ' || g FROM generate_series(1, 12) g;
INSERT INTO books SELECT g, 1 + g % 11, 'book ' || g % 9, g % 4 FROM generate_series(1, 80) g;
"""
PROFILE = {
    'user': 'SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = :userId LIMIT 1 OFFSET 0',
    'memberships': 'SELECT "public"."memberships"."id", "public"."memberships"."userId", "public"."memberships"."roleId" FROM "public"."memberships"'
                   ' WHERE "public"."memberships"."userId" IN (:user.id) OFFSET 0',
    'roles': 'SELECT "public"."roles"."id", "public"."roles"."name", "public"."roles"."permissions" FROM "public"."roles"'
             ' WHERE "public"."roles"."id" IN (:memberships.roleId) OFFSET 0',
}
PROFILE_JOIN = ('select "users"."id", "users"."name", "memberships"."id", "memberships"."userId", "memberships"."roleId", "roles"."id", "roles"."name",'
                ' "roles"."permissions" from "users" left join "memberships" on "users"."id" = "memberships"."userId"'
                ' left join "roles" on "memberships"."roleId" = "roles"."id" where "users"."id" = :userId')
LIST = {
    'm': 'SELECT "m"."id", "m"."userId", "m"."roleId" FROM "memberships" AS "m" WHERE "m"."n" >= :since ORDER BY "m"."n" ASC LIMIT :take OFFSET 0',
    'users': 'SELECT "id", "name" FROM "users" WHERE "id" IN (:m.userId) OFFSET 0',
    'roles': 'SELECT "id", "name" FROM "roles" WHERE "id" IN (:m.roleId) OFFSET 0',
}
LIST_JOIN = ('select "memberships"."id", "users"."name", "roles"."name" from "memberships" inner join "users" on "memberships"."userId" = "users"."id"'
             ' inner join "roles" on "memberships"."roleId" = "roles"."id" where "memberships"."n" >= :since order by "memberships"."n" limit :take')
ISSUES = {
    'issues': 'SELECT "id", "title", "createdById", "assignedToId" FROM "issues" WHERE "id" > :after ORDER BY "id" ASC LIMIT :take OFFSET 0',
    'createdBy': 'SELECT "users"."id", "users"."name" FROM "users" WHERE "users"."id" IN (:issues.createdById) OFFSET 0',
    'assignedTo': 'SELECT "users"."id", "users"."name" FROM "users" WHERE "users"."id" IN (:issues.assignedToId) OFFSET 0',
}
ISSUES_JOIN = ('select "issues"."id", "issues"."title", "c"."name", "a"."name" from "issues" inner join "users" "c" on "c"."id" = "issues"."createdById"'
               ' left join "users" "a" on "a"."id" = "issues"."assignedToId" where "issues"."id" > :after order by "issues"."id" limit :take')
SHELVES = {
    'shelves': 'SELECT "id", "name" FROM "shelves" WHERE "id" >= :from ORDER BY "name" ASC OFFSET 0',
    'books': 'SELECT "id", "shelfId", "title" FROM "books" WHERE "shelfId" IN (:shelves.id) ORDER BY "title" ASC OFFSET 0',
}
SHELVES_JOIN = ('select "shelves"."id", "shelves"."name", "books"."id", "books"."title" from "shelves" left join "books" on "shelves"."id" = "books"."shelfId"'
                ' where "shelves"."id" >= :from order by "shelves"."name", "books"."title"')
RULES = {'profile': rule(PROFILE, PROFILE_JOIN), 'list': rule(LIST, LIST_JOIN), 'issues': rule(ISSUES, ISSUES_JOIN), 'shelves': rule(SHELVES, SHELVES_JOIN)}
SEED = int(os.environ.get('PARALLAX_SEED', '0')) or random.randrange(1, 1 << 30)


class Pool:
    """Connections as an ORM's pool hands them out: any of them, in no order."""

    def __init__(self, url, size, **more):
        self.free = queue.Queue()
        self.all = [psycopg.connect(url, autocommit=True, **more) for _ in range(size)]
        for connection in self.all:
            self.free.put(connection)

    def query(self, sql, parameters=()):
        connection = self.free.get()
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            self.free.put(connection)

    def close(self):
        for connection in self.all:
            connection.close()


def as_prisma(members):
    """The list as Prisma 7 writes it: in the parents' order, with duplicates and NULLs; IN (NULL) for no parent at all."""
    return (', '.join(['%s'] * len(members)) or 'NULL'), list(members)


def as_set(members):
    """As Prisma's older engine and others: each member once, no NULL, and no statement without a member."""
    distinct = sorted({member for member in members if member is not None})
    return (', '.join(['%s'] * len(distinct)), distinct) if distinct else None


class Caller:
    """Makes the calls of an application; children of one parent go out at the same time."""

    def __init__(self, pool, form=as_prisma, workers=8):
        self.pool = pool
        self.form = form
        self.children = concurrent.futures.ThreadPoolExecutor(workers)

    def child(self, sql, members, *more):
        written = self.form(members)
        if written is None:
            return []
        placeholders, values = written
        return self.pool.query(sql % placeholders, [*values, *more])

    def both(self, *calls):
        return [one.result() for one in [self.children.submit(self.child, *call) for call in calls]]

    def profile(self, user):
        users = self.pool.query('SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = %s LIMIT %s OFFSET %s',
                                (user, '1', '0'))
        memberships = self.child('SELECT "public"."memberships"."id", "public"."memberships"."userId", "public"."memberships"."roleId" FROM'
                                 ' "public"."memberships" WHERE "public"."memberships"."userId" IN (%s) OFFSET 0', [row[0] for row in users])
        self.child('SELECT "public"."roles"."id", "public"."roles"."name", "public"."roles"."permissions" FROM "public"."roles" WHERE'
                   ' "public"."roles"."id" IN (%s) OFFSET 0', [row[2] for row in memberships])

    def list(self, since, take):
        rows = self.pool.query('SELECT "m"."id", "m"."userId", "m"."roleId" FROM "memberships" AS "m" WHERE "m"."n" >= %s ORDER BY "m"."n" ASC LIMIT %s OFFSET %s',
                               (str(since), str(take), '0'))
        self.both(('SELECT "id", "name" FROM "users" WHERE "id" IN (%s) OFFSET 0', [row[1] for row in rows]),
                  ('SELECT "id", "name" FROM "roles" WHERE "id" IN (%s) OFFSET 0', [row[2] for row in rows]))

    def issues(self, after, take):
        rows = self.pool.query('SELECT "id", "title", "createdById", "assignedToId" FROM "issues" WHERE "id" > %s ORDER BY "id" ASC LIMIT %s OFFSET %s',
                               (str(after), str(take), '0'))
        self.both(*[('SELECT "users"."id", "users"."name" FROM "users" WHERE "users"."id" IN (%s) OFFSET 0', [row[place] for row in rows]) for place in (2, 3)])

    def shelves(self, first):
        rows = self.pool.query('SELECT "id", "name" FROM "shelves" WHERE "id" >= %s ORDER BY "name" ASC OFFSET %s', (str(first), '0'))
        self.child('SELECT "id", "shelfId", "title" FROM "books" WHERE "shelfId" IN (%s) ORDER BY "title" ASC OFFSET 0', [str(row[0]) for row in rows])

    def close(self):
        self.children.shutdown()


def calls_of_all(source, count):
    """(name, arguments) of `count` calls of each rule, shuffled."""
    make = {
        'profile': lambda: (f'u{source.randrange(42)}',),  # some without memberships, some that are not there
        'list': lambda: (source.randrange(0, 320), source.randrange(1, 25)),
        'issues': lambda: (source.randrange(0, 62), source.randrange(1, 20)),
        'shelves': lambda: (source.randrange(1, 14),),
    }
    calls = [(name, arguments()) for name, arguments in make.items() for _ in range(count)]
    source.shuffle(calls)
    return calls


class Operations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE {DATABASE} OWNER {USER}")
        cls.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}', DATABASE)

    def started(self, rules=RULES, **config):
        # What a busy machine delays is not what is asked here.
        patient = {'statement_timeout': '20s', 'lock_timeout': '10s', 'pool': {'connect_timeout': '20s'}}
        config = {**config, 'shadow': {**patient, **config.get('shadow', {})}}
        proxy = Parallax(self.cluster.url(USER, DATABASE, PASSWORD), {'sample': 1.0, 'rules': rules, **config})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        self.assertEqual({'ready'}, set(proxy.states().values()), proxy.log_text())
        return proxy

    def caller(self, proxy, size=4, form=as_prisma, **more):
        pool = Pool(proxy.url(USER, DATABASE, PASSWORD), size, **more)
        caller = Caller(pool, form)
        self.addCleanup(pool.close)
        self.addCleanup(caller.close)
        return caller

    def run_all(self, caller, calls, at_once=6):
        with concurrent.futures.ThreadPoolExecutor(at_once) as executor:
            for one in [executor.submit(getattr(caller, name), *arguments) for name, arguments in calls]:
                one.result()

    def ends(self, metrics, name):
        return {**metrics.nonzero('verdicts_total', 'verdict', rule=name), **metrics.nonzero('skipped_total', 'reason', rule=name)}

    def test_calls_at_once_on_several_connections(self):
        print(f'PARALLAX_SEED={SEED}', flush=True)
        for form in (as_prisma, as_set):
            with self.subTest(form=form.__name__):
                proxy = self.started()
                self.run_all(self.caller(proxy, form=form), calls_of_all(random.Random(SEED), 60))
                metrics = proxy.settled(30)
                for name in RULES:
                    self.assertEqual({'match': 60}, self.ends(metrics, name), proxy.log_text()[-3000:])
                self.assertEqual(0, metrics.sum('orphan_statements_total'))

    def test_while_writers_change_parents_and_children(self):
        proxy = self.started(shadow={'queue': {'max_jobs': 100_000, 'max_bytes': '256MiB'}}, log={'level': 'debug'})
        stop = threading.Event()
        self.addCleanup(self.cluster.psql, "DELETE FROM memberships WHERE id LIKE 'w%'", DATABASE)

        def write(which):
            source = random.Random(SEED + which)
            with psycopg.connect(self.cluster.url(USER, DATABASE, PASSWORD), autocommit=True) as connection:
                for number in itertools.count():
                    if stop.is_set():
                        return
                    user = f'u{source.randrange(40)}'
                    connection.execute('UPDATE users SET name = %s WHERE id = %s', (f'name {number}', user))
                    connection.execute('INSERT INTO memberships VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET "roleId" = excluded."roleId"',
                                       (f'w{which}_{number % 50}', user, f'r{source.randrange(5)}', 400 + which * 100 + number % 50))
                    connection.execute('DELETE FROM memberships WHERE id = %s', (f'w{which}_{source.randrange(50)}',))
                    connection.execute('UPDATE issues SET "assignedToId" = %s WHERE id = %s', (source.choice([user, None]), source.randrange(1, 61)))
                    connection.execute('UPDATE books SET "shelfId" = %s WHERE id = %s', (source.randrange(1, 13), source.randrange(1, 81)))
        writers = [threading.Thread(target=write, args=(which,)) for which in range(2)]
        for writer in writers:
            writer.start()
        try:
            self.run_all(self.caller(proxy), calls_of_all(random.Random(SEED), 150))
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        metrics = proxy.settled(60)
        told = '\n'.join(line for line in proxy.log_text().splitlines() if 'verdict=match' not in line and 'verdict=race' not in line)
        for name in RULES:
            ends = self.ends(metrics, name)
            self.assertEqual(150, sum(ends.values()))
            self.assertLessEqual(set(ends), {'match', 'race'}, told[-5000:])
            if not SANITIZED:  # there the replay comes so late that nearly each is a race
                self.assertGreater(ends['match'], 3)

    def test_wrong_rewrites_are_found(self):
        """Each made of the right one; with what it is found as."""
        wrong = {
            'inner for left join': ('profile', PROFILE_JOIN.replace('left join', 'inner join'), {'missing_row'}),
            'dropped predicate': ('profile', PROFILE_JOIN.replace(' where "users"."id" = :userId', " where "
                                                                  "coalesce(:userId, '') is not null"), {'extra_row'}),
            'wrong pairing of child and parent': ('profile', PROFILE_JOIN.replace('on "memberships"."roleId" = "roles"."id"', "on \"roles\".\"id\" = 'r1'"),
                                                  {'missing_row', 'value', 'extra_row'}),
            'one child only': ('profile', PROFILE_JOIN + ' limit 1', {'missing_row'}),
            'swapped authors': ('issues', ISSUES_JOIN.replace('"c"."name", "a"."name"', '"a"."name", "c"."name"'), {'value', 'null'}),
            'off by one': ('list', LIST_JOIN.replace('limit :take', 'limit :take::int + 1'), {'extra_row'}),
            'limit of rows for limit of parents': ('shelves', SHELVES_JOIN + ' limit 12', {'missing_row'}),
            'children out of order': ('shelves', SHELVES_JOIN.replace('"books"."title"', '"books"."title" desc').replace(
                '"books"."id", "books"."title" desc from', '"books"."id", "books"."title" from'), {'order'}),
            'parents out of order': ('shelves', SHELVES_JOIN.replace('order by "shelves"."name"', 'order by "shelves"."name" desc'), {'order'}),
            'lost null': ('issues', ISSUES_JOIN.replace('left join', 'inner join'), {'missing_row'}),
        }
        for name, (base, rewrite, kinds) in wrong.items():
            self.assertNotEqual(RULES[base]['rewrite'], rewrite, name)
            with self.subTest(name):
                proxy = self.started({base: rule(RULES[base]['legacy'], rewrite)})
                self.run_all(self.caller(proxy), [call for call in calls_of_all(random.Random(7), 40) if call[0] == base])
                metrics = proxy.settled(30)
                ends = self.ends(metrics, base)
                self.assertGreater(ends.get('mismatch', 0), 3, (ends, proxy.log_text()[-3000:]))
                self.assertLessEqual(set(ends), {'match', 'mismatch'})
                found = set(metrics.nonzero('mismatches_total', 'kind', rule=base))
                self.assertTrue(found & kinds, found)
                proxy.stop()

    def test_a_root_whose_children_do_not_come(self):
        proxy = self.started(shadow={'window': '1s'})
        caller = self.caller(proxy)
        caller.pool.query('SELECT "public"."users"."id", "public"."users"."name" FROM "public"."users" WHERE "public"."users"."id" = %s LIMIT %s OFFSET %s', ('u3', '1', '0'))
        metrics = wait_for(lambda: (now := proxy.metrics()).sum('in_flight') == 0 and now.sum('operations_total') == 1 and now, 10)
        self.assertEqual({'incomplete': 1}, self.ends(metrics, 'profile'))
        # A child that nobody waits for.
        caller.child('SELECT "id", "name" FROM "users" WHERE "id" IN (%s) OFFSET 0', ['u1', 'u2'])
        wait_for(lambda: proxy.metrics().sum('orphan_statements_total', reason='no_operation') == 1, 5)
        # One whose list no open operation's rows lead to.
        caller.pool.query('SELECT "m"."id", "m"."userId", "m"."roleId" FROM "memberships" AS "m" WHERE "m"."n" >= %s ORDER BY "m"."n" ASC LIMIT %s OFFSET %s', ('10', '3', '0'))
        caller.child('SELECT "id", "name" FROM "users" WHERE "id" IN (%s) OFFSET 0', ['u39', 'u38'])
        wait_for(lambda: proxy.metrics().sum('orphan_statements_total', reason='no_parent') == 1, 5)
        caller.profile('u3')
        metrics = proxy.settled()
        self.assertEqual({'incomplete': 1, 'match': 1}, self.ends(metrics, 'profile'))

    def test_sampling_is_decided_once(self):
        proxy = self.started(sample=0.3)
        self.run_all(self.caller(proxy), calls_of_all(random.Random(SEED), 80))
        metrics = proxy.settled(30)
        for name in RULES:
            ends = self.ends(metrics, name)
            self.assertEqual({'match', 'sampled_out'}, set(ends), (ends, proxy.log_text()[-3000:]))
            self.assertEqual(80, sum(ends.values()))

    def test_sessions_of_other_settings_are_kept_apart(self):
        """The same call at once in two settings: a child belongs to the operation of its own."""
        proxy = self.started()
        callers = [self.caller(proxy, options=f'-c work_mem={size}MB') for size in (4, 8)]
        with concurrent.futures.ThreadPoolExecutor(8) as executor:
            for one in [executor.submit(callers[number % 2].profile, 'u3') for number in range(80)]:
                one.result()
        self.assertEqual({'match': 80}, self.ends(proxy.settled(30), 'profile'))

    def test_one_connection_in_a_transaction(self):
        proxy = self.started()
        caller = self.caller(proxy, size=1)
        caller.pool.all[0].autocommit = False
        for number in range(5):
            caller.profile(f'u{number}')
        caller.pool.all[0].execute('UPDATE users SET name = name WHERE id = %s', ('u1',))
        caller.profile('u3')
        caller.pool.all[0].rollback()
        self.assertEqual({'match': 5, 'txn_wrote': 1}, self.ends(proxy.settled(), 'profile'))

    def test_a_statement_that_fails(self):
        proxy = self.started({'broken': rule({'i': 'SELECT id, title FROM issues WHERE id >= :from ORDER BY id LIMIT 3',
                                              'u': "SELECT id, 10 / (CASE WHEN id = 'u1' THEN 0 ELSE 1 END) AS x FROM users WHERE id IN (:i.title)"},
                                             'select i.id, i.title, u.id, 10 / (case when u.id = \'u1\' then 0 else 1 end) as x from issues i'
                                             ' left join users u on u.id = i.title where i.id >= :from order by i.id limit 3')})
        caller = self.caller(proxy)
        self.cluster.psql("UPDATE issues SET title = 'u1' WHERE id = 5", DATABASE)
        self.addCleanup(self.cluster.psql, "UPDATE issues SET title = 'issue 5' WHERE id = 5", DATABASE)
        rows = caller.pool.query('SELECT id, title FROM issues WHERE id >= %s ORDER BY id LIMIT 3', ('4',))
        with self.assertRaises(psycopg.errors.DivisionByZero):
            caller.child("SELECT id, 10 / (CASE WHEN id = 'u1' THEN 0 ELSE 1 END) AS x FROM users WHERE id IN (%s)", [row[1] for row in rows])
        self.assertEqual({'match': 1}, self.ends(proxy.settled(), 'broken'), proxy.log_text()[-2000:])

    def test_the_clients_rows_are_the_same(self):
        """And it does not wait: the shadow is not there at all."""
        proxy = self.started()
        direct, through = (Pool(url, 1) for url in (self.cluster.url(USER, DATABASE, PASSWORD), proxy.url(USER, DATABASE, PASSWORD)))
        self.addCleanup(direct.close)
        self.addCleanup(through.close)
        sql = LIST['m'].replace(':since', '%s').replace(':take', '%s')
        self.assertEqual(direct.query(sql, ('0', '50')), through.query(sql, ('0', '50')))
        time.sleep(0.1)


if __name__ == '__main__':
    unittest.main()
