#!/usr/bin/python3
"""Where clients come in and where they are led: several listeners, Unix sockets, IPv6, names with several addresses, the loop
to oneself, and clients whose login fails again and again."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import psycopg

from support.cluster import Cluster, free_port
from support.proxy import BINARY, SANITIZED, Parallax, wait_for
from support.wire import startup

FAILURES = 5


class Listeners(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(listen_addresses="'127.0.0.1,::1'")
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE app LOGIN PASSWORD 'sesame'")
        cls.cluster.write_hba(['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.cluster.reload()
        directory = tempfile.TemporaryDirectory(prefix='parallax-run-')
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name
        os.chmod(cls.directory, 0o777)  # PostgreSQL makes its socket there, too

    def proxy(self, config, upstream=None, **more):
        proxy = Parallax(upstream or self.cluster.url(), config, **more)
        self.addCleanup(proxy.stop)
        return proxy

    def answer(self, conninfo):
        with psycopg.connect(conninfo, connect_timeout=10) as session:
            return session.execute('SELECT 1').fetchone()

    # --- ways in ----------------------------------------------------------------------------------------------------

    def test_each_listener_leads_to_its_own_upstream(self):
        with Cluster() as other:
            other.psql('CREATE DATABASE elsewhere')
            proxy = self.proxy({'listeners': [
                {'name': 'app', 'listen': '127.0.0.1:0', 'upstream': self.cluster.url()},
                {'name': 'direct', 'listen': '127.0.0.1:0', 'upstream': other.url(), 'tls': {'self_signed': True, 'mode': 'require'}},
                {'name': 'local', 'listen': f'{self.directory}:6432', 'upstream': other.url()}]})
            self.assertEqual(['app', 'direct', 'local'], list(proxy.listeners))
            seen = {}
            for name, (host, port) in proxy.listeners.items():
                mode = 'require' if name == 'direct' else 'disable'
                with psycopg.connect(f'host={host} port={port} user=postgres dbname=postgres sslmode={mode}') as session:
                    seen[name] = session.execute("SELECT count(*) FROM pg_database WHERE datname = 'elsewhere'").fetchone()[0]
            self.assertEqual({'app': 0, 'direct': 1, 'local': 1}, seen)

    def test_a_unix_socket_comes_and_goes_with_the_program(self):
        file = pathlib.Path(self.directory) / '.s.PGSQL.7001'
        proxy = Parallax(self.cluster.url(), {'listen': f'{self.directory}:7001'})
        self.assertEqual((1,), self.answer(f'host={self.directory} port=7001 user=postgres dbname=postgres'))
        twice = subprocess.run([BINARY, 'run', '-c', proxy.config_path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               check=False, timeout=20)
        self.assertEqual(1, twice.returncode)
        self.assertIn('another program listens there', twice.stdout)
        proxy.process.send_signal(signal.SIGKILL)
        proxy.process.wait()
        proxy.log.close()
        proxy.directory.cleanup()
        self.assertTrue(file.exists())  # left behind
        again = Parallax(self.cluster.url(), {'listen': f'{self.directory}:7001'})
        self.assertEqual((1,), self.answer(f'host={self.directory} port=7001 user=postgres dbname=postgres'))
        again.stop()
        self.assertFalse(file.exists())

    def test_ipv6_on_both_legs(self):
        proxy = self.proxy({'listen': '[::1]:0'}, f'postgresql://postgres@[::1]:{self.cluster.port}/postgres')
        self.assertEqual('::1', proxy.listeners['default'][0])
        with psycopg.connect(f'host=::1 port={proxy.port} user=postgres dbname=postgres') as session:
            self.assertEqual('::1', session.execute('SELECT host(inet_server_addr())').fetchone()[0])

    def test_a_name_with_an_address_where_nobody_listens(self):
        # localhost is ::1 and 127.0.0.1; this server listens on the second alone.
        with Cluster() as only_v4:
            proxy = self.proxy({}, f'postgresql://postgres@localhost:{only_v4.port}/postgres')
            self.assertEqual((1,), self.answer(proxy.url()))

    def test_an_upstream_by_unix_socket(self):
        with Cluster(unix_socket_directories=f"'{self.directory}'") as reached:
            upstream = f'postgresql://postgres@{self.directory.replace("/", "%2F")}:{reached.port}/postgres'
            proxy = self.proxy({}, upstream)
            with psycopg.connect(proxy.url()) as session:
                self.assertIsNone(session.execute('SELECT inet_server_addr()').fetchone()[0])

    def test_parameters_of_an_orm_are_dropped_and_told(self):
        proxy = self.proxy({}, self.cluster.url() + '?pgbouncer=true&connection_limit=1&schema=public&pool_timeout=3')
        self.assertEqual((1,), self.answer(proxy.url()))
        for name in ('pgbouncer', 'connection_limit', 'schema', 'pool_timeout'):
            self.assertEqual(1, proxy.log_text().count(f'`{name}` is for an ORM'), name)

    # --- the loop to oneself ----------------------------------------------------------------------------------------

    def test_the_loop_to_oneself_is_refused_at_load_and_at_run(self):
        port = free_port()
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            json.dump({'listen': f'0.0.0.0:{port}', 'upstream': f'postgresql://x@127.0.0.1:{port}/x'}, file)
            file.flush()
            done = subprocess.run([BINARY, 'check', '-c', file.name], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn('every connection would come back to Parallax', done.stderr)
        # By a name that only resolving tells.
        own = socket.gethostname()
        port = free_port()
        proxy = self.proxy({'listen': f'0.0.0.0:{port}'}, f'postgresql://postgres@{own}:{port}/postgres?sslmode=disable')
        with self.assertRaises(psycopg.OperationalError) as refused:
            self.answer(f'host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable')
        self.assertIn('a listener of this proxy', str(refused.exception))

    # --- failed logins ----------------------------------------------------------------------------------------------

    def test_a_client_that_goes_on_failing_is_held_off(self):
        proxy = self.proxy({'limits': {'auth_failures': FAILURES}})
        words = []
        for _ in range(FAILURES + 5):
            with self.assertRaises(psycopg.OperationalError) as refused:
                self.answer(proxy.url('app', password='wrong'))
            words.append(str(refused.exception))
        self.assertTrue(all('password authentication failed' in one for one in words[:FAILURES]), words)
        self.assertTrue(all('too many failed logins' in one for one in words[FAILURES:]), words)
        self.assertEqual(FAILURES, self.cluster.log.read_text().count('password authentication failed for user "app"'))
        # Another user of the same address comes in, and is not counted.
        self.assertEqual((1,), self.answer(proxy.url()))
        wait_for(lambda: proxy.metrics().sum('auth_failures_total') == FAILURES, 5, 'the failures counted')
        wait_for(lambda: proxy.metrics().sum('client_connection_outcomes_total', outcome='auth_throttled') == 5, 5, 'all five counted')

    def test_a_login_that_succeeds_clears_the_failures(self):
        proxy = self.proxy({'limits': {'auth_failures': FAILURES}})
        for _ in range(3):
            for _ in range(FAILURES - 1):
                with self.assertRaises(psycopg.OperationalError):
                    self.answer(proxy.url('app', password='wrong'))
            self.assertEqual((1,), self.answer(proxy.url('app', password='sesame')))

    # --- peers that vanish --------------------------------------------------------------------------------------------

    def test_keepalive_watches_both_legs_of_an_idle_session(self):
        proxy = self.proxy({})

        def timers():
            """Of the proxy's own ends of established connections, by the port that tells which leg it is."""
            found = {}
            with open('/proc/net/tcp', encoding='ascii') as table:
                for line in list(table)[1:]:
                    fields = line.split()
                    local, remote = (int(address.rpartition(':')[2], 16) for address in fields[1:3])
                    if fields[3] == '01' and local == proxy.port:
                        found['client'] = fields[5].partition(':')[0]
                    if fields[3] == '01' and remote == self.cluster.port:
                        found['server'] = fields[5].partition(':')[0]
            return found
        with psycopg.connect(proxy.url(), autocommit=True) as session:
            session.execute('SELECT 1')
            keepalive = '02'
            wait_for(lambda: timers() == {'client': keepalive, 'server': keepalive}, 5, 'a keepalive timer on each leg')

    # --- descriptors ------------------------------------------------------------------------------------------------

    # UBSan looks at memory through a pipe, and calls it invalid where it gets no descriptor for one.
    @unittest.skipIf(SANITIZED, 'the sanitizer needs descriptors itself')
    def test_out_of_descriptors(self):
        proxy = self.proxy({'workers': 1})
        subprocess.run(['prlimit', '--pid', str(proxy.process.pid), '--nofile=48:48'], check=True)
        held = []
        for _ in range(100):
            connection = socket.create_connection((proxy.host, proxy.port), timeout=10)
            connection.sendall(startup([('user', 'postgres'), ('database', 'postgres')]))
            held.append(connection)

        def ticks():
            with open(f'/proc/{proxy.process.pid}/stat', encoding='ascii') as stat:
                return sum(map(int, stat.read().split()[13:15]))
        time.sleep(0.5)
        used = ticks()
        time.sleep(1)
        self.assertLess(ticks() - used, 50, 'a full listen queue makes the loop spin')
        for connection in held:
            connection.close()
        wait_for(lambda: self.answered(proxy), 20, 'sessions again')

    def answered(self, proxy):
        try:
            return self.answer(proxy.url()) == (1,)
        except psycopg.OperationalError:
            return False


if __name__ == '__main__':
    unittest.main(verbosity=2)
