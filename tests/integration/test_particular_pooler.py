#!/usr/bin/python3
"""In front of a pooler that takes each message of a login only as one delivery, and a Terminate only alone: real drivers log
in, query, cancel and leave without one reject, also when their bytes come to Parallax one by one."""
import contextlib
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest

import psycopg

from clients.rig import CLIENTS, DATABASE, PASSWORD, SCHEMA, USER
from support import transcript, wire
from support.certificates import Authority
from support.cluster import Cluster
from support.fake_server import ParticularPooler, Segments
from support.proxy import PATIENCE, Parallax, wait_for
from support.wire import Wire, bind, cancel_request, execute, message, parse, query, startup

STARTUP = startup([('user', 'postgres'), ('database', 'postgres')])
BY_ID = 'SELECT id, name FROM item WHERE id = $1'
ENCRYPTED_BYTES = 4000  # of each direction: more than a handshake, a login and a query


class Pooler(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='parallax-pooler-')
        cls.addClassCleanup(directory.cleanup)
        cls.authority = Authority(directory.name)
        cls.certificate = tuple(map(str, cls.authority.issue('both')))
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'], max_prepared_transactions=4)
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        for driver in ('psql', 'pg', 'postgres', 'psycopg'):  # for logins that fail, each its own
            cls.cluster.psql(f"CREATE ROLE locked_{driver} LOGIN PASSWORD '{PASSWORD}'")
        cls.cluster.psql(f'CREATE DATABASE {DATABASE} OWNER {USER}')
        cls.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}', DATABASE)

    def setUp(self):
        self.pooler = self.held(ParticularPooler(self.cluster.port))

    def tearDown(self):
        self.assertEqual([], self.pooler.failures)

    def held(self, server):
        self.addCleanup(server.close)
        return server

    def proxy(self, port, **config):
        proxy = Parallax(self.cluster.url(port=port), {'shadow': {'url': self.cluster.url(USER, DATABASE, PASSWORD)},
                                                       'rules': transcript.RULES, **config})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        return proxy

    def run_script(self, port, *command, mode='disable', status=0):
        values = {'PGHOST': '127.0.0.1', 'PGPORT': str(port), 'PGUSER': USER, 'PGPASSWORD': PASSWORD, 'PGDATABASE': DATABASE,
                  'PGSSLMODE': mode, 'PGSSLROOTCERT': str(self.authority.root), 'NODE_EXTRA_CA_CERTS': str(self.authority.root),
                  'PGTZ': 'UTC', 'TZ': 'UTC', 'LC_ALL': 'C.UTF-8', 'NODE_NO_WARNINGS': '1', 'PYTHONDONTWRITEBYTECODE': '1'}
        environment = {**{key: value for key, value in os.environ.items() if not key.startswith('PG')}, **values}
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              timeout=60 * PATIENCE, env=environment)
        self.assertEqual(status, done.returncode, done.stdout[-4000:])
        return done.stdout

    # --- the pooler itself ------------------------------------------------------------------------------------------

    def test_the_pooler_is_particular(self):
        login = startup([('user', USER), ('database', DATABASE)])
        for what, deliveries in (
                ('startup packet', [STARTUP[:-3], STARTUP[-3:]]), ('startup packet', [STARTUP + query('SELECT 1')]),
                ('startup packet', [startup([('user', 'postgres'), ('options', 'x' * 1000)])]),
                ('startup packet', [wire.SSL_REQUEST + STARTUP]), ('a first packet in pieces', [STARTUP[:4], STARTUP[4:]]),
                ('CancelRequest', [cancel_request(1, b'abcdefgh')]), ('login message', [login, message(b'p', b'half')[:-2]]),
                ('login message', [login, message(b'p', b'one') + message(b'p', b'two')]),
                ('Terminate behind other bytes', [STARTUP, query('SELECT 1') + wire.TERMINATE])):
            with self.subTest(what), Wire('127.0.0.1', self.pooler.port) as session:
                before = len(self.pooler.rejects)
                for delivery in deliveries:
                    with contextlib.suppress(ConnectionError):
                        session.send(delivery)
                    time.sleep(0.1)
                session.until_closed()
                self.assertTrue(self.pooler.rejects[before:][0].startswith(what + ':'), self.pooler.rejects[before:])

    def test_single_bytes_are_nothing_for_it(self):
        segments = self.held(Segments(self.pooler.port))
        with Wire('127.0.0.1', segments.port) as session:
            session.send(STARTUP)
            self.assertEqual(b'', session.until_closed())
        # As many bytes as had come when it looked: on a busy machine more than one, but never the packet.
        what, size = re.fullmatch(r'(.*): (\d+) bytes, .*', self.pooler.rejects[0], re.S).groups()
        self.assertIn(what, ('a first packet in pieces', 'startup packet'))
        self.assertLess(int(size), len(STARTUP))

    # --- through Parallax -------------------------------------------------------------------------------------------

    def test_whole_scripts_of_drivers(self):
        proxy = self.proxy(self.pooler.port)
        for command, status, last in ((('psql', '-Xa', '-v', 'file=/etc/hostname', '-f', CLIENTS / 'session.psql'), 2, 'lost'),
                                      (('node', CLIENTS / 'pg.mjs'), 0, 'done'), (('node', CLIENTS / 'postgres.mjs'), 0, 'done'),
                                      (('/usr/bin/python3', CLIENTS / 'psycopg_script.py'), 0, 'done')):
            with self.subTest(program=str(command[-1])):
                before = self.pooler.sessions, self.pooler.terminates, self.pooler.login_messages
                self.assertIn(last, self.run_script(proxy.port, *command, status=status).splitlines()[-1])
                self.assertEqual([], self.pooler.rejects)
                after = self.pooler.sessions, self.pooler.terminates, self.pooler.login_messages
                for one, other in zip(before, after):
                    self.assertGreater(other, one)
        self.assertGreaterEqual(self.pooler.cancels, 3)  # each driver's
        self.assertEqual(0, proxy.settled().sum('tap_desync_total'))

    def log_in(self, port, mode):
        """psql, node-postgres, postgres.js and psycopg, each a session with a query; and a cancel."""
        self.assertEqual('item 7x', self.run_script(port, 'psql', '-XAtc', "SELECT 'item ' || 7 || 'x'", mode=mode).strip())
        leg = 'disable' if mode == 'disable' else 'tls'
        lines = ''.join('\t'.join([driver, str(port), leg, USER, PASSWORD]) + '\n' for driver in ('pg', 'postgres'))
        done = subprocess.run(['node', CLIENTS / 'logins.mjs'], input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=60,
                              env={**os.environ, 'NODE_EXTRA_CA_CERTS': str(self.authority.root)})
        self.assertEqual([f'works {USER}'] * 2, done.stdout.splitlines())
        with psycopg.connect(f'host=127.0.0.1 port={port} user={USER} password={PASSWORD} dbname={DATABASE} sslmode={mode} '
                             f'sslrootcert={self.authority.root}', autocommit=True) as session:
            self.assertEqual((1,), session.execute('SELECT %s::int', [1]).fetchone())
            session.execute('SET statement_timeout = 5000')
            session.cancel()  # of nothing: it must not be taken for something else

    def test_logins_byte_by_byte(self):
        for server_tls in (False, True):
            pooler = self.held(ParticularPooler(self.cluster.port, self.certificate)) if server_tls else self.pooler
            query_text = f'?sslmode=verify-full&sslrootcert={self.authority.root}' if server_tls else ''
            proxy = Parallax(self.cluster.url(port=pooler.port) + query_text,
                             {'mode': 'off', 'tls': {'cert': self.certificate[0], 'key': self.certificate[1]}})
            self.addCleanup(proxy.stop)
            for mode in ('disable', 'verify-full'):
                with self.subTest(server_tls=server_tls, client=mode):
                    segments = self.held(Segments(proxy.port, 0 if mode == 'disable' else ENCRYPTED_BYTES))
                    before = pooler.sessions, pooler.cancels
                    self.log_in(segments.port, mode)
                    self.assertEqual([], pooler.rejects)
                    self.assertEqual((4, 1), (pooler.sessions - before[0], pooler.cancels - before[1]))
                    self.assertEqual([], segments.failures)
            self.assertEqual([], pooler.failures)

    def test_deliveries_are_those_of_the_client(self):
        """Also in a session: what was one write of the client is one delivery to the server. Some poolers look at the first
        message of each."""
        deliveries = []
        takes = self.pooler._takes
        self.pooler._takes = lambda delivery, ready: (deliveries.append(bytes(delivery)), takes(delivery, ready))[1]
        proxy = self.proxy(self.pooler.port)
        head = parse(BY_ID, 'one') + wire.FLUSH
        sent = [head[:7], head[7:], bind(['7'], name='one') + execute(), wire.SYNC, wire.SYNC + query('SELECT 1'), b'Q',
                query('SELECT 2')[1:], query('SELECT 3') + query('SELECT 4') + b'S', wire.SYNC[1:], wire.TERMINATE]
        with Wire('127.0.0.1', proxy.port).start() as session:
            for number, part in enumerate(sent):
                session.send(part)
                wait_for(lambda number=number: len(deliveries) == number + 1, 5, f'delivery {number}', 0.001)
            session.until_closed()
        self.assertEqual(sent, deliveries)
        self.assertEqual([], self.pooler.rejects)

    def test_a_startup_packet_that_is_too_long_for_the_pooler(self):
        """It is the pooler's to judge, and it gets it as one delivery."""
        proxy = self.proxy(self.pooler.port)
        with Wire('127.0.0.1', proxy.port) as session:
            session.send_slowly(startup([('user', 'postgres'), ('application_name', 'x' * 5000)]), 500, 0.001)
            self.assertEqual(b'', session.until_closed())
        self.assertEqual(1, len(self.pooler.rejects))
        self.assertIn('startup packet: 50', self.pooler.rejects[0])


if __name__ == '__main__':
    unittest.main(verbosity=2)
