#!/usr/bin/python3
"""Parallax behind a PgBouncer in transaction mode, which comes over TLS, and in front of one: the programs' outputs are those
without Parallax. What a rule covers is compared with the settings that the pooler gave the session, or not at all."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

from clients.rig import CLIENTS, DATABASE, PASSWORD, SCHEMA, USER
from support import transcript
from support.certificates import Authority
from support.cluster import BIN, Cluster, account, free_port
from support.proxy import PATIENCE, Parallax, wait_for

PROGRAM = '/usr/sbin/pgbouncer'
# With a covered statement of each protocol, and a transaction that writes.
BENCH = """\\set id random(1, 100)
SELECT id, name FROM item WHERE id = :id;
BEGIN;
INSERT INTO ledger (amount) VALUES (1);
SELECT id, name FROM item WHERE id = 5;
INSERT INTO ledger (amount) VALUES (-1);
COMMIT;
"""


class PgBouncer:
    """In transaction mode, in front of `port`, which does TLS with a certificate of `authority`; or of a plain one."""

    def __init__(self, port, authority=None):
        self.port = free_port()
        self.directory = tempfile.TemporaryDirectory(prefix='parallax-pgbouncer-')
        place = pathlib.Path(self.directory.name)
        place.chmod(0o755)
        tls = f'server_tls_sslmode = verify-full\nserver_tls_ca_file = {place}/ca.pem\n' if authority else ''
        if authority:
            (place / 'ca.pem').write_bytes(authority.root.read_bytes())
        (place / 'users.txt').write_text(f'"{USER}" "{PASSWORD}"\n')
        (place / 'pgbouncer.ini').write_text(
            f'[databases]\n{DATABASE} = host=127.0.0.1 port={port} dbname={DATABASE}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n'
            f'listen_port = {self.port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {place}/users.txt\n'
            f'pool_mode = transaction\ndefault_pool_size = 5\n{tls}ignore_startup_parameters = extra_float_digits\n')
        self.log_path = place / 'pgbouncer.log'
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', PROGRAM, place / 'pgbouncer.ini'], stdout=log, stderr=log,
                                            cwd='/', **account())
        listening = [BIN / 'pg_isready', '-q', '-h', '127.0.0.1', '-p', str(self.port), '-d', DATABASE, '-U', USER]
        wait_for(lambda: subprocess.run(listening, check=False).returncode == 0, 10, 'PgBouncer listens')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)  # at once
        self.process.wait(timeout=20)
        self.directory.cleanup()


class Behind(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='parallax-pooled-')
        cls.addClassCleanup(directory.cleanup)
        authority = Authority(directory.name)
        certificate, key = authority.issue('both')
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.enable_tls(certificate, key)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE locked_psql LOGIN PASSWORD '{PASSWORD}'")
        cls.cluster.psql(f'CREATE DATABASE {DATABASE} OWNER {USER}')
        cls.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}; CREATE TABLE ledger (amount int)', DATABASE)
        # PostgreSQL offers SCRAM-SHA-256-PLUS here, which PgBouncer does not know.
        cls.proxy = Parallax(f'{cls.cluster.url(USER, DATABASE, PASSWORD)}?sslmode=verify-full&sslrootcert={authority.root}',
                             {'tls': {'cert': str(certificate), 'key': str(key), 'mode': 'require'}, 'rules': transcript.RULES, 'sample': 1.0})
        cls.addClassCleanup(cls.proxy.stop)
        cls.direct = cls.started(cls.cluster.port, authority)
        cls.proxied = cls.started(cls.proxy.port, authority)
        # Parallax in front of a pooler; replays go to the server itself.
        cls.outer = Parallax(cls.cluster.url(USER, DATABASE, PASSWORD, cls.direct.port) + '?sslmode=disable',
                             {'shadow': {'url': cls.cluster.url(USER, DATABASE, PASSWORD)}, 'rules': transcript.RULES, 'sample': 1.0})
        cls.addClassCleanup(cls.outer.stop)
        for proxy in (cls.proxy, cls.outer):
            proxy.wait_verified()

    @classmethod
    def started(cls, *arguments):
        pooler = PgBouncer(*arguments)
        cls.addClassCleanup(pooler.stop)
        return pooler

    def run_program(self, port, *command, status=0):
        values = {'PGHOST': '127.0.0.1', 'PGPORT': str(port), 'PGUSER': USER, 'PGPASSWORD': PASSWORD, 'PGDATABASE': DATABASE,
                  'PGSSLMODE': 'disable', 'PGTZ': 'UTC', 'TZ': 'UTC', 'LC_ALL': 'C.UTF-8', 'NODE_NO_WARNINGS': '1',
                  'PYTHONDONTWRITEBYTECODE': '1'}
        environment = {**{key: value for key, value in os.environ.items() if not key.startswith('PG')}, **values}
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=60 * PATIENCE, env=environment)
        self.assertEqual(status, done.returncode, done.stdout[-4000:])
        output = re.sub(r'\b(PID|pid) \d+', 'PID N', re.sub(rf'(?<![\w.]){port}(?!\w)', 'PORT', done.stdout))
        return re.sub(r'(lo_import|lo_unlink|large object) \d+', r'\1 N', output)

    def same(self, *command, status=0):
        """The output, which is the same behind the pooler, behind it with Parallax between, and with Parallax before it."""
        before = self.proxy.settled(), self.outer.settled()
        expected = self.run_program(self.direct.port, *command, status=status)
        self.assertEqual(expected, self.run_program(self.proxied.port, *command, status=status))
        self.assertEqual(expected, self.run_program(self.outer.port, *command, status=status))
        for proxy, earlier in zip((self.proxy, self.outer), before):
            metrics = proxy.settled()
            self.assertEqual(0, metrics.sum('tap_desync_total'))
            self.assertEqual({}, {name: count for name, count in metrics.nonzero('verdicts_total', 'verdict').items()
                                  if name not in ('match', 'mismatch')})
            for right in ('item.byId', 'item.first'):
                self.assertEqual(0, metrics.sum('verdicts_total', rule=right, verdict='mismatch'))
            self.assertGreater(metrics.sum('operations_total'), earlier.sum('operations_total'))
        return expected

    def test_psql(self):
        """An interrupt, which sends a cancel request, ends the script."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(range(256)) * 4000)
            file.flush()
            output = self.same('psql', '-Xa', '-v', f'file={file.name}', '-f', CLIENTS / 'pooled.psql', status=3)
        for expected in ('CONSTRAINT NAME:  five', '2024-01-01 12:00:00+09', 'canceling statement due to user request'):
            self.assertIn(expected, output)

    def test_node(self):
        before = self.proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match')
        output = self.same('node', CLIENTS / 'pooled.mjs')
        self.assertGreater(self.proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match'), before)
        for expected in ('"name":"item 1 ünï"', '22012', '25P02', 'copied "337780 ', 'canceling statement', 'done 4 cases'):
            self.assertIn(expected, output)

    def test_psycopg(self):
        before = self.proxy.settled()
        output = self.same('/usr/bin/python3', CLIENTS / 'pooled.py')
        # The pooler gives a session the settings of its next client by SET, which the replay makes as well.
        after = self.proxy.settled()
        self.assertEqual(before.sum('skipped_total', reason='context'), after.sum('skipped_total', reason='context'))
        self.assertGreater(after.sum('verdicts_total', verdict='match'), before.sum('verdicts_total', verdict='match'))
        for expected in ("(1, 'item 1 ünï')", "'22012'", 'cursor [(1,), (2,), (3,)]', "'01.01.2024 12:00:00 JST'", "'2024-01-01 03:00:00+00'",
                         "'2024-01-01 12:00:00+09'", 'done 3 cases'):
            self.assertIn(expected, output)

    def test_pgbench(self):
        for mode in ('simple', 'extended'):
            for port in (self.direct.port, self.proxied.port, self.outer.port):
                with self.subTest(mode=mode, port=port), tempfile.NamedTemporaryFile('w', suffix='.sql') as script:
                    script.write(BENCH)
                    script.flush()
                    before = {proxy: proxy.settled().sum('operations_total') for proxy in (self.proxy, self.outer)}
                    output = self.run_program(port, 'pgbench', '-n', '-M', mode, '-c', 12, '-j', 2, '-t', 50, '-f', script.name)
                    self.assertIn('actually processed: 600/600', output)
                    self.assertEqual('1200|0', self.cluster.psql('SELECT count(*), sum(amount) FROM ledger', DATABASE))
                    self.cluster.psql('TRUNCATE ledger', DATABASE)
                    after = {proxy: proxy.settled().sum('operations_total') for proxy in before}
                    expected = {self.proxied.port: self.proxy, self.outer.port: self.outer}.get(port)
                    self.assertEqual({proxy: 1200 * (proxy is expected) for proxy in before}, {proxy: after[proxy] - before[proxy] for proxy in before})


if __name__ == '__main__':
    unittest.main(verbosity=2)
