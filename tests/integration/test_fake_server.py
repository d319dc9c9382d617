#!/usr/bin/python3
"""Servers that say what PostgreSQL seldom or never says: odd errors, messages nobody asked for, bytes that are no messages,
single bytes, ends at every byte, keys of other lengths, answers to SSLRequest that are none. The client gets what was said."""
import contextlib
import os
import random
import socket
import statistics
import threading
import time
import unittest

from support import fake_server as fake
from support import transcript, wire
from support.cluster import Cluster
from support.fake_server import GREETING, ScriptedServer
from support.proxy import PATIENCE, Parallax, wait_for
from support.wire import Wire, cancel_request, copy_data, query, startup

USER = [('user', 'postgres'), ('database', 'postgres')]
SQL = 'SELECT id, name FROM item WHERE id = 7'
ANSWER = fake.rows(b'one', b'two') + fake.ready()
FATAL = fake.error(S='FATAL', V='FATAL', C='57P01', M='terminating connection due to administrator command')
SEED = int(os.environ.get('PARALLAX_SEED') or random.SystemRandom().randrange(1 << 32))


class Rig(unittest.TestCase):
    """Parallax in front of a scripted server, with rules, so that the tap has all its work; replays run on a PostgreSQL."""

    @classmethod
    def setUpClass(cls):
        if not hasattr(Rig, 'cluster'):  # one for all classes
            Rig.cluster = Cluster()
            unittest.addModuleCleanup(Rig.cluster.destroy)
            Rig.cluster.psql(transcript.SCHEMA)
        cls.server = ScriptedServer()
        cls.addClassCleanup(cls.server.close)
        cls.proxy = Parallax(f'postgresql://postgres@127.0.0.1:{cls.server.port}/postgres',
                             {'shadow': {'url': cls.cluster.url()}, 'rules': transcript.RULES, 'sample': 1.0})
        cls.addClassCleanup(cls.proxy.stop)
        cls.proxy.wait_verified()

    def setUp(self):
        self.desyncs = self.proxy.metrics().sum('tap_desync_total')
        self.expected_desyncs = 0

    def tearDown(self):
        """Every session is gone, the counters add up, bytes lost their meaning as often as the test wanted, and a session
        after it works."""
        self.server.script = lambda peer: self.serve(peer, ANSWER)
        self.assertEqual(GREETING + ANSWER, self.conversation(query(SQL)))
        wait_for(lambda: self.proxy.metrics().sum('sessions') == 0, 10, 'no session is left')
        self.assertEqual(self.expected_desyncs, self.proxy.settled().sum('tap_desync_total') - self.desyncs)
        self.assertEqual([], self.server.failures)

    @staticmethod
    def serve(peer, answer, step=0):
        """Greets, and answers each message of the client but the last; then ends."""
        peer.say(GREETING, step=step)
        while peer.message()[0] != b'X':
            peer.say(answer, step=step)

    def conversation(self, *requests):
        """What a client gets that sends these, each when the server is ready again, and says goodbye."""
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup(USER))
            session.until_ready()
            for request in requests:
                session.send(request)
                session.until_ready()
            session.send(wire.TERMINATE)
            return session.until_closed()


class Messages(Rig):
    def test_errors_of_every_shape(self):
        long = 'x' * 20_000
        for name, body in (('without SQLSTATE', fake.fields(S='ERROR', M='Tenant or user not found')), ('a message alone', fake.fields(M='no')),
                           ('nothing at all', b'\0'), ('not even an end', b''), ('unknown fields', fake.fields(x='1', C='42601', y='2', M='m')),
                           ('a field twice', fake.fields(C='42601', M='one') + fake.fields(C='22012', M='two')),
                           ('SQLSTATE of two letters', fake.fields(C='EM', M='EMAXCONN')), ('no end of the text', b'SERROR\0Mcut'),
                           ('long', fake.fields(S='ERROR', C='XX000', M=long, D=long)), ('bytes', b'C\xff\xfe\x01\n\0M\x80\x1b[31m\0\0')):
            with self.subTest(name):
                answer = wire.message(b'E', body) + fake.ready()
                self.server.script = lambda peer, answer=answer: self.serve(peer, answer)
                extended = wire.parse('SELECT id, name FROM item WHERE id = $1') + wire.bind(['7']) + wire.execute() + wire.SYNC
                self.assertEqual(GREETING + answer, self.conversation(query(SQL)))
                self.server.script = lambda peer, answer=answer: self.answer_unit(peer, answer)
                self.assertEqual(GREETING + answer, self.conversation(extended))

    @staticmethod
    def answer_unit(peer, answer):
        peer.say(GREETING)
        while True:
            kind, _ = peer.message()
            if kind == b'X':
                return
            if kind == b'S':
                peer.say(answer)

    def test_an_error_of_protocol_2_at_the_login(self):
        words = b'EFATAL:  sorry, too many clients already\n\0'
        self.server.script = lambda peer: peer.say(words)
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup(USER))
            self.assertEqual(words, session.until_closed())
        self.expected_desyncs = 1

    def test_two_errors_in_a_row(self):
        answer = fake.error(S='ERROR', C='22012', M='division by zero') + FATAL

        def script(peer):
            peer.say(GREETING)
            peer.message()
            peer.say(answer)
        self.server.script = script
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup(USER), query(SQL))
            self.assertEqual(GREETING + answer, session.until_closed())

    def test_messages_that_nobody_asked_for(self):
        notification = wire.message(b'A', b'\0\0\0\x09' + wire.cstring('news') + wire.cstring('hello'))
        twice = fake.parameter_status('application_name', 'a') + fake.parameter_status('DateStyle', 'German')
        between = fake.notice('n') + twice + notification
        answer = between.join([b'', *[wire.message(kind, body) for kind, body in wire.split_messages(ANSWER)[0]], b''])
        idle = twice + notification + b''.join(fake.notice(f'notice {number}') for number in range(10_000)) + twice

        def script(peer):
            peer.say(fake.authentication(0) + between + GREETING[9:])
            peer.say(idle)  # before the first request, and with none open
            self.assertEqual(b'Q', peer.message()[0])
            peer.say(answer)
            peer.say(idle)
            peer.read()
        self.server.script = script
        with Wire('127.0.0.1', self.proxy.port) as session:
            expected = fake.authentication(0) + between + GREETING[9:] + idle
            session.send(startup(USER))
            while len(session.received) < len(expected):
                session.read_some()
            self.assertEqual(expected, bytes(session.received))
            session.send(query(SQL))
            expected += answer + idle
            while len(session.received) < len(expected):
                session.read_some()
            session.send(wire.TERMINATE)
            self.assertEqual('', wire.first_difference(expected, session.until_closed()))

    def test_the_end_of_an_idle_session(self):
        for code, words in (('57P01', 'terminating connection due to administrator command'), ('25P03', 'idle-in-transaction timeout'),
                            ('57P05', 'idle-session timeout'), ('', '')):
            with self.subTest(code):
                last = fake.error(S='FATAL', C=code, M=words) if code else b''

                def script(peer, last=last):
                    peer.say(GREETING)
                    time.sleep(0.05)
                    peer.say(last)
                self.server.script = script
                with Wire('127.0.0.1', self.proxy.port) as session:
                    session.send(startup(USER))
                    self.assertEqual(GREETING + last, session.until_closed())

    def test_the_last_words_while_the_client_is_sending(self):
        """The server reads nothing more, says why, and closes over unread bytes, which resets the connection."""
        copy_in = wire.message(b'G', b'\0\0\0')

        def script(peer):
            peer.say(GREETING)
            peer.message()
            peer.say(copy_in)
            peer.read()
            time.sleep(0.002)
            peer.say(FATAL)
        self.server.script = script
        for _ in range(50):
            with Wire('127.0.0.1', self.proxy.port) as session:
                session.send(startup(USER), query('COPY sink FROM STDIN'))
                session.until(b'G')
                end = threading.Event()

                def stream(session=session, end=end):
                    with contextlib.suppress(OSError):
                        while not end.is_set():
                            session.send(copy_data(b'1\tone\n' * 1000))
                writer = threading.Thread(target=stream)
                writer.start()
                try:
                    self.assertEqual(GREETING + copy_in + FATAL, session.until_closed())
                finally:
                    end.set()
                    writer.join()

    def test_a_client_that_sends_no_more_still_gets_its_answer(self):
        def script(peer):
            peer.say(GREETING)
            peer.message()
            self.assertEqual(b'', peer.read())  # the end passes
            time.sleep(0.2)
            peer.say(ANSWER)
        self.server.script = script
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup(USER), query(SQL))
            session.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(GREETING + ANSWER, session.until_closed())


class Bytes(Rig):
    def test_startup_packets_arrive_as_they_were_sent(self):
        names = ['postgres', 'postgres.abcdefghij', 'a.b.c.ref', 'MiXed Case', ' spaces ', 'ünï', b'\xff\xfe', '', 'x' * 3000]
        packets = [startup([('user', name), ('database', 'postgres')]) for name in names]
        packets += [startup([('user', 'a')] + more) for more in (
            [('options', 'reference=abc'), ('options', '-c work_mem=1MB')], [('application_name', 'one'), ('application_name', 'two')],
            [('search_path', ''), ('_pq_.test_protocol_negotiation', '1')], [('replication', 'database')], [('no_such', b'\x01\x80')])]
        packets += [startup(USER, version=3 << 16 | 9999), startup([]), startup(USER)[:-1] + b'\0rubbish behind the end']
        arrived = []

        def script(peer):
            arrived.append(peer.first)
            self.serve(peer, ANSWER)
        self.server.script = script
        for packet in packets:
            packet = len(packet).to_bytes(4, 'big') + packet[4:]
            with self.subTest(packet[:60]), Wire('127.0.0.1', self.proxy.port) as session:
                session.send(packet)
                session.until_ready()
                session.send(wire.TERMINATE)
                self.assertEqual(GREETING, session.until_closed())
                self.assertEqual(packet, arrived.pop())

    def test_small_writes_do_not_wait_for_each_other(self):
        """A socket that holds back a small segment until the one before it is acknowledged makes 40 ms of each of these."""
        rounds, piece = 60, query(SQL)

        def script(peer):
            peer.say(GREETING)
            for _ in range(rounds):
                peer.message()
                for part in (ANSWER[:20], ANSWER[20:40], ANSWER[40:]):
                    peer.say(part)
                    time.sleep(0.001)
            peer.read()
        self.server.script = script
        with Wire('127.0.0.1', self.proxy.port).start() as session:
            times = []
            for _ in range(rounds):
                began = time.monotonic()
                for part in (piece[:5], piece[5:20], piece[20:]):
                    session.send(part)
                    time.sleep(0.001)
                session.until_ready()
                times.append(time.monotonic() - began)
            self.assertLess(statistics.median(times), 0.030 * PATIENCE)

    def test_one_byte_in_each_delivery(self):
        password = fake.authentication(3)

        def script(peer):
            peer.say(password, step=1)
            self.assertEqual((b'p', b'sesame\0'), peer.message())
            self.serve(peer, ANSWER, step=1)
        self.server.script = script
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.login('postgres', 'sesame')
            for _ in range(3):
                session.send_slowly(query(SQL))
                session.until_ready()
            session.send(wire.TERMINATE)
            self.assertEqual(password + GREETING + 3 * ANSWER, session.until_closed())

    def test_the_end_at_every_byte(self):
        """What the client gets is what the server said before it ended, up to the byte, in the login as after it."""
        stream = fake.authentication(3) + GREETING + ANSWER + FATAL
        for end in ('close', 'reset'):
            for offset in range(len(stream) + 1):
                def script(peer, offset=offset, end=end):
                    peer.message()
                    peer.message()
                    peer.say(stream[:offset])
                    if end == 'reset':
                        peer.reset()
                self.server.script = script
                with Wire('127.0.0.1', self.proxy.port) as session:
                    session.send(startup(USER), wire.message(b'p', b'sesame\0'), query(SQL))
                    received = session.until_closed()
                expected = stream[:offset]
                if end == 'close':
                    self.assertEqual(expected, received, f'{end} after {offset} bytes')
                else:
                    self.assertTrue(expected.startswith(received), f'{end} after {offset} bytes: {received!r}')

    def test_bytes_that_are_no_messages_pass_and_are_counted_once(self):
        print(f'PARALLAX_SEED={SEED}')
        dice = random.Random(SEED)
        zoo = {'an unknown message': wire.message(b'y', b'nonsense'), 'no letter': b'\0\0\0\0\x08nons', 'a length of 3': b'D\0\0\0\x03',
               'a negative length': b'D\xff\xff\xff\xff', 'a second ReadyForQuery': fake.ready(), 'another status': fake.ready(b'Q'),
               'rows for nobody': ANSWER, 'a request for a password': fake.authentication(3)}
        for name, junk in zoo.items():
            for of_client in (False, True):
                with self.subTest(name, of_client=of_client):
                    rest, back = dice.randbytes(100_000), dice.randbytes(100_000)
                    if of_client:
                        back = wire.message(b'z', b'nonsense') + junk + back
                    else:
                        rest = junk + rest
                    self.no_messages(rest, back)
                    self.expected_desyncs += 1

    def no_messages(self, rest, back):
        arrived = []

        def script(peer):
            peer.say(GREETING)
            peer.message()
            peer.say(ANSWER)
            peer.say(rest)
            peer.read_to_end()
            arrived.append(bytes(peer.received))
        self.server.script = script
        with Wire('127.0.0.1', self.proxy.port) as session:
            session.send(startup(USER), query(SQL))
            expected = GREETING + ANSWER + rest
            while len(session.received) < len(expected):
                session.read_some()
            session.send(back)
            session.socket.shutdown(socket.SHUT_WR)
            self.assertEqual('', wire.first_difference(expected, session.until_closed()))
        wait_for(lambda: arrived, 5, 'the server has everything')
        self.assertEqual('', wire.first_difference(query(SQL) + back, arrived[0]))


class Cancels(Rig):
    def test_the_client_waits_for_the_servers_end_and_is_told_nothing(self):
        for length in (4, 36, 256):
            key = bytes(range(length - 1, -1, -1))
            with self.subTest(key=length):
                may_end = threading.Event()

                def cancelled(peer, may_end=may_end):
                    peer.say(FATAL)  # a server does not answer a cancel; if one did, it would not be the client's
                    may_end.wait(10)

                def script(peer, key=key):
                    peer.say(fake.authentication(0) + fake.backend_key(99, key) + fake.ready())
                    peer.read_to_end()
                self.server.script, self.server.cancel_script = script, cancelled
                self.server.cancels.clear()
                with Wire('127.0.0.1', self.proxy.port).start() as session, Wire('127.0.0.1', self.proxy.port, timeout=0.5) as cancel:
                    self.assertEqual((99, key), (session.pid, session.key))
                    packet = cancel_request(session.pid, session.key)
                    cancel.send(packet)
                    with self.assertRaises(TimeoutError):
                        cancel.read_some()
                    self.assertEqual([packet], self.server.cancels)
                    may_end.set()
                    self.assertEqual(b'', cancel.until_closed())

    def test_a_server_that_does_not_end_a_cancel(self):
        self.server.cancel_script = lambda peer: peer.read_to_end()
        began = time.monotonic()
        with Wire('127.0.0.1', self.proxy.port) as cancel:
            cancel.send(cancel_request(1, b'abcd'))
            self.assertEqual(b'', cancel.until_closed())
        self.assertTrue(4 < time.monotonic() - began < 15)
        wait_for(lambda: self.proxy.metrics().sum('client_connection_outcomes_total', outcome='cancel_timeout') == 1, 5, 'it is counted')

    def test_a_wrong_key_ends_in_silence_and_disturbs_nobody(self):
        with Parallax(self.cluster.url()) as proxy:
            for port in (self.cluster.port, proxy.port):
                with Wire('127.0.0.1', port).start() as session:
                    session.send(query('SELECT pg_sleep(0.3)'))
                    for pid, key in ((session.pid, b'\0\0\0\0'), (session.pid, session.key + b'\0'), (1, session.key), (session.pid, b'')):
                        with Wire('127.0.0.1', port) as cancel:
                            cancel.send(cancel_request(pid, key))
                            self.assertEqual(b'', cancel.until_closed())
                    self.assertEqual([b'T', b'D', b'C', b'Z'], [kind for kind, _ in session.until_ready()])

    def test_no_cancel_hits_the_next_statement(self):
        """A client that waits for the end of its cancel may send the next statement: it is not the one that is cancelled."""
        with Parallax(self.cluster.url(), {'mode': 'off'}) as proxy, Wire('127.0.0.1', proxy.port).start() as session:
            cancelled = 0
            for number in range(300):
                # most may have ended when the cancel comes; every tenth is still running, however fast the machine is
                lasting = number % 10 == 0
                session.send(query('SELECT pg_sleep(1)' if lasting else 'SELECT g FROM generate_series(1, 3000) g'))
                time.sleep(0.05 if lasting else number % 4 * 0.0004)
                session.cancel('127.0.0.1', proxy.port)
                cancelled += session.until_ready()[-2][0] == b'E'
                session.send(query(f'SELECT {number}'))
                self.assertEqual([b'T', b'D', b'C', b'Z'], [kind for kind, _ in session.until_ready()], number)
            self.assertGreater(cancelled, 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
