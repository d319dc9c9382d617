#!/usr/bin/python3
"""The recorded script gives the same bytes direct and proxied, whatever the shadow side does."""
import concurrent.futures
import itertools
import time
import unittest

from support import transcript, wire
from support.canary import Canary
from support.cluster import Cluster
from support.flipping import MODES, Flipping
from support.proxy import Parallax, rule

FLIPS = 1000  # of the mode, in a case that is about them


class Bytes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(transcript.SCHEMA)
        cls.direct = transcript.record(cls.cluster.host, cls.cluster.port)

    def compare(self, proxied, when):
        for name, expected in self.direct.items():
            with self.subTest(scene=name, when=when):
                self.assertEqual('', wire.first_difference(expected, proxied[name]))

    def config(self, mode='shadow', rules=None, **shadow):
        return {'mode': mode, 'sample': 1.0, 'shadow': shadow, 'rules': rules or transcript.RULES}

    def test_the_script_itself_is_repeatable(self):
        self.compare(transcript.record(self.cluster.host, self.cluster.port), 'direct again')
        self.assertGreater(sum(map(len, self.direct.values())), 10_000_000)

    def test_shadowing_off(self):
        with Parallax(self.cluster.url(), self.config('off')) as proxy:
            self.compare(transcript.record(proxy.host, proxy.port), 'off')
            metrics = proxy.settled()
            self.assertEqual(0, metrics.sum('verdicts_total'))
            self.assertEqual(transcript.VIOLATIONS, metrics.sum('tap_desync_total'))

    def test_shadowing_on(self):
        with Parallax(self.cluster.url(), self.config()) as proxy:
            proxy.wait_verified()
            self.compare(transcript.record(proxy.host, proxy.port), 'on')
            metrics = proxy.settled()
            # only the scene that breaks the protocol on purpose
            self.assertEqual(transcript.VIOLATIONS, metrics.sum('tap_desync_total'))
            self.assertGreater(metrics.sum('verdicts_total', rule='item.byId', verdict='match'), 100)
            self.assertEqual(0, metrics.sum('verdicts_total', rule='item.byId', verdict='mismatch'))
            self.assertGreater(metrics.sum('verdicts_total', rule='item.wrong', verdict='mismatch'), 0)

    def flip(self, proxy, *modes):
        """The script, as often as it takes, while the mode changes FLIPS times; how often that was."""
        runs = 0
        with Flipping(proxy, *modes) as flipping:
            while flipping.count() < FLIPS:
                self.compare(transcript.record(proxy.host, proxy.port), f'after {flipping.count()} flips')
                runs += 1
        return runs

    def check_flipped(self, metrics, runs):
        self.assertEqual(runs * transcript.VIOLATIONS, metrics.sum('tap_desync_total'))
        self.assertEqual(0, metrics.sum('verdicts_total', rule='item.byId', verdict='mismatch'))
        self.assertGreater(metrics.sum('verdicts_total', rule='item.byId', verdict='match'), 0)
        self.assertGreater(metrics.sum('skipped_total', rule='item.byId', reason='off'), 0)

    def test_the_mode_changes_all_the_time(self):
        with Parallax(self.cluster.url(), self.config()) as proxy:
            proxy.wait_verified()
            runs = self.flip(proxy, ('off', 'shadow'))
            self.check_flipped(proxy.settled(), runs)

    def test_what_strict_mode_lets_pass_while_the_mode_changes(self):
        """Without a wrong rule there is nothing to refuse, but for a session beside the script."""
        asked = 'SELECT count(*) AS n FROM item'
        rules = {name: one for name, one in transcript.RULES.items() if name != 'item.wrong'}
        rules['canary'] = rule(asked, 'select count(*) + 1 from item')
        with Parallax(self.cluster.url(), {**self.config(rules=rules), 'strict': {'uncompared': 'allow', 'timeout': '20s'}}) as proxy:
            proxy.wait_verified()
            with Canary(asked, (200,), conninfo=proxy.url()) as canary:
                runs = self.flip(proxy)
            self.check_flipped(proxy.settled(), runs)
            self.assertGreater(min(canary.passed, canary.refused), 0)

    # A server sends full buffers: most of a row comes at once, its end when the next one has slept.
    IN_PARTS = wire.query("SELECT repeat('y', 10000), pg_sleep(0.02) FROM generate_series(1, 2)")

    @staticmethod
    def change_within(session, moment, change):
        """The mode changes in the middle of a row, or of a request behind it; what the session got."""
        unit = wire.parse(transcript.BY_ID) + wire.bind(['7']) + wire.execute() + wire.SYNC
        session.send(Bytes.IN_PARTS)
        seen = session.until(b'T')
        half = len(unit) // 2 if moment == 'request' else 0
        session.send(unit[:half])
        change()
        session.send(unit[half:])
        return seen + session.until_ready(2)

    def test_a_mode_that_changes_within_a_message(self):
        """What is under way ends as it began, and the session is in the new mode behind it."""
        wrong = wire.query('SELECT count(*) FROM item WHERE id < 5')
        with (Parallax(self.cluster.url(), {**self.config(), 'strict': {'uncompared': 'allow', 'timeout': '20s'}}) as proxy,
              wire.Wire(self.cluster.host, self.cluster.port).start() as direct):
            proxy.wait_verified()
            switch = Flipping(proxy)
            expected = self.change_within(direct, 'row', lambda: None)
            for moment, (before, after) in itertools.product(('row', 'request'), itertools.permutations(MODES, 2)):
                with self.subTest(moment, before=before, after=after), wire.Wire(proxy.host, proxy.port) as session:
                    switch.set(before)
                    session.start()
                    self.assertEqual(expected, self.change_within(session, moment, lambda after=after: switch.set(after)))
                    session.send(wrong)
                    told = [kind for kind, _ in session.until_ready()]
                    self.assertEqual([b'E', b'Z'] if after == 'strict' else [b'T', b'D', b'C', b'Z'], told)
            self.assertEqual(0, proxy.settled().sum('tap_desync_total'))

    def test_learning(self):
        with Parallax(self.cluster.url(), self.config(), command='learn') as proxy:
            self.compare(transcript.record(proxy.host, proxy.port), 'learn')
            self.assertEqual(0, proxy.metrics().sum('operations_total'))

    def test_shadow_on_a_server_that_comes_and_goes(self):
        with Cluster() as second:
            second.psql(transcript.SCHEMA)
            with Parallax(self.cluster.url(), self.config(url=second.url(), pool={'max': 2, 'connect_timeout': '1s'})) as proxy:
                proxy.wait_verified()
                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    runs = pool.submit(lambda: [transcript.record(proxy.host, proxy.port) for _ in range(4)])
                    modes = itertools.cycle(('immediate', 'fast'))
                    while not runs.done():
                        second.stop(next(modes))
                        time.sleep(0.3)
                        second.start()
                        time.sleep(0.3)
                for number, proxied in enumerate(runs.result()):
                    self.compare(proxied, f'second server comes and goes, run {number}')
                metrics = proxy.settled()
                self.assertEqual(4 * transcript.VIOLATIONS, metrics.sum('tap_desync_total'))
                self.assertEqual(0, metrics.sum('verdicts_total', rule='item.byId', verdict='mismatch'))
                self.assertGreater(metrics.sum('operations_total', rule='item.byId'), 300)

    def test_queue_full(self):
        slow = dict(transcript.RULES)
        slow['item.byId'] = rule(transcript.RULES['item.byId']['legacy'],
                                 'select "id", "name" from "item" where "item"."id" = :id and '
                                 '(select count(*) from generate_series(1, 1000000)) > 0')
        shadow = {'queue': {'max_jobs': 1}, 'pool': {'max': 1}}
        with Parallax(self.cluster.url(), self.config(rules=slow, **shadow)) as proxy:
            proxy.wait_verified()
            self.compare(transcript.record(proxy.host, proxy.port), 'queue full')
            metrics = proxy.settled()
            self.assertGreater(metrics.sum('dropped_total', rule='item.byId', reason='queue_jobs'), 100)


if __name__ == '__main__':
    unittest.main(verbosity=2)
