#!/usr/bin/python3
"""Reads that are several statements in Prisma, on several connections, and one in Drizzle: an operation of many statements is
one comparison (deploy/examples/pinpoint-operations.yaml)."""
import unittest

import catalogue
import mutations
import rig
from rig import OPERATIONS, PINPOINT, POSTGRES_JS, PRISMA, kinds, skipped, verdicts
from writers import writing

COUNT = 'issueRouter.count'  # issueRouter.list sends it beside its own statements
EDGES = [{'rule': 'userRouter.getProfile', 'path': 'userRouter.getProfile', 'input': {'id': user}}
         for user in ('usr_0050', 'usr_nope', 'usr_0002')]  # no membership; no user; three memberships


class Operations(rig.Database):
    def check_matched(self, metrics, calls, times=1, races=False):
        for rule in catalogue.SEVERAL:
            count = times * sum(call['rule'] == rule for call in calls)
            found = verdicts(metrics, rule)
            with self.subTest(rule=rule, verdicts=found, kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                if races:
                    found['match'] = found.get('match', 0) + found.pop('race', 0)
                self.assertEqual(({'match': count}, {}), (found, skipped(metrics, rule)))
                if rule == 'issueRouter.list':
                    self.assertEqual(count, metrics.sum('operations_total', rule=COUNT))
        for name in ('dropped_total', 'tap_desync_total', 'orphan_statements_total'):
            self.assertEqual(0, metrics.sum(name), name)
        self.assertEqual(0, metrics.sum('statements_total', covered='no'))

    def test_every_operation_matches_and_the_application_sees_no_difference(self):
        calls = catalogue.calls(catalogue.SEVERAL, 8, 51) + EDGES
        proxy = self.proxy([PINPOINT, OPERATIONS])
        self.assertEqual({'ready'}, set(proxy.states().values()))
        proxied = rig.run(PRISMA, self.url(proxy), calls, atOnce=8, pool=5, seed=52)
        self.assertEqual(rig.run(PRISMA, self.direct, calls, atOnce=8, pool=5), proxied)
        self.check_matched(proxy.settled(), calls)

    def test_tags_in_comments_change_nothing(self):
        calls = catalogue.calls(catalogue.SEVERAL, 8, 53) + EDGES
        proxy = self.proxy([PINPOINT, OPERATIONS])
        rig.run(PRISMA, self.url(proxy), calls, atOnce=8, pool=5, seed=54, tags=True)
        metrics = proxy.settled()
        self.check_matched(metrics, calls)
        self.assertEqual(0, metrics.sum('unknown_tagged_total'))

    def test_a_rule_that_is_behind_its_operation_is_told(self):
        """The application has begun to ask for one more column, and the rule has the old text."""
        rules = rig.load_rules(OPERATIONS)
        name = 'userRouter.getProfile'
        old = {key: sql.replace('"public"."roles"."permissions", ', '') for key, sql in rules[name]['legacy'].items()}
        self.assertNotEqual(old, rules[name]['legacy'])
        behind = {**rules[name], 'legacy': old, 'rewrite': rules[name]['rewrite'].replace('"roles"."permissions", ', '')}
        calls = [call for call in catalogue.calls(catalogue.SEVERAL, 8, 60) if call['rule'] == name]
        proxy = self.proxy({name: behind, 'userRouter.profiles': rules['userRouter.profiles']}, shadow={**rig.CONFIG['shadow'], 'window': '500ms'})
        rig.run(PRISMA, self.url(proxy), calls, atOnce=4, pool=4, seed=61, tags=True)
        metrics = proxy.settled()
        self.assertEqual(len(calls), metrics.sum('unknown_tagged_total', rule=name))
        self.assertEqual(0, metrics.sum('unknown_tagged_total', rule='userRouter.profiles'))
        # Where there is no membership nobody waits for roles.
        self.assertEqual(len(calls), metrics.sum('skipped_total', rule=name, reason='incomplete') + metrics.sum('verdicts_total', rule=name, verdict='match'))
        self.assertGreater(metrics.sum('skipped_total', rule=name, reason='incomplete'), 0)
        self.assertEqual(1, proxy.log_text().count('no rule knows it'))

    def test_findUnique_calls_of_several_procedures_are_one_statement(self):
        """Prisma's loader puts calls of one turn together, whoever makes them, and tags the statement as the first of them."""
        calls = [{'path': 'userRouter.profiles', 'input': {'ids': ids}} for ids in (['usr_0051'], ['usr_0052', 'usr_0053'], ['usr_nope'], ['usr_0054'])]
        calls.insert(0, {'path': 'userRouter.byEmail', 'input': {'email': 'user1@example.test'}})
        proxy = self.proxy([PINPOINT, OPERATIONS])
        proxied = rig.run(PRISMA, self.url(proxy), calls, together=True, pool=4, rounds=5, tags=True)
        self.assertEqual(rig.run(PRISMA, self.direct, calls, together=True, pool=4, rounds=5), proxied)
        metrics = proxy.settled()
        self.assertEqual(({'match': 5}, {}), (verdicts(metrics, 'userRouter.profiles'), skipped(metrics, 'userRouter.profiles')))
        self.assertEqual(0, metrics.sum('unknown_tagged_total'))
        self.assertEqual(0, metrics.sum('orphan_statements_total'))

    def test_every_operation_matches_while_others_write(self):
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.SEVERAL}, 3, 55) + EDGES
        proxy = self.proxy([PINPOINT, OPERATIONS])
        writer = rig.Run(POSTGRES_JS, self.direct, writing(catalogue.Inputs('operations')), seconds=6, quiet=True, pool=2)
        runs = [rig.Run(PRISMA, self.url(proxy), calls, atOnce=10, pool=pool, seed=pool, rounds=3, quiet=True) for pool in (3, 5)]
        for each in (*runs, writer):
            each.finish()
        metrics = proxy.settled(60)
        for rule in catalogue.SEVERAL:
            found = verdicts(metrics, rule)
            with self.subTest(rule=rule, verdicts=found, kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                self.assertEqual(6 * sum(call['rule'] == rule for call in calls), found.get('match', 0) + found.get('race', 0))

    def test_findUnique_with_a_relation(self):
        """One parent by its key: Prisma writes its children's list as one value, `= $1`, or not at all where there is no parent."""
        legacy = {'users': 'SELECT "public"."users"."id", "public"."users"."email" FROM "public"."users" WHERE ("public"."users"."id" = :id AND 1=1) LIMIT 1 OFFSET 0',
                  'memberships': 'SELECT "public"."memberships"."id", "public"."memberships"."roleId", "public"."memberships"."userId" FROM "public"."memberships"'
                                 ' WHERE "public"."memberships"."userId" IN (:users.id) OFFSET 0'}
        join = ('select "users"."id", "users"."email", "memberships"."id", "memberships"."roleId" from "users" left join "memberships" on'
                ' "users"."id" = "memberships"."userId" where "users"."id" = :id')
        as_value = {**legacy, 'memberships': legacy['memberships'].replace('IN (:users.id)', '= :users.id')}
        calls = [{'path': 'userRouter.profiles', 'input': {'ids': [user]}} for user in ('usr_0002', 'usr_0050', 'usr_nope', 'usr_0003')]
        for statements, rewrite, wanted in ((legacy, join, {'match': 4}), (as_value, join, {'match': 4}),
                                            (legacy, join.replace('left', 'inner'), {'match': 3, 'mismatch': 1})):
            proxy = self.proxy({'profile': {'legacy': statements, 'rewrite': rewrite}})
            rig.run(PRISMA, self.url(proxy), calls)
            metrics = proxy.settled()
            self.assertEqual((wanted, {}), (verdicts(metrics, 'profile'), skipped(metrics, 'profile')))
            self.assertEqual(0, metrics.sum('orphan_statements_total'))
            self.assertEqual(0, metrics.sum('statements_total', covered='no'))
            proxy.stop()

    def test_equal_operations_at_the_same_time(self):
        """Which of two equal children belongs to which of two equal parents cannot be told without tags, and does not matter."""
        calls = 12 * [EDGES[2]] + 12 * catalogue.calls({'issueRouter.people': catalogue.SEVERAL['issueRouter.people']}, 1, 56)
        proxy = self.proxy([PINPOINT, OPERATIONS])
        rig.run(PRISMA, self.url(proxy), calls, atOnce=12, pool=5, seed=57)
        metrics = proxy.settled()
        for rule in ('userRouter.getProfile', 'issueRouter.people'):
            with self.subTest(rule=rule, verdicts=verdicts(metrics, rule), kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                self.assertEqual(12, metrics.sum('operations_total', rule=rule))
                self.assertEqual({'match'}, set(verdicts(metrics, rule)))
                self.assertLessEqual(set(skipped(metrics, rule)), {'ambiguous'})

    def test_each_wrong_rewrite_is_found(self):
        rules = rig.load_rules(OPERATIONS)
        calls = catalogue.calls(catalogue.SEVERAL, 8, 58) + EDGES
        for depth in range(max(map(len, mutations.OPERATIONS.values()))):
            changes = {name: wrong[depth] for name, wrong in mutations.OPERATIONS.items() if depth < len(wrong)}
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
