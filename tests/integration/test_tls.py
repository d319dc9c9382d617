#!/usr/bin/python3
"""TLS on either leg as real programs do it: policies, certificates and their reload, direct TLS, cancels."""
import os
import pathlib
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

from support.certificates import Authority
from support.cluster import Cluster
from support.proxy import Parallax, rule, wait_for
from support.wire import SSL_REQUEST, cancel_request, message, query, startup

SESSIONS = 100


def receive_all(connection):
    """Everything until the peer's end."""
    received = b''
    while True:
        try:
            chunk = connection.recv(65536)
        except ConnectionResetError:
            break
        if not chunk:
            break
        received += chunk
    return received


def without_place(answer):
    """A server's error without the place in its source (F, L, R), which a proxy's own error does not have."""
    if not answer.startswith(b'E'):
        return answer
    return [field for field in answer[5:].split(b'\0') if field[:1] not in (b'F', b'L', b'R')]


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix='parallax-tls-')
        cls.addClassCleanup(cls.directory.cleanup)
        cls.authority = Authority(cls.directory.name)
        cls.server_files = cls.authority.issue('server')
        cls.proxy_files = cls.authority.issue('proxy')
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.enable_tls(*cls.server_files, cls.authority.root)

    def upstream(self, mode='verify-full', **more):
        query_text = '&'.join(f'{key}={value}' for key, value in {'sslmode': mode, 'sslrootcert': self.authority.root, **more}.items())
        return f'{self.cluster.url()}?{query_text}'

    def proxy(self, upstream=None, **tls):
        files = {'cert': str(self.proxy_files[0]), 'key': str(self.proxy_files[1])}
        proxy = Parallax(upstream or self.upstream(), {'tls': {**files, **tls}})
        self.addCleanup(proxy.stop)
        return proxy

    def client_context(self):
        return ssl.create_default_context(cafile=self.authority.root)

    def secured(self, server, direct_protocols=None):
        """A raw TLS connection to anything with host and port; by SSLRequest unless ALPN protocols are given."""
        plain = socket.create_connection((server.host, server.port), timeout=10)
        self.addCleanup(plain.close)
        context = self.client_context()
        if direct_protocols is None:
            plain.sendall(SSL_REQUEST)
            self.assertEqual(b'S', plain.recv(1))
        elif direct_protocols:
            context.set_alpn_protocols(direct_protocols)
        connection = context.wrap_socket(plain, server_hostname='localhost')
        self.addCleanup(connection.close)
        return connection

    def psql(self, url, sql='SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()', **environment):
        done = subprocess.run(['psql', '-XAtq', url, '-c', sql], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, **environment}, check=False)
        return done.stdout.strip()

    # --- policies ---------------------------------------------------------------------------------------------------

    def test_policies_of_both_legs(self):
        for mode, client, outcome in (('allow', 'disable', 't'), ('allow', 'require', 't'), ('require', 'require', 't'),
                                      ('require', 'disable', 'this listener of the proxy requires TLS'),
                                      ('disable', 'require', 'server does not support SSL'), ('disable', 'disable', 't')):
            with self.subTest(listener=mode, client=client):
                proxy = self.proxy(mode=mode)
                self.assertIn(outcome, self.psql(proxy.url(sslmode=client)))
                proxy.stop()
        for mode, outcome in (('disable', 'f'), ('require', 't'), ('verify-ca', 't'), ('verify-full', 't')):
            with self.subTest(upstream=mode):
                proxy = self.proxy(self.upstream(mode))
                self.assertEqual(outcome, self.psql(proxy.url(sslmode='require')))
                proxy.stop()

    def test_the_client_verifies_the_proxy(self):
        proxy = self.proxy()
        checked = {'sslmode': 'verify-full', 'sslrootcert': self.authority.root}
        self.assertEqual('t', self.psql(proxy.url(**checked)))
        name = proxy.url(**checked).replace('127.0.0.1', 'localhost')
        self.assertEqual('t', self.psql(name))
        self.assertIn('certificate verify failed', self.psql(proxy.url(sslmode='verify-full', sslrootcert=self.other_root())))

    def other_root(self):
        other = tempfile.TemporaryDirectory(prefix='parallax-tls-')
        self.addCleanup(other.cleanup)
        return Authority(other.name).root

    def test_an_upstream_that_is_not_who_it_should_be_gets_nothing(self):
        wrong_name = self.authority.issue('stranger', 'DNS:elsewhere.example')
        with Cluster() as stranger:
            stranger.enable_tls(*wrong_name)
            for upstream, words in (
                    (f'{stranger.url()}?sslmode=verify-full&sslrootcert={self.authority.root}', 'IP address mismatch'),
                    (f'{stranger.url()}?sslmode=verify-ca&sslrootcert={self.other_root()}', 'certificate verify failed'),
                    (f'{stranger.url()}?sslmode=require&sslrootcert={self.other_root()}', 'certificate verify failed')):
                proxy = self.proxy(upstream)
                answer = self.psql(proxy.url('app', sslmode='require'))
                self.assertIn('could not connect to the upstream server: TLS', answer)
                self.assertIn(words, answer)
                proxy.stop()
            self.assertNotIn('"app"', stranger.log.read_text())  # no startup packet came

    def test_an_upstream_without_tls_is_not_reached_in_plain(self):
        with Cluster() as plain:
            proxy = self.proxy(f'{plain.url()}?sslmode=require')
            self.assertIn('does not do TLS', self.psql(proxy.url(sslmode='require')))

    def test_the_upstream_is_told_its_name(self):
        hop = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(hop.close)
        name = {}

        def answer():
            connection, _ = hop.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b'S')
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.server_files)
                context.sni_callback = lambda _, given, __: name.update(given=given)
                with context.wrap_socket(connection, server_side=True) as secured:
                    name['startup'] = secured.recv(1024)
        thread = threading.Thread(target=answer)
        thread.start()
        proxy = self.proxy(f'postgresql://app@localhost:{hop.getsockname()[1]}/x?sslmode=verify-full&sslrootcert={self.authority.root}')
        self.psql(proxy.url(sslmode='require'))
        thread.join(10)
        self.assertEqual('localhost', name['given'])
        self.assertIn(b'user', name['startup'])

    def test_a_client_certificate_of_the_proxy(self):
        certificate, key = self.authority.issue('certified', owner=None)
        self.cluster.psql('CREATE ROLE certified LOGIN')
        self.cluster.write_hba(['hostssl all certified 127.0.0.1/32 cert', 'host all all 127.0.0.1/32 trust'])
        self.cluster.reload()
        self.addCleanup(lambda: (self.cluster.write_hba(['host all all 127.0.0.1/32 trust']), self.cluster.reload()))
        with_it = self.proxy(self.upstream(sslcert=certificate, sslkey=key))
        self.assertEqual('t', self.psql(with_it.url('certified', sslmode='require')))
        without = self.proxy()
        self.assertIn('connection requires a valid client certificate', self.psql(without.url('certified', sslmode='require')))

    # --- the wire ---------------------------------------------------------------------------------------------------

    def test_inside_tls_the_bytes_are_the_servers(self):
        proxy = self.proxy()
        for name, sent in (('SSLRequest again', SSL_REQUEST), ('GSSENCRequest', struct.pack('!ii', 8, 80877104)),
                           ('version 2', startup([], 2 << 16)), ('version 4', startup([('user', 'postgres')], 4 << 16)),
                           ('no packet', b'GET / HTTP/1.1\r\n\r\n'),
                           ('unknown user', startup([('user', 'nobody'), ('database', 'postgres')]))):
            with self.subTest(name):
                answers = []
                for server in (self.cluster, proxy):
                    connection = self.secured(server)
                    connection.sendall(sent)
                    answers.append(without_place(receive_all(connection)))
                self.assertEqual(answers[0], answers[1])

    def test_bytes_stuffed_behind_the_request(self):
        proxy = self.proxy()
        answers = []
        for server in (self.cluster, proxy):
            plain = socket.create_connection((server.host, server.port), timeout=10)
            plain.sendall(SSL_REQUEST + startup([('user', 'postgres')]))
            self.assertEqual(b'S', plain.recv(1))
            with self.client_context().wrap_socket(plain, server_hostname='localhost') as connection:
                answers.append(receive_all(connection))
        for answer in answers:
            self.assertIn(b'C08P01', answer)
            self.assertIn(b'received unencrypted data after SSL request', answer)

    def test_direct_tls_wants_the_protocols_name(self):
        proxy = self.proxy()
        connection = self.secured(proxy, ['postgresql'])
        self.assertEqual('postgresql', connection.selected_alpn_protocol())
        connection.sendall(startup([('user', 'postgres'), ('database', 'postgres')]) + message(b'X'))
        self.assertIn(b'Z\x00\x00\x00\x05I', receive_all(connection))
        with self.assertRaises(ssl.SSLError) as refused:
            self.secured(proxy, ['http/1.1'])
        self.assertIn('NO_APPLICATION_PROTOCOL', str(refused.exception).upper().replace(' ', '_'))
        nameless = self.secured(proxy, [])
        self.assertEqual(b'', receive_all(nameless))
        wait_for(lambda: proxy.metrics().sum('client_connection_outcomes_total', outcome='tls_failed') == 2, 5, 'both counted')
        self.assertEqual('t', self.psql(proxy.url(sslmode='require')))

    def test_a_cancel_over_tls_and_a_plain_one(self):
        proxy = self.proxy(mode='require')
        for plain in (True, False):
            with self.subTest(plain=plain):
                session = self.secured(proxy)
                session.sendall(startup([('user', 'postgres'), ('database', 'postgres')]))
                greeting = b''
                while not greeting.endswith(b'Z\x00\x00\x00\x05I'):
                    greeting += session.recv(4096)
                at = greeting.index(b'K\x00\x00\x00\x0c') + 5
                pid, key = struct.unpack('!I', greeting[at:at + 4])[0], greeting[at + 4:at + 8]
                session.sendall(query('SELECT pg_sleep(30)'))
                time.sleep(0.3)
                began = time.monotonic()
                cancel = socket.create_connection((proxy.host, proxy.port), timeout=10) if plain else self.secured(proxy)
                cancel.sendall(cancel_request(pid, key))
                self.assertEqual(b'', receive_all(cancel))
                answer = b''
                while b'Z\x00\x00\x00\x05' not in answer:
                    answer += session.recv(4096)
                self.assertIn(b'C57014', answer)
                self.assertLess(time.monotonic() - began, 5)
                cancel.close()
                session.close()

    def test_interleaved_nonsense_disturbs_no_session(self):
        proxy = self.proxy()
        sessions = [psycopg.connect(proxy.url(sslmode='require'), autocommit=True) for _ in range(10)]
        for round_number in range(30):
            plain = socket.create_connection((proxy.host, proxy.port), timeout=10)
            plain.sendall(SSL_REQUEST)
            self.assertEqual(b'S', plain.recv(1))
            plain.sendall((b'\x16\x03\x00\x00\x10' + bytes(16), b'GET / HTTP/1.1\r\n\r\n', bytes(100))[round_number % 3])
            plain.close()
            self.assertEqual((round_number,), sessions[round_number % 10].execute('SELECT %s::int', [round_number]).fetchone())
        for session in sessions:
            session.close()

    def test_large_values_both_ways(self):
        proxy = self.proxy()
        with psycopg.connect(proxy.url(sslmode='require')) as session:
            big = os.urandom(20 * 1024 * 1024)
            self.assertEqual(big, session.execute('SELECT %b::bytea', [big], binary=True).fetchone()[0])

    def test_replays_over_tls_in_records_larger_than_libpqs_reads(self):
        # Parallax itself writes records of 16 KiB, PostgreSQL of 8 KiB at most.
        hop = self.proxy(self.upstream('disable'))
        large = "SELECT repeat('x', :size) AS value FROM generate_series(1, 3) AS g(id)"
        sizes = range(2000, 60_000, 1357)
        upstream = f'{self.cluster.url()}?sslmode=disable'
        shadow = {'url': hop.url(sslmode='verify-full', sslrootcert=self.authority.root)}
        proxy = Parallax(upstream, {'shadow': shadow, 'sample': 1.0, 'rules': {'large': rule(large, large)}})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        with psycopg.connect(proxy.url(sslmode='disable'), autocommit=True) as session:
            for size in sizes:
                session.execute(large.replace(':size', str(size))).fetchall()
        metrics = proxy.settled()
        self.assertEqual(len(sizes), metrics.sum('verdicts_total', verdict='match'), metrics.nonzero('skipped_total', 'reason'))

    # --- certificates -----------------------------------------------------------------------------------------------

    def shown_certificate(self, proxy):
        context = self.client_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection((proxy.host, proxy.port), timeout=10) as plain:
            plain.sendall(SSL_REQUEST)
            plain.recv(1)
            with context.wrap_socket(plain) as secured:
                return secured.getpeercert(binary_form=True)

    def test_a_new_certificate_without_dropping_a_session(self):
        certificate, key = (pathlib.Path(self.directory.name) / f'current.{end}' for end in ('crt', 'key'))

        def install(files):
            for source, target in zip(files, (certificate, key)):
                target.write_bytes(pathlib.Path(source).read_bytes())
                os.chmod(target, 0o600)
        install(self.proxy_files)
        proxy = self.proxy(cert=str(certificate), key=str(key))
        first_end = proxy.metrics().sum('tls_certificate_expiry_timestamp_seconds', listener='default')
        self.assertAlmostEqual(time.time() + 30 * 86400, first_end, delta=86400)
        sessions = [psycopg.connect(proxy.url(sslmode='require'), autocommit=True) for _ in range(SESSIONS)]
        old = self.shown_certificate(proxy)

        certificate.write_text('this is no certificate\n')
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'the configuration stays as it was' in proxy.log_text(), 5, 'the bad one is refused')
        self.assertIn('cannot read the certificate', proxy.log_text())
        self.assertEqual(old, self.shown_certificate(proxy))

        install(self.authority.issue('renewed'))
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.shown_certificate(proxy) != old, 5, 'the new one is shown')
        for session in sessions:
            self.assertEqual((1,), session.execute('SELECT 1').fetchone())
            session.close()

    def test_a_certificate_of_its_own(self):
        proxy = Parallax(self.upstream(), {'tls': {'self_signed': True}})
        self.addCleanup(proxy.stop)
        self.assertEqual('t', self.psql(proxy.url(sslmode='require')))
        before = self.shown_certificate(proxy)
        proxy.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'read again' in proxy.log_text(), 5, 'the reload')
        self.assertEqual(before, self.shown_certificate(proxy))


if __name__ == '__main__':
    unittest.main(verbosity=2)
