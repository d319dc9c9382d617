#!/usr/bin/python3
"""pgbench in all its modes, with scripts, and what they keep: each transaction is done, once, and the tap keeps up. The
drivers are in test_drivers.py."""
import pathlib
import subprocess
import tempfile
import unittest

from support import transcript
from support.cluster import Cluster
from support.flipping import Flipping
from support.proxy import PATIENCE, Parallax


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql('CREATE DATABASE clients')
        cls.cluster.psql(transcript.SCHEMA, 'clients')
        cls.proxy = Parallax(cls.cluster.url(database='clients'), {'rules': transcript.RULES, 'sample': 1.0})
        cls.addClassCleanup(cls.proxy.stop)
        cls.proxy.wait_verified()

    def run_program(self, *command):
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120 * PATIENCE,
                              check=False)
        return done.returncode, done.stdout

    def test_pgbench(self):
        for mode in ('simple', 'extended', 'prepared'):
            for extra in ([], ['-C'], ['-S']):
                with self.subTest(mode=mode, extra=extra):
                    name = f'pgbench_{mode}_{len(extra) and extra[0][1]}'.lower()
                    if not extra or extra == ['-C']:
                        self.cluster.psql(f'DROP DATABASE IF EXISTS {name}')
                        self.cluster.psql(f'CREATE DATABASE {name}')
                    database = name if extra != ['-S'] else f'pgbench_{mode}_0'
                    url = self.proxy.url(database=database)
                    if extra != ['-S']:
                        self.assertEqual(0, self.run_program('pgbench', '-i', '-q', '-s', '1', url)[0])
                    count = 20 if extra == ['-C'] else 200
                    status, output = self.run_program('pgbench', '-n', '-M', mode, '-c', 4, '-j', 2, '-t', count,
                                                      *extra, url)
                    self.assertEqual(0, status, output)
                    self.assertIn(f'actually processed: {4 * count}/{4 * count}', output)
                    if not extra:  # what the four clients wrote is there, once
                        sums = self.cluster.psql('SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM '
                                                 'pgbench_history), (SELECT count(*) FROM pgbench_history)', database)
                        self.assertEqual(f't|{4 * count}', sums)

    def test_pgbench_pipeline(self):
        script = '\\startpipeline\n' + 'SELECT id, name FROM item WHERE id = 5;\n' * 20 + '\\endpipeline\n'
        with tempfile.NamedTemporaryFile('w', suffix='.sql') as file:
            file.write(script)
            file.flush()
            for mode in ('extended', 'prepared'):
                status, output = self.run_program('pgbench', '-n', '-M', mode, '-f', file.name, '-c', 2, '-t', 20,
                                                  self.proxy.url(database='clients'))
                self.assertEqual(0, status, output)
        metrics = self.proxy.settled()
        self.assertGreaterEqual(metrics.sum('operations_total', rule='item.byId'), 1600)
        self.assertEqual(0, metrics.sum('tap_desync_total'))

    def test_while_the_mode_flips(self):
        """Each statement of four clients, in and out of pipelines and blocks, is answered; nothing is refused."""
        ask = 'SELECT id, name FROM item WHERE id = :id;\n'
        scripts = {'plain': ask, 'pipeline': f'\\startpipeline\n{ask * 10}\\endpipeline\n', 'block': f'BEGIN;\n{ask}INSERT INTO sink VALUES (:id);\n{ask}ROLLBACK;\n'}
        strict = {'uncompared': 'allow', 'timeout': '20s'}
        with (Parallax(self.cluster.url(database='clients'), {'rules': transcript.RULES, 'sample': 1.0, 'strict': strict}) as proxy,
              tempfile.TemporaryDirectory() as directory):
            proxy.wait_verified()
            with Flipping(proxy) as flipping:
                for mode in ('simple', 'extended', 'prepared'):
                    for name, text in scripts.items():
                        if (mode, name) == ('simple', 'pipeline'):
                            continue
                        script = pathlib.Path(directory) / f'{name}.sql'
                        script.write_text('\\set id random(1, 220)\n' + text)
                        status, output = self.run_program('pgbench', '-n', '-M', mode, '-f', script, '-c', 4, '-j', 2, '-t', 50, proxy.url(database='clients'))
                        self.assertEqual(0, status, output)
                        self.assertIn('actually processed: 200/200', output)
            metrics = proxy.settled()
            self.assertEqual(200 * (3 * 1 + 2 * 10 + 3 * 2), metrics.sum('operations_total'))
            self.assertEqual({'match'}, set(metrics.nonzero('verdicts_total', 'verdict')))
            self.assertEqual(0, metrics.sum('tap_desync_total'))
            self.assertGreater(flipping.count(), 100)

    def test_pgbench_script(self):
        """What a script keeps of results, and how it ends on an error, is the same direct and proxied."""
        good = ('SELECT id AS one, price AS two FROM item WHERE id = 3 \\gset\n'
                'SELECT id AS first FROM item ORDER BY id LIMIT 4 \\;\nSELECT count(*) AS number FROM item \\aset\n'
                "\\if :one = 3 and :number > 100\nINSERT INTO sink VALUES (:one::int + :first::int, 'kept ' || :two::text);\n"
                "\\else\nINSERT INTO sink VALUES (:one, 'lost');\n\\endif\n")
        for mode in ('simple', 'extended', 'prepared'):
            seen = []
            for server in (self.cluster, self.proxy):
                with (tempfile.NamedTemporaryFile('w', suffix='.sql') as script,
                      tempfile.NamedTemporaryFile('w', suffix='.sql') as broken):
                    script.write(good if mode == 'simple' else good.replace('\\;\n', '\\aset\n'))
                    broken.write('INSERT INTO sink VALUES (99);\nSELECT 1/0;\n')
                    script.flush()
                    broken.flush()
                    status, output = self.run_program('pgbench', '-n', '-M', mode, '-t', 2, '-f', script.name,
                                                      server.url(database='clients'))
                    self.assertEqual(0, status, output)
                    status, output = self.run_program('pgbench', '-n', '-M', mode, '-t', 2, '-f', broken.name,
                                                      server.url(database='clients'))
                rows = self.cluster.psql('SELECT id, label FROM sink ORDER BY id; DELETE FROM sink', 'clients')
                seen.append((status, [line for line in output.splitlines() if 'ERROR' in line or 'aborted' in line],
                             rows))
            self.assertEqual(seen[0], seen[1])
            self.assertEqual((2, '7|kept 3.30\n7|kept 3.30\n99|'), (seen[0][0], seen[0][2]))
            self.assertIn('division by zero', ' '.join(seen[0][1]))


if __name__ == '__main__':
    unittest.main(verbosity=2)
