"""The application of app/, its database, and the rules of deploy/examples that are for it."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'integration'))
from support.cluster import Cluster  # noqa: E402
from support.proxy import PATIENCE, ROOT, Parallax  # noqa: E402

APP = HERE / 'app'
EXAMPLES = ROOT / 'deploy' / 'examples'
PINPOINT = EXAMPLES / 'pinpoint.yaml'
OPERATIONS = EXAMPLES / 'pinpoint-operations.yaml'
RELATIONAL = EXAMPLES / 'pinpoint-relational.yaml'
PRISMA, POSTGRES_JS, NODE_POSTGRES = 'prisma', 'drizzle-postgres-js', 'drizzle-node-postgres'
LEAST_NODE = (20, 19)
# The tests of app/suite.mjs, which are named after the rules of what they call.
SUITE = {'userRouter.byEmail', 'userRouter.unverified', 'organizationRouter.bySubdomain', 'roleRouter.allowing', 'userRouter.getProfile'}

# Everything is compared, and nothing is left out because the machine is busy.
CONFIG = {'sample': 1.0, 'shadow': {'pool': {'max': 4}, 'window': '10s', 'statement_timeout': '20s', 'lock_timeout': '10s',
                                    'queue': {'max_jobs': 100_000, 'max_bytes': '256MiB'}}}


def load_rules(path):
    """{name: rule} of a file with `rules:`. Dates become text again, as the configuration wants them."""
    rules = yaml.load(path.read_text(), yaml.BaseLoader)['rules']
    return {name: dict(rule) for name, rule in rules.items()}


def wrong_rule(rules, name, old, new):
    """The rule with one change of its rewrite, and without differences that are wanted."""
    rewrite = rules[name]['rewrite']
    if old not in rewrite:
        raise AssertionError(f'{name}: its rewrite has no {old}')
    kept = {key: value for key, value in rules[name].items() if key != 'expect'}
    return {**kept, 'rewrite': rewrite.replace(old, new, 1)}


def is_new_enough(node):
    version = subprocess.run([node, '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout
    return tuple(map(int, version.strip()[1:].split('.')[:2])) >= LEAST_NODE


@functools.cache
def find_node():
    """The system's Node.js, or where that is too old the one that tests/run.sh installs."""
    own = next(iter(sorted((HERE / 'node' / 'node_modules').glob('node-linux-*/bin/node'))), None)
    for node in ('node', own):
        if node and is_new_enough(node):
            return node
    raise AssertionError(f'Prisma 7 wants node 20.19 or newer: run `npm ci --ignore-scripts` in {HERE / "node"}, or tests/run.sh')


def generate_client():
    """Prisma's client, from its schema; offline: the engine that the generator asks for is not used by it."""
    made = APP / 'generated' / 'prisma'
    schema = APP / 'prisma' / 'schema.prisma'
    stamp = made / 'made-from.prisma'
    if stamp.exists() and stamp.read_bytes() == schema.read_bytes():
        return
    done = subprocess.run([find_node(), 'node_modules/prisma/build/index.js', 'generate'], cwd=APP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
                          env={**os.environ, 'PRISMA_SCHEMA_ENGINE_BINARY': '/bin/true', 'CHECKPOINT_DISABLE': '1'})
    if done.returncode != 0:
        raise AssertionError(f'prisma generate: {done.stdout}')
    stamp.write_bytes(schema.read_bytes())


def prepare():
    """What the tests need must be there: a missing tool is a failure."""
    if not (APP / 'node_modules' / 'prisma').exists():
        raise AssertionError(f'run `npm ci --ignore-scripts` in {APP}, or tests/run.sh')
    generate_client()


class Run:
    """One run of the application, in the background until `finish`."""

    def __init__(self, kind, url, calls, **plan):
        self.calls = calls
        wanted = [{'path': call['path'], 'input': call['input']} for call in calls]
        self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', find_node(), APP / 'run.mjs'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, 'DB': kind, 'DATABASE_URL': url})
        self.process.stdin.write(json.dumps({'calls': wanted, **plan}))
        self.process.stdin.close()
        self.process.stdin = None

    def lines(self, seconds=120):
        """What the application printed, the last line apart."""
        try:
            output, problems = self.process.communicate(timeout=seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        lines = [json.loads(line) for line in output.splitlines()]
        if self.process.returncode != 0 or not lines or 'done' not in lines[-1]:
            raise AssertionError(f'the application ended with status {self.process.returncode}:\n{output[-2000:]}\n{problems}')
        self.done = lines[-1]['done']
        return lines[:-1]

    def finish(self, seconds=120):
        """{(round, call): result}; no call may have failed."""
        lines = self.lines(seconds)
        failed = [line for line in lines if 'error' in line]
        if failed:
            raise AssertionError(f'{len(failed)} calls failed, such as {failed[:3]}')
        return {(line['round'], line['call']): line['result'] for line in lines}

    def errors(self):
        """{(round, call): message} of the calls that failed."""
        return {(line['round'], line['call']): line['error'] for line in self.lines() if 'error' in line}


def run(kind, url, calls, **plan):
    return Run(kind, url, calls, **plan).finish()


def suite(kind, url, times=1):
    """The tests of the application's own suite that fail, and its output; each does its work so many times."""
    done = subprocess.run([find_node(), '--test', '--test-reporter=tap', APP / 'suite.mjs'], cwd=APP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=180,
                          env={**os.environ, 'DB': kind, 'DATABASE_URL': url, 'TIMES': str(times)})
    tests = {name: bool(failed) for failed, name in re.findall(r'^ *(not )?ok \d+ - (\w+Router\.\w+)', done.stdout, re.M)}
    if set(tests) != SUITE or any(tests.values()) != (done.returncode != 0):
        raise AssertionError(f'the suite ended with status {done.returncode}:\n{done.stdout}')
    return {name for name, failed in tests.items() if failed}, done.stdout


class Database(unittest.TestCase):
    """A cluster of its own for each class, with the scenario's tables and rows."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        prepare()
        cls.cluster = Cluster(**cls.settings)
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.load_scenario()
        cls.cluster.psql((HERE / 'edges.sql').read_text(), 'pinpoint', 'app')
        cls.direct = cls.cluster.url('app', 'pinpoint')

    def proxy(self, rules, **config):
        """A Parallax with these rules, verified; `rules` is a dict or a list of files."""
        given = {'rules': rules} if isinstance(rules, dict) else {'include': [str(path) for path in rules]}
        proxy = Parallax(self.direct, {**CONFIG, **given, **config})
        self.addCleanup(proxy.stop)
        self.addCleanup(lambda: self.show_log(proxy))
        proxy.wait_verified()
        return proxy

    def show_log(self, proxy):
        outcome = self._outcome
        if outcome and not outcome.success and proxy.process.poll() is None:
            sys.stderr.write(f'--- end of the log of parallax ---\n{proxy.log_text()[-6000:]}\n---\n')

    @staticmethod
    def url(proxy):
        return proxy.url('app', 'pinpoint')


def verdicts(metrics, rule):
    return metrics.nonzero('verdicts_total', 'verdict', rule=rule)


def kinds(metrics, rule):
    return metrics.nonzero('mismatches_total', 'kind', rule=rule)


def skipped(metrics, rule):
    return metrics.nonzero('skipped_total', 'reason', rule=rule)
