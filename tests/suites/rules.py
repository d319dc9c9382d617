"""Rules for the statements of a suite: what its clients sent, as the server's log of the direct run has it. Each rewrite is
the legacy text itself, so a mismatch is an error."""
import collections
import json
import pathlib
import re
import subprocess
import tempfile

import psycopg

from route import proxy_module

# log_line_prefix is empty; the lines of a statement after its first begin with a tab.
LOGGING = {'log_statement': 'all', 'log_line_prefix': "''", 'log_min_messages': 'log'}
ENTRY = re.compile(r'^LOG:  (?:statement|execute [^:\n]+): (.*(?:\n\t.*)*)$', re.M)
BLANK = re.compile(r'(?:\s+|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*')
# A position of the configuration file, which has one rule a line.
PLACE = re.compile(r'^[^:\n]+:(\d+):\d+: ', re.M)
FIRST_LINE = 2
CALL = re.compile(r'([A-Za-z_][A-Za-z_0-9]*)"?\s*\(')
# What these show is no part of a snapshot: the locks, cursors and so on of this moment, or of the session that asks.
LIVE = re.compile(r'(?i)pg_(locks|cursors|prepared_|stat|shmem|backend|settings|listening)'
                  # Numbers are pins by value, so the rule of `scale(0)` covers `scale(0.00)`, and here they differ.
                  r'|scale\(0')


def sent(log):
    """Texts that the clients sent, with how often."""
    return collections.Counter(text.replace('\n\t', '\n') for text in ENTRY.findall(log))


def reads(text):
    return re.match(r'(?i)(select|values|with|table)\b', text[BLANK.match(text).end():]) is not None


def fitting(cluster, database, texts):
    """Those texts of which a rule in this database can be verified: the tables exist, no function is volatile, and at most
    one column is an expression (columns of tables pair by themselves, and one left over)."""
    with psycopg.connect(cluster.url(database=database), autocommit=True) as connection:
        rows = connection.execute("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v'").fetchall()
        volatile = {name for name, in rows}
        server = connection.pgconn

        def fits(text):
            if volatile.intersection(map(str.lower, CALL.findall(text))):
                return False
            if server.prepare(b'', text.encode()).status != psycopg.pq.ExecStatus.COMMAND_OK:
                return False
            columns = server.describe_prepared(b'')
            return columns.nfields > 0 and sum(columns.ftable(i) == 0 for i in range(columns.nfields)) <= 1
        return [text for text in texts if fits(text)]


def accepted(rules):
    """The rules that `parallax check` lets pass; `rules` is a list of (name, rule)."""
    with tempfile.TemporaryDirectory(prefix='parallax-rules-') as directory:
        path = pathlib.Path(directory) / 'parallax.yaml'
        while rules:
            lines = [f'{json.dumps(name)}: {json.dumps(rule)}' for name, rule in rules]
            path.write_text('{"listen": "127.0.0.1:0", "upstream": "postgresql://u@127.0.0.1:1/d", "rules": {\n'
                            + ',\n'.join(lines) + '\n}}\n')
            done = subprocess.run([proxy_module.BINARY, 'check', '-c', path], text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode == 0:
                return rules
            refused = {int(line) - FIRST_LINE for line in PLACE.findall(done.stdout)}
            if not refused & set(range(len(rules))):
                raise AssertionError(f'parallax check fails, but names no rule:\n{done.stdout[:2000]}')
            rules = [rule for number, rule in enumerate(rules) if number not in refused]
    raise AssertionError('no rule is accepted')


def rules_for(log, cluster, database, most):
    """At most so many rules for the statements of the log, those that were sent most often."""
    texts = [text for text, _ in sent(log).most_common() if reads(text) and '\ufffd' not in text and not LIVE.search(text)]
    candidates = [(f'r{number}', {'legacy': text, 'rewrite': text})
                  for number, text in enumerate(fitting(cluster, database, texts)[:most + most // 2])]
    return dict(accepted(candidates)[:most])


def plain(counts):
    return ', '.join(f'{key} {count:.0f}' for key, count in sorted(counts.items())) or 'none'


def outcome(metrics, compared):
    """What became of the operations, in words; AssertionError when a verdict is one that these rules cannot have, or when
    nothing was recognised, or nothing `compared` where sessions of the suite can be."""
    def sums(name, label):
        found = collections.Counter()
        for labels, value in metrics.series(name):
            found[labels[label]] += value
        return {key: value for key, value in found.items() if value}
    verdicts = sums('verdicts_total', 'verdict')
    words = (f'rules {plain(sums("rule_state", "state"))}; '
             f'statements by covered: {plain(sums("statements_total", "covered"))}; '
             f'operations {metrics.sum("operations_total"):.0f}; '
             f'verdicts {plain(verdicts)}; '
             f'skipped {plain(sums("skipped_total", "reason"))}; dropped {plain(sums("dropped_total", "reason"))}')
    wrong = [f'{verdict} {value:.0f}: {labels["rule"]}' for verdict in ('mismatch', 'rewrite_error')
             for labels, value in metrics.series('verdicts_total', verdict=verdict) if value]
    if wrong or not metrics.sum('operations_total') or (compared and not verdicts.get('match')):
        raise AssertionError(f'{words}; wrong: {wrong or "no match"}')
    return words
