#!/usr/bin/python3
"""Strict mode where one statement ends operations of several rules: each rule's own mode says whether the client waits for its
verdict and hears of it."""
import time
import unittest

import psycopg

from support.proxy import rule
from support.strict import RIGHT, StrictCase

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


if __name__ == '__main__':
    unittest.main()
