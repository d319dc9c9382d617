#!/usr/bin/python3
"""Clients that want memory: endless Binds and texts that the server passes over, prepared texts by the thousand, settings and
savepoints without end. The program stays as it is, and says of what it does not keep that it is not known."""
import unittest

from support import transcript, wire
from support.cluster import Cluster
from support.proxy import SANITIZED, Parallax, PeakMemory
from support.wire import Wire, bind, execute, parse, query

MIB = 1024 * 1024
MARGIN = 96 * MIB  # a session's budget, what is on its way, and what the allocator keeps
READ = 'SELECT id, name FROM item WHERE id = 7'
SETS = 'select set_config($1, $2, true)'


class Bounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(transcript.SCHEMA)

    def setUp(self):
        self.proxy = Parallax(self.cluster.url(), {'sample': 1.0, 'rules': transcript.RULES})
        self.addCleanup(self.proxy.stop)
        self.proxy.wait_verified()

    def session(self):
        return Wire(self.proxy.host, self.proxy.port, timeout=120).start()

    def assert_flat(self, memory):
        if not SANITIZED:
            self.assertLess(memory.growth(), MARGIN, f'{memory.growth() / MIB:.0f} MiB')

    def assert_compares(self):
        """Another session goes on as if nothing had been."""
        before = self.proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match')
        with self.session() as other:
            other.send(query(READ))
            other.until_ready()
            other.send(wire.TERMINATE)
        self.assertEqual(before + 1, self.proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match'))

    def test_binds_that_the_server_passes_over(self):
        with self.session() as session, PeakMemory(self.proxy) as memory:
            session.send(parse(SETS, 's'), wire.SYNC)
            session.until_ready()
            session.send(bind([], name='nothing'))
            session.until(b'E')
            value = bind(['app.claims', 'x' * (MIB - 100)], name='s')
            for _ in range(300):
                session.send(value)
            session.send(wire.SYNC)
            session.until_ready()
            session.send(query(READ))
            session.until_ready()
        self.assert_flat(memory)
        self.assertEqual(1, self.proxy.settled().sum('verdicts_total', rule='item.byId', verdict='match'))
        self.assert_compares()

    def test_texts_that_are_prepared_under_ever_new_names(self):
        with self.session() as session, PeakMemory(self.proxy) as memory:
            for number in range(800):
                session.send(parse(f"select '{number}{'x' * 250_000}'", f's{number}'))
            session.send(wire.SYNC)
            session.until_ready()
            session.send(bind([], name='s799'), execute(), wire.SYNC)
            session.until_ready()
            session.send(query(READ))
            session.until_ready()
        self.assert_flat(memory)
        # what the last one did is not known: it was not kept
        self.assertEqual(1, self.proxy.settled().sum('skipped_total', rule='item.byId', reason='context'))
        self.assert_compares()

    def test_values_that_are_answered_and_not_yet_executed(self):
        with self.session() as session, PeakMemory(self.proxy) as memory:
            session.send(parse(SETS, 's'), wire.SYNC)
            session.until_ready()
            session.send(query('BEGIN'))
            session.until_ready()
            value = 'x' * (MIB - 100)
            for number in range(300):
                session.send(bind(['app.claims', value], name='s', portal=f'p{number}'))
            session.send(wire.SYNC)
            session.until_ready()
            session.send(query('ROLLBACK'))
            session.until_ready()
        self.assert_flat(memory)
        self.assert_compares()

    def test_settings_and_savepoints_without_end(self):
        with self.session() as session, PeakMemory(self.proxy) as memory:
            session.send(parse(SETS.replace('true', 'false'), 's'), wire.SYNC, query('BEGIN'))
            session.until_ready(2)
            for number in range(40):
                session.send(bind([f'app.n{number}', 'x' * 900_000], name='s'), execute(), wire.SYNC)
                session.until_ready()
            for number in range(100):
                session.send(query(f'SAVEPOINT s{number}'))
                session.until_ready()
            session.send(query('COMMIT'))
            session.until_ready()
            for _ in range(100):
                session.send(query('BEGIN; COMMIT'))
                session.until_ready()
            session.send(query(READ))
            session.until_ready()
            session.send(query('DISCARD ALL'))
            session.until_ready()
        self.assert_flat(memory)
        self.assertEqual(1, self.proxy.settled().sum('skipped_total', rule='item.byId', reason='context'))
        self.assert_compares()


if __name__ == '__main__':
    unittest.main()
