#!/usr/bin/python3
"""The application, on both ORMs, while the mode flips every few milliseconds between off, shadow and strict: with right
rewrites it gets what it would get direct, in and out of transactions, and what is compared matches."""
import unittest

import catalogue
import rig
from rig import NODE_POSTGRES, OPERATIONS, PINPOINT, POSTGRES_JS, PRISMA, RELATIONAL, verdicts

from support.canary import Canary
from support.flipping import Flipping
from support.proxy import rule

FLIPS = 700  # for each driver, in its reads and in its suite
WRONG = {'canary': rule('SELECT count(*) AS n FROM "users"', 'select count(*) + 1 from "users"', columns={'n': 'count(*) + 1'})}


class Switch(rig.Database):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = int(cls.cluster.psql('SELECT count(*) FROM users', 'pinpoint', 'app'))

    def while_flipping(self, files, work):
        """Calls `work` with a proxy's URL until the mode has changed FLIPS times. Strict mode must have held answers, and the
        others not; no operation may be lost between the modes, and nothing but matches come of them. Returns the metrics."""
        rules = {name: each for file in files for name, each in rig.load_rules(file).items()}
        proxy = self.proxy({**rules, **WRONG}, strict={'timeout': '20s', 'uncompared': 'allow'})
        canary = Canary('SELECT count(*) AS n FROM "users"', (self.users,), conninfo=self.url(proxy))
        work(self.url(proxy))
        first, runs = proxy.settled(60), 1
        with canary, Flipping(proxy) as flipping:
            while flipping.count() < FLIPS:
                work(self.url(proxy))
                runs += 1
        metrics = proxy.settled(60)
        self.assertEqual({name: runs * first.sum('operations_total', rule=name) for name in rules},
                         {name: metrics.sum('operations_total', rule=name) for name in rules})
        self.assertGreater(min(canary.passed, canary.refused), 0)
        self.assertEqual(0, metrics.sum('tap_desync_total'))
        found = {name: verdicts(metrics, name) for name in rules}
        self.assertEqual({}, {name: each for name, each in found.items() if set(each) - {'match'}})
        proxy.stop()
        return metrics

    def check_reads(self, files, procedures):
        calls = catalogue.calls(procedures, 3, 71)
        for kind in (PRISMA, POSTGRES_JS, NODE_POSTGRES):
            with self.subTest(kind):
                direct = rig.run(kind, self.direct, calls, atOnce=6, pool=4)
                metrics = self.while_flipping(files, lambda url, kind=kind, direct=direct: self.assertEqual(
                    direct, rig.run(kind, url, calls, atOnce=6, pool=4, seed=72)))
                self.assertGreater(metrics.sum('verdicts_total', verdict='match'), len(calls))
                self.assertGreater(metrics.sum('skipped_total', reason='off'), len(calls))

    def test_every_read(self):
        self.check_reads((PINPOINT, OPERATIONS), {**catalogue.SINGLE, **catalogue.SEVERAL})

    def test_relational_queries(self):
        """But for the one whose numbers JSON does not keep."""
        self.check_reads((RELATIONAL,), {name: make for name, make in catalogue.RELATIONAL.items() if name != 'machineRouter.ofIssue'})

    def test_its_own_suite(self):
        """Reads of what the transaction alone has written, and what it rolls back."""
        for kind in (PRISMA, POSTGRES_JS, NODE_POSTGRES):
            with self.subTest(kind):
                metrics = self.while_flipping((PINPOINT, OPERATIONS), lambda url, kind=kind: self.assertEqual(set(), rig.suite(kind, url, 40)[0]))
                self.assertGreater(min(verdicts(metrics, name).get('match', 0) for name in rig.SUITE), 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
