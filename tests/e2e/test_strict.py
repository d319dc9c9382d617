#!/usr/bin/python3
"""Strict mode under a real test suite: the application's own, on node:test, with fixtures in transactions that are rolled
back. It fails at exactly the operation whose rewrite is wrong, the ORM shows which, and a rule that compared nothing fails it."""
import subprocess
import unittest

import rig
from rig import NODE_POSTGRES, OPERATIONS, PINPOINT, POSTGRES_JS, PRISMA
from support.proxy import BINARY

# By rule: a wrong change of its rewrite, which the fixtures show.
WRONG = {
    'userRouter.byEmail': ('"users"."email" = :email', '"users"."email" = :email and "users"."bio" is null'),
    'userRouter.unverified': ('"users"."bio" is not null', "\"users\".\"bio\" <> 'a bio'"),
    'organizationRouter.bySubdomain': ('"name"', 'upper("name") as "name"'),
    'userRouter.getProfile': ('left join "roles" on "memberships"."roleId" = "roles"."id"',
                              'left join "roles" on "memberships"."roleId" = "roles"."id" and "roles"."isDefault"'),
}


class Strict(rig.Database):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        both = {**rig.load_rules(PINPOINT), **rig.load_rules(OPERATIONS)}
        cls.rules = {name: both[name] for name in rig.SUITE}

    def strict(self, rules, **config):
        return self.proxy(rules, mode='strict', strict={'timeout': '20s'}, **config)

    def test_right_rewrites_pass(self):
        for kind in (PRISMA, POSTGRES_JS, NODE_POSTGRES):
            with self.subTest(kind):
                self.assertEqual(set(), rig.suite(kind, self.direct)[0])
                proxy = self.strict(self.rules)
                failed, output = rig.suite(kind, self.url(proxy))
                self.assertEqual(set(), failed, output)
                metrics = proxy.settled()
                for name in rig.SUITE:
                    self.assertEqual({'match': 1}, rig.verdicts(metrics, name), f'{name}: {rig.skipped(metrics, name)}')

    def test_a_wrong_one_fails_its_test_and_is_named(self):
        for name, (old, new) in WRONG.items():
            changed = rig.wrong_rule(self.rules, name, old, new)
            if name == 'organizationRouter.bySubdomain':
                changed['columns'] = {'name': 'name'}
            proxy = self.strict({**self.rules, name: changed})
            with self.subTest(name):
                failed, output = rig.suite(PRISMA, self.url(proxy))
                self.assertEqual({name}, failed, output)
                self.assertIn(f'parallax: {name}: mismatch', output)
            proxy.stop()

    def test_a_rule_that_compared_nothing_fails_the_run(self):
        journal = {'path': 'journal.jsonl', 'values': 'full'}
        for rules, status in ((self.rules, 0), ({**self.rules, 'userRouter.countOfFrequency': rig.load_rules(PINPOINT)['userRouter.countOfFrequency']}, 1)):
            proxy = self.strict(rules, journal=journal)
            self.assertEqual(set(), rig.suite(PRISMA, self.url(proxy))[0])
            proxy.settled()
            proxy.terminate()
            proxy.process.wait(timeout=30)
            directory = proxy.config_path.parent
            done = subprocess.run([BINARY, 'report', directory / 'journal.jsonl', '-c', proxy.config_path, '--every-rule'], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
            self.assertEqual(status, done.returncode, done.stdout)
            if status:
                self.assertIn('userRouter.countOfFrequency', done.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
