#!/usr/bin/python3
"""Reads that are several statements in Prisma and one relational query in Drizzle, whose children are positional arrays in JSON
(deploy/examples/pinpoint-relational.yaml)."""
import unittest

import catalogue
import mutations
import rig
from rig import PINPOINT, POSTGRES_JS, PRISMA, RELATIONAL, kinds, skipped, verdicts
from writers import writing

HAZARD = 'machineRouter.ofIssue'  # its bigints are above 2^53 for some machines
EDGES = [{'rule': 'userRouter.getProfileRelational', 'path': 'userRouter.getProfileRelational', 'input': {'id': user}}
         for user in ('usr_0050', 'usr_nope', 'usr_0002')]  # no membership; no user; three memberships


class Relational(rig.Database):
    def test_every_operation_matches_and_the_application_sees_no_difference(self):
        calls = catalogue.calls(catalogue.RELATIONAL, 12, 61) + EDGES
        proxy = self.proxy([PINPOINT, RELATIONAL])
        self.assertEqual({'ready'}, set(proxy.states().values()))
        proxied = rig.run(PRISMA, self.url(proxy), calls, atOnce=8, pool=5, seed=62)
        self.assertEqual(rig.run(PRISMA, self.direct, calls, atOnce=8, pool=5), proxied)
        metrics = proxy.settled()
        for rule in catalogue.RELATIONAL:
            count = sum(call['rule'] == rule for call in calls)
            found = verdicts(metrics, rule)
            with self.subTest(rule=rule, verdicts=found, kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                self.assertEqual(count, sum(found.values()))
                self.assertEqual({'match'} | ({'mismatch'} if rule == HAZARD else set()), set(found))
                self.assertEqual({'json_hazard'} if rule == HAZARD else set(), set(kinds(metrics, rule)))
                self.assertEqual(found['match'], metrics.sum('equalized_total', rule=rule, step='json_rows'))

    def test_no_false_alarm_while_others_write(self):
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.RELATIONAL}, 3, 63) + EDGES
        proxy = self.proxy([PINPOINT, RELATIONAL])
        writer = rig.Run(POSTGRES_JS, self.direct, writing(catalogue.Inputs('relational')), seconds=6, quiet=True, pool=2)
        runs = [rig.Run(PRISMA, self.url(proxy), calls, atOnce=10, pool=pool, seed=pool, rounds=3, quiet=True) for pool in (3, 5)]
        for each in (*runs, writer):
            each.finish()
        metrics = proxy.settled(60)
        for rule in catalogue.RELATIONAL:
            found = verdicts(metrics, rule)
            with self.subTest(rule=rule, verdicts=found, kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                self.assertLessEqual(set(kinds(metrics, rule)), {'json_hazard'} if rule == HAZARD else set())
                self.assertEqual(6 * sum(call['rule'] == rule for call in calls), sum(found.values()))

    def test_each_wrong_rewrite_is_found(self):
        rules = rig.load_rules(RELATIONAL)
        calls = catalogue.calls(catalogue.RELATIONAL, 12, 64) + EDGES
        for depth in range(max(map(len, mutations.RELATIONAL.values()))):
            changes = {name: wrong[depth] for name, wrong in mutations.RELATIONAL.items() if depth < len(wrong)}
            proxy = self.proxy({name: rig.wrong_rule(rules, name, old, new) for name, (_, old, new, _) in changes.items()})
            rig.run(PRISMA, self.url(proxy), [call for call in calls if call['rule'] in changes], atOnce=6, pool=4, seed=depth)
            metrics = proxy.settled()
            for name, (what, _, new, expected) in changes.items():
                found = {*kinds(metrics, name), *(set(verdicts(metrics, name)) - {'match', 'mismatch'})}
                with self.subTest(rule=name, wrong=what, text=new, found=found):
                    self.assertIn(expected, found)
            proxy.stop()


if __name__ == '__main__':
    unittest.main(verbosity=2)
