#!/usr/bin/python3
"""The switch: at once, for all sessions, back and forth under load, kept over restarts; nothing that a client sees changes."""
import contextlib
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import psycopg

from support.cluster import Cluster, free_port
from support.flipping import Flipping
from support.proxy import BINARY, PATIENCE, Parallax, rule, wait_for

SCHEMA = """
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE part (id int PRIMARY KEY, thing_id int NOT NULL);
INSERT INTO thing SELECT g, 'name-' || g FROM generate_series(1, 100) g;
INSERT INTO part SELECT g, g % 100 + 1 FROM generate_series(1, 300) g;
"""
THING = 'SELECT id, name FROM thing WHERE id = %s'
RULES = {
    'thing': rule('SELECT id, name FROM thing WHERE id = :id', 'select "id", "name" from "thing" where "id" = :id'),
    'parts': rule({'root': 'SELECT id FROM thing WHERE name = :name', 'parts': 'SELECT id, thing_id FROM part WHERE thing_id IN (:root.id)'},
                  'select t.id, p.id, p.thing_id from thing t left join part p on p.thing_id = t.id where t.name = :name'),
}
FLIPS = 2000


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        with psycopg.connect(cls.cluster.url('postgres'), autocommit=True) as admin:
            admin.execute('CREATE ROLE app SUPERUSER LOGIN')
            admin.execute('CREATE DATABASE shop OWNER app')
        with psycopg.connect(cls.cluster.url('app', 'shop'), autocommit=True) as owner:
            owner.execute(SCHEMA)

    def setUp(self):
        state = tempfile.TemporaryDirectory(prefix='parallax-state-', dir='/dev/shm')  # no disk that others keep busy
        self.addCleanup(state.cleanup)
        self.state = str(pathlib.Path(state.name) / 'state')

    def parallax(self, environment=None, **more):
        upstream = self.cluster.url('app', 'shop') + '?sslmode=disable'
        pool = {'shadow': {'pool': {'idle_timeout': '300ms'}}}
        return Parallax(upstream, {'rules': RULES, **pool, **more}, environment=environment)

    @staticmethod
    def switch(proxy, number, **expected):
        proxy.process.send_signal(number)
        wait_for(lambda: Base.override(proxy) == expected.get('mode'), 1, 'the switch within a second')

    @staticmethod
    def override(proxy):
        on = [labels['mode'] for labels, value in proxy.metrics().series('mode_override') if value]
        return on[0] if on else None

    def off(self, proxy):
        self.switch(proxy, signal.SIGUSR1, mode='off')

    def configured(self, proxy):
        self.switch(proxy, signal.SIGUSR2)

    @staticmethod
    def kill(proxy):
        proxy.process.kill()
        proxy.process.wait()
        proxy.log.close()
        text = proxy.log_text()
        proxy.directory.cleanup()
        return text


class Switch(Base):
    def test_off_and_back_in_the_middle_of_a_session(self):
        with self.parallax() as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            proxy.wait_verified()
            pid = session.info.backend_pid
            session.execute(THING, [1])
            self.off(proxy)
            for number in range(10):
                self.assertEqual((number + 1, f'name-{number + 1}'), session.execute(THING, [number + 1]).fetchone())
            session.execute("SET statement_timeout = '7s'; SET myapp.tenant = 'seven'")
            wait_for(lambda: proxy.metrics().sum('shadow_connections') == 0, 5, 'no connection to the shadow')
            metrics = proxy.metrics()
            self.assertEqual(1, metrics.sum('rule_mode', rule='thing', mode='off'))
            self.assertEqual(0, metrics.sum('rule_mode', rule='thing', mode='shadow'))
            self.assertEqual(0, metrics.sum('sample_ratio', rule='thing'))
            self.configured(proxy)
            session.execute(THING, [5])
            metrics = proxy.settled()
            self.assertEqual(10, metrics.sum('skipped_total', rule='thing', reason='off'))
            self.assertEqual(2, metrics.sum('verdicts_total', rule='thing', verdict='match'))
            self.assertEqual(pid, session.execute('SELECT pg_backend_pid()').fetchone()[0])
            self.assertIn('there is no `state_dir`', proxy.log_text())

    def test_off_from_the_start_never_connects(self):
        with self.parallax(mode='off') as proxy, psycopg.connect(proxy.url('app', 'shop'), autocommit=True) as session:
            session.execute(THING, [1])
            time.sleep(0.5)
            with psycopg.connect(self.cluster.url('app', 'shop'), autocommit=True) as direct:
                clients = direct.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()").fetchone()[0]
            self.assertEqual(1, clients)
            metrics = proxy.settled()
            self.assertEqual(1, metrics.sum('skipped_total', rule='thing', reason='off'))
            self.assertEqual(2, metrics.sum('rule_state', state='unverified'))

    def test_thousands_of_switches_under_load(self):
        """Clients of both protocols get what they would get, on the sessions that they began with."""
        end = threading.Event()
        problems = []
        done = [0] * 4

        def client(index, proxy):
            try:
                with psycopg.connect(proxy.url('app', 'shop'), autocommit=True, prepare_threshold=0 if index % 2 else None) as session:
                    pid = session.info.backend_pid
                    while not end.is_set():
                        number = done[index] % 100 + 1
                        assert session.execute(THING, [number]).fetchall() == [(number, f'name-{number}')]
                        root = session.execute('SELECT id FROM thing WHERE name = %s', [f'name-{number}']).fetchone()[0]
                        rows = session.execute('SELECT id, thing_id FROM part WHERE thing_id IN (%s)', [root]).fetchall()
                        assert len(rows) == 3 and {row[1] for row in rows} == {number}, rows
                        session.execute(f"SET search_path TO public, s{number % 3}")
                        done[index] += 1
                    assert pid == session.execute('SELECT pg_backend_pid()').fetchone()[0]
            except Exception as problem:  # told on the main thread
                problems.append(repr(problem))

        with self.parallax(state_dir=self.state) as proxy:
            proxy.wait_verified()
            threads = [threading.Thread(target=client, args=(index, proxy)) for index in range(len(done))]
            for thread in threads:
                thread.start()
            for flip in range(FLIPS):
                proxy.process.send_signal(signal.SIGUSR1 if flip % 2 == 0 else signal.SIGUSR2)
                time.sleep(0.004)
            end.set()
            for thread in threads:
                thread.join()
            self.assertEqual([], problems)
            self.configured(proxy)
            metrics = proxy.settled()
            for name in RULES:
                self.assertEqual(sum(done), metrics.sum('operations_total', rule=name))
                self.assertGreater(metrics.sum('skipped_total', rule=name, reason='off'), 0)
                self.assertGreater(metrics.sum('verdicts_total', rule=name, verdict='match'), 0)
            self.assertEqual(0, metrics.sum('mismatches_total'))
            self.assertGreater(proxy.log_text().count('the switch was set'), FLIPS / 10)

    def test_kept_over_a_restart(self):
        with self.parallax(state_dir=self.state) as proxy:
            self.off(proxy)
        with self.parallax(state_dir=self.state) as proxy:
            self.assertEqual('off', self.override(proxy))
            self.assertRegex(proxy.log_text(), r'warn mode off by the switch since \S+, by signal SIGUSR1')
            self.configured(proxy)
        with self.parallax(state_dir=self.state) as proxy:
            self.assertIsNone(self.override(proxy))

    def test_a_signal_before_it_listens_for_one(self):
        """It reads rules for long enough to be met at it."""
        many = {f'r{number}': rule(f'SELECT id AS c{number} FROM thing WHERE id = :id', f'select "id" as c{number} from "thing" where "id" = :id')
                for number in range(500)}
        text = json.dumps({'listen': '127.0.0.1:0', 'upstream': self.cluster.url('app', 'shop'), 'rules': many})
        told = {signal.SIGUSR1: 'mode=off by="signal SIGUSR1"', signal.SIGUSR2: 'listening on', signal.SIGHUP: 'the configuration was read again'}
        met = []
        for number, words in told.items():
            with self.subTest(number), tempfile.TemporaryDirectory() as directory:
                path, log = pathlib.Path(directory) / 'parallax.yaml', pathlib.Path(directory) / 'log'
                path.write_text(text)
                with open(log, 'wb') as out:
                    process = subprocess.Popen([BINARY, 'run', '-c', path], stdout=out, stderr=out)
                self.addCleanup(process.kill)
                wait_for(lambda: self.held(process.pid, number) or 'listening on' in log.read_text(), 20, 'it holds the signal', step=0)
                process.send_signal(number)
                met.append(number if 'listening on' not in log.read_text() else None)
                wait_for(lambda: process.poll() is not None or words in log.read_text(), 20, words)
                self.assertIsNone(process.poll(), log.read_text())
                process.terminate()
                self.assertEqual(0, process.wait(10 * PATIENCE), log.read_text())
        # A busy machine may have been too late for one of them.
        self.assertTrue(any(met), met)

    @staticmethod
    def held(pid, number):
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int(re.search(r'SigBlk:\s*(\w+)', status).group(1), 16) >> (number - 1) & 1

    def test_two_unclean_ends(self):
        for _ in range(2):
            proxy = self.parallax(state_dir=self.state)
            self.assertIsNone(self.override(proxy))
            self.kill(proxy)
        with self.parallax(state_dir=self.state) as proxy:
            self.assertEqual('off', self.override(proxy))
            self.assertIn('unclean ends of 2 runs', proxy.log_text())
            self.configured(proxy)
        with self.parallax(state_dir=self.state) as proxy:
            self.assertIsNone(self.override(proxy))

    def test_the_environment(self):
        for value, mode in (('false', 'off'), ('0', 'off'), ('true', None), ('perhaps', None)):
            with self.subTest(value), self.parallax({'VALIDATE_QUERIES': value}, state_dir=self.state) as proxy:
                self.assertEqual(mode, self.override(proxy))
                self.assertEqual(value == 'perhaps', 'neither true nor false' in proxy.log_text())

    def test_a_rule_of_its_own_mode(self):
        rules = {**RULES, 'thing': {**RULES['thing'], 'mode': 'off'}}
        with self.parallax(rules=rules) as proxy:
            metrics = proxy.metrics()
            self.assertEqual(1, metrics.sum('rule_mode', rule='thing', mode='off'))
            self.assertEqual(1, metrics.sum('rule_mode', rule='parts', mode='shadow'))

    def test_json_lines(self):
        with self.parallax(log={'format': 'json', 'level': 'debug'}, state_dir=self.state) as proxy:
            self.off(proxy)
            with psycopg.connect(proxy.url('app', 'shop')) as session:
                session.execute(THING, [1])
            wait_for(lambda: 'the switch was set' in proxy.log_text(), 5, 'the line of the switch')
            lines = [json.loads(line) for line in proxy.log_text().splitlines()]
        self.assertTrue(all(list(line)[:3] == ['ts', 'level', 'message'] for line in lines), lines)
        self.assertIn({'level': 'warn', 'message': 'the switch was set', 'mode': 'off', 'by': 'signal SIGUSR1'},
                      [{key: value for key, value in line.items() if key != 'ts'} for line in lines])


class Admin(Base):
    """The switch over the admin listener, and who may use it."""
    TOKEN = 'a-token-of-more-than-16'

    def ask(self, proxy, body=None, **headers):
        """Status and text of /-/mode; with a body a POST."""
        sent = urllib.request.Request(proxy.admin_url + '/-/mode', data=body, headers={name.replace('_', '-'): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(sent, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def command(self, *words):
        done = subprocess.run([BINARY, 'mode', *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=20)
        return done.returncode, done.stdout

    def test_who_may_change_it(self):
        with self.parallax(admin={'listen': '127.0.0.1:0', 'token': self.TOKEN}) as proxy:
            own = {'X_Parallax_Admin': '1'}
            right = {**own, 'Authorization': f'Bearer {self.TOKEN}'}
            for status, headers in ((403, {}), (401, own), (401, {**own, 'Authorization': 'Bearer wrong'}), (421, {**right, 'Host': 'evil.example'})):
                self.assertEqual(status, self.ask(proxy, b'mode=off', **headers)[0], headers)
                self.assertIsNone(self.override(proxy))
            self.assertEqual(400, self.ask(proxy, b'mode=on', **right)[0])
            self.assertEqual(413, self.ask(proxy, b'x' * 70_000, **right)[0])
            self.assertEqual(421, self.ask(proxy, Host='evil.example')[0])
            status, text = self.ask(proxy, b'mode=off', **right)
            self.assertEqual(200, status, text)
            state = json.loads(text)
            self.assertEqual(('shadow', 'off', 'off'), (state['configured'], state['override'], state['rules']['thing']))
            self.assertIn('state_dir', state['warning'])
            self.assertEqual('off', self.override(proxy))
            sent = urllib.request.Request(proxy.admin_url + '/-/reload', data=b'', headers={'X-Parallax-Admin': '1', 'Authorization': f'Bearer {self.TOKEN}'})
            with urllib.request.urlopen(sent, timeout=10) as answer:
                self.assertEqual('reloaded\n', answer.read().decode())
            wait_for(lambda: self.override(proxy) == 'off', 2, 'the switch stays as it is')
            log = proxy.log_text()
            self.assertEqual(6, log.count('a change was refused'), log)
            self.assertEqual(1, log.count('the switch was set'), log)
            self.assertIn('by="admin 127.0.0.1"', log)
            self.assertNotIn(self.TOKEN, log)

    def test_the_command(self):
        with self.parallax(state_dir=self.state, admin={'listen': f'127.0.0.1:{free_port()}', 'token': self.TOKEN}) as proxy:
            config = proxy.config_path
            status, text = self.command('-c', config)
            self.assertEqual((0, True), (status, text.startswith('as configured: shadow\n')), text)
            for mode in ('off', 'shadow', 'strict'):
                status, text = self.command(mode, '-c', config)
                self.assertEqual((0, True), (status, text.startswith(f'{mode} by the switch since ')), text)
                self.assertEqual(mode, self.override(proxy))
            self.assertEqual(1, self.command('off', '--admin', proxy.admin_url)[0])  # without the token
            self.assertEqual('strict', self.override(proxy))
            self.assertEqual(0, self.command('configured', '-c', config)[0])
            self.assertIsNone(self.override(proxy))
            self.assertEqual(0, self.command('off', '-c', config)[0])
            address = proxy.admin_url
        self.assertEqual(1, self.command('off', '--admin', address)[0])
        self.assertEqual(2, self.command('off', '--admin', 'nonsense')[0])
        self.assertEqual(2, self.command('on', '--admin', address)[0])
        self.assertEqual(2, self.command('off')[0])
        with self.parallax(state_dir=self.state) as proxy:  # kept over a restart
            self.assertEqual('off', self.override(proxy))

    def test_token_file_and_further_hosts(self):
        admin = {'listen': '127.0.0.1:0', 'token': self.TOKEN, 'hosts': ['admin.internal']}
        with self.parallax(admin=admin) as proxy, tempfile.NamedTemporaryFile('w', newline='') as file:
            self.assertEqual(200, self.ask(proxy, Host='admin.internal:80')[0])
            for text, status in (('', 2), ('wrong-token-of-that-size\n', 1), (f'{self.TOKEN}\r\nmore\n', 0)):
                file.seek(0)
                file.truncate()
                file.write(text)
                file.flush()
                self.assertEqual(status, self.command('off', '--admin', proxy.admin_url, '--token-file', file.name)[0], text)
            self.assertEqual(2, self.command('off', '--admin', proxy.admin_url, '--token-file', '/nowhere')[0])
            self.assertEqual('off', self.override(proxy))

    def test_the_command_does_not_wait_for_ever(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            def trickle():
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
                    for _ in range(60):
                        connection.sendall(b'x')
                        time.sleep(0.5)
            thread = threading.Thread(target=trickle, daemon=True)
            thread.start()
            status, text = self.command('--admin', f'127.0.0.1:{server.getsockname()[1]}')
            self.assertEqual((1, True), (status, 'does not end' in text), text)


class Killed(Base):
    """Clients that are killed while strict mode holds their answers and the mode changes: nothing is left of them."""
    # A comparison takes some ten milliseconds, so that many are under way when a client ends.
    SLOW = rule(RULES['thing']['legacy'], RULES['thing']['rewrite'] + ' and (select count(*) from generate_series(1, 30000)) > 0')
    STAYS = (0, 0.01, 0.1, 0.3)
    ASK = 'SELECT id, name FROM thing WHERE id = :id;\n'
    SCRIPTS = {
        'simple': ASK, 'extended': ASK, 'prepared': f'BEGIN;\n{ASK}UPDATE part SET thing_id = thing_id WHERE id = :id;\n{ASK}COMMIT;\n',
        'pipelined': f'\\startpipeline\n{ASK * 5}\\endpipeline\n',
    }
    ROUNDS = 40

    def bench(self, proxy, kind, *more):
        script = pathlib.Path(self.state).parent / f'{kind}.sql'
        script.write_text('\\set id random(1, 100)\n' + self.SCRIPTS[kind])
        mode = 'extended' if kind == 'pipelined' else kind
        return subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', 'pgbench', '-n', '-M', mode, '-f', script, '-c', '4', *more, proxy.url('app', 'shop')],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def backends(self):
        return int(self.cluster.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'"))

    def test_killed_in_the_middle_of_a_hold(self):
        held = 0
        with self.parallax(rules={'thing': self.SLOW}, strict={'timeout': '20s', 'uncompared': 'allow'}) as proxy:
            proxy.wait_verified()
            with Flipping(proxy, stays=self.STAYS) as flipping:
                for turn in range(self.ROUNDS):
                    client = self.bench(proxy, list(self.SCRIPTS)[turn % len(self.SCRIPTS)], '-T', '60')
                    wait_for(lambda: proxy.metrics().sum('sessions') == 4, 20, 'its sessions')
                    time.sleep(random.uniform(0, 0.2))
                    self.assertIsNone(client.poll(), client.poll() is not None and client.communicate()[0])
                    held += flipping.mode == 'strict' and proxy.metrics().sum('in_flight') > 0
                    client.kill()
                    client.communicate()
                    wait_for(lambda: proxy.metrics().sum('sessions') == 0, 20, 'it has gone')
            self.assertGreater(held, 0)
            wait_for(lambda: proxy.metrics().sum('sessions') == 0, 20, 'no session is left')
            wait_for(lambda: self.backends() == 0, 20, 'the server has none either')
            metrics = proxy.settled()
            self.assertGreater(metrics.sum('verdicts_total', verdict='match'), 0)
            self.assertEqual({}, {name: count for name, count in metrics.nonzero('verdicts_total', 'verdict').items() if name != 'match'})
            self.assertEqual(0, metrics.sum('tap_desync_total'))
            # Who comes now is served in each mode.
            for kind in self.SCRIPTS:
                for mode in ('strict', 'shadow', 'off'):
                    flipping.set(mode)
                    client = self.bench(proxy, kind, '-t', '5')
                    output = client.communicate(timeout=30)[0]
                    self.assertIn('actually processed: 20/20', output)
                    self.assertEqual(0, client.returncode, output)


if __name__ == '__main__':
    unittest.main()
