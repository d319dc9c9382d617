#!/usr/bin/python3
"""Strict mode and clients that write, ask and go without waiting: what they had sent still happens, as without Parallax, also
where it lies behind a statement whose answer is held."""
import socket
import struct
import time
import unittest

from support import wire
from support.proxy import rule, wait_for
from support.strict import StrictCase, kinds

SLOW = '(select count(*) from generate_series(1, 3000000)) > 0'


class StrictLeaving(StrictCase):
    def setUp(self):
        self.cluster.psql('CREATE TABLE log (n int)')
        self.addCleanup(self.cluster.psql, 'DROP TABLE log')

    def logged(self):
        return self.cluster.psql("SELECT string_agg(n::text, ',' ORDER BY n) FROM log").strip()

    def leave(self, session, abruptly=False):
        if abruptly:
            session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        session.socket.close()

    def all_gone(self, proxy):
        wait_for(lambda: proxy.metrics().sum('sessions') == 0, 20, 'no session is left')

    def slow(self):
        rules = {'slow': rule('SELECT "id" FROM "things" WHERE "id" = :id', f'select "id" from "things" where "id" = :id and {SLOW}')}
        proxy = self.started(rules, strict={'timeout': '20s'}, shadow={'statement_timeout': '20s'})
        proxy.wait_verified()
        return proxy

    def write_and_ask(self, proxy, number, *behind):
        session = self.session(proxy)
        self.talk(session, wire.query('BEGIN'), wire.query(f'INSERT INTO log VALUES ({number})'), ready=2)
        session.send(self.extended('SELECT "id" FROM "things" WHERE "id" = $1', 3), *behind)
        return session

    def test_a_commit_behind_a_held_statement(self):
        """In a block the comparison is under way on the client's own connection when it goes."""
        proxy = self.slow()
        for number, goodbye in ((1, wire.TERMINATE), (2, b'')):
            for wait in (0, 0.3):
                session = self.write_and_ask(proxy, number, wire.query('COMMIT'), goodbye)
                time.sleep(wait)
                self.leave(session)
        self.all_gone(proxy)
        self.assertEqual('1,1,2,2', self.logged())

    def test_another_held_statement_and_a_commit_behind_it(self):
        proxy = self.slow()
        more = self.extended('SELECT "id" FROM "things" WHERE "id" = $1', 4) + wire.query('INSERT INTO log VALUES (2)')
        session = self.write_and_ask(proxy, 1, more, wire.query('COMMIT'), wire.TERMINATE)
        time.sleep(0.3)
        self.leave(session)
        self.all_gone(proxy)
        self.assertEqual('1,2', self.logged())

    def test_a_client_whose_connection_breaks(self):
        proxy = self.slow()
        session = self.write_and_ask(proxy, 1, wire.query('COMMIT'))
        time.sleep(0.3)
        self.leave(session, abruptly=True)
        self.all_gone(proxy)
        self.assertEqual('1', self.logged())

    def test_one_that_only_says_no_more_gets_its_answers(self):
        proxy = self.slow()
        session = self.write_and_ask(proxy, 1, wire.query('COMMIT'))
        time.sleep(0.3)
        session.socket.shutdown(socket.SHUT_WR)
        before = len(session.received)
        session.until_closed()
        self.assertEqual('12TDCZCZ', kinds(wire.split_messages(bytes(session.received[before:]))[0]))
        self.all_gone(proxy)
        self.assertEqual('1', self.logged())


if __name__ == '__main__':
    unittest.main()
