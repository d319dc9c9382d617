#!/usr/bin/python3
"""PostgreSQL's own tools do the same direct and proxied, in plain and over TLS: dumps, backups, replication, parallel
maintenance, COPY, large objects. And what replication and LISTEN need: sessions that may be silent for as long as they like."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import psycopg

from support import transcript, wire
from support.certificates import Authority
from support.cluster import BIN, Cluster
from support.proxy import PATIENCE, Parallax, wait_for
from support.wire import Wire

IDLE_SECONDS = 8  # longer than every limit that the proxies here have for the time before a session
DATABASE = 'tools'
SCHEMA = transcript.SCHEMA + """
CREATE TABLE big AS SELECT g AS id, md5(g::text) AS text, g % 7 AS few FROM generate_series(1, 60000) g;
ALTER TABLE big ADD PRIMARY KEY (id);
CREATE INDEX ON big (few);
CREATE TABLE odd ("Näme" text, "a b" bytea, c numeric[], d jsonb);
INSERT INTO odd VALUES (E'tab\\tnew\\nline\\\\', '\\x00ff0a5c', '{1.50,NULL,NaN}', '{"ü": [1, null]}'), (NULL, '', '{}', 'null');
CREATE VIEW seen AS SELECT id FROM item WHERE price > 5;
CREATE TABLE target (id int PRIMARY KEY, text text);
COMMENT ON TABLE odd IS $$it's odd$$;
SELECT lo_from_bytea(4711, decode(repeat('00ff0a5c', 50000), 'hex'));
"""


class Tools(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix='parallax-tools-'))
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        authority = Authority(cls.directory)
        certificate, key = authority.issue('both')
        cls.cluster = Cluster(wal_level='logical', max_wal_senders=20, max_replication_slots=20)
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.enable_tls(certificate, key)
        cls.cluster.psql(f'CREATE DATABASE {DATABASE}')
        cls.cluster.psql(SCHEMA, DATABASE)
        limits = {'startup_timeout': '1s', 'authentication_timeout': '2s', 'connect_timeout': '2s'}
        rules = {'rules': transcript.RULES, 'limits': limits}
        cls.plain = Parallax(cls.cluster.url(database=DATABASE), rules)
        cls.addClassCleanup(cls.plain.stop)
        cls.tls = Parallax(f'{cls.cluster.url(database=DATABASE)}?sslmode=verify-full&sslrootcert={authority.root}',
                           {**rules, 'tls': {'cert': str(certificate), 'key': str(key), 'mode': 'require'}})
        cls.addClassCleanup(cls.tls.stop)
        cls.listening = psycopg.connect(cls.tls.url(database=DATABASE, sslmode='require'), autocommit=True)
        cls.addClassCleanup(cls.listening.close)
        cls.listening.execute('LISTEN news')
        cls.silent_since = time.monotonic()

    def environment(self, server):
        values = {'PGHOST': '127.0.0.1', 'PGPORT': str(server.port), 'PGUSER': 'postgres', 'PGDATABASE': DATABASE,
                  'PGSSLMODE': 'require' if server is self.tls else 'disable', 'LC_ALL': 'C.UTF-8'}
        return {**{key: value for key, value in os.environ.items() if not key.startswith('PG')}, **values}

    def run_tool(self, server, program, *arguments, status=0, given=None):
        """What it prints, without what is another each time."""
        done = subprocess.run([BIN / program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=60 * PATIENCE, env=self.environment(server), input=given)
        self.assertEqual(status, done.returncode, done.stdout[-4000:])
        return re.sub(rb'(?m)^\\(un)?restrict .*$', b'', done.stdout)  # a random word in newer dumps

    def start_tool(self, server, program, *arguments):
        process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', BIN / program, *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, env=self.environment(server))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def servers(self):
        return {'direct': self.cluster, 'plain': self.plain, 'tls': self.tls}

    def same(self, run):
        """`run(name, server)` gives the same for all; returned once."""
        results = {name: run(name, server) for name, server in self.servers().items()}
        for name in ('plain', 'tls'):
            if isinstance(results[name], bytes):
                self.assertEqual('', wire.first_difference(results['direct'], results[name]), name)
            self.assertEqual(results['direct'], results[name], name)
        return results['direct']

    def files(self, directory, leave_out=()):
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir() if path.name not in leave_out}

    # --- dumps ------------------------------------------------------------------------------------------------------

    def test_dump_and_restore(self):
        dump = self.same(lambda _, server: self.run_tool(server, 'pg_dump'))
        self.assertGreater(len(dump), 2_500_000)
        self.assertIn(b'4711', dump)
        for name, server in self.servers().items():
            with self.subTest(name):
                database, archive = f'restored_{name}', self.directory / f'{name}.dump'
                self.run_tool(server, 'pg_dump', '-Fc', '-f', archive)
                self.run_tool(server, 'createdb', '-T', 'template0', database)
                self.run_tool(server, 'pg_restore', '-j', 3, '-d', database, archive)
                self.assertEqual(dump, self.run_tool(self.cluster, 'pg_dump', database))
                self.run_tool(server, 'dropdb', database)

    def test_parallel_dump(self):
        """Several sessions that share a snapshot."""
        def run(name, server):
            directory = self.directory / f'{name}.dir'
            self.run_tool(server, 'pg_dump', '-Fd', '-j', 3, '-f', directory)
            return self.files(directory, leave_out=['toc.dat'])  # which has the time
        self.assertGreater(len(self.same(run)), 5)

    def test_dump_of_all_databases(self):
        dump = self.same(lambda _, server: self.run_tool(server, 'pg_dumpall', '-l', 'postgres'))
        self.assertIn(b'CREATE DATABASE tools', dump)

    # --- maintenance, psql ------------------------------------------------------------------------------------------

    def test_parallel_maintenance(self):
        """The statements are the same; which of the sessions runs one, and when, is chance."""
        for statement, *command in ((b'VACUUM (ANALYZE) public.big', 'vacuumdb', '-j', 3, '--analyze', '--echo'),
                                    (b'REINDEX TABLE public.big', 'reindexdb', '-j', 2, '--echo', '-t', 'big', '-t', 'item')):
            said = self.same(lambda _, server, command=command: set(self.run_tool(server, *command).splitlines()))
            self.assertIn(statement + b';', said)

    def test_copy_in_and_out_of_files(self):
        rows = self.directory / 'rows.tsv'
        rows.write_text(''.join(f'{number}\tünï {number}\n' for number in range(200_000)))
        twice = self.directory / 'twice.tsv'  # fails at its first row, long before all has been sent
        twice.write_text('5\tfirst\n' + ''.join(f'{number}\tx\n' for number in range(10, 1_000_000)))

        def run(name, server):
            out = self.directory / f'{name}.out'
            said = self.run_tool(server, 'psql', '-X', '-c', f'\\copy target FROM {rows}', '-c', f'\\copy target FROM {twice}',
                                 '-c', f'\\copy (SELECT * FROM target ORDER BY id) TO {out}', '-c', 'SELECT count(*), sum(length(text)) FROM target',
                                 '-c', 'TRUNCATE target')
            return said, out.read_bytes()
        said, out = self.same(run)
        self.assertEqual(rows.read_bytes(), out)
        self.assertIn(b'COPY 200000\nERROR:  duplicate key value', said)
        self.assertIn(b'CONTEXT:  COPY target, line 1\n', said)

    def test_large_objects_of_files(self):
        content = os.urandom(5_000_000)
        source = self.directory / 'object'
        source.write_bytes(content)

        def run(name, server):
            out = self.directory / f'{name}.object'
            said = self.run_tool(server, 'psql', '-X', '-c', f'\\lo_import {source}', '-c', f'\\lo_export :LASTOID {out}',
                                 '-c', '\\lo_unlink :LASTOID', '-c', '\\lo_list')
            return re.sub(rb'(lo_\w+) \d+', rb'\1 N', said), out.read_bytes()
        said, out = self.same(run)
        self.assertTrue(content == out)
        self.assertIn(b'lo_import N\nlo_export\nlo_unlink N', said)

    # --- replication ------------------------------------------------------------------------------------------------

    def test_base_backup(self):
        """pg_verifybackup holds what has arrived, WAL too, against the checksums that the server has made."""
        def run(name, server):
            directory = self.directory / f'{name}.backup'
            self.run_tool(server, 'pg_basebackup', '-D', directory, '-c', 'fast', '-X', 'stream', '--manifest-checksums=SHA256', '--no-sync')
            self.run_tool(server, 'pg_verifybackup', '-q', directory)
            manifest = json.loads((directory / 'backup_manifest').read_text())
            shutil.rmtree(directory)
            return {file['Path'] for file in manifest['Files']}
        self.assertGreater(len(self.same(run)), 900)

    def changes(self, label):
        self.cluster.psql(f"BEGIN; INSERT INTO target SELECT g, '{label} ' || g FROM generate_series(1, 2000) g; DELETE FROM target WHERE id > 5;"
                          "UPDATE target SET text = 'ünï'; COMMIT; TRUNCATE target", DATABASE)

    def test_logical_decoding(self):
        for name, server in self.servers().items():
            self.run_tool(server, 'pg_recvlogical', '--create-slot', '-S', f'slot_{name}', '-P', 'test_decoding', '-d', DATABASE)
        self.changes('decoded')
        end = self.cluster.psql('SELECT pg_current_wal_insert_lsn()')
        decoded = self.same(lambda name, server: self.run_tool(server, 'pg_recvlogical', '--start', '-S', f'slot_{name}', '-d', DATABASE, '-f', '-',
                                                               '--no-loop', '-E', end))
        self.assertEqual(2000, decoded.count(b'table public.target: INSERT:'))
        self.assertIn("text[text]:'ünï'".encode(), decoded)
        for name, server in self.servers().items():
            self.run_tool(server, 'pg_recvlogical', '--drop-slot', '-S', f'slot_{name}', '-d', DATABASE)

    def test_wal_as_it_is_written(self):
        places, processes = {}, []
        for name, server in self.servers().items():
            places[name] = self.directory / f'{name}.wal'
            places[name].mkdir()
            processes.append(self.start_tool(server, 'pg_receivewal', '-D', places[name], '--no-loop', '-s', 1))
        receiving = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND state = 'streaming'"
        wait_for(lambda: self.cluster.psql(receiving) == '3', 10, 'all three are streaming')
        for number in range(3):
            self.changes(f'received {number}')
            self.cluster.psql('SELECT pg_switch_wal()')

        def complete(name):
            return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in places[name].iterdir() if path.suffix == ''}
        wait_for(lambda: all(len(complete(name)) >= 3 for name in places), 20, 'three whole segments each')
        for process in processes:
            process.send_signal(signal.SIGINT)
            self.assertEqual(0, process.wait(timeout=20))
        self.assertEqual(complete('direct'), complete('plain'))
        self.assertEqual(complete('direct'), complete('tls'))

    def test_subscription(self):
        with Cluster(wal_level='logical', wal_retrieve_retry_interval=100) as subscriber:
            subscriber.psql('CREATE TABLE big (id int PRIMARY KEY, text text, few int); CREATE TABLE target (id int PRIMARY KEY, text text)')
            self.cluster.psql('CREATE PUBLICATION everything FOR TABLE big, target', DATABASE)
            for name, server in self.servers().items():
                mode = 'disable' if name != 'tls' else 'require sslcert=/none'  # libpq looks for one in a home that is not its own
                subscriber.psql(f"CREATE SUBSCRIPTION {name} CONNECTION 'host=127.0.0.1 port={server.port} user=postgres dbname={DATABASE} "
                                f"sslmode={mode}' PUBLICATION everything")
                content = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM {} t"
                expected = self.cluster.psql(content.format('big'), DATABASE)
                wait_for(lambda expected=expected: subscriber.psql(content.format('big')) == expected, 20, 'the copy of the table', 0.1)
                self.cluster.psql(f"INSERT INTO target SELECT g, '{name} ' || g FROM generate_series(1, 500) g; DELETE FROM target WHERE id % 2 = 0",
                                  DATABASE)
                expected = self.cluster.psql(content.format('target'), DATABASE)
                wait_for(lambda expected=expected: subscriber.psql(content.format('target')) == expected, 20, 'the changes', 0.1)
                subscriber.psql(f'DROP SUBSCRIPTION {name}; TRUNCATE big, target')
                self.cluster.psql('TRUNCATE target', DATABASE)
            self.cluster.psql('DROP PUBLICATION everything', DATABASE)

    def test_drain_lets_replication_run_to_the_deadline(self):
        proxy = Parallax(self.cluster.url(database=DATABASE), {'mode': 'off', 'limits': {'drain_timeout': f'{2 * PATIENCE}s'}})
        self.addCleanup(proxy.stop)
        self.run_tool(proxy, 'pg_recvlogical', '--create-slot', '-S', 'drained', '-P', 'test_decoding', '-d', DATABASE)
        out = self.directory / 'drained.out'
        receiver = self.start_tool(proxy, 'pg_recvlogical', '--start', '-S', 'drained', '-d', DATABASE, '-f', out, '--no-loop', '-s', 1, '-F', 0)
        wait_for(lambda: self.cluster.psql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == '1', 10, 'it streams')
        with Wire('127.0.0.1', proxy.port).start(parameters=[('replication', 'true')]) as no_stream_yet, Wire('127.0.0.1', proxy.port).start() as idle:
            began = time.monotonic()
            proxy.terminate()
            for session in (no_stream_yet, idle):
                last = wire.split_messages(session.until_closed())[0][-1]
                self.assertEqual((b'E', '57P01'), (last[0], wire.error_fields(last[1])['C']))
            self.assertLess(time.monotonic() - began, 1.5 * PATIENCE)
        self.changes('while draining')
        wait_for(lambda: out.exists() and 'while draining 2000' in out.read_text(), 1.8, 'changes arrive while the rest drains')
        self.assertEqual(0, proxy.process.wait(timeout=10 * PATIENCE))
        self.assertGreater(time.monotonic() - began, 1.5 * PATIENCE)
        self.assertNotEqual(0, receiver.wait(timeout=10))
        wait_for(lambda: self.cluster.psql("SELECT active FROM pg_replication_slots WHERE slot_name = 'drained'") == 'f', 10, 'the slot is free')
        self.run_tool(self.cluster, 'pg_recvlogical', '--drop-slot', '-S', 'drained', '-d', DATABASE)

    # --- silence ----------------------------------------------------------------------------------------------------

    def test_zz_a_silent_session_still_hears(self):
        """The last one, so that most of the silence costs no time."""
        time.sleep(max(0.0, self.silent_since + IDLE_SECONDS - time.monotonic()))
        self.cluster.psql("NOTIFY news, 'at last'", DATABASE)
        notification = next(self.listening.notifies())
        self.assertEqual(('news', 'at last'), (notification.channel, notification.payload))
        for proxy in (self.plain, self.tls):
            self.assertEqual(0, proxy.metrics().sum('tap_desync_total'))
        self.listening.close()
        for proxy in (self.plain, self.tls):
            wait_for(lambda proxy=proxy: proxy.metrics().sum('sessions') == 0, 10, 'no session is left')
            proxy.settled()


if __name__ == '__main__':
    unittest.main(verbosity=2)
