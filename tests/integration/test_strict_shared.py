#!/usr/bin/python3
"""Strict mode where one statement ends operations of several rules: each rule's own mode says whether the client waits for its
verdict and hears of it, and what is compared on the client's own connection is compared one after the other."""
import time
import unittest

import psycopg

from support import wire
from support.proxy import rule, wait_for
from support.strict import MISMATCH, RIGHT, TIMEOUT, StrictCase, kinds

PARTS = 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN ({})'
CHILD = PARTS.format(':thing.id')
JOIN = ('select "things"."id", "things"."{}", "parts"."id", "parts"."name" from "things" {} join "parts" on "parts"."thing" = "things"."id" '
        'where "things"."id" = :id')
SIZED = 'SELECT "id", "size" FROM "things" WHERE "id" = :id'


def both(**more):
    """Right, of two statements."""
    return {'legacy': {'thing': RIGHT, 'parts': CHILD}, 'rewrite': JOIN.format('name', 'left'), **more}


def parts(name='"name"', also='', **more):
    """Of one statement, the text of a child of `both`; right where `name` is."""
    columns = {} if name == '"name"' else {'columns': {'name': name}}
    return rule(PARTS.format(':things'), f'select "id", "thing", {name} as "name" from "parts" where "thing" in (:things){also}', **columns, **more)


class StrictShared(StrictCase):
    def connection(self, proxy):
        connection = psycopg.connect(self.cluster.url(port=proxy.port), autocommit=True)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, sql, value):
        return connection.execute(sql.replace(':id', '%s').replace(':things', '%s').replace(':thing.id', '%s'), (value,)).fetchall()

    def test_a_childs_rule_that_is_shadowed_is_not_the_clients(self):
        """Both rules have the child's text. An inner join loses thing 20, which has no parts."""
        proxy = self.started({'strict': both(), 'shadowed': {'legacy': {'thing': SIZED, 'parts': CHILD}, 'rewrite': JOIN.format('size', 'inner'), 'mode': 'shadow'}},
                             sample=1.0)
        proxy.wait_verified()
        connection = self.connection(proxy)
        for begin, end in (('SELECT 1', 'SELECT 1'), ('BEGIN', 'ROLLBACK')):
            connection.execute(begin)
            self.ask(connection, RIGHT, 3)
            self.ask(connection, SIZED, 20)
            self.assertEqual([], self.ask(connection, CHILD, 20))
            self.assertEqual(4, len(self.ask(connection, CHILD, 3)))
            connection.execute(end)
        self.assertEqual({'strict': {'match': 2}, 'shadowed': {'mismatch': 2}}, {name: self.verdicts(proxy, name) for name in ('strict', 'shadowed')})

    def test_a_root_whose_rule_is_shadowed_is_not_the_clients(self):
        proxy = self.started({'strict': both(), 'shadowed': parts("'x'", mode='shadow')}, sample=1.0)
        proxy.wait_verified()
        connection = self.connection(proxy)
        for begin, end in (('SELECT 1', 'SELECT 1'), ('BEGIN', 'ROLLBACK')):
            connection.execute(begin)
            self.ask(connection, RIGHT, 3)
            self.assertEqual(4, len(self.ask(connection, CHILD, 3)))
            connection.execute(end)
        self.assertEqual({'strict': {'match': 2}, 'shadowed': {'mismatch': 2}}, {name: self.verdicts(proxy, name) for name in ('strict', 'shadowed')})

    def test_nobody_waits_for_a_shadowed_rule(self):
        """Nor does it run on the client's connection, where it could see what the block has written."""
        self.cluster.psql('CREATE TABLE lock_s ()')
        proxy = self.started({'strict': both(), 'shadowed': parts(also=' and (select count(*) from lock_s) = 0', mode='shadow')}, sample=1.0,
                             shadow={'lock_timeout': '20s', 'statement_timeout': '20s'}, strict={'timeout': '20s'})
        proxy.wait_verified()
        connection = self.connection(proxy)
        lock = psycopg.connect(self.cluster.url())
        self.addCleanup(lock.close)
        lock.execute('LOCK TABLE lock_s')
        for statements in ((), ('BEGIN',), ('BEGIN', "INSERT INTO parts VALUES (900, 3, 'fixture')")):
            for statement in statements:
                connection.execute(statement)
            began = time.monotonic()
            self.ask(connection, RIGHT, 3)
            self.assertEqual(4 + (len(statements) == 2), len(self.ask(connection, CHILD, 3)))
            self.assertLess(time.monotonic() - began, 5)
            connection.execute('ROLLBACK' if statements else 'SELECT 1')
        lock.rollback()
        self.assertEqual({'match': 3}, self.verdicts(proxy, 'strict'), self.skipped(proxy, 'strict'))
        self.assertEqual(({'match': 2}, {'txn_wrote': 1}), (self.verdicts(proxy, 'shadowed'), self.skipped(proxy, 'shadowed')))

    def test_two_operations_of_one_statement_in_a_block(self):
        proxy = self.started({'both': both(), 'parts': parts()})
        proxy.wait_verified()
        connection = self.connection(proxy)
        for _ in range(5):
            connection.execute('BEGIN')
            connection.execute("INSERT INTO parts VALUES (900, 3, 'fixture')")
            self.ask(connection, RIGHT, 3)
            self.assertEqual(5, len(self.ask(connection, CHILD, 3)))
            connection.execute('ROLLBACK')
        self.assertEqual({'both': {'match': 5}, 'parts': {'match': 5}}, {name: self.verdicts(proxy, name) for name in ('both', 'parts')})

    def test_of_two_operations_the_one_that_is_wrong_is_named(self):
        for wrong, rules in (('parts', {'both': both(), 'parts': parts("'x'")}), ('both', {'both': both(rewrite=JOIN.format('name', 'inner')), 'parts': parts()})):
            proxy = self.started(rules)
            proxy.wait_verified()
            connection = self.connection(proxy)
            thing = 3 if wrong == 'parts' else 20
            for begin in ('SELECT 1', 'BEGIN'):
                connection.execute(begin)
                self.ask(connection, RIGHT, thing)
                with self.assertRaises(psycopg.Error) as caught:
                    self.ask(connection, CHILD, thing)
                self.assertEqual(MISMATCH, caught.exception.sqlstate, caught.exception)
                self.assertIn(f'parallax: {wrong}: mismatch', str(caught.exception))
            connection.execute('ROLLBACK')
            self.assertEqual({name: {'mismatch' if name == wrong else 'match': 2} for name in rules}, {name: self.verdicts(proxy, name) for name in rules})

    def test_two_operations_of_one_statement_and_too_little_time(self):
        """The client hears one answer; nothing of what still waits its turn comes to a later statement."""
        self.cluster.psql('CREATE TABLE lock_t ()')
        waits = ' and (select count(*) from lock_t) = 0'
        proxy = self.started({'both': both(rewrite=JOIN.format('name', 'left') + waits), 'parts': parts(also=waits)},
                             shadow={'lock_timeout': '3s', 'statement_timeout': '3s'}, strict={'timeout': '1s'})
        proxy.wait_verified()
        lock = psycopg.connect(self.cluster.url())
        self.addCleanup(lock.close)
        lock.execute('LOCK TABLE lock_t')
        session = self.session(proxy)
        self.talk(session, wire.query('BEGIN'), self.extended(RIGHT.replace(':id', '$1'), 3), ready=2)
        answer = self.talk(session, self.extended(PARTS.format('$1'), 3))
        self.assertEqual(('12TEZ', TIMEOUT), (kinds(answer), self.error(answer)['C']))
        self.assertEqual('CZ', kinds(self.talk(session, wire.query('ROLLBACK'))))
        lock.rollback()
        wait_for(lambda: proxy.metrics().sum('in_flight') == 0, 10, 'both have ended')
        self.talk(session, wire.query('BEGIN'), self.extended(RIGHT.replace(':id', '$1'), 3), ready=2)
        self.assertEqual('12TDDDDCZCZ', kinds(self.talk(session, self.extended(PARTS.format('$1'), 3), wire.query('COMMIT'), ready=2)))
        for name in ('both', 'parts'):
            self.assertEqual(1, self.verdicts(proxy, name).get('match'), self.skipped(proxy, name))


if __name__ == '__main__':
    unittest.main()
