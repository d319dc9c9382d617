#!/usr/bin/python3
"""Strict mode and answers without end: whatever their messages are, what is held of them is bounded, and no part of one passes for
the whole."""
import unittest

from support import wire
from support.proxy import SANITIZED, PeakMemory, rule
from support.strict import RIGHT, UNCOMPARED, StrictCase, kinds

MIB = 1024 * 1024


class StrictLimits(StrictCase):
    def setUp(self):
        self.cluster.psql("""
            CREATE FUNCTION quiet(id int, times int, bytes int) RETURNS boolean STABLE LANGUAGE plpgsql AS
            $$ BEGIN IF id < 50 THEN RETURN true; END IF; FOR i IN 1..times LOOP RAISE NOTICE '%', repeat('n', bytes); END LOOP; RETURN false; END $$""")
        self.addCleanup(self.cluster.psql, 'DROP FUNCTION quiet')

    def noisy(self, times, size, policy):
        sql = f'SELECT "id" FROM "things" WHERE "id" > :id AND quiet("id", {times}, {size})'
        proxy = self.started({'noisy': rule(sql, sql)}, strict={'uncompared': policy, 'timeout': '20s'},
                             shadow={'capture': {'max_bytes': '64KiB'}, 'safe_functions': ['public.quiet'], 'statement_timeout': '20s'})
        proxy.wait_verified()
        return proxy, sql

    def test_notices_count_for_what_is_held(self):
        """Here behind its last row. All reach the client, and an answer with too many of them is not compared."""
        for policy in ('fail', 'allow'):
            proxy, sql = self.noisy(100, 10_000, policy)
            direct, session = self.session(), self.session(proxy)
            for block in (False, True):
                for simple in (False, True):
                    if block:
                        self.talk(direct, wire.query('BEGIN'))
                        self.talk(session, wire.query('BEGIN'))
                    asked = wire.query(sql.replace(':id', '48')) if simple else self.extended(sql.replace(':id', '$1'), 48)
                    expected, answer = self.talk(direct, asked), self.talk(session, asked)
                    if policy == 'allow':
                        self.assertEqual(expected, answer)
                    else:
                        self.assertEqual(('' if simple else '12T') + 'N' * 100 + 'EZ', kinds(answer))
                        self.assertEqual(UNCOMPARED, self.error(answer)['C'])
                        self.assertEqual([body for kind, body in expected if kind == b'N'], [body for kind, body in answer if kind == b'N'])
                    if block:
                        self.talk(direct, wire.query('ROLLBACK'))
                        self.talk(session, wire.query('ROLLBACK'))

    def test_few_notices_are_held_with_their_answer(self):
        proxy, sql = self.noisy(3, 100, 'fail')
        direct, session = self.session(), self.session(proxy)
        for asked in (wire.query(sql.replace(':id', '47')), self.extended(sql.replace(':id', '$1'), 47)):
            self.assertEqual(self.talk(direct, asked), self.talk(session, asked))
        self.assertEqual({'match': 2}, self.verdicts(proxy, 'noisy'))

    def test_a_row_of_the_rewrite_costs_no_more_than_a_result_may(self):
        """In a block its rows come over the client's own connection."""
        large = 'case when "id" = 7 then repeat("name", 30000000) else "name" end'
        rules = {'large': rule(RIGHT, f'select "id", {large} as "name" from "things" where "id" = :id', columns={'name': large})}
        proxy = self.started(rules, strict={'timeout': '30s'}, shadow={'statement_timeout': '30s', 'capture': {'max_bytes': '1MiB'}})
        proxy.wait_verified()
        session = self.session(proxy)
        self.talk(session, wire.query('BEGIN'), self.extended(RIGHT.replace(':id', '$1'), 3), ready=2)
        with PeakMemory(proxy, 0.005) as memory:
            answer = self.talk(session, self.extended(RIGHT.replace(':id', '$1'), 7))
        self.assertEqual(('12TEZ', UNCOMPARED), (kinds(answer), self.error(answer)['C']))
        self.assertIn('too_large', self.error(answer)['M'])
        self.assertEqual('CZ', kinds(self.talk(session, wire.query('ROLLBACK'))))
        self.assertEqual({'too_large': 1}, self.skipped(proxy, 'large'))
        if not SANITIZED:
            self.assertLess(memory.growth(), 40 * MIB)


if __name__ == '__main__':
    unittest.main()
