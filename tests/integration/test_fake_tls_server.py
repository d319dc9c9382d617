#!/usr/bin/python3
"""A server that was to do TLS and does something else, or does it in odd records."""
import contextlib
import socket
import ssl
import tempfile
import threading
import time
import unittest

from support import fake_server as fake
from support import wire
from support.certificates import Authority
from support.fake_server import GREETING, ScriptedServer
from support.proxy import PATIENCE, Parallax, wait_for
from support.wire import Wire, query, startup

USER = [('user', 'postgres'), ('database', 'postgres')]
SQL = 'SELECT id, name FROM item WHERE id = 7'
ANSWER = fake.rows(b'one', b'two') + fake.ready()


def greet_and_answer(peer):
    peer.say(GREETING)
    peer.message()
    peer.say(ANSWER)


class OverTls(unittest.TestCase):
    """The server is to do TLS; whatever it does in its place, the client is told in the proxy's words, and nothing but the
    request has been sent to it."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix='parallax-fake-')
        cls.addClassCleanup(directory.cleanup)
        cls.authority = Authority(directory.name)
        certificate, key = cls.authority.issue('both')
        cls.server = ScriptedServer()
        cls.addClassCleanup(cls.server.close)
        cls.server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.server.context.load_cert_chain(certificate, key)
        cls.proxy = Parallax(f'postgresql://postgres@127.0.0.1:{cls.server.port}/postgres?sslmode=require',
                             {'mode': 'off', 'tls': {'cert': str(certificate), 'key': str(key)}, 'limits': {'connect_timeout': '1s'}},
                             ready=False)
        cls.addClassCleanup(cls.proxy.stop)

    def test_answers_to_the_request(self):
        secret = 'words of somebody who has proven nothing'
        error = fake.error(S='FATAL', V='FATAL', C='53300', M=secret)
        old_error = b'E' + secret.encode() + b'\n\0'
        for name, answer in (('N', b'N'), ('an error', error), ('an error of protocol 2', old_error), ('junk behind S', b'S' + error),
                             ('S twice', b'SS'), ('neither', b'X'), ('the end', b''), ('a greeting', GREETING)):
            with self.subTest(name):
                self.assertEqual(b'', self.refused(answer, None, secret))
        for name, answer in (('an error', error), ('the end', b''), ('junk', b'\x16\x03\x01\0\x05junk!'), ('a greeting', GREETING)):
            with self.subTest(name, in_place_of='ServerHello'):
                came = self.refused(b'S', answer, secret)
                self.assertEqual(b'\x16', came[:1])
                self.assertNotIn(b'postgres', came)

    def refused(self, answer, answer_to_hello, secret):
        """What the server gets after its answer. The client is told, without the server's words."""
        came, done = bytearray(), threading.Event()

        def serve(connection):
            with contextlib.suppress(OSError):
                connection.sendall(answer)
                if answer_to_hello is not None:
                    came.extend(connection.recv(4096))
                    connection.sendall(answer_to_hello)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(4096):
                    came.extend(chunk)
            done.set()
        self.server.answer_to_ssl = serve
        self.assert_refused(secret)
        self.assertTrue(done.wait(10))
        return bytes(came)

    def test_no_answer_to_the_request(self):
        self.server.answer_to_ssl = lambda connection: connection.recv(4096)
        began = time.monotonic()
        self.assert_refused('')
        self.assertLess(time.monotonic() - began, 5)

    def tearDown(self):
        self.assertEqual([], self.server.failures)

    def assert_refused(self, secret):
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup(USER))
            received = session.until_closed()
        (kind, body), = wire.split_messages(received)[0]
        told = wire.error_fields(body)
        self.assertEqual((b'E', 'FATAL', '08006'), (kind, told['V'], told['C']))
        self.assertTrue(told['M'].startswith('could not connect to the upstream server: '), told['M'])
        if secret:
            self.assertNotIn(secret, told['M'])
            self.assertNotIn(secret, self.proxy.log_text())

    def test_the_next_attempt_is_as_good_as_any(self):
        self.server.answer_to_ssl = lambda connection: connection.sendall(b'N')
        self.assert_refused('')
        self.server.answer_to_ssl = None
        self.server.script = lambda peer: greet_and_answer(peer)
        with Wire('127.0.0.1', self.proxy.port).start() as session:
            session.send(query(SQL))
            session.until_ready()
            self.assertEqual(GREETING + ANSWER, bytes(session.received))

    def secured(self):
        session = Wire('127.0.0.1', self.proxy.port, timeout=10 * PATIENCE)
        session.send(wire.SSL_REQUEST)
        self.assertEqual(b'S', session.socket.recv(1))
        context = ssl.create_default_context(cafile=self.authority.root)
        session.socket = context.wrap_socket(session.socket, server_hostname='localhost')
        return session

    def test_a_client_that_is_gone_without_a_word_is_no_trouble(self):
        """Many end TLS without close_notify: an end like any other."""
        self.server.answer_to_ssl, self.server.script = None, greet_and_answer

        def closed():
            return self.proxy.metrics().sum('client_connection_outcomes_total', outcome='client_closed')
        before = closed()
        for _ in range(10):
            session = self.secured()
            session.start()
            session.socket.close()
        wait_for(lambda: closed() == before + 10, 5, 'each is counted as closed by the client')
        self.assertNotIn(' warn ', self.proxy.log_text())
        self.assertNotIn(' error ', self.proxy.log_text())

    def test_a_short_message_behind_a_long_record_needs_no_event_to_arrive(self):
        self.server.answer_to_ssl = None
        for size in (*range(16_380, 16_390), 17_408, 32_768, 65_536, 300_000):
            last = fake.ready()
            answer = fake.rows(b'x' * size)

            def script(peer, answer=answer):
                peer.say(GREETING)
                peer.message()
                peer.say(answer)
                peer.say(last)
                peer.read()
            self.server.script = script
            with self.secured() as session:
                session.start()
                session.send(query(SQL))
                session.until_ready()
                self.assertEqual(GREETING + answer + last, bytes(session.received), size)


if __name__ == '__main__':
    unittest.main(verbosity=2)
