#!/usr/bin/python3
"""The way back: strict, shadow, off under load, a restart while off, and the connection string back to direct. No transaction
fails on the way. And the way forward: the flag goes from Prisma to Drizzle in steps, and comparison goes on in both
directions."""
import json
import subprocess
import tempfile
import threading
import unittest

import rig
from catalogue import SINGLE, Inputs
from rig import NODE_POSTGRES, PINPOINT, PRISMA
from support.proxy import BINARY, Parallax, wait_for

PATHS = ('userRouter.byEmail', 'userRouter.createdBetween', 'userRouter.unverified', 'organizationRouter.dashboard', 'roleRouter.all')


class Rollback(rig.Database):
    def setUp(self):
        rules = rig.load_rules(PINPOINT)
        self.rules = {name: rules[name] for name in PATHS}

    def calls(self, seed, count=1):
        inputs = Inputs(seed)
        return [{'path': path, 'input': SINGLE[path](inputs)} for path in PATHS for _ in range(count)]

    def switch(self, proxy, mode):
        done = subprocess.run([BINARY, 'mode', mode, '--admin', proxy.admin_url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=20)
        self.assertEqual(0, done.returncode, done.stdout)
        wait_for(lambda: proxy.metrics().sum('rule_mode', mode=mode) == len(PATHS), 2, f'all rules are in {mode}')

    def test_drill(self):
        state = tempfile.TemporaryDirectory(prefix='parallax-drill-')
        self.addCleanup(state.cleanup)
        config = {'mode': 'strict', 'strict': {'timeout': '20s'}, 'state_dir': state.name}
        proxy = self.proxy(self.rules, **config)
        load = rig.Run(PRISMA, self.url(proxy), self.calls(3), seconds=8, quiet=True, atOnce=3)
        wait_for(lambda: proxy.metrics().sum('verdicts_total') > 30, 20, 'the load is compared')
        for mode in ('shadow', 'off', 'shadow', 'off'):
            self.switch(proxy, mode)
            before = proxy.metrics().sum('verdicts_total')
            if mode == 'shadow':
                wait_for(lambda before=before: proxy.metrics().sum('verdicts_total') > before + 10, 10, 'shadowing goes on')
        self.assertEqual([], [line for line in load.lines() if 'error' in line])
        self.assertGreater(load.done, 100)
        metrics = proxy.settled()
        self.assertEqual(0, metrics.sum('verdicts_total', verdict='mismatch'))
        self.assertGreater(metrics.sum('skipped_total', reason='off'), 0)
        proxy.stop()
        # Off, although the configuration says strict; so no rule is verified.
        again = Parallax(self.direct, {**rig.CONFIG, 'rules': self.rules, **config})
        self.addCleanup(again.stop)
        self.assertEqual(len(PATHS), again.metrics().sum('rule_mode', mode='off'))
        rig.run(PRISMA, self.url(again), self.calls(4))
        self.assertEqual(0, again.settled().sum('verdicts_total'))
        again.stop()
        rig.run(PRISMA, self.direct, self.calls(5))

    def test_the_flag_goes_over_in_steps(self):
        proxy = self.proxy(self.rules, journal={'path': 'canary.jsonl', 'key': 'k' * 32})
        seen = {'legacy': 0, 'rewrite': 0}
        for step, share in enumerate((0, 10, 50, 100, 0)):
            turned = self.calls(step, 20)
            drizzle, prisma = turned[:len(turned) * share // 100], turned[len(turned) * share // 100:]
            failed = []

            def go(kind, calls):
                try:
                    rig.run(kind, self.url(proxy), calls, atOnce=2)
                except AssertionError as error:
                    failed.append(error)
            both = [threading.Thread(target=go, args=pair) for pair in ((PRISMA, prisma), (NODE_POSTGRES, drizzle)) if pair[1]]
            for thread in both:
                thread.start()
            for thread in both:
                thread.join()
            self.assertEqual([], failed)
            metrics = proxy.settled()
            now = {side: metrics.sum('rule_statements_total', side=side) for side in seen}
            self.assertEqual((len(prisma), len(drizzle)), (now['legacy'] - seen['legacy'], now['rewrite'] - seen['rewrite']), f'{share} %')
            seen = now
        self.assertEqual(set(), {labels['verdict'] for labels, value in metrics.series('verdicts_total') if value} - {'match'})
        proxy.terminate()
        proxy.process.wait(timeout=30)
        journal = proxy.config_path.parent / 'canary.jsonl'
        done = subprocess.run([BINARY, 'ready', '-c', proxy.config_path, journal, '--format', 'json', '--min-comparisons', '50', '--min-distinct', '1'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(set(PATHS), {rule['rule'] for rule in told['rules']}, told)


if __name__ == '__main__':
    unittest.main(verbosity=2)
