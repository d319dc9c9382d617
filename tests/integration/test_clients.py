#!/usr/bin/python3
"""psql, pgbench, node pg, node postgres and psycopg behave the same direct and proxied: same output of the same script."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import transcript
from support.cluster import Cluster
from support.proxy import PATIENCE, ROOT, Parallax

CLIENTS = pathlib.Path(__file__).resolve().parent / 'clients'
PACKAGES = ROOT / 'deploy' / 'traffic'


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

    def run_program(self, *command, given=None):
        done = subprocess.run(list(map(str, command)), input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120 * PATIENCE, check=False,
                              env={**os.environ, 'PARALLAX_NODE_PACKAGES': str(PACKAGES), 'NODE_NO_WARNINGS': '1'})
        # ports, temporary OIDs, pids, times
        output = done.stdout.replace(str(self.proxy.port), 'PORT').replace(str(self.cluster.port), 'PORT')
        output = re.sub(r'lo_(import|unlink) \d+', r'lo_\1 N', re.sub(r'\b(PID|pid) \d+', 'PID N', output))
        return done.returncode, output

    def same(self, make_command, given=None, status=0):
        before = self.proxy.metrics().sum('statements_total')
        direct = self.run_program(*make_command(self.cluster), given=given)
        proxied = self.run_program(*make_command(self.proxy), given=given)
        self.assertEqual(direct, proxied)
        self.assertEqual(status, direct[0], direct[1])
        metrics = self.proxy.settled()
        self.assertGreater(metrics.sum('statements_total'), before)
        self.assertEqual(0, metrics.sum('tap_desync_total'))
        self.assertEqual(0, metrics.sum('verdicts_total', rule='item.byId', verdict='mismatch'))
        return direct[1]

    def test_psql(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(range(256)) * 20_000)  # 5 MB through large objects
            file.flush()
            output = self.same(lambda server: ['psql', '-Xa', '-v', f'file={file.name}', '-f', CLIENTS / 'session.psql',
                                               server.url(database='clients')], given='1\tone\n2\ttwo\n', status=2)
        for expected in ('division by zero', 'notice 3', 'Asynchronous notification', 'lo_import', '∅', 'after copy', 'connection to server was lost'):
            self.assertIn(expected, output)

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
                    status, output = self.run_program('pgbench', '-n', '-M', mode, '-c', 4, '-j', 2, '-t', count, *extra, url)
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

    def test_node_pg(self):
        self.assertIn('pool', self.same(lambda server: ['node', CLIENTS / 'pg.mjs', server.url(database='clients')]))

    def test_node_postgres(self):
        self.assertIn('cancelled', self.same(lambda server: ['node', CLIENTS / 'postgres.mjs', server.url(database='clients')]))

    def test_psycopg(self):
        self.assertIn('big', self.same(lambda server: ['/usr/bin/python3', CLIENTS / 'psycopg_script.py',
                                                       server.url(database='clients')]))


if __name__ == '__main__':
    unittest.main(verbosity=2)
