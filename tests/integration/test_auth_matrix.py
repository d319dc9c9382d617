#!/usr/bin/python3
"""Logins in every cell of {client leg} x {server} x {auth} x {client}: each works, or fails with words that name the
remedy. And what becomes of the password."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import psycopg

from clients.rig import CLIENTS
from clients.tls_hop import TlsHop
from support.certificates import Authority
from support.cluster import Cluster
from support.proxy import Parallax, wait_for

JDBC = '/usr/share/java/postgresql.jar'
USER, PASSWORD = 'scram_user', 'matrix-secret-9417'

# works
# binds   the client would tie its login to the TLS it sees, the server refuses that, Parallax's log names the remedies
# client  the client was told to require channel binding, sees none offered, and says so itself
MATRIX = """
leg    server    auth         | psql prefer | psql disable | psql require | psycopg | pg    | pg binding | postgres | jdbc
plain  plain     passthrough  | works       | works        | client       | works   | works | works      | works    | works
plain  plus      passthrough  | works       | works        | client       | works   | works | binds      | works    | works
plain  tls       passthrough  | works       | works        | client       | works   | works | works      | works    | works
plain  plain     password     | works       | works        | client       | works   | works | works      | works    | works
plain  plus      password     | works       | works        | client       | works   | works | binds      | works    | works
plain  tls       password     | works       | works        | client       | works   | works | works      | works    | works
tls    plain     passthrough  | works       | works        | client       | works   | works | works      | works    | works
tls    plus      passthrough  | binds       | works        | binds        | binds   | works | binds      | works    | works
tls    tls       passthrough  | works       | works        | client       | works   | works | works      | works    | works
tls    plain     password     | works       | works        | client       | works   | works | works      | works    | works
tls    plus      password     | works       | works        | client       | works   | works | works      | works    | works
tls    tls       password     | works       | works        | client       | works   | works | works      | works    | works
"""
HEAD, *ROWS = [[word.strip() for word in line.split('|')] for line in MATRIX.strip().splitlines()]
MODES = [tuple(row[0].split()) for row in ROWS]
EXPECTED = {(*mode, client): outcome for mode, row in zip(MODES, ROWS) for client, outcome in zip(HEAD[1:], row[1:])}


class AuthMatrix(unittest.TestCase):
    """The servers: `plain`; `plus`, a PostgreSQL over TLS, which offers SCRAM-SHA-256-PLUS; `tls`, one over TLS that does
    not."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='parallax-auth-')
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        cls.authority = Authority(cls.directory)
        cls.server_files = cls.authority.issue('server')
        cls.proxy_files = cls.authority.issue('proxy')
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all md5_user all md5',
                                   'host all clear_user all password',
                                   'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.enable_tls(*cls.server_files)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}';"
                         f"CREATE ROLE clear_user LOGIN PASSWORD '{PASSWORD}';"
                         f"SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD '{PASSWORD}'")
        cls.hop = TlsHop(cls.cluster.port, *cls.server_files)
        cls.addClassCleanup(cls.hop.close)
        cls.proxy = cls.start()
        cls.addClassCleanup(cls.proxy.stop)

    @classmethod
    def start(cls, files=None, **config):
        """Parallax with a listener for each pair of server and auth."""
        verified = f'?sslmode=verify-full&sslrootcert={cls.authority.root}'
        upstreams = {'plain': f'{cls.cluster.url()}?sslmode=disable', 'plus': cls.cluster.url() + verified,
                     'tls': cls.cluster.url(port=cls.hop.port) + verified}
        certificate, key = map(str, files or cls.proxy_files)
        listeners = [{'name': f'{server}-{auth}', 'listen': '127.0.0.1:0', 'upstream': upstream, 'auth': auth,
                      'tls': {'cert': certificate, 'key': key, 'mode': 'allow'}}
                     for server, upstream in upstreams.items() for auth in ('passthrough', 'password')]
        return Parallax(None, {'listeners': listeners, 'mode': 'off', 'limits': {'auth_failures': 100_000}, **config})

    @staticmethod
    def port(proxy, mode):
        return proxy.listeners[f'{mode[1]}-{mode[2]}'][1]

    def conninfo(self, proxy, mode, binding='prefer', user=USER):
        security = f'sslmode=verify-full sslrootcert={self.authority.root}' if mode[0] == 'tls' else 'sslmode=disable'
        return (f'host=127.0.0.1 port={self.port(proxy, mode)} dbname=postgres user={user} channel_binding={binding} '
                f'{security} connect_timeout=20')

    def psql(self, proxy, mode, binding='prefer', user=USER, password=PASSWORD):
        command = ['psql', '-qXAtc', 'SELECT current_user', self.conninfo(proxy, mode, binding, user)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, 'PGPASSWORD': password})
        return f'works {done.stdout.strip()}' if done.returncode == 0 else done.stdout.strip()

    def psycopg(self, proxy, mode):
        try:
            # psycopg's own default, whatever it is
            conninfo = self.conninfo(proxy, mode).replace('channel_binding=prefer', '')
            with psycopg.connect(conninfo, password=PASSWORD) as session:
                return 'works ' + session.execute('SELECT current_user').fetchone()[0]
        except psycopg.OperationalError as error:
            return str(error)

    def program(self, command, proxy, cells, user=USER, password=PASSWORD):
        """One run of a program for all `cells` (driver, mode); its answers in their order."""
        lines = ['\t'.join([driver, str(self.port(proxy, mode)), mode[0], user, password]) for driver, mode in cells]
        done = subprocess.run(list(map(str, command)), input='\n'.join(lines) + '\n', stdout=subprocess.PIPE, text=True,
                              check=True, timeout=100,
                              env={**os.environ, 'NODE_EXTRA_CA_CERTS': str(self.authority.root),
                                   'PGSSLROOTCERT': str(self.authority.root)})
        self.assertEqual(len(lines), len(done.stdout.splitlines()))
        return done.stdout.splitlines()

    def node(self, proxy, cells, **more):
        return self.program(['node', CLIENTS / 'logins.mjs'], proxy, cells, **more)

    def told(self):
        """How many logins Parallax says that channel binding ended: its counter, and its lines that name the remedies."""
        counted = self.proxy.metrics().sum('client_connection_outcomes_total', outcome='channel_binding')
        words = ('reason=channel_binding', 'channel_binding=disable', 'auth: password')
        return int(counted), sum(all(word in line for word in words) for line in self.proxy.log_text().splitlines())

    def outcome(self, answer):
        if answer == f'works {USER}':
            return 'works'
        if 'SCRAM channel binding' in answer:  # the server's words: "check failed", "negotiation error"
            return 'binds'
        return 'client' if re.search('channel binding (is )?required', answer) else answer

    def judge(self, cells, log_in):
        """`log_in` answers a list of (client, mode) with a list of what became of each."""
        before = self.told()
        seen = [self.outcome(answer) for answer in log_in(cells)]
        self.assertEqual({(*mode, client): EXPECTED[(*mode, client)] for client, mode in cells},
                         {(*mode, client): outcome for (client, mode), outcome in zip(cells, seen, strict=True)})
        told = (before[0] + seen.count('binds'), before[1] + seen.count('binds'))
        wait_for(lambda: self.told() >= told, 5, 'the remedy is told')
        self.assertEqual(told, self.told())

    def test_psql(self):
        self.judge([(f'psql {binding}', mode) for mode in MODES for binding in ('prefer', 'disable', 'require')],
                   lambda cells: [self.psql(self.proxy, mode, client.split()[1]) for client, mode in cells])
        self.assertGreater(self.hop.served, 0)
        self.assertIn('the server offers SCRAM-SHA-256-PLUS, which cannot pass', self.proxy.log_text())

    def test_psycopg(self):
        self.judge([('psycopg', mode) for mode in MODES],
                   lambda cells: [self.psycopg(self.proxy, mode) for _, mode in cells])

    def test_node(self):
        self.judge([(driver, mode) for driver in ('pg', 'pg binding', 'postgres') for mode in MODES],
                   lambda cells: self.node(self.proxy, cells))

    def test_jdbc(self):
        with tempfile.TemporaryDirectory() as classes:
            subprocess.run(['javac', '-cp', JDBC, '-d', classes, CLIENTS / 'Logins.java'], check=True)
            command = ['java', '-XX:+UseSerialGC', '-cp', f'{classes}:{JDBC}', 'Logins']
            self.judge([('jdbc', mode) for mode in MODES], lambda cells: self.program(command, self.proxy, cells))

    def test_md5_passes(self):
        for mode in MODES:
            self.assertEqual('works md5_user', self.psql(self.proxy, mode, user='md5_user'))
        answers = self.node(self.proxy, [(driver, mode) for driver in ('pg', 'postgres') for mode in MODES],
                            user='md5_user')
        self.assertEqual({'works md5_user'}, set(answers))

    def test_a_password_in_clear_text_passes(self):
        for mode in MODES:
            self.assertEqual('works clear_user', self.psql(self.proxy, mode, user='clear_user'))

    def test_a_wrong_password_is_28P01(self):
        for user in (USER, 'md5_user', 'clear_user', 'no_such_user'):
            answers = self.node(self.proxy, [('pg', mode) for mode in MODES], user=user, password='wrong')
            self.assertEqual({f'28P01 password authentication failed for user "{user}"'}, set(answers))
        # libpq's default, where Parallax does SCRAM in the client's name
        self.assertIn(f'FATAL:  password authentication failed for user "{USER}"',
                      self.psql(self.proxy, ('tls', 'plus', 'password'), password='wrong'))
        self.assertEqual(f'works {USER}', self.psql(self.proxy, ('tls', 'plus', 'password')))

    def test_the_servers_own_certificate_lets_channel_binding_pass(self):
        mode = ('tls', 'plus', 'passthrough')
        proxy = self.start(files=self.server_files)
        self.addCleanup(proxy.stop)
        for binding in ('prefer', 'disable', 'require'):
            self.assertEqual(f'works {USER}', self.psql(proxy, mode, binding))
        answers = self.node(proxy, [(driver, mode) for driver in ('pg', 'pg binding', 'postgres')])
        self.assertEqual([f'works {USER}'] * 3, answers)
        self.assertIn('password authentication failed', self.psql(proxy, mode, 'require', password='wrong'))

    def test_no_password_is_kept(self):
        """Neither in the log, whatever its level, nor in the program's memory, whether the session lives or has ended."""
        proxy = self.start(log={'level': 'debug'})
        self.addCleanup(proxy.stop)
        wrong = 'matrix-wrong-5521'
        sessions = []
        for mode in MODES:
            binding = 'disable' if mode == ('tls', 'plus', 'passthrough') else 'prefer'
            for user in (USER, 'md5_user', 'clear_user'):
                sessions.append(psycopg.connect(self.conninfo(proxy, mode, binding, user), password=PASSWORD))
                self.addCleanup(sessions[-1].close)
                self.assertEqual(set(), self.in_memory(proxy, {PASSWORD, wrong}), (mode, user))
                self.assertIn('password authentication failed', self.psql(proxy, mode, binding, user, wrong))
        wait_for(lambda: proxy.metrics().sum('sessions') == len(sessions), 10, 'the refused sessions end')
        # what is there is found, by the same search: users of sessions that live, and what came after the login
        sessions[-1].execute("SELECT 'needle-after-login'")
        self.assertEqual({USER, 'needle-after-login'},
                         self.in_memory(proxy, {USER, 'needle-after-login', PASSWORD, wrong}))
        for session in sessions:
            session.close()
        wait_for(lambda: proxy.metrics().sum('sessions') == 0, 10, 'the sessions end')
        self.assertEqual(set(), self.in_memory(proxy, {PASSWORD, wrong}))
        log = proxy.log_text()
        self.assertIn('debug', log)
        self.assertNotIn(PASSWORD, log)
        self.assertNotIn(wrong, log)

    @staticmethod
    def in_memory(proxy, words):
        """Those of the words that lie in memory that the program can write."""
        found, process = set(), f'/proc/{proxy.process.pid}'
        with open(f'{process}/maps', encoding='utf-8') as maps, open(f'{process}/mem', 'rb', 0) as memory:
            for line in maps:
                span, rights = line.split()[:2]
                if not rights.startswith('rw'):
                    continue
                start, end = (int(number, 16) for number in span.split('-'))
                memory.seek(start)
                region = memory.read(end - start)
                if len(region) != end - start:
                    raise RuntimeError(f'only {len(region)} bytes of {line}')
                found |= {word for word in words if word.encode() in region}
        return found


if __name__ == '__main__':
    unittest.main(verbosity=2)
