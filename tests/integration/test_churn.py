#!/usr/bin/python3
"""Sessions that come, work and die in every way for PARALLAX_CHURN_SECONDS (60): clients killed and reset, backends ended,
logins left half-way, cancels, in plain and over TLS, with a shadow. Afterwards nothing is left of them."""
import collections
import contextlib
import os
import random
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import psycopg

from support import transcript, wire
from support.certificates import Authority
from support.cluster import Cluster
from support.fake_server import abort
from support.proxy import PATIENCE, SANITIZED, Parallax, wait_for
from support.wire import Wire, bind, copy_data, execute, message, parse, query, startup

SECONDS = float(os.environ.get('PARALLAX_CHURN_SECONDS') or (30 if SANITIZED else 60))
WARM_UP_SECONDS = min(8.0, SECONDS / 4)
SEED = int(os.environ.get('PARALLAX_SEED') or random.SystemRandom().randrange(1 << 32))
ROUND_SECONDS = 300        # then it is looked at
THREADS = 8
MIB = 1024 * 1024
MEMORY_MARGIN = 12 * MIB  # what allocators keep; a leak of one session's buffers would be many times that in an hour
DESCRIPTOR_MARGIN = 12    # shadow connections and scrapes
COVERED = 'SELECT id, name FROM item WHERE id = $1'
LONG = query('x' * 300_000)  # one text, so that the cache of texts stays as it is
USER, PASSWORD = 'churner', 'churn-secret'
HOST = '127.0.0.1'


class Churn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='parallax-churn-')
        cls.addClassCleanup(directory.cleanup)
        cls.authority = Authority(directory.name)
        certificate, key = map(str, cls.authority.issue('both'))
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.enable_tls(certificate, key)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_signal_backend; {transcript.SCHEMA};"
                         f'GRANT ALL ON ALL TABLES IN SCHEMA public TO {USER}')
        secured = f'{cls.cluster.url()}?sslmode=verify-full&sslrootcert={cls.authority.root}'
        tls = {'cert': certificate, 'key': key}
        cls.proxy = Parallax(None, {
            'listeners': [{'name': 'plain', 'listen': f'{HOST}:0', 'upstream': cls.cluster.url() + '?sslmode=disable'},
                          {'name': 'tls', 'listen': f'{HOST}:0', 'upstream': secured, 'tls': tls},
                          {'name': 'asks', 'listen': f'{HOST}:0', 'upstream': secured, 'tls': tls, 'auth': 'password'}],
            'shadow': {'url': cls.cluster.url(USER, 'postgres', PASSWORD), 'pool': {'max': 2}}, 'rules': transcript.RULES, 'sample': 0.5,
            'limits': {'auth_failures': 1_000_000, 'startup_timeout': f'{3 * PATIENCE}s', 'authentication_timeout': '30s'}})
        cls.addClassCleanup(cls.proxy.stop)
        cls.proxy.wait_verified()
        cls.context = ssl.create_default_context(cafile=cls.authority.root)

    # --- clients ------------------------------------------------------------------------------------------------------

    def raw(self, dice):
        """A connection of bytes, in plain or over TLS."""
        listener = dice.choice(['plain', 'tls', 'asks'])
        session = Wire(*self.proxy.listeners[listener], timeout=20)
        if listener != 'plain' and dice.random() < 0.8:
            session.send(wire.SSL_REQUEST)
            self.assertEqual(b'S', session.socket.recv(1))
            session.socket = self.context.wrap_socket(session.socket, server_hostname='localhost')
        return session

    def conninfo(self, dice, **more):
        listener = dice.choice(['plain', 'tls', 'asks'])
        mode = 'disable' if listener == 'plain' else dice.choice(['disable', 'verify-full'])
        values = {'host': HOST, 'port': self.proxy.listeners[listener][1], 'dbname': 'postgres', 'user': USER, 'password': PASSWORD,
                  'sslmode': mode, 'sslrootcert': self.authority.root, 'channel_binding': 'disable', 'connect_timeout': 20, **more}
        return ' '.join(f'{key}={value}' for key, value in values.items())

    def leave(self, session, dice):
        """Says goodbye, or hangs up, or breaks the connection."""
        with contextlib.suppress(OSError):
            match dice.randrange(4):
                case 0:
                    session.send(wire.TERMINATE)
                case 1:
                    session.send(wire.TERMINATE)
                    session.until_closed()
                case 2:
                    session.socket.shutdown(socket.SHUT_RDWR)
                case 3:
                    return abort(session.socket)
        return session.socket.close()

    def a_good_session(self, dice):
        with psycopg.connect(self.conninfo(dice), autocommit=True, prepare_threshold=dice.choice([None, 0])) as session:
            for _ in range(dice.randrange(1, 20)):
                number = dice.randrange(1, 200)
                self.assertEqual(number, session.execute('SELECT id, name FROM item WHERE id = %s', [number]).fetchone()[0])
            if dice.random() < 0.3:
                with session.transaction(force_rollback=True), session.cursor().copy('COPY sink FROM STDIN') as copy:
                    copy.write(b'1\tone\n' * dice.randrange(1, 50_000))

    def an_ended_session(self, dice):
        """By the server, at any moment."""
        with psycopg.connect(self.conninfo(dice), autocommit=True) as session:
            pid = session.info.backend_pid
            if dice.random() < 0.5:
                self.cluster_session_ends(pid, dice)
            with self.assertRaises(psycopg.OperationalError) as ended:
                while True:
                    session.execute('SELECT id, name FROM item WHERE id = 7').fetchall()
                    session.execute(f'SELECT pg_terminate_backend({pid})' if dice.random() < 0.3 else 'SELECT noisy(5)')
            # As direct: an error that comes between two statements is read by libpq, and not always told by the driver.
            self.assertRegex(str(ended.exception), 'terminating connection|server closed the connection|SSL connection has been closed')

    def cluster_session_ends(self, pid, dice):
        def end():
            time.sleep(dice.random() * 0.05)
            with psycopg.connect(self.conninfo(dice), autocommit=True) as other:
                other.execute('SELECT pg_terminate_backend(%s)', [pid])
        threading.Thread(target=end, daemon=True).start()

    def a_raw_session_cut_anywhere(self, dice):
        with self.raw(dice) as session:
            session.start()
            for _ in range(dice.randrange(1, 5)):
                session.send(dice.choice([
                    query('SELECT id, name FROM item WHERE id = 7'), query("SELECT repeat('x', 100000) FROM generate_series(1, 30)"),
                    (parse(COVERED) + bind(['5']) + execute() + wire.SYNC) * dice.randrange(1, 30), query('SELECT noisy(500)'),
                    query('BEGIN; INSERT INTO sink VALUES (1); SELECT pg_sleep(0.02)'), query('SELECT 1/0'),
                    query('COPY sink FROM STDIN') + copy_data(b'1\tone\n' * 1000), parse('SELECT 1/0') + bind() + execute() + wire.SYNC,
                    LONG[:dice.randrange(1, len(LONG) + 1)]]))
                if dice.random() < 0.5:
                    session.socket.settimeout(dice.random() * 0.05)
                    with contextlib.suppress(TimeoutError):
                        session.read_some()
                    session.socket.settimeout(20)
            self.leave(session, dice)

    def a_login_left_half_way(self, dice):
        packet = startup([('user', dice.choice([USER, 'postgres', 'nobody'])), ('database', 'postgres')])
        first = dice.choice([packet, wire.SSL_REQUEST, wire.GSSENC_REQUEST, b'GET / HTTP/1.1\r\n\r\n', wire.SSL_REQUEST + packet,
                             b'\x16\x03\x01\x02\x00' + dice.randbytes(50), dice.randbytes(20), packet + message(b'p', b'wrong\0'), b''])
        with Wire(*self.proxy.listeners[dice.choice(['plain', 'tls', 'asks'])]) as session:
            session.send(first[:dice.randrange(len(first) + 1)] if dice.random() < 0.5 else first)
            if dice.random() < 0.5:
                session.socket.settimeout(0.02 if dice.random() < 0.9 else 4)  # the latter is longer than the proxy's limit
                with contextlib.suppress(TimeoutError):
                    session.read_some()
            self.leave(session, dice)

    def a_login_that_fails(self, dice):
        with self.assertRaises(psycopg.OperationalError):
            psycopg.connect(self.conninfo(dice, **dice.choice([{'password': 'wrong'}, {'dbname': 'missing'}, {'user': 'nobody'}]))).close()

    def a_cancel(self, dice):
        with self.raw(dice).start() as session:
            session.send(query('SELECT pg_sleep(2)'))
            time.sleep(dice.random() * 0.05)
            with self.raw(dice) as other:
                other.send(wire.cancel_request(session.pid, session.key if dice.random() < 0.8 else b'nope'))
                if dice.random() < 0.5:
                    other.until_closed()
            self.leave(session, dice)

    def a_killed_program(self, dice):
        program = subprocess.Popen(['pgbench', '-n', '-M', dice.choice(['simple', 'extended', 'prepared']), '-c', '4', '-T', '20', '-f',
                                    '/dev/stdin', self.conninfo(dice)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        program.stdin.write(b'SELECT id, name FROM item WHERE id = 5;\nSELECT * FROM item;\n')
        program.stdin.close()
        time.sleep(0.1 + dice.random() * 0.4)
        program.send_signal(signal.SIGKILL)
        program.wait()

    # --- the churn ----------------------------------------------------------------------------------------------------

    def churn(self, seconds, seed):
        """Runs kinds of clients at random until the time is over; returns how many there were of each."""
        kinds = [(self.a_good_session, 6), (self.an_ended_session, 3), (self.a_raw_session_cut_anywhere, 6), (self.a_login_left_half_way, 6),
                 (self.a_login_that_fails, 2), (self.a_cancel, 3), (self.a_killed_program, 1)]
        done, problems, until = collections.Counter(), [], time.monotonic() + seconds

        def run(number):
            dice = random.Random(seed * 1000 + number)
            kind = kinds[number % len(kinds)][0]  # so that each comes
            while time.monotonic() < until and not problems:
                try:
                    kind(dice)
                except (wire.Closed, ConnectionError, ssl.SSLError, struct.error):
                    pass  # the peer was quicker
                except Exception as problem:
                    problems.append(f'{kind.__name__}: {problem!r}')
                done[kind.__name__] += 1
                kind, = dice.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        threads = [threading.Thread(target=run, args=[number]) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual('', '\n'.join(problems))
        return done

    def quiet(self):
        """Waits for the end of all sessions, here and on the server. (descriptors, resident bytes)"""
        wait_for(lambda: self.proxy.metrics().sum('sessions') == 0, 15, 'no session is left', 0.1)
        self.proxy.settled()
        wait_for(lambda: self.backends() <= 2, 15, 'no backend is left but those of the shadow', 0.2)
        return self.proxy.open_files(), self.proxy.resident_bytes()

    def backends(self):
        return int(self.cluster.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'psql'"))

    def test_churn(self):
        print(f'PARALLAX_SEED={SEED} PARALLAX_CHURN_SECONDS={SECONDS:.0f}', flush=True)
        self.churn(WARM_UP_SECONDS, SEED)
        files, memory = self.quiet()
        rounds = max(1, round((SECONDS - WARM_UP_SECONDS) / ROUND_SECONDS))
        done = collections.Counter()
        for number in range(1, rounds + 1):
            done += self.churn((SECONDS - WARM_UP_SECONDS) / rounds, SEED + number)
            files_now, memory_now = self.quiet()
            print(f'{dict(done)}: descriptors {files} -> {files_now}, resident {memory / MIB:.1f} -> {memory_now / MIB:.1f} MiB', flush=True)
            self.assertLessEqual(files_now, files + DESCRIPTOR_MARGIN)
            if not SANITIZED:
                self.assertLess(memory_now - memory, MEMORY_MARGIN)
        self.assertEqual(7, len(done), 'each kind of client has come')
        self.works_as_ever()

    def works_as_ever(self):
        metrics = self.proxy.settled()
        self.assertEqual(0, metrics.sum('verdicts_total', rule='item.byId', verdict='mismatch'))
        before = metrics.sum('verdicts_total', rule='item.byId', verdict='match')
        self.assertGreater(before, 0)

        def compared():
            self.a_good_session(random.Random())
            return self.proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match') > before
        wait_for(compared, 20, 'sessions work and are compared')


if __name__ == '__main__':
    unittest.main(verbosity=2)
