#!/usr/bin/python3
"""The application's flag has turned: the real Drizzle sends the rewrites, over both drivers, and legacy is made again from
their values. Every rule goes on as it stands; what is found wrong in one direction is found wrong in the other."""
import collections
import json
import pathlib
import re
import tempfile
import unittest

import psycopg

import catalogue
import mutations
import rig
from rig import NODE_POSTGRES, OPERATIONS, PINPOINT, POSTGRES_JS, PRISMA, kinds, skipped, verdicts
from writers import writing

# The value is computed between input and SQL: no way leads back.
ONE_WAY = {name for path in (PINPOINT, OPERATIONS) for name, rule in rig.load_rules(path).items() if 'let' in rule or ':_' in str(rule['legacy'])}
# One statement on both sides counts as legacy.
THE_SAME = {'issueRouter.perDay', 'issueRouter.total'}
NAME = re.compile(r'(?<![:\w]):([A-Za-z_]\w*)')


def sides(metrics, rule):
    return metrics.nonzero('rule_statements_total', 'side', rule=rule)


def as_array(members):
    return '{' + ','.join('NULL' if one is None else '"' + one.replace('\\', '\\\\').replace('"', '\\"') + '"' for one in members) + '}'


def as_sent(sql, values):
    """A rewrite as a driver sends it, and its parameters: a list as one array where it stands so."""
    parameters = []

    def placeholder(name):
        value = values[name[1]]
        if isinstance(value, list) and sql[:name.start()].rstrip().lower().endswith('any('):
            value = as_array(value)
        members = value if isinstance(value, list) else [value]
        # Bytes stand in the journal as {type, hex}.
        parameters.extend(bytes.fromhex(one['hex'].removeprefix('\\x')) if isinstance(one, dict) else one for one in members)
        return ', '.join(['%s'] * len(members)) or 'NULL'
    return NAME.sub(placeholder, sql.replace('%', '%%')), parameters


class Turned(rig.Database):
    def check_matched(self, metrics, counts):
        for rule, count in counts.items():
            with self.subTest(rule=rule, verdicts=verdicts(metrics, rule), kinds=kinds(metrics, rule), skipped=skipped(metrics, rule)):
                if rule in ONE_WAY:
                    self.assertEqual(({'one_way': count}, {}), (skipped(metrics, rule), verdicts(metrics, rule)))
                    continue
                found = verdicts(metrics, rule)
                self.assertEqual(({'match': count}, {}), (found, skipped(metrics, rule)))
                self.assertEqual({'legacy' if rule in THE_SAME else 'rewrite'}, set(sides(metrics, rule)))
        for name in ('dropped_total', 'tap_desync_total', 'mismatches_total'):
            self.assertEqual(0, metrics.sum(name), name)

    @staticmethod
    def counts(calls):
        """Drizzle leaves out `offset 0`: that is another statement than the rule's, and not counted as an operation of it."""
        counts = collections.Counter(call['rule'] for call in calls if (call['input'] or {}).get('skip') != 0)
        counts['issueRouter.count'] += sum(call['rule'] == 'issueRouter.list' for call in calls)  # sent beside the list
        return counts

    def test_every_read_matches_and_the_application_sees_no_difference(self):
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.SEVERAL}, 4, 61)
        for kind in (POSTGRES_JS, NODE_POSTGRES):
            with self.subTest(kind=kind):
                proxy = self.proxy([PINPOINT, OPERATIONS])
                proxied = rig.run(kind, self.url(proxy), calls, atOnce=8, pool=4, seed=62)
                self.assertEqual(rig.run(kind, self.direct, calls, atOnce=8, pool=4), proxied)
                metrics = proxy.settled()
                self.check_matched(metrics, self.counts(calls))
                proxy.stop()

    def test_both_orms_at_once_while_others_write(self):
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.SEVERAL}, 2, 63)
        proxy = self.proxy([PINPOINT, OPERATIONS])
        writer = rig.Run(POSTGRES_JS, self.direct, writing(catalogue.Inputs('reverse')), seconds=6, quiet=True, pool=2)
        runs = [rig.Run(kind, self.url(proxy), calls, atOnce=8, pool=4, seed=64, rounds=2, quiet=True) for kind in (PRISMA, POSTGRES_JS, NODE_POSTGRES)]
        for each in (*runs, writer):
            each.finish()
        metrics = proxy.settled(60)
        self.assertEqual(0, metrics.sum('mismatches_total'), proxy.log_text()[-3000:])
        for rule in self.counts(calls).keys() - ONE_WAY - THE_SAME:
            with self.subTest(rule=rule, verdicts=verdicts(metrics, rule), skipped=skipped(metrics, rule)):
                self.assertLessEqual(set(verdicts(metrics, rule)), {'match', 'race'})
                self.assertEqual({'legacy', 'rewrite'}, set(sides(metrics, rule)))

    def wrong_operations(self, rules, calls, journal):
        """Runs Prisma over wrong rules; {rule: [(kind, values)]} of what was found."""
        proxy = self.proxy(rules, journal={'path': str(journal), 'values': 'full', 'rate': 1000})
        rig.run(PRISMA, self.url(proxy), calls, atOnce=6, pool=4, seed=65)
        proxy.settled()
        proxy.stop()
        found = collections.defaultdict(list)
        for line in map(json.loads, journal.read_text().splitlines()):
            if line['type'] == 'verdict' and line['verdict'] == 'mismatch':
                found[line['rule']].append((line['kind'], line['parameters']))
        return found

    def test_what_is_wrong_is_wrong_in_both_directions(self):
        """Each wrong rewrite, sent by the client with the values for which it was found wrong: found as the same kind."""
        table = {**mutations.TABLE, **mutations.OPERATIONS}
        rules = {**rig.load_rules(PINPOINT), **rig.load_rules(OPERATIONS)}
        calls = catalogue.calls({**catalogue.SINGLE, **catalogue.SEVERAL}, 8, 66)
        tried = 0
        for depth in range(max(map(len, table.values()))):
            wrong = {name: rig.wrong_rule(rules, name, changes[depth][1], changes[depth][2])
                     for name, changes in table.items() if depth < len(changes) and name not in ONE_WAY}
            with tempfile.TemporaryDirectory() as directory:
                found = self.wrong_operations(wrong, [call for call in calls if call['rule'] in wrong], pathlib.Path(directory) / 'journal')
            proxy = self.proxy(wrong)
            with psycopg.connect(self.url(proxy), autocommit=True) as client:
                for name, mismatches in found.items():
                    for _, values in mismatches:
                        try:
                            client.execute(*as_sent(wrong[name]['rewrite'], values))
                        except psycopg.Error as error:  # as the journal says: the kind `error`
                            self.assertIn('error', {kind for kind, _ in mismatches}, error)
            metrics = proxy.settled()
            for name, mismatches in found.items():
                with self.subTest(rule=name, wrong=table[name][depth][0], verdicts=verdicts(metrics, name), skipped=skipped(metrics, name)):
                    self.assertEqual(dict(collections.Counter(kind for kind, _ in mismatches)), kinds(metrics, name))
                    self.assertEqual({'rewrite': len(mismatches)}, sides(metrics, name))
                    tried += 1
            proxy.stop()
        self.assertGreater(tried, 80, 'most wrong rewrites are mismatches')


if __name__ == '__main__':
    unittest.main(verbosity=2)
