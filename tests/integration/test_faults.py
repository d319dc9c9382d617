#!/usr/bin/python3
"""What goes wrong around a proxy: the shadow away, frozen or refusing; the server gone; slow readers and huge values;
clients that vanish; the end of the program. The client never notices the shadow, and nothing leaks."""
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import psycopg

from support import transcript, wire
from support.cluster import Cluster
from support.proxy import PATIENCE, SANITIZED, Parallax, PeakMemory, wait_for
from support.wire import Wire, bind, execute, parse, query

SEED = int(os.environ.get('PARALLAX_SEED') or random.SystemRandom().randrange(1 << 32))
MIB = 1024 * 1024
MEMORY_MARGIN = 64 * MIB
SQL = 'SELECT id, name FROM item WHERE id = %s'


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(transcript.SCHEMA)

    def proxy(self, upstream=None, **config):
        proxy = Parallax((upstream or self.cluster).url(), {'sample': 1.0, 'rules': transcript.RULES, **config})
        self.addCleanup(proxy.stop)
        return proxy

    def matches(self, proxy):
        return proxy.metrics().sum('verdicts_total', rule='item.byId', verdict='match')

    def reads(self, session, count=20):
        """Runs covered reads and returns the seconds of the slowest."""
        slowest = 0
        for number in range(count):
            start = time.monotonic()
            self.assertEqual(1, len(session.execute(SQL, [1 + number]).fetchall()))
            slowest = max(slowest, time.monotonic() - start)
        return slowest

    def assert_compares_again(self, proxy, session, seconds=45):
        before = self.matches(proxy)

        def compared():
            self.reads(session, 1)
            return self.matches(proxy) > before
        wait_for(compared, seconds, 'matches again after the fault', 0.2)

    # --- the shadow -------------------------------------------------------------------------------------------------

    def test_shadow_stopped_and_started(self):
        with Cluster() as shadow:
            shadow.psql(transcript.SCHEMA)
            proxy = self.proxy(shadow={'url': shadow.url(), 'pool': {'connect_timeout': '1s'}})
            proxy.wait_verified()
            with psycopg.connect(proxy.url(), autocommit=True) as session:
                self.reads(session)
                proxy.settled()
                self.assertEqual(20, self.matches(proxy))
                shadow.stop('immediate')
                self.assertLess(self.reads(session, 100), 1 * PATIENCE)
                metrics = proxy.settled()
                self.assertEqual(0, metrics.sum('verdicts_total', rule='item.byId', verdict='mismatch'))
                self.assertGreater(metrics.sum('skipped_total', rule='item.byId', reason='server'), 0)
                shadow.start()
                self.assert_compares_again(proxy, session)
            proxy.settled()
            self.assertTrue(proxy.ready())

    def test_shadow_down_at_the_start(self):
        with Cluster() as shadow:
            shadow.psql(transcript.SCHEMA)
            shadow.stop()
            proxy = self.proxy(shadow={'url': shadow.url(), 'pool': {'connect_timeout': '1s'}})
            with psycopg.connect(proxy.url(), autocommit=True) as session:
                self.reads(session)
                metrics = proxy.settled()
                self.assertEqual(20, metrics.sum('skipped_total', rule='item.byId', reason='unverified'))
                shadow.start()
                proxy.wait_verified(45)
                self.assert_compares_again(proxy, session)

    def test_shadow_frozen(self):
        with Cluster() as shadow:
            shadow.psql(transcript.SCHEMA)
            proxy = self.proxy(shadow={'url': shadow.url(), 'statement_timeout': '500ms',
                                       'pool': {'max': 2, 'connect_timeout': '1s'}, 'queue': {'max_jobs': 50}})
            proxy.wait_verified()
            with psycopg.connect(proxy.url(), autocommit=True) as session:
                self.reads(session)
                proxy.settled()
                shadow.freeze()
                try:
                    self.assertLess(self.reads(session, 150), 1 * PATIENCE)
                    wait_for(lambda: proxy.metrics().sum('dropped_total', rule='item.byId') > 0, 10, 'the queue is full')
                finally:
                    shadow.thaw()
                self.assert_compares_again(proxy, session)
            self.assertEqual(0, proxy.settled().sum('verdicts_total', rule='item.byId', verdict='mismatch'))

    def test_shadow_with_a_wrong_password(self):
        with Cluster(hba=['host all secret 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust']) as shadow:
            shadow.psql("CREATE ROLE secret LOGIN SUPERUSER PASSWORD 'right'")
            shadow.psql(transcript.SCHEMA)
            self.cluster.psql('DROP ROLE IF EXISTS secret; CREATE ROLE secret LOGIN SUPERUSER')
            proxy = self.proxy(shadow={'url': shadow.url('secret', password='wrong'), 'pool': {'connect_timeout': '1s'}})
            with psycopg.connect(proxy.url('secret'), autocommit=True) as session:
                self.assertLess(self.reads(session, 100), 1 * PATIENCE)
                metrics = proxy.settled()
                self.assertEqual(100, metrics.sum('skipped_total', rule='item.byId', reason='unverified'))
                self.assertEqual(0, metrics.sum('verdicts_total'))
                wait_for(lambda: '28P01' in proxy.log_text(), 10, 'the log names the SQLSTATE')
                self.assertNotIn('wrong', proxy.log_text().replace('item.wrong', ''))
                # the operator sets the password that Parallax uses
                shadow.psql("ALTER ROLE secret PASSWORD 'wrong'")
                self.assert_compares_again(proxy, session, 90)

    # --- the server -------------------------------------------------------------------------------------------------

    def test_server_killed_in_the_middle_of_a_result(self):
        with Cluster() as server:
            server.psql(transcript.SCHEMA)
            sql = "SELECT id, repeat('x', 1000) FROM generate_series(1, 200000) id"
            with Wire(server.host, server.port).start() as direct:
                direct.send(query(sql))
                direct.until_ready()
                whole = wire.masked(bytes(direct.received))
            proxy = self.proxy(server)
            for mode in ('immediate', 'fast', 'immediate'):
                with Wire(proxy.host, proxy.port).start() as session:
                    session.send(query(sql))
                    while len(session.received) < 3_000_000:
                        session.read_some()
                    server.stop(mode)
                    received = wire.masked(session.until_closed())
                messages, rest = wire.split_messages(received)
                # a prefix of the real answer, then at most the server's own last words (a FATAL; when it stops at once, a
                # warning); never a message of the proxy's
                last_words = [(kind, body) for kind, body in messages if kind in (b'E', b'N')]
                self.assertLessEqual(len(last_words), 1)
                for kind, body in last_words:
                    self.assertEqual((kind, body), messages[-1])
                    self.assertEqual(b'', rest)
                    self.assertIn(wire.error_fields(body)['C'], ('57P01', '57P02'))
                    received = received[:-5 - len(body)]
                self.assertTrue(whole.startswith(received))
                self.assertLess(len(rest), 2000)
                server.start()
            with psycopg.connect(proxy.url(), autocommit=True) as session:
                self.reads(session)

    def test_terminated_backend(self):
        proxy = self.proxy()
        for _ in range(20):
            with psycopg.connect(proxy.url(), autocommit=True) as session:
                pid = session.execute('SELECT pg_backend_pid()').fetchone()[0]
                self.cluster.psql(f'SELECT pg_terminate_backend({pid}, 5000)')
                with self.assertRaises(psycopg.OperationalError) as raised:
                    session.execute('SELECT 1')
                self.assertIn('terminating connection due to administrator command', str(raised.exception))

    def test_terminated_backend_while_copying_in(self):
        proxy = self.proxy()
        for _ in range(10):
            with Wire(proxy.host, proxy.port).start() as session:
                session.send(query('BEGIN; SELECT pg_backend_pid()'))
                pid = int(next(body for kind, body in session.until_ready() if kind == b'D')[6:])
                session.send(query('COPY sink FROM STDIN'))
                session.until(b'G')
                end = threading.Event()

                def stream():
                    try:
                        while not end.is_set():
                            session.send(wire.copy_data(b'1\tone\n' * 1000))
                    except OSError:
                        pass
                writer = threading.Thread(target=stream)
                writer.start()
                try:
                    time.sleep(0.05)
                    self.cluster.psql(f'SELECT pg_terminate_backend({pid}, 5000)')
                    messages, _ = wire.split_messages(session.until_closed())
                finally:
                    end.set()
                    writer.join()
                self.assertEqual(b'E', messages[-1][0])
                self.assertEqual('57P01', wire.error_fields(messages[-1][1])['C'])

    # --- memory -----------------------------------------------------------------------------------------------------

    def assert_flat(self, memory):
        if not SANITIZED:
            self.assertLess(memory.growth(), MEMORY_MARGIN, f'{memory.growth() / MIB:.0f} MiB')

    def test_slow_reader_of_a_large_result(self):
        proxy = self.proxy()
        with Wire(proxy.host, proxy.port, timeout=120).start() as session, PeakMemory(proxy) as memory:
            session.send(query("SELECT repeat('x', 1000000) FROM generate_series(1, 200)"))
            time.sleep(3)  # reads nothing
            total = 0
            pause = 0.002
            while True:
                chunk = session.socket.recv(1 << 20)
                total += len(chunk)
                time.sleep(pause)
                if chunk.endswith(b'Z\0\0\0\x05I'):
                    break
            self.assertGreater(total, 200_000_000)
        self.assert_flat(memory)

    def test_large_parameter(self):
        proxy = self.proxy()
        size = 200_000_000
        with Wire(proxy.host, proxy.port, timeout=120).start() as session, PeakMemory(proxy) as memory:
            head = parse('SELECT length($1::bytea)', types=[17])
            body = bind([b''], formats=[1])
            # the Bind message written by hand, so that its 200 MB are never one string here
            length = len(body) - 1 + size
            body = body[:1] + length.to_bytes(4, 'big') + body[5:-6] + size.to_bytes(4, 'big')
            session.send(head, body)
            piece = b'\x5a' * 1_000_000
            for _ in range(size // len(piece)):
                session.send(piece)
            session.send(b'\0\0', execute(), wire.SYNC)
            rows = [body for kind, body in session.until_ready() if kind == b'D']
            self.assertEqual(str(size).encode(), rows[0][6:])
        self.assert_flat(memory)

    def test_large_simple_query(self):
        proxy = self.proxy()
        with Wire(proxy.host, proxy.port, timeout=120).start() as session, PeakMemory(proxy) as memory:
            session.send(query("SELECT length('" + 'x' * 150_000_000 + "')"))
            rows = [body for kind, body in session.until_ready() if kind == b'D']
            self.assertEqual(b'150000000', rows[0][6:])
        self.assert_flat(memory)

    # --- clients ----------------------------------------------------------------------------------------------------

    def test_client_that_disappears_after_writing(self):
        proxy = self.proxy()
        self.cluster.psql('DROP TABLE IF EXISTS gone; CREATE TABLE gone (id int)')
        for number in range(200):
            session = Wire(proxy.host, proxy.port).start()
            session.send(query(f'INSERT INTO gone VALUES ({number})') + wire.TERMINATE)
            session.socket.close()
        wait_for(lambda: self.cluster.psql('SELECT count(*), count(DISTINCT id) FROM gone') == '200|200', 15, '200 rows')

    def test_a_thousand_sessions(self):
        proxy = self.proxy(limits={'sessions': 250})
        proxy.wait_verified()

        def wave(count):
            def one(number):
                with psycopg.connect(proxy.url(), autocommit=True) as session:
                    session.execute(SQL, [1 + number % 100])
                    session.execute('SELECT 1')
            threads = [threading.Thread(target=lambda base=base: [one(base * 25 + n) for n in range(count // 20)])
                       for base in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            proxy.settled()
            wait_for(lambda: proxy.metrics().sum('sessions') == 0, 10, 'no sessions')
        wave(200)
        wait_for(lambda: proxy.metrics().sum('shadow_connections', state='busy') == 0, 10)
        files, memory = proxy.open_files(), proxy.resident_bytes()
        wave(1000)
        # the shadow pool may have grown to its limit meanwhile
        wait_for(lambda: proxy.open_files() <= files + 8, 10, f'{proxy.open_files()} open files, {files} before')
        if not SANITIZED:
            self.assertLess(proxy.resident_bytes() - memory, 8 * MIB)
        wait_for(lambda: self.cluster.psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                                           " AND application_name <> 'psql'") <= '4', 10, 'backends gone')
        self.assertEqual(1200, proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match'))

    def test_clients_killed_at_random(self):
        print(f'PARALLAX_SEED={SEED}', flush=True)
        dice = random.Random(SEED)
        proxy = self.proxy()
        proxy.wait_verified()

        def operations():
            return proxy.metrics().sum('operations_total', rule='item.byId')
        for _ in range(10):
            program = subprocess.Popen(['pgbench', '-n', '-M', 'prepared', '-c', '8', '-T', '20', '-f', '/dev/stdin', proxy.url()],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            program.stdin.write(b'SELECT id, name FROM item WHERE id = 5;\nSELECT * FROM item;\n')
            program.stdin.close()
            before = operations()
            wait_for(lambda: operations() > before + 10, 30, 'at work')
            time.sleep(dice.uniform(0, 0.25))
            program.kill()
            program.wait()
            wait_for(lambda: proxy.metrics().sum('sessions') == 0, 15, 'no sessions')
        self.assertEqual(0, proxy.settled().sum('tap_desync_total'))
        self.assertGreater(operations(), 100)

    def test_too_many_sessions(self):
        proxy = self.proxy(limits={'sessions': 5})
        held = [Wire(proxy.host, proxy.port).start() for _ in range(5)]
        with Wire(proxy.host, proxy.port) as refused:
            refused.send(wire.startup([('user', 'postgres'), ('database', 'postgres')]))
            messages, _ = wire.split_messages(refused.until_closed())
        self.assertEqual([b'E'], [kind for kind, _ in messages])
        self.assertEqual('53300', wire.error_fields(messages[0][1])['C'])
        held.pop().socket.close()
        wait_for(lambda: proxy.metrics().sum('sessions') == 4, 10, 'one session less')
        with Wire(proxy.host, proxy.port).start():
            pass
        for session in held:
            session.socket.close()

    # --- the end ----------------------------------------------------------------------------------------------------

    def test_drain(self):
        self.cluster.psql('DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (id bigserial, n int)')
        proxy = self.proxy()
        proxy.wait_verified()
        idle = [Wire(proxy.host, proxy.port).start() for _ in range(5)]
        busy = Wire(proxy.host, proxy.port).start()
        busy.send(query('BEGIN; INSERT INTO ledger (n) VALUES (1)'))
        busy.until_ready()
        sleeping = Wire(proxy.host, proxy.port).start()
        sleeping.send(query("SELECT pg_sleep(1.5), 'slept'"))
        time.sleep(0.2)
        proxy.terminate()
        for session in idle:  # told in the server's own words
            messages, rest = wire.split_messages(session.until_closed())
            self.assertEqual((b'E', b''), (messages[-1][0], rest))
            self.assertEqual(('FATAL', '57P01'), tuple(wire.error_fields(messages[-1][1])[key] for key in 'VC'))
        wait_for(lambda: proxy.status('/readyz') in (503, 0), 5, 'not ready while draining')
        with self.assertRaises((OSError, wire.Closed)):
            Wire(proxy.host, proxy.port).start()
        self.assertIsNone(proxy.process.poll(), 'waits for the open transaction')
        # a running statement ends, an open transaction is committed, and only then are they told
        self.assertIn(b'slept', sleeping.until_closed())
        busy.send(query('COMMIT'))
        self.assertIn(b'COMMIT', busy.until_closed())
        self.assertEqual('57P01', wire.error_fields(wire.split_messages(bytes(busy.received))[0][-1][1])['C'])
        for session in (*idle, busy, sleeping):
            session.socket.close()
        self.assertEqual('1', self.cluster.psql('SELECT count(*) FROM ledger'))
        self.assertEqual(0, proxy.process.wait(timeout=20 * PATIENCE))

    def test_drain_under_load(self):
        self.cluster.psql('DROP TABLE IF EXISTS ledger; CREATE TABLE ledger (id bigserial, n int)')
        proxy = self.proxy()
        program = subprocess.Popen(['pgbench', '-n', '-c', '20', '-T', '30', '-f', '/dev/stdin', proxy.url()], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        program.stdin.write('BEGIN;\nINSERT INTO ledger (n) VALUES (1);\nINSERT INTO ledger (n) VALUES (-1);\nCOMMIT;\n')
        program.stdin.close()
        program.stdin = None
        wait_for(lambda: proxy.metrics().sum('sessions') == 20, 20, 'all of its clients')
        wait_for(lambda: int(self.cluster.psql('SELECT count(*) FROM ledger')) > 100, 20, 'transactions')
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(0, proxy.process.wait(timeout=20 * PATIENCE))
        output = program.communicate(timeout=60)[0]
        # Every client that was cut off was told why, between two transactions; none lost one that was running.
        self.assertEqual(20, output.count('terminating connection due to administrator command'), output)
        count, total = self.cluster.psql('SELECT count(*), coalesce(sum(n), 0) FROM ledger').split('|')
        self.assertEqual('0', total)
        self.assertGreater(int(count), 20)

    def test_drain_ends_at_its_deadline(self):
        proxy = self.proxy(limits={'drain_timeout': '1s'})
        with Wire(proxy.host, proxy.port).start() as stuck:
            stuck.send(query('BEGIN'))
            stuck.until_ready()
            start = time.monotonic()
            proxy.terminate()
            self.assertEqual(0, proxy.process.wait(timeout=10 * PATIENCE))
            self.assertGreater(time.monotonic() - start, 0.8)
            stuck.until_closed()


if __name__ == '__main__':
    unittest.main(verbosity=2)
