#!/usr/bin/python3
"""The other direction: the application sends the rewrite, and legacy is made again from its values. And rules whose rewrite
is several statements, in both directions."""
import concurrent.futures
import itertools
import json
import random
import threading
import unittest

import psycopg

import test_operations as forward
from clients.rig import DATABASE, PASSWORD, USER
from support.cluster import Cluster
from support.proxy import SANITIZED, Parallax, rule

# The profile by two statements of the new code.
TWO = {
    'user': 'select "users"."id", "users"."name" from "users" where "users"."id" = :userId',
    'memberships': 'select "memberships"."id", "memberships"."userId", "memberships"."roleId", "roles"."id", "roles"."name", "roles"."permissions"'
                   ' from "memberships" left join "roles" on "memberships"."roleId" = "roles"."id" where "memberships"."userId" in (:user.id)',
}
LISTED = rule('SELECT "id", "name" FROM "users" WHERE "id" IN (:ids) AND "name" <> :not', 'select "id", "name" from "users" where "id" = any(:ids) and "name" <> :not')


def sent(sql):
    """A rule's SQL as a driver's: each name a placeholder."""
    for name in ('userId', 'since', 'take', 'after', 'from'):
        sql = sql.replace(f':{name}', '%s')
    return sql


class Rewriter(forward.Caller):
    """Makes the same calls as the new code does: one statement each."""

    def profile(self, user):
        return self.pool.query(sent(forward.PROFILE_JOIN), (user,))

    def list(self, since, take):
        return self.pool.query(sent(forward.LIST_JOIN), (str(since), str(take)))

    def issues(self, after, take):
        return self.pool.query(sent(forward.ISSUES_JOIN), (str(after), str(take)))

    def shelves(self, first):
        return self.pool.query(sent(forward.SHELVES_JOIN), (str(first),))

    def two(self, user):
        users = self.pool.query(sent(TWO['user']), (user,))
        if users:
            self.child(TWO['memberships'].replace(':user.id', '%s'), [row[0] for row in users])


class Sides(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE {DATABASE} OWNER {USER}")
        cls.cluster.psql(f'SET ROLE {USER};\n{forward.SCHEMA}', DATABASE)

    def started(self, rules, **config):
        proxy = Parallax(self.cluster.url(USER, DATABASE, PASSWORD), {'sample': 1.0, 'rules': rules, **config})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        self.assertEqual({'ready'}, set(proxy.states().values()), proxy.log_text())
        return proxy

    def caller(self, proxy, make=Rewriter, size=4):
        pool = forward.Pool(proxy.url(USER, DATABASE, PASSWORD), size)
        caller = make(pool)
        self.addCleanup(pool.close)
        self.addCleanup(caller.close)
        return caller

    def run_all(self, caller, calls, at_once=6):
        with concurrent.futures.ThreadPoolExecutor(at_once) as executor:
            for one in [executor.submit(getattr(caller, name), *arguments) for name, arguments in calls]:
                one.result()

    def ends(self, metrics, name):
        return {**metrics.nonzero('verdicts_total', 'verdict', rule=name), **metrics.nonzero('skipped_total', 'reason', rule=name)}

    def test_the_rewrite_is_live(self):
        proxy = self.started(forward.RULES)
        self.run_all(self.caller(proxy), forward.calls_of_all(random.Random(forward.SEED), 40))
        metrics = proxy.settled(30)
        for name in forward.RULES:
            self.assertEqual({'match': 40}, self.ends(metrics, name), proxy.log_text()[-3000:])
            self.assertEqual({'rewrite': 40}, metrics.nonzero('rule_statements_total', 'side', rule=name))
            self.assertEqual({'rewrite': 40}, metrics.nonzero('live_duration_seconds_count', 'side', rule=name))
            self.assertEqual({'legacy': 40, 'rewrite': 40}, metrics.nonzero('paired_duration_seconds_count', 'side', rule=name))

    def test_legacy_alone_settles_what_it_can(self):
        """As in the other direction: a snapshot for one in eight, and for what differs."""
        proxy = self.started({'book': rule('SELECT id, title FROM books WHERE id = :id LIMIT 1', 'select id, title from books where id = :id')})
        pool = self.caller(proxy, size=1).pool
        for number in range(16):
            pool.query('select id, title from books where id = %s', (str(1 + number),))
        metrics = proxy.settled()
        self.assertEqual({'match': 16}, self.ends(metrics, 'book'), proxy.log_text()[-3000:])
        self.assertEqual({'legacy': 2, 'rewrite': 2}, metrics.nonzero('paired_duration_seconds_count', 'side', rule='book'))

    def test_both_directions_at_once(self):
        """As while the application's flag is turned, instance by instance."""
        proxy = self.started(forward.RULES)
        old, new = self.caller(proxy, forward.Caller), self.caller(proxy)
        calls = forward.calls_of_all(random.Random(forward.SEED), 40)
        with concurrent.futures.ThreadPoolExecutor(8) as executor:
            for one in [executor.submit(getattr(caller, name), *arguments) for name, arguments in calls for caller in (old, new)]:
                one.result()
        metrics = proxy.settled(30)
        for name in forward.RULES:
            self.assertEqual({'match': 80}, self.ends(metrics, name), proxy.log_text()[-3000:])
            self.assertEqual(40, metrics.nonzero('rule_statements_total', 'side', rule=name)['rewrite'])
        self.assertEqual(0, metrics.sum('orphan_statements_total'))

    def test_wrong_rewrites_are_found_when_they_are_live(self):
        """Missing and extra are relative to legacy, whichever side is live."""
        wrong = {
            'inner for left join': ('profile', forward.PROFILE_JOIN.replace('left join', 'inner join'), 'missing_row'),
            'swapped authors': ('issues', forward.ISSUES_JOIN.replace('"c"."name", "a"."name"', '"a"."name", "c"."name"'), 'value'),
            'off by one': ('list', forward.LIST_JOIN.replace('limit :take', 'limit :take::int + 1'), 'extra_row'),
            'parents out of order': ('shelves', forward.SHELVES_JOIN.replace('order by "shelves"."name"', 'order by "shelves"."name" desc'), 'order'),
        }
        for name, (base, rewrite, kind) in wrong.items():
            with self.subTest(name):
                proxy = self.started({base: rule(forward.RULES[base]['legacy'], rewrite)}, journal={'path': '/dev/stdout'})
                pool = self.caller(proxy).pool
                for called, arguments in forward.calls_of_all(random.Random(7), 40):
                    if called == base:
                        pool.query(sent(rewrite), tuple(map(str, arguments)))
                metrics = proxy.settled(30)
                ends = self.ends(metrics, base)
                self.assertGreater(ends.get('mismatch', 0), 3, (ends, proxy.log_text()[-3000:]))
                self.assertLessEqual(set(ends), {'match', 'mismatch'})
                self.assertIn(kind, metrics.nonzero('mismatches_total', 'kind', rule=base))
                lines = [json.loads(line) for line in proxy.log_text().splitlines() if line.startswith('{') and '"type":"verdict"' in line]
                self.assertTrue(lines)
                self.assertEqual({'rewrite'}, {line['side'] for line in lines})
                proxy.stop()

    def test_while_writers_change_what_is_read(self):
        proxy = self.started(forward.RULES, shadow={'queue': {'max_jobs': 100_000, 'max_bytes': '256MiB'}})
        stop = threading.Event()

        def write():
            source = random.Random(forward.SEED)
            with psycopg.connect(self.cluster.url(USER, DATABASE, PASSWORD), autocommit=True) as connection:
                for number in itertools.count():
                    if stop.is_set():
                        return
                    connection.execute('UPDATE users SET name = %s WHERE id = %s', (f'name {number}', f'u{source.randrange(40)}'))
                    connection.execute('UPDATE memberships SET "roleId" = %s WHERE "userId" = %s', (f'r{source.randrange(5)}', f'u{source.randrange(30)}'))
                    connection.execute('UPDATE books SET "shelfId" = %s WHERE id = %s', (source.randrange(1, 13), source.randrange(1, 81)))
        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.run_all(self.caller(proxy), forward.calls_of_all(random.Random(forward.SEED), 100))
        finally:
            stop.set()
            writer.join()
        metrics = proxy.settled(60)
        for name in forward.RULES:
            ends = self.ends(metrics, name)
            self.assertEqual(100, sum(ends.values()))
            self.assertLessEqual(set(ends), {'match', 'race'}, proxy.log_text()[-3000:])
            if not SANITIZED:
                self.assertGreater(ends['match'], 3)

    def test_errors_of_either_side(self):
        proxy = self.started({
            'legacy_fails': rule('SELECT id, 10 / rank AS x FROM books WHERE id = :id', 'select id, case rank when 0 then 0 else 10 / rank end as x from books where id = :id',
                                 columns={'x': 'x'}),
            'rewrite_fails': rule('SELECT id, CASE rank WHEN 0 THEN 0 ELSE 20 / rank END AS x FROM books WHERE id = :id', 'select id, 20 / rank as x from books where id = :id',
                                  columns={'x': 'x'}),
            'both_fail': rule('SELECT id, 30 / rank AS x FROM books WHERE id = :id', 'select id, 30 / rank as x from books where id = :id', columns={'x': 'x'})})
        pool = self.caller(proxy, size=1).pool
        for number in range(3):
            pool.query('select id, case rank when 0 then 0 else 10 / rank end as x from books where id = %s', (str(4 + number),))
        for identifier in ('4', '5', '8'):
            for divided in (20, 30):
                try:
                    pool.query(f'select id, {divided} / rank as x from books where id = %s', (identifier,))
                except psycopg.errors.DivisionByZero:
                    self.assertIn(identifier, ('4', '8'))
        metrics = proxy.settled()
        self.assertEqual({'match': 2, 'mismatch': 1}, self.ends(metrics, 'legacy_fails'), proxy.log_text()[-3000:])
        self.assertEqual({'error': 1}, metrics.nonzero('mismatches_total', 'kind', rule='legacy_fails'))
        self.assertEqual({'match': 1, 'rewrite_error': 2}, self.ends(metrics, 'rewrite_fails'), proxy.log_text()[-3000:])
        # Where both sides are one statement by key, it counts as legacy.
        self.assertEqual({'match': 3}, self.ends(metrics, 'both_fail'))
        self.assertEqual({'legacy': 3}, metrics.nonzero('rule_statements_total', 'side', rule='both_fail'))

    def test_rules_with_a_let_or_any_value_have_one_way(self):
        proxy = self.started({
            'let': rule('SELECT id FROM shelves WHERE name LIKE (:part || \'%\')', 'select id from shelves where name like :whole', let={'whole': ":part || '%'"}),
            'any': rule('SELECT id FROM shelves WHERE id > :id AND name <> :_', 'select id from shelves where id > :id')})
        pool = self.caller(proxy, size=1).pool
        pool.query('select id from shelves where name like %s', ('shelf 1%',))
        pool.query('select id from shelves where id > %s', ('3',))
        metrics = proxy.settled()
        for name in ('let', 'any'):
            self.assertEqual({'one_way': 1}, self.ends(metrics, name))
            self.assertEqual({'rewrite': 1}, metrics.nonzero('rule_statements_total', 'side', rule=name))

    def test_pins_of_the_rewrite(self):
        proxy = self.started({'first': rule('SELECT id FROM books WHERE rank = :rank ORDER BY id LIMIT 2 OFFSET 0',
                                            'select id from books where rank = :rank order by id limit 2')})
        pool = self.caller(proxy, size=1).pool
        for limit in ('2', '3'):
            pool.query('select id from books where rank = %s order by id limit %s', ('1', limit))
        self.assertEqual({'match': 1, 'pin': 1}, self.ends(proxy.settled(), 'first'))

    def test_a_list_as_one_array(self):
        proxy = self.started({'listed': LISTED})
        pool = self.caller(proxy, size=1).pool
        self.assertEqual(2, len(pool.query(LISTED['rewrite'].replace(':ids', '%s').replace(':not', '%s'), (['u1', 'u2', 'u2', 'none'], 'x'))))
        self.assertEqual([], pool.query('select "id", "name" from "users" where "id" = any(%s) and "name" <> %s', ([], 'x')))
        pool.query(LISTED['rewrite'].replace(':ids', '%s').replace(':not', '%s'), (['quote " and \\', 'u3', None], 'x'))
        self.assertEqual({'match': 3}, self.ends(proxy.settled(), 'listed'), proxy.log_text()[-2000:])

    def test_several_rewrites_for_one_operation(self):
        for make, side in ((forward.Caller, 'legacy'), (Rewriter, 'rewrite')):
            with self.subTest(live=side):
                proxy = self.started({'profile': rule(forward.PROFILE, TWO)})
                caller = self.caller(proxy, make)
                users = [f'u{number % 42}' for number in range(60)]
                call = caller.profile if side == 'legacy' else caller.two
                with concurrent.futures.ThreadPoolExecutor(6) as executor:
                    for one in [executor.submit(call, user) for user in users]:
                        one.result()
                metrics = proxy.settled(30)
                self.assertEqual({'match': 60}, self.ends(metrics, 'profile'), proxy.log_text()[-3000:])
                self.assertEqual({side: 60}, metrics.nonzero('live_duration_seconds_count', 'side', rule='profile'))
                proxy.stop()

    def test_wrong_ones_of_several_rewrites_are_found(self):
        wrong = {
            'inner for left join': (TWO | {'memberships': TWO['memberships'].replace('on "memberships"."roleId" = "roles"."id"', 'on "roles"."id" = \'r1\'')},
                                    {'missing_row', 'value', 'extra_row'}),
            'dropped predicate': (TWO | {'user': TWO['user'].replace('"users"."id" = :userId', "coalesce(:userId, '') is not null")}, {'extra_row'}),
            'limited child': (TWO | {'memberships': TWO['memberships'] + ' order by "memberships"."id" limit 1'}, {'missing_row'}),
        }
        for name, (rewrite, kinds) in wrong.items():
            for make, side in ((forward.Caller, 'legacy'), (Rewriter, 'rewrite')):
                with self.subTest(name, live=side):
                    proxy = self.started({'profile': rule(forward.PROFILE, rewrite)})
                    caller = self.caller(proxy, make, size=1)
                    for number in range(12):
                        if side == 'legacy':
                            caller.profile(f'u{number}')
                            continue
                        users = caller.pool.query(sent(rewrite['user']), (f'u{number}',))
                        if users:
                            caller.child(rewrite['memberships'].replace(':user.id', '%s'), [row[0] for row in users])
                    metrics = proxy.settled(30)
                    ends = self.ends(metrics, 'profile')
                    self.assertGreater(ends.get('mismatch', 0), 3, (ends, proxy.log_text()[-3000:]))
                    self.assertLessEqual(set(ends), {'match', 'mismatch'})
                    self.assertTrue(set(metrics.nonzero('mismatches_total', 'kind', rule='profile')) & kinds)
                    proxy.stop()

    def test_a_rewrite_of_several_that_cannot_be_prepared(self):
        proxy = self.started({'profile': rule(forward.PROFILE, TWO | {'memberships': TWO['memberships'].replace('"roles"."permissions"', '"roles"."rights"')})})
        self.assertIn('`memberships`: 42703', proxy.log_text())
        self.caller(proxy, forward.Caller).profile('u3')
        self.assertEqual({'rewrite_error': 1}, self.ends(proxy.settled(), 'profile'))


if __name__ == '__main__':
    unittest.main()
