#!/usr/bin/python3
"""What a plan of two ORM clients inside the application promised, kept by Parallax outside of it: a test for each promise, with
the real application."""
import subprocess
import threading
import time
import unittest

import catalogue
import rig
from rig import CONFIG, NODE_POSTGRES, PINPOINT, PRISMA, kinds, verdicts

from support.proxy import Parallax, wait_for

SHADOW = "FROM pg_stat_activity WHERE application_name = 'parallax-shadow'"
SOME = {name: catalogue.SINGLE[name] for name in ('userRouter.byEmail', 'machineRouter.byId', 'issueRouter.search', 'issueRouter.count')}


class Samples:
    """The most connections that the shadow side had at the server, until the block ends."""

    def __init__(self, cluster):
        self.cluster, self.most, self.pids, self.over = cluster, 0, set(), threading.Event()
        self.thread = threading.Thread(target=self.sample, daemon=True)

    def sample(self):
        while not self.over.is_set():
            pids = self.cluster.psql(f'SELECT pid {SHADOW}').split()
            self.most = max(self.most, len(pids))
            self.pids.update(pids)
            time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Plan(rig.Database):
    settings = {'max_connections': 60}

    def setUp(self):
        self.rules = rig.load_rules(PINPOINT)
        self.calls = catalogue.calls(SOME, 10, 41)

    def shadow_connections(self):
        return int(self.cluster.psql(f'SELECT count(*) {SHADOW}'))

    def pool(self, **settings):
        return {**CONFIG['shadow'], 'pool': settings}

    def wrong(self):
        """One rule whose rewrite gives another value, one whose rewrite fails, one right one."""
        return {
            'userRouter.byEmail': {**self.rules['userRouter.byEmail'],
                                   'rewrite': 'select "id", upper("email"), "createdAt" from "users" where "users"."email" = :email'},
            'machineRouter.byId': {**self.rules['machineRouter.byId'],
                                   'rewrite': self.rules['machineRouter.byId']['rewrite'].replace('"name"', '"title"')},
            'issueRouter.search': self.rules['issueRouter.search'],
        }

    def test_one_provider_one_pool_shared_capped_closed_at_the_end(self):
        proxy = self.proxy([PINPOINT], shadow=self.pool(max=2, idle_timeout='1s'))
        wait_for(lambda: self.shadow_connections() == 0, 10, 'no connection is kept without work')
        with Samples(self.cluster) as samples:
            runs = [rig.Run(kind, self.url(proxy), self.calls, atOnce=12, pool=5, rounds=3, quiet=True) for kind in (PRISMA, PRISMA, NODE_POSTGRES)]
            for each in runs:
                each.finish()
        metrics = proxy.settled()
        self.assertEqual(3 * 3 * len(self.calls), metrics.sum('verdicts_total') + metrics.sum('skipped_total', reason='one_way'))
        self.assertIn(samples.most, (1, 2))
        self.assertEqual(2, metrics.sum('shadow_connections_limit'))
        rig.run(PRISMA, self.url(proxy), self.calls)
        self.assertEqual(0, proxy.stop())
        wait_for(lambda: self.shadow_connections() == 0, 10, 'closed at the end')

    def test_the_same_database_and_no_change_of_its_schema(self):
        def schema():
            dump = subprocess.run(['pg_dump', '-s', self.direct], stdout=subprocess.PIPE, text=True, check=True).stdout
            return [line for line in dump.splitlines() if not line.startswith('\\')]  # \restrict with a key of its own each time
        before = schema()
        proxy = self.proxy([PINPOINT])
        rig.run(PRISMA, self.url(proxy), self.calls, atOnce=4)
        proxy.settled()
        self.assertEqual(before, schema())

    def test_migrations_pass_untouched(self):
        proxy = self.proxy([PINPOINT])
        migration = 'BEGIN; ALTER TABLE users ADD COLUMN "nickname" text; CREATE INDEX users_nickname ON users ("nickname"); COMMIT;'
        for sql in (migration, 'CREATE INDEX CONCURRENTLY users_bio ON users (bio)', 'DROP INDEX users_bio',
                    'ALTER TABLE users DROP COLUMN "nickname"'):
            subprocess.run(['psql', '-qXv', 'ON_ERROR_STOP=1', '-c', sql, self.url(proxy)], check=True, stderr=subprocess.PIPE)
            rig.run(PRISMA, self.url(proxy), self.calls[:5])
        metrics = proxy.settled()
        self.assertEqual({'match': 4 * 5}, verdicts(metrics, 'userRouter.byEmail'))

    def test_a_pool_of_one_connection(self):
        proxy = self.proxy([PINPOINT], shadow=self.pool(max=1, idle_timeout='20s', connect_timeout='10s'))
        with Samples(self.cluster) as samples:
            rig.run(PRISMA, self.url(proxy), self.calls, atOnce=10, pool=5, rounds=3, quiet=True)
            metrics = proxy.settled()
        self.assertEqual((1, 1), (samples.most, len(samples.pids)))
        self.assertEqual(3 * len(self.calls), metrics.sum('verdicts_total', verdict='match'))

    def test_results_are_compared_deeply_and_by_type(self):
        """JSON, arrays, dates, numbers and enums of other representation are equal, and it is said what made them so."""
        name = 'machineRouter.byId'
        other = self.rules[name]['rewrite']
        for column, instead in (('"settings"', '"settings"::json'), ('"year"', '"year"::bigint'), ('"purchasePrice"', '"purchasePrice" * 1.000'),
                                ('"manufacturer"', '"manufacturer"::varchar')):
            other = other.replace(column, f'{instead} as {column}', 1)
        columns = {label: label for label in ('settings', 'year', 'purchasePrice', 'manufacturer')}
        together = {**self.rules['userRouter.together'], 'rewrite': self.rules['userRouter.together']['rewrite'] + ' order by md5("id")'}
        proxy = self.proxy({name: {**self.rules[name], 'rewrite': other, 'columns': columns}, 'userRouter.together': together})
        calls = catalogue.calls({each: catalogue.SINGLE[each] for each in (name, 'userRouter.together')}, 12, 42)
        rig.run(PRISMA, self.url(proxy), calls, atOnce=4)
        metrics = proxy.settled()
        for rule, steps in ((name, {'json_text', 'type_width', 'numeric_scale', 'text_type'}), ('userRouter.together', {'order'})):
            self.assertEqual({'match': 12}, verdicts(metrics, rule))
            self.assertLessEqual(steps, set(metrics.nonzero('equalized_total', 'step', rule=rule)))

    def test_a_mismatch_shows_both_results_side_by_side(self):
        """In development; elsewhere no value is printed."""
        calls = [{'path': 'userRouter.byEmail', 'input': {'email': 'user7@example.test'}}]
        proxy = Parallax(self.direct, {**CONFIG, 'rules': self.wrong()}, ['--dev'])
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        rig.run(PRISMA, self.url(proxy), calls)
        proxy.settled()
        self.assertRegex(proxy.log_text(), r'DIFF  userRouter\.byEmail  mismatch: value\n(.*\n)*.*user7@example\.test +USER7@EXAMPLE\.TEST')
        quiet = self.proxy(self.wrong())
        rig.run(PRISMA, self.url(quiet), calls)
        quiet.settled()
        self.assertNotIn('example.test', quiet.log_text().lower())

    def test_the_application_gets_legacys_result(self):
        proxy = self.proxy(self.wrong())
        direct = rig.run(PRISMA, self.direct, self.calls, atOnce=4)
        self.assertEqual(direct, rig.run(PRISMA, self.url(proxy), self.calls, atOnce=4))
        self.assertGreater(proxy.settled().sum('mismatches_total'), 0)

    def test_validation_can_be_turned_off(self):
        proxy = Parallax(self.direct, {**CONFIG, 'mode': 'off', 'rules': self.wrong()})
        self.addCleanup(proxy.stop)
        self.assertEqual(rig.run(PRISMA, self.direct, self.calls), rig.run(PRISMA, self.url(proxy), self.calls))
        metrics = proxy.settled()
        self.assertEqual(0, metrics.sum('verdicts_total') + self.shadow_connections())

    def test_operations_have_the_names_of_the_routers(self):
        proxy = self.proxy(self.wrong())
        rig.run(PRISMA, self.url(proxy), self.calls)
        metrics = proxy.settled()
        self.assertEqual(10, metrics.sum('operations_total', rule='userRouter.byEmail'))
        self.assertIn('rule=userRouter.byEmail verdict=mismatch', proxy.log_text())

    def test_hot_reload_of_the_application_makes_no_second_pool(self):
        proxy = self.proxy([PINPOINT], shadow=self.pool(max=2, idle_timeout='60s'))
        rig.run(PRISMA, self.url(proxy), self.calls, atOnce=6)
        proxy.settled()
        with Samples(self.cluster) as samples:
            for kind in (PRISMA, NODE_POSTGRES, PRISMA):
                rig.run(kind, self.url(proxy), self.calls, atOnce=6)
            proxy.settled()
        self.assertLessEqual(len(samples.pids), 2)

    def test_logs_and_errors_say_which_side(self):
        proxy = self.proxy(self.wrong())
        rig.run(PRISMA, self.url(proxy), self.calls)
        metrics = proxy.settled()
        self.assertIn('rule=machineRouter.byId verdict=rewrite_error live=legacy side=rewrite sqlstate=42703', proxy.log_text())
        sides = {labels['side'] for labels, value in metrics.series('paired_duration_seconds_count', rule='issueRouter.search') if value}
        self.assertEqual({'legacy', 'rewrite'}, sides)
        self.assertEqual(10, metrics.sum('live_duration_seconds_count', rule='issueRouter.search', side='legacy'))

    def test_a_type_that_changes_is_found(self):
        name = 'issueRouter.createdSince'
        proxy = self.proxy({name: {**self.rules[name], 'rewrite': self.rules[name]['rewrite'].replace('count(*)', 'count(*)::int::text')}})
        rig.run(PRISMA, self.url(proxy), catalogue.calls({name: catalogue.SINGLE[name]}, 3, 43))
        self.assertEqual({'column_type': 3}, kinds(proxy.settled(), name))

    def test_it_ends_gracefully_under_load(self):
        """SIGTERM: what is in flight is answered, the application reconnects elsewhere, nothing is left behind."""
        proxy = self.proxy([PINPOINT])
        busy = rig.Run(PRISMA, self.url(proxy), self.calls, atOnce=8, pool=5, rounds=1000, quiet=True)
        wait_for(lambda: proxy.metrics().sum('operations_total') > 50, 20, 'it is busy')
        self.assertEqual(0, proxy.stop())
        wait_for(lambda: self.shadow_connections() == 0, 10, 'no connection is left')
        busy.process.kill()
        busy.process.communicate()

    def test_memory_is_stable(self):
        proxy = self.proxy([PINPOINT])

        def pass_once():
            rig.run(PRISMA, self.url(proxy), self.calls, atOnce=8, pool=5, rounds=15, quiet=True)
            proxy.settled()
            return proxy.resident_bytes()
        first = pass_once()
        last = max(pass_once() for _ in range(2))
        self.assertLess(last - first, 8 << 20)


if __name__ == '__main__':
    unittest.main(verbosity=2)
