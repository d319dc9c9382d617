#!/usr/bin/python3
"""Mistakes in a configuration: each is answered with file, line, column and what to write; exit status 2; and `run`
refuses what `check` refuses."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support.cluster import free_port
from support.proxy import BINARY, ROOT

HEAD = 'listen: 127.0.0.1:0\nupstream: postgresql://app@127.0.0.1:5432/shop\n'
RULE = HEAD + 'rules:\n  a:\n    legacy: |\n      {legacy}\n    rewrite: |\n      {rewrite}\n'

# name, text, words of the answer. The mark ¦ stands where the answer must point to, and is taken out of the text.
MISTAKES = [
    ('unknown key', HEAD + '¦metric: {listen: 127.0.0.1:0}\n', 'metrics'),
    ('unknown key in a section', HEAD + 'shadow: {pool: {¦maximum: 3}}\n', 'max'),
    ('duplicate key', HEAD + '¦listen: 127.0.0.1:1\n', 'listen'),
    ('no listen', '¦upstream: postgresql://app@127.0.0.1:5432/shop\n', 'listen'),
    ('no upstream', '¦listen: 127.0.0.1:0\n', 'upstream'),
    ('address without a port', 'listen: ¦localhost\nupstream: postgresql://app@127.0.0.1:5432/shop\n', '127.0.0.1:6432'),
    ('port out of range', 'listen: ¦127.0.0.1:70000\nupstream: postgresql://app@127.0.0.1:5432/shop\n', '65535|port'),
    ('no URL', 'listen: 127.0.0.1:0\nupstream: ¦mysql://app@127.0.0.1/shop\n', 'postgres'),
    ('mode', HEAD + 'mode: ¦on\n', 'off.*shadow.*strict'),
    ('mode of a later version', HEAD + 'mode: ¦cutover\n', 'not in this version'),
    ('sample', HEAD + 'sample: ¦2\n', '0.*1'),
    ('duration without a unit', HEAD + 'shadow: {statement_timeout: ¦2}\n', '2s|ms|unit'),
    ('size', HEAD + 'shadow: {queue: {max_bytes: ¦lots}}\n', 'MiB|KiB'),
    ('count', HEAD + 'shadow: {pool: {max: ¦0}}\n', '1'),
    ('log level', HEAD + 'log: {level: ¦loud}\n', 'info'),
    ('variable that is not set', 'listen: 127.0.0.1:0\nupstream: ¦"${PARALLAX_TEST_NOT_SET}"\n', 'PARALLAX_TEST_NOT_SET'),
    ('admin for everybody', HEAD + 'admin: {listen: ¦0.0.0.0:0}\n', 'loopback|127.0.0.1'),
    ('section that is no mapping', HEAD + 'shadow: ¦yes\n', 'mapping|keys'),
    ('broken YAML', HEAD + 'rules: {a: [}\n', '\\w'),
    ('include that is not there', HEAD + 'include: [¦missing.yaml]\n', 'missing.yaml'),
    ('plain SQL', HEAD + 'rules:\n  a:\n    legacy: ¦SELECT 1\n    rewrite: "select 1"\n', 'quot|block|[|]'),
    ('rule without a rewrite', HEAD + 'rules:\n  ¦a:\n    legacy: "SELECT 1"\n', 'rewrite'),
    ('rule without a legacy', HEAD + 'rules:\n  ¦a:\n    rewrite: "SELECT 1"\n', 'legacy'),
    ('ignore without a reason', HEAD + 'rules:\n  a:\n    legacy: "SELECT x FROM t"\n    rewrite: "select 1"\n    ignore: {x: ¦""}\n', 'reason'),
    ('several legacy statements without a link', HEAD + 'rules:\n  a:\n    legacy: {x: "SELECT 1", y: "¦SELECT 2"}\n    rewrite: "select 1"\n', 'no link'),
    ('a link to nothing', HEAD + 'rules:\n  a:\n    legacy: {x: "SELECT a FROM t", y: "SELECT b FROM u WHERE b IN (¦:z.a)"}\n    rewrite: "select 1"\n', 'no statement `z`'),
    ('SQL that cannot be read', RULE.format(legacy='SELECT id FROM ¦WHERE', rewrite='select id from t'), 'syntax'),
    ('an error inside the rewrite', RULE.format(legacy='SELECT id FROM t', rewrite='select id fro ¦m t x'), 'syntax'),
    ('not a SELECT', RULE.format(legacy='SELECT id FROM t', rewrite='¦delete from t'), 'SELECT'),
    ('two statements', RULE.format(legacy='SELECT id FROM t', rewrite='select 1; ¦select 2'), 'one'),
    ('locking clause', RULE.format(legacy='SELECT id FROM t', rewrite='select id from t ¦for update'), 'lock|FOR UPDATE'),
    ('data-changing CTE', RULE.format(legacy='SELECT id FROM t', rewrite='with d as (¦delete from t returning id) select id from d'), '(?i)delete|chang'),
    ('function with side effects', RULE.format(legacy='SELECT id FROM t', rewrite="select ¦nextval('s')"), 'nextval'),
    ('name that nothing provides', RULE.format(legacy='SELECT id FROM t WHERE id = :id', rewrite='select id from t where id = :id and b = ¦:other'), 'other'),
    ('place that nothing uses', RULE.format(legacy='SELECT id FROM t WHERE id = ¦:id', rewrite='select id from t'), 'id'),
    ('two names in one list', RULE.format(legacy='SELECT id FROM t WHERE id IN (:a, ¦:b)', rewrite='select id from t where id in (:a)'), ':a.*:b|two names|one name'),
    ('two rules for one statement', HEAD + 'rules:\n  a:\n    legacy: "SELECT id FROM t WHERE id = :id"\n    rewrite: "select id from t where id = :id"\n'
     '  b:\n    legacy: "¦SELECT id FROM t WHERE id = :x"\n    rewrite: "select id from t where id = :x"\n', 'a'),
]


class Configuration(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='parallax-config-')
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / 'parallax.yaml'

    def run_parallax(self, command, text=None, **environment):
        if text is not None:
            self.path.write_text(text)
        return subprocess.run([BINARY, command, '-c', str(self.path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=30, check=False, env={**os.environ, **environment})

    def test_mistakes(self):
        self.assertGreaterEqual(len(MISTAKES), 20)
        for name, marked, words in MISTAKES:
            with self.subTest(mistake=name):
                before, _, after = marked.partition('¦') if '¦' in marked else (None, None, marked)
                done = self.run_parallax('check', marked.replace('¦', ''))
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertEqual('', done.stdout)
                answer = re.search(rf'^{re.escape(str(self.path))}:(\d+):(\d+): (.+)$', done.stderr, re.M)
                self.assertIsNotNone(answer, done.stderr)
                if before is not None:
                    wanted = (before.count('\n') + 1, len(before) - (before.rfind('\n') + 1) + 1)
                    places = [(int(a), int(b)) for a, b in re.findall(rf'^{re.escape(str(self.path))}:(\d+):(\d+):', done.stderr, re.M)]
                    self.assertIn(wanted, places, done.stderr)
                self.assertRegex(done.stderr, words)
                refused = self.run_parallax('run')
                self.assertEqual((2, done.stderr), (refused.returncode, refused.stderr))

    def test_all_mistakes_at_once(self):
        done = self.run_parallax('check', HEAD + 'mode: on\nsample: 3\nlog: {level: loud}\nnonsense: 1\n')
        self.assertEqual(2, done.returncode)
        self.assertGreaterEqual(len(done.stderr.strip().splitlines()), 4, done.stderr)

    def test_mistake_in_an_included_file(self):
        other = self.path.parent / 'rules.yaml'
        other.write_text('rules:\n  a:\n    legacy: "SELECT 1"\n')
        done = self.run_parallax('check', HEAD + 'include: [rules.yaml]\n')
        self.assertEqual(2, done.returncode)
        self.assertIn(f'{other}:2:3: ', done.stderr)

    def test_fine(self):
        done = self.run_parallax('check', RULE.format(legacy='SELECT id FROM t WHERE id = :id', rewrite='select id from t where id = :id'))
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('1 rule', done.stdout)

    def test_the_examples_are_fine(self):
        done = subprocess.run([BINARY, 'check', '-c', str(ROOT / 'deploy' / 'examples' / 'parallax.yaml')], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=30,
                              env={**os.environ, 'PARALLAX_UPSTREAM': 'postgresql://app:secret@127.0.0.1:5432/pinpoint'})
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertIn('19 rules', done.stdout)

    def test_the_example_of_several_listeners_is_fine(self):
        ways = {f'PROJECT_{way}': f'postgresql://app:secret@{way.lower()}.example:{port}/postgres'
                for way, port in (('POOLER', 6543), ('SESSION', 5432), ('DIRECT', 5432))}
        done = subprocess.run([BINARY, 'check', '-c', str(ROOT / 'deploy' / 'examples' / 'supabase.yaml')], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=30, env={**os.environ, **ways})
        self.assertEqual((0, ''), (done.returncode, done.stderr))

    def test_the_runtime_group_has_each_library_of_the_program(self):
        needed = re.findall(r'NEEDED.*\[(.+)\]', subprocess.run(['readelf', '-d', BINARY], capture_output=True, text=True, check=True).stdout)
        found = dict(re.findall(r'(\S+) => (/\S+)', subprocess.run(['ldd', BINARY], capture_output=True, text=True, check=True).stdout))
        listed = {line.split()[0] for line in (ROOT / 'deploy' / 'packages.txt').read_text().splitlines() if 'runtime' in line.split()[1:]}
        ours = [name for name in needed if not re.match(r'lib(c|m|gcc_s|asan|ubsan|tsan)\.so', name)]  # of every Debian, or of a sanitizer
        self.assertGreater(len(ours), 8)
        for name in ours:
            owner = subprocess.run(['dpkg', '-S', os.path.realpath(found[name])], capture_output=True, text=True, check=True).stdout
            self.assertIn(owner.split(':')[0], listed)

    def test_certificates_that_cannot_be_used_are_found_by_check(self):
        done = self.run_parallax('check', 'listen: 127.0.0.1:0\nupstream: postgresql://app@127.0.0.1:1/x\n'
                                          'tls: {cert: nowhere.crt, key: nowhere.key}\n')
        self.assertEqual(2, done.returncode)
        self.assertIn(f'{self.path}:3:6: `tls`: cannot read the certificate', done.stderr)

    def test_usage(self):
        for arguments, status in ((['--help'], 0), (['--version'], 0), ([], 2), (['nonsense'], 2), (['run'], 2), (['check', '-c'], 2),
                                  (['check', '-c', '/no/such/file.yaml'], 2)):
            with self.subTest(arguments=arguments):
                done = subprocess.run([BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
                self.assertEqual(status, done.returncode, done.stderr)
                self.assertNotEqual('', done.stdout + done.stderr)

    def test_no_secret_in_an_answer(self):
        done = self.run_parallax('check', 'listen: 127.0.0.1:0\nupstream: postgresql://app:hunter2@127.0.0.1:99999/shop\n')
        self.assertEqual(2, done.returncode)
        self.assertNotIn('hunter2', done.stderr)

    def test_dev_on_loopback_only(self):
        self.path.write_text(f'listen: 0.0.0.0:{free_port()}\nupstream: postgresql://app@127.0.0.1:5432/shop\n')
        done = subprocess.run([BINARY, 'run', '-c', str(self.path), '--dev'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=30, check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn(f'{self.path}:1:', done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
