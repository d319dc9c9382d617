#!/usr/bin/env python3
"""Reads Parallax's /metrics and says what was found.

    report.py wait-verified URL SECONDS    until no rule is `unverified`
    report.py wait-idle URL SECONDS        until nothing is in flight and the counters stand still
    report.py show URL [EXPECTED.json]     a table per rule; exit status 1 when an outcome is not the expected one or the
                                           counters do not add up

EXPECTED.json maps a rule to `match`, `rewrite_error`, `mismatch/KIND` or `skipped/REASON`; rules not in it must match.
"""
import json
import re
import sys
import time
import urllib.error
import urllib.request

LINE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
ESCAPES = {'\\n': '\n', '\\"': '"', '\\\\': '\\'}


class Metrics:
    """Samples of one scrape: name -> list of (labels, value)."""

    def __init__(self, text):
        self.samples = {}
        for line in text.splitlines():
            if not line or line.startswith('#'):
                continue
            found = LINE.match(line)
            if not found:
                raise ValueError(f'not an exposition line: {line!r}')
            labels = {key: re.sub(r'\\[n"\\]', lambda m: ESCAPES[m.group()], value)
                      for key, value in LABEL.findall(found.group(2) or '')}
            self.samples.setdefault(found.group(1), []).append((labels, float(found.group(3))))

    def series(self, name, **labels):
        """(labels, value) of every series that has these labels."""
        return [(have, value) for have, value in self.samples.get(f'parallax_{name}', [])
                if all(have.get(key) == wanted for key, wanted in labels.items())]

    def sum(self, name, **labels):
        return sum(value for _, value in self.series(name, **labels))

    def nonzero(self, name, label, **labels):
        """{label's value: value} of the series that are not 0."""
        return {have[label]: int(value) for have, value in self.series(name, **labels) if value}

    def rules(self):
        return list(dict.fromkeys(labels['rule'] for labels, _ in self.series('operations_total')))

    def median(self, name, **labels):
        """Seconds, interpolated inside the bucket as histogram_quantile does; None without observations."""
        buckets = sorted((float(have['le']), value) for have, value in self.series(f'{name}_bucket', **labels))
        if not buckets or not buckets[-1][1]:
            return None
        rank, below, floor = buckets[-1][1] / 2, 0.0, 0.0
        for bound, count in buckets:
            if count >= rank:
                if bound == float('inf'):
                    return floor
                return floor + (bound - floor) * (rank - below) / (count - below)
            below, floor = count, bound
        return floor


def law_violations(metrics):
    """Rules whose operations are not verdicts + skipped + dropped + in flight; exact when idle."""
    wrong = []
    for rule in metrics.rules():
        operations = metrics.sum('operations_total', rule=rule)
        parts = [metrics.sum(name, rule=rule) for name in ('verdicts_total', 'skipped_total', 'dropped_total', 'in_flight')]
        if operations != sum(parts):
            wrong.append(f'{rule}: {operations:.0f} operations, but verdicts + skipped + dropped + in flight = '
                         + ' + '.join(f'{part:.0f}' for part in parts))
    return wrong


def scrape(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return Metrics(response.read().decode())


def wait_until(seconds, what, done):
    """Polls `done` until it is true. Exits with status 1 when it is not in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if done():
                return
        except (urllib.error.URLError, OSError):
            pass
        if time.monotonic() > deadline:
            sys.exit(f'not within {seconds:.0f} s: {what}')
        time.sleep(0.1)


def wait_verified(url, seconds):
    def done():
        return scrape(url).sum('rule_state', state='unverified') == 0
    wait_until(seconds, 'every rule verified', done)


def wait_idle(url, seconds):
    last = [None]

    def done():
        metrics = scrape(url)
        now = metrics.sum('operations_total'), metrics.sum('in_flight')
        idle = now == last[0] and now[1] == 0
        last[0] = now
        return idle
    wait_until(seconds, 'nothing in flight', done)


def expectation_holds(metrics, rule, expected):
    """`expected` was found, and nothing that contradicts it."""
    verdicts = metrics.nonzero('verdicts_total', 'verdict', rule=rule)
    kinds = metrics.nonzero('mismatches_total', 'kind', rule=rule)
    skipped = metrics.nonzero('skipped_total', 'reason', rule=rule)
    outcome, _, detail = expected.partition('/')
    if outcome == 'mismatch':
        return set(verdicts) == {'mismatch'} and set(kinds) == {detail}
    if outcome == 'skipped':
        return not verdicts and set(skipped) == {detail}
    # a writer between the client's statement and the snapshot: both sides agree, and neither is to blame
    if outcome == 'match':
        verdicts.pop('race', None)
    return set(verdicts) == {outcome}


def milliseconds(seconds):
    return '-' if seconds is None else f'{seconds * 1e3:.2f}'


def found_in(metrics, rule):
    """Outcomes in words: `mismatch 5 (missing_row)`, `skipped 2 (context 1, pin 1)`."""
    words = []
    kinds = metrics.nonzero('mismatches_total', 'kind', rule=rule)
    for verdict, count in metrics.nonzero('verdicts_total', 'verdict', rule=rule).items():
        detail = ''
        if verdict == 'mismatch':
            detail = ' (' + ', '.join(kinds if len(kinds) == 1 else (f'{kind} {n}' for kind, n in kinds.items())) + ')'
        words.append(f'{verdict} {count}{detail}')
    for name, label in (('skipped', 'reason'), ('dropped', 'reason')):
        reasons = metrics.nonzero(f'{name}_total', label, rule=rule)
        if reasons:
            words.append(f'{name} {sum(reasons.values())} (' + ', '.join(f'{k} {n}' for k, n in reasons.items()) + ')')
    vacuous = metrics.sum('vacuous_matches_total', rule=rule)
    if vacuous:
        words.append(f'[vacuous {vacuous:.0f}]')
    return ', '.join(words) or 'not seen'


def show(url, expected):
    metrics = scrape(url)
    rules = metrics.rules()
    width = max([len('rule'), *(len(rule) for rule in rules)])
    print(f'{"rule":<{width}}  {"state":<13} {"ops":>6}  {"live p50":>9} {"legacy":>8} {"rewrite":>8}  found')
    print(f'{"":<{width}}  {"":<13} {"":>6}  {"ms":>9} {"paired":>8} {"paired":>8}')
    unexpected = []
    for rule in rules:
        state = ', '.join(metrics.nonzero('rule_state', 'state', rule=rule)) or '-'
        times = [metrics.median('live_duration_seconds', rule=rule, side='legacy'),
                 metrics.median('paired_duration_seconds', rule=rule, side='legacy'),
                 metrics.median('paired_duration_seconds', rule=rule, side='rewrite')]
        times = [milliseconds(seconds) for seconds in times]
        print(f'{rule:<{width}}  {state:<13} {metrics.sum("operations_total", rule=rule):>6.0f}  '
              f'{times[0]:>9} {times[1]:>8} {times[2]:>8}  {found_in(metrics, rule)}')
        wanted = expected.get(rule, 'match')
        if not expectation_holds(metrics, rule, wanted):
            unexpected.append(f'{rule}: expected {wanted}, found {found_in(metrics, rule)}')
    print()
    for rule, wanted in expected.items():
        if rule in rules:
            verdict = 'FOUND' if expectation_holds(metrics, rule, wanted) else 'NOT FOUND'
            print(f'planted  {rule:<{width}} expected {wanted:<22} {verdict}')
    statements = {(have.get('protocol'), have.get('covered')): int(value)
                  for have, value in metrics.series('statements_total')}
    print('statements seen: ' + ', '.join(f'{protocol}, covered={covered}: {count}'
                                          for (protocol, covered), count in statements.items()))
    violations = law_violations(metrics)
    print('conservation law (operations = verdicts + skipped + dropped + in flight): '
          + ('holds for every rule' if not violations else 'BROKEN'))
    for line in violations + unexpected:
        print(f'  {line}')
    if violations or unexpected or not rules:
        sys.exit(1)


def main(arguments):
    if len(arguments) >= 3 and arguments[0] == 'wait-verified':
        wait_verified(arguments[1], float(arguments[2]))
    elif len(arguments) >= 3 and arguments[0] == 'wait-idle':
        wait_idle(arguments[1], float(arguments[2]))
    elif len(arguments) >= 2 and arguments[0] == 'show':
        expected = {}
        if len(arguments) > 2:
            with open(arguments[2], encoding='utf-8') as file:
                expected = json.load(file)
        show(arguments[1], expected)
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
