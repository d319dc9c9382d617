#!/usr/bin/python3
"""Everything before the first query: versions, options, sizes, segmentation, requests, cancels, passwords, deadlines.
Each answer is the one that the server gives itself."""
import socket
import struct
import threading
import time
import unittest

from support import wire
from support.cluster import Cluster, free_port
from support.proxy import Parallax, wait_for
from support.wire import Wire, startup

USER = [('user', 'postgres'), ('database', 'postgres')]


def version(major, minor):
    return major << 16 | minor


class FakeServer:
    """Accepts connections and keeps what each sent; `answer(connection, data)` may send and decides when to stop reading
    (by returning False)."""

    def __init__(self, answer=None):
        self.received = []
        self.answer = answer
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.received.append(bytearray())
            threading.Thread(target=self._serve, args=(connection, self.received[-1]), daemon=True).start()

    def _serve(self, connection, data):
        with connection:
            while True:
                try:
                    chunk = connection.recv(65536)
                except OSError:
                    return
                if not chunk:
                    return
                data += chunk
                if self.answer is None or not self.answer(connection, data):
                    return

    def close(self):
        self.listener.close()


class Startup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all scram_user 127.0.0.1/32 scram-sha-256', 'host all md5_user 127.0.0.1/32 md5',
                                   'host all plain_user 127.0.0.1/32 password', 'host all rejected 127.0.0.1/32 reject',
                                   'host all all 127.0.0.1/32 trust'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE scram_user LOGIN PASSWORD 'correct horse';"
                         "CREATE ROLE plain_user LOGIN PASSWORD 'correct horse'; CREATE ROLE rejected LOGIN;"
                         "SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD 'correct horse'")
        cls.proxy = Parallax(cls.cluster.url(), {'limits': {'startup_timeout': '2s', 'authentication_timeout': '3s'}})
        cls.addClassCleanup(cls.proxy.stop)

    def everything(self, port, data, slowly=False):
        """All bytes that come back when `data` is sent and then a Terminate."""
        with Wire('127.0.0.1', port) as session:
            if slowly:
                session.send_slowly(data, 1, 0.001)
            else:
                session.send(data)
            try:
                session.until_ready()
                session.send(wire.TERMINATE)
            except (wire.Closed, ConnectionResetError, struct.error):
                pass
            return wire.masked(session.until_closed())

    def same(self, data, **how):
        direct = self.everything(self.cluster.port, data, **how)
        self.assertEqual('', wire.first_difference(direct, self.everything(self.proxy.port, data, **how)))
        return direct

    def test_protocol_versions(self):
        for number in ((3, 0), (3, 1), (3, 2), (3, 9999), (4, 0), (2, 0), (1, 0), (0, 0)):
            with self.subTest(version=number):
                if number[0] == 2:  # answered without a length word, then closed
                    with Wire('127.0.0.1', self.cluster.port) as direct, Wire('127.0.0.1', self.proxy.port) as proxied:
                        for session in (direct, proxied):
                            session.send(startup(USER, version(*number)))
                        expected = direct.until_closed()
                        self.assertIn(b'unsupported frontend protocol', expected)
                        self.assertEqual(expected, proxied.until_closed())
                    continue
                answer = self.same(startup(USER, version(*number)))
                self.assertEqual(number[0] == 3, answer.endswith(b'Z\0\0\0\x05I'))
        self.assertIn(b'v', [kind for kind, _ in wire.split_messages(self.same(startup(USER, version(3, 9999))))[0]])

    def test_options(self):
        for parameters in ([('_pq_.test_protocol_negotiation', '')], [('_pq_.a', '1'), ('_pq_.b', '2')],
                           [('options', '-c work_mem=7MB -c DateStyle=German')], [('application_name', 'a'), ('application_name', 'b')],
                           [('application_name', '')], [('search_path', 'pg_catalog')], [('no_such_setting', '1')],
                           [('client_encoding', 'nonsense')], [('application_name', b'\xff\xfe')]):
            with self.subTest(parameters=parameters):
                self.same(startup(USER + parameters))
        for parameters in ([], [('database', 'postgres')], [('user', 'nobody')], [('user', 'rejected'), ('database', 'postgres')],
                           [('user', b'\xff')], [('user', 'postgres')], [('user', 'postgres'), ('database', 'missing')]):
            with self.subTest(parameters=parameters):
                self.same(startup(parameters))

    def test_byte_by_byte(self):
        self.assertTrue(self.same(startup(USER), slowly=True).endswith(b'I'))

    def test_sizes(self):
        def of_size(size):
            packet = startup(USER + [('application_name', '')])
            return startup(USER + [('application_name', 'x' * (size - len(packet)))])
        self.assertEqual(10_004, len(of_size(10_004)))
        self.assertTrue(self.same(of_size(10_004)).endswith(b'I'))
        self.assertEqual(b'', self.same(of_size(10_005)))
        self.assertEqual(b'', self.same(struct.pack('!i', 7) + b'abc'))
        self.assertEqual(b'', self.same(struct.pack('!i', -1)))
        self.assertEqual(b'', self.same(b'GET / HTTP/1.1\r\n\r\n'))

    def test_encryption_is_refused_and_the_session_goes_on(self):
        for requests in ([wire.SSL_REQUEST], [wire.GSSENC_REQUEST], [wire.GSSENC_REQUEST, wire.SSL_REQUEST],
                         [wire.SSL_REQUEST, wire.GSSENC_REQUEST]):
            with self.subTest(requests=len(requests)), Wire('127.0.0.1', self.proxy.port) as session:
                for request in requests:
                    session.send(request)
                    self.assertEqual(b'N', session.read_some())
                session.consumed = len(requests)
                session.send(startup(USER))
                self.assertEqual(b'Z', session.until_ready()[-1][0])

    def test_bytes_stuffed_behind_a_request(self):
        for request in (wire.SSL_REQUEST, wire.GSSENC_REQUEST):
            with self.subTest(request=request), Wire('127.0.0.1', self.proxy.port) as session:
                session.send(request + startup(USER))
                answer = session.until_closed()
                self.assertEqual(b'N', answer[:1])
                (kind, body), = wire.split_messages(answer[1:])[0]
                self.assertEqual((b'E', '08P01', 'FATAL'), (kind, wire.error_fields(body)['C'], wire.error_fields(body)['V']))

    def test_cancel_requests_arrive_as_sent(self):
        for length in (4, 5, 36, 200, 256):
            with self.subTest(key=length):
                fake = FakeServer()
                self.addCleanup(fake.close)
                packet = wire.cancel_request(4711, bytes(range(length % 256)) or b'\1' * length)
                with Parallax(f'postgresql://postgres@127.0.0.1:{fake.port}/postgres', {'mode': 'off'}, ready=False) as proxy:
                    for _ in range(2):
                        with Wire('127.0.0.1', proxy.port) as session:
                            session.send(packet)
                            self.assertEqual(b'', session.until_closed())
                    arrived = [bytes(data) for data in fake.received if data]
                    self.assertEqual([packet, packet], arrived)

    def test_long_cancel_keys_of_a_session(self):
        key = bytes(range(255, -1, -1))

        def answer(connection, data):
            if len(data) >= 8 and struct.unpack_from('!I', data, 4)[0] == wire.CANCEL_CODE:
                return False
            connection.sendall(wire.message(b'R', struct.pack('!i', 0)) + wire.message(b'K', struct.pack('!I', 99) + key)
                               + wire.message(b'Z', b'I'))
            return True
        fake = FakeServer(answer)
        self.addCleanup(fake.close)
        with Parallax(f'postgresql://postgres@127.0.0.1:{fake.port}/postgres', {'mode': 'off'}, ready=False) as proxy:
            with Wire('127.0.0.1', proxy.port).start(version=version(3, 2)) as session:
                self.assertEqual((99, key), (session.pid, session.key))
                session.cancel('127.0.0.1', proxy.port)
                self.assertIn(wire.cancel_request(99, key), [bytes(data) for data in fake.received])

    def test_passwords(self):
        for user in ('scram_user', 'md5_user', 'plain_user'):
            with self.subTest(user=user):
                ends = []
                for port in (self.cluster.port, self.proxy.port):
                    with Wire('127.0.0.1', port) as session:
                        ends.append(session.login(user, 'correct horse'))
                self.assertEqual([b'Z', b'Z'], [seen[-1][0] for seen in ends])
                self.assertEqual([kind for kind, _ in ends[0]], [kind for kind, _ in ends[1]])

    def test_wrong_password(self):
        before = self.proxy.metrics().sum('auth_failures_total')
        for user in ('scram_user', 'md5_user', 'plain_user'):
            with self.subTest(user=user):
                ends = []
                for port in (self.cluster.port, self.proxy.port):
                    with Wire('127.0.0.1', port) as session:
                        ends.append(session.login(user, 'wrong')[-1])
                self.assertEqual(b'E', ends[0][0])
                self.assertEqual('28P01', wire.error_fields(ends[0][1])['C'])
                self.assertEqual(ends[0], ends[1])
        wait_for(lambda: self.proxy.metrics().sum('auth_failures_total') - before == 3, what='auth_failures_total')
        self.assertNotIn('correct horse', self.proxy.log_text())

    def test_passwords_in_small_pieces(self):
        with Wire('127.0.0.1', self.proxy.port) as session:
            whole = session.send
            session.send = lambda *parts: session.send_slowly(b''.join(parts), 1, 0.001)
            self.assertEqual(b'Z', session.login('scram_user', 'correct horse')[-1][0])
            session.send = whole

    def test_silence_is_closed_by_the_deadline(self):
        for sent in (b'', startup(USER)[:20], wire.SSL_REQUEST[:3]):
            with self.subTest(sent=len(sent)), Wire('127.0.0.1', self.proxy.port) as session:
                session.send(sent)
                start = time.monotonic()
                session.until_closed()
                self.assertLess(time.monotonic() - start, 6)
                self.assertGreater(time.monotonic() - start, 1)

    def test_silence_after_the_password_was_asked_for(self):
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup([('user', 'scram_user'), ('database', 'postgres')]))
            session.next_message()
            start = time.monotonic()
            session.until_closed()
            self.assertLess(time.monotonic() - start, 8)

    def test_connect_and_close_reaches_no_server(self):
        fake = FakeServer()
        self.addCleanup(fake.close)
        with Parallax(f'postgresql://postgres@127.0.0.1:{fake.port}/postgres', {'mode': 'off'}, ready=False) as proxy:
            for _ in range(100):
                with Wire('127.0.0.1', proxy.port) as session:
                    session.send(wire.SSL_REQUEST)
                    self.assertEqual(b'N', session.read_some())
            time.sleep(0.2)
            self.assertEqual([], fake.received)

    def test_server_down(self):
        with Parallax(f'postgresql://postgres@127.0.0.1:{free_port()}/postgres', {'mode': 'off'}, ready=False) as proxy:
            with Wire('127.0.0.1', proxy.port) as session:
                session.send(startup(USER))
                messages, rest = wire.split_messages(session.until_closed())
                self.assertEqual(b'', rest)
                (kind, body), = messages
                fields = wire.error_fields(body)
                self.assertEqual((b'E', 'FATAL', '08006'), (kind, fields['V'], fields['C']))
                self.assertGreater(proxy.metrics().sum('errors_to_clients_total'), 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
