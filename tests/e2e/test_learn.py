#!/usr/bin/python3
"""`parallax learn` sees the application run once on Prisma and once on Drizzle: what it proposes are the rules of deploy/examples,
names aside; and over the same traffic every proposed rule matches."""
import pathlib
import re
import tempfile
import unittest

import catalogue
import rig
from rig import OPERATIONS, PINPOINT, POSTGRES_JS, PRISMA, Parallax, kinds, skipped, verdicts
from support.proxy import PATIENCE

PROCEDURES = {**catalogue.SINGLE, **catalogue.SEVERAL}

# What a person has changed in the saved files, and why. `keys`: where the rule differs from what is proposed.
EDITED = {
    'userRouter.byFrequency': (('legacy', 'rewrite'), 'only users with notifications were asked for: the value is named, not pinned'),
    'userRouter.find': (('legacy', 'rewrite', 'let'), 'one text is searched in two columns: one name'),
    'roleRouter.allowing': (('legacy', 'rewrite'), 'only default roles were asked for: the value is named, not pinned'),
    'issueRouter.openOnMachine': (('legacy', 'rewrite'), 'the one status that the code knows is named, not pinned'),
    'issueRouter.search': (('let', 'expect'), 'the new code escapes wildcards, which no call had'),
    'issueRouter.people': (('columns',), 'pairs that would be found by their order are written down'),
    'collectionRouter.withMachines': (('ignore',), 'a column without a counterpart needs a reason'),
}

TOKEN = re.compile(r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | :: | :(?P<name>[A-Za-z_]\w*)(?P<column>\.\w+)?""", re.X)


class Canonical:
    """A rule with its names as numbers in the order in which they come, its children in the order of their texts."""

    def __init__(self, rule):
        legacy = rule['legacy']
        statements = legacy if isinstance(legacy, dict) else {'': legacy}
        ordered = sorted(statements, key=lambda name: (self.is_child(statements[name]), TOKEN.sub(self.without_name, statements[name])))
        self.statements = {name: f's{number}' for number, name in enumerate(ordered)}
        self.names = {}
        let = rule.get('let', {})
        self.parts = {
            'legacy': [self.text(statements[name]) for name in ordered],
            'rewrite': self.text(rule['rewrite']),
            'let': {self.names.get(name, name): self.text(expression) for name, expression in let.items()},
            'columns': {self.label(label): column for label, column in rule.get('columns', {}).items()},
            **{key: rule.get(key) for key in ('ignore', 'expect', 'compare')},
        }

    @staticmethod
    def is_child(sql):
        return any(match.group('column') for match in TOKEN.finditer(sql))

    @staticmethod
    def without_name(match):
        if match.group('column'):
            return ':' + match.group('column')
        return ':' if match.group('name') else match.group()

    def text(self, sql):
        def renamed(match):
            name = match.group('name')
            if not name:
                return match.group()
            if match.group('column'):
                return f':{self.statements[name]}{match.group("column")}'
            return ':' + self.names.setdefault(name, f'n{len(self.names)}')
        return ' '.join(TOKEN.sub(renamed, sql).split())

    def label(self, label):
        statement, dot, column = label.rpartition('.')
        return f'{self.statements[statement]}.{column}' if dot and statement in self.statements else label


def differences(proposed, saved):
    one, other = Canonical(proposed).parts, Canonical(saved).parts
    return tuple(key for key in one if one[key] != other[key])


class Learn(rig.Database):
    def learn(self, calls, **plan):
        """The file that is proposed, and what the command printed, after one run on each ORM."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        out = pathlib.Path(directory.name) / 'learned.yaml'
        listeners = [{'name': name, 'listen': '127.0.0.1:0', 'upstream': self.direct} for name in ('old', 'new')]
        proxy = Parallax(self.direct, {'listeners': listeners}, ['--rewrite', 'new', '--out', out], command='learn')
        self.addCleanup(proxy.stop)
        for name, orm in (('old', PRISMA), ('new', POSTGRES_JS)):
            proxied = rig.run(orm, f'postgresql://app@127.0.0.1:{proxy.listeners[name][1]}/pinpoint', calls, **plan)
            self.assertEqual(len(calls), len(proxied))
        proxy.terminate()
        self.assertEqual(0, proxy.process.wait(60 * PATIENCE), proxy.log_text())
        return out, proxy.log_text()

    def test_what_is_proposed_is_what_is_saved(self):
        saved = {**rig.load_rules(PINPOINT), **rig.load_rules(OPERATIONS)}
        calls = catalogue.calls(PROCEDURES, 30, 71)
        out, told = self.learn(calls, atOnce=4, pool=5, seed=72, tags=True)
        proposed = rig.load_rules(out)
        self.assertEqual(set(saved), set(proposed), f'{told}\n{self.comments(out)}')
        for name, rule in saved.items():
            expected, why = EDITED.get(name, ((), 'as it is proposed'))
            with self.subTest(rule=name, why=why, proposed=proposed[name], saved=rule):
                self.assertEqual(expected, differences(proposed[name], rule))
        self.check_matching(proposed, saved, calls)

    @staticmethod
    def comments(out):
        """Rules that do not load, and why."""
        return '\n'.join(line[:400] for line in out.read_text().split('\n') if line.startswith('  #') and ' calls of ' not in line)

    def check_matching(self, proposed, saved, calls):
        """Over the same traffic; with the reason that only a person can give."""
        proposed['collectionRouter.withMachines']['ignore'] = saved['collectionRouter.withMachines']['ignore']
        proxy = self.proxy(proposed)
        self.assertEqual({'ready'}, set(proxy.states().values()))
        rig.run(PRISMA, self.url(proxy), calls, atOnce=8, pool=5, seed=73, quiet=True)
        metrics = proxy.settled(60)
        for name in saved:
            found = verdicts(metrics, name)
            with self.subTest(rule=name, verdicts=found, kinds=kinds(metrics, name), skipped=skipped(metrics, name)):
                self.assertEqual({'match'}, set(found))
        self.assertEqual(0, metrics.sum('statements_total', covered='no'))

    def test_results_alone_tell_what_answers_what(self):
        """Without tags, one call after the other."""
        calls = catalogue.calls(PROCEDURES, 20, 74)
        out, told = self.learn(calls, atOnce=3, pool=5, seed=75)
        saved = [Canonical(rule).parts for rule in {**rig.load_rules(PINPOINT), **rig.load_rules(OPERATIONS)}.values()]
        for name, rule in rig.load_rules(out).items():
            with self.subTest(rule=name, proposed=rule):
                legacy = Canonical(rule).parts['legacy']
                # Whatever a person has changed, a wrong partner is none.
                same = [one for one in saved if self.columns(one['legacy']) == self.columns(legacy)]
                self.assertTrue(any(self.columns([one['rewrite']]) == self.columns([rule['rewrite']]) for one in same), told)

    @staticmethod
    def columns(texts):
        """Statements without what a person may have changed: names, pins."""
        return [re.sub(r":\w+(\.\w+)?|'[^']*'|\b\d+\b|\bt(rue)?\b", '?', ' '.join(text.split())) for text in texts]


if __name__ == '__main__':
    unittest.main(verbosity=2)
