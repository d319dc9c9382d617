#!/usr/bin/python3
"""The scenario's application with the real Prisma, and with the real Drizzle, in front of a Parallax that has a rule for each
read: right rewrites match while others write, wrong ones are found, and the application never sees a difference."""
import re
import unittest

import catalogue
import mutations
import rig
from rig import NODE_POSTGRES, OPERATIONS, PINPOINT, POSTGRES_JS, PRISMA, RELATIONAL, kinds, skipped, verdicts

from support.proxy import PATIENCE
from writers import writing

WRITE_SECONDS = 6


class Right(rig.Database):
    """Right rewrites."""

    def check_matched(self, metrics, counts, races=False):
        """Exactly these numbers of operations, each a match; with `races` a writer may have come between."""
        for rule, count in counts.items():
            with self.subTest(rule=rule, verdicts=verdicts(metrics, rule), kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                self.assertEqual(count, metrics.sum('operations_total', rule=rule))
                found = verdicts(metrics, rule)
                if races:
                    found['match'] = found.get('match', 0) + found.pop('race', 0)
                self.assertEqual(({'match': count}, {}), (found, skipped(metrics, rule)))
        self.assertEqual(set(counts), {rule for rule in metrics.rules() if metrics.sum('operations_total', rule=rule)})
        self.assertEqual(0, metrics.sum('dropped_total'))
        self.assertEqual(0, metrics.sum('tap_desync_total'))
        self.assertEqual(0, metrics.sum('statements_total', covered='no'), 'every statement of Prisma has a rule')

    @staticmethod
    def counts(calls, times=1):
        found = {}
        for call in calls:
            found[call['rule']] = found.get(call['rule'], 0) + times
        return found

    def test_every_read_matches_and_the_application_sees_no_difference(self):
        calls = catalogue.calls(catalogue.SINGLE, 5, 1)
        proxy = self.proxy([PINPOINT])
        self.assertEqual({'ready'}, set(proxy.states().values()))
        proxied = rig.run(PRISMA, self.url(proxy), calls, atOnce=8, pool=4, seed=2)
        self.assertEqual(rig.run(PRISMA, self.direct, calls, atOnce=8, pool=4, seed=3), proxied)
        metrics = proxy.settled()
        self.check_matched(metrics, self.counts(calls))
        for name in ('issueRouter.byId', 'issueRouter.search', 'userRouter.byFrequency'):
            self.assertEqual({'enum_text'}, set(metrics.nonzero('equalized_total', 'step', rule=name)))
        vacuous = metrics.nonzero('vacuous_matches_total', 'rule')
        for name in catalogue.SINGLE.keys() - {'machineRouter.byIds.none'}:
            self.assertLess(vacuous.get(name, 0), 5, f'{name}: not all of its results are empty')

    def test_every_read_matches_while_others_write(self):
        rounds = 4
        reads = [catalogue.calls(catalogue.SINGLE, 1, seed) for seed in (11, 12)]
        proxy = self.proxy([PINPOINT])
        writers = [rig.Run(PRISMA, self.direct, writing(catalogue.Inputs(0)), seconds=WRITE_SECONDS, quiet=True, pool=2),
                   rig.Run(POSTGRES_JS, self.direct, writing(catalogue.Inputs(1))[2:6], seconds=WRITE_SECONDS, quiet=True, pool=2)]
        runs = [rig.Run(PRISMA, self.url(proxy), calls, atOnce=12, pool=pool, seed=seed, rounds=rounds, quiet=True)
                for seed, (calls, pool) in enumerate(zip(reads, (3, 5)))]
        for each in runs + writers:
            each.finish()
        self.assertGreater(sum(writer.done for writer in writers), 5 * WRITE_SECONDS // PATIENCE, 'the writers were busy')
        self.check_matched(proxy.settled(60), self.counts(reads[0] + reads[1], rounds), races=True)

    def test_tags_in_comments_and_named_statements_change_nothing(self):
        calls = catalogue.calls(catalogue.SINGLE, 2, 21)
        proxy = self.proxy([PINPOINT])
        plain = rig.run(PRISMA, self.direct, calls, atOnce=4, pool=3)
        for more in ({'tags': True}, {'named': True}, {'tags': True, 'named': True}):
            with self.subTest(**more):
                self.assertEqual(plain, rig.run(PRISMA, self.url(proxy), calls, atOnce=4, pool=3, seed=22, **more))
        self.check_matched(proxy.settled(), self.counts(calls, 3))

    def test_writes_pass_untouched(self):
        """The same work direct and through Parallax, in databases that began as copies: the same answers, the same rows."""
        self.cluster.psql('CREATE DATABASE copy TEMPLATE pinpoint OWNER app')
        calls = [call for seed in range(3) for call in writing(catalogue.Inputs(seed))]
        direct = rig.run(PRISMA, self.cluster.url('app', 'copy'), calls)
        proxy = self.proxy([PINPOINT])
        self.assertEqual(direct, rig.run(PRISMA, self.url(proxy), calls))
        metrics = proxy.settled()
        count = 'issueRouter.openOnMachine'
        self.assertEqual(({}, {'txn_wrote': 3}), (verdicts(metrics, count), skipped(metrics, count)))
        # a clock of the client's stands in updatedAt and in what was made
        rows = ('SELECT id, status, title, "assignedToId", score, "resolvedAt" FROM issues ORDER BY id', 'SELECT id, "playCount" FROM machines ORDER BY id',
                'SELECT subdomain, name FROM organizations ORDER BY id')
        for sql in rows:
            self.assertEqual(self.cluster.psql(sql, 'copy'), self.cluster.psql(sql, 'pinpoint'))


class Wrong(rig.Database):
    """Each wrong rewrite of mutations.TABLE is found as what it is; the application gets legacy's results all the same."""

    def found(self, metrics, states, log, name):
        if states[name] != 'ready':
            return states[name]
        verdict = set(verdicts(metrics, name)) - {'match', 'mismatch'}
        parts = sorted({*kinds(metrics, name), *verdict})
        crossing = re.search(rf'rule={re.escape(name)} .*pairs cross', log)
        return '+'.join(parts) or ('crossing' if crossing else 'nothing')

    def test_each_is_found(self):
        rules = rig.load_rules(PINPOINT)
        self.assertEqual(set(rules), set(mutations.TABLE), 'each rule has wrong rewrites')
        calls = catalogue.calls(catalogue.SINGLE, 12, 3)
        numbers = {number: call for number, call in enumerate(calls)}
        direct = rig.run(PRISMA, self.direct, calls, atOnce=8, pool=4)
        for depth in range(max(map(len, mutations.TABLE.values()))):
            changes = {name: wrong[depth] for name, wrong in mutations.TABLE.items() if depth < len(wrong)}
            proxy = self.proxy({name: rig.wrong_rule(rules, name, old, new) for name, (_, old, new, _) in changes.items()})
            states = proxy.states()
            chosen = [number for number, call in numbers.items() if call['rule'] in changes]
            proxied = rig.run(PRISMA, self.url(proxy), [calls[number] for number in chosen], atOnce=8, pool=4, seed=depth)
            self.assertEqual([direct[0, number] for number in chosen], [proxied[0, place] for place in range(len(chosen))])
            metrics, log = proxy.settled(), proxy.log_text()
            for name, (what, _, new, expected) in changes.items():
                with self.subTest(rule=name, wrong=what, text=new, verdicts=verdicts(metrics, name)):
                    self.assertEqual(expected, self.found(metrics, states, log, name))
                    self.assertEqual(expected == 'nothing', (name, what) in mutations.NOTHING)
                    self.assertEqual('unstable' in expected, (name, what) in mutations.UNSTABLE)
            proxy.stop()


def form(sql):
    """A statement without its values: names, parameters, literals and lists are one sign each."""
    values = re.sub(r"'[^']*'|\$\d+|(?<![:\w]):\w+|(?<= )\d+\b", '?', sql)
    return re.sub(r'\?(, \?)+', '?', ' '.join(values.split()))


class Drizzle(rig.Database):
    """The application's flag turned: Drizzle is the client."""

    settings = {'log_statement': "'all'"}

    def test_each_rewrite_is_what_it_sends(self):
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.SEVERAL, **catalogue.RELATIONAL}, 4, 33)
        rig.run(NODE_POSTGRES, self.direct, calls, atOnce=6, pool=4)
        sent = {form(sql) for sql in re.findall(r'LOG:  (?:execute [^:]*|statement): (select .*)', self.cluster.log.read_text(), re.I)}
        for name, rule in {**rig.load_rules(PINPOINT), **rig.load_rules(OPERATIONS), **rig.load_rules(RELATIONAL)}.items():
            with self.subTest(rule=name):
                self.assertIn(form(rule['rewrite']), sent)

    def test_its_statements_pass_and_its_results_are_prismas(self):
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.SEVERAL}, 4, 31)
        wanted = rig.run(PRISMA, self.direct, calls, atOnce=6, pool=4)
        proxy = self.proxy([PINPOINT])
        for kind in (POSTGRES_JS, NODE_POSTGRES):
            with self.subTest(kind=kind):
                self.assertEqual(wanted, rig.run(kind, self.direct, calls, atOnce=6, pool=4))
                self.assertEqual(wanted, rig.run(kind, self.url(proxy), calls, atOnce=6, pool=4))
        metrics = proxy.settled()
        self.assertEqual(0, metrics.sum('tap_desync_total'))
        self.assertEqual(0, metrics.sum('mismatches_total'))

    def test_its_writes_pass_untouched(self):
        for kind in (POSTGRES_JS, NODE_POSTGRES):
            with self.subTest(kind=kind):
                calls = [call for seed in range(2) for call in writing(catalogue.Inputs(f'{kind}{seed}'))]
                self.cluster.psql('DROP DATABASE IF EXISTS copy')
                self.cluster.psql('CREATE DATABASE copy TEMPLATE pinpoint OWNER app')
                proxy = self.proxy([PINPOINT])
                direct = rig.run(kind, self.cluster.url('app', 'copy'), calls)
                self.assertEqual(direct, rig.run(kind, self.url(proxy), calls))
                proxy.stop()
                rows = 'SELECT id, status, title, "assignedToId", score FROM issues ORDER BY id'
                self.assertEqual(self.cluster.psql(rows, 'copy'), self.cluster.psql(rows, 'pinpoint'))


if __name__ == '__main__':
    unittest.main(verbosity=2)
