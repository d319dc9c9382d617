#!/usr/bin/python3
"""Tags: what statements say of the call that they belong to (comments as Prisma's queryTags and sqlcommenter write them, names of
prepared statements) tells equal calls apart, and shows where an operation's statement has changed and its rule has not."""
import concurrent.futures
import re
import threading
import unittest
import urllib.parse

import psycopg

from clients.rig import DATABASE, PASSWORD, USER
from support.cluster import Cluster
from support.proxy import Parallax, rule, wait_for
from support.wire import SYNC, Wire, bind, execute, parse

SCHEMA = """
CREATE TABLE shelves (id int PRIMARY KEY, room text NOT NULL);
CREATE TABLE books (id int PRIMARY KEY, shelf int NOT NULL REFERENCES shelves, title text NOT NULL, year int NOT NULL);
INSERT INTO shelves SELECT g, 'room ' || g % 3 FROM generate_series(1, 12) g;
INSERT INTO books SELECT g, 1 + g % 12, 'book ' || g, 1900 + g FROM generate_series(1, 96) g;
"""
# The child brings a value that the root does not have, so that which root it belongs to matters.
ROOT = 'SELECT "id", "room" FROM "shelves" WHERE "room" = {room} OFFSET 0'
CHILD = 'SELECT "id", "shelf", "title" FROM "books" WHERE ("shelf" IN ({ids}) AND "year" > {since}) OFFSET 0'
SHELVES = rule({'shelves': ROOT.format(room=':room'), 'books': CHILD.format(ids=':shelves.id', since=':since')},
               'select s.id, s.room, b.id, b.title from shelves s left join books b on b.shelf = s.id and b.year > :since where s.room = :room')
WRONG = rule(SHELVES['legacy'], SHELVES['rewrite'].replace('b.year > :since', 'b.year > :since::int + 1'))


def comment(**tags):
    pairs = [f"{key}='{urllib.parse.quote(value)}'" for key, value in sorted(tags.items())]
    return f' /*{",".join(pairs)}*/'


def trace(call, span=1):
    return f'00-{call:032x}-{span:016x}-01'


class Tagged(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE {DATABASE} OWNER {USER}")
        cls.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}', DATABASE)

    def started(self, rules, arguments=(), **config):
        proxy = Parallax(self.cluster.url(USER, DATABASE, PASSWORD), {'sample': 1.0, 'rules': rules, **config}, arguments)
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        self.assertEqual({'ready'}, set(proxy.states().values()), proxy.log_text())
        return proxy

    def connect(self, proxy):
        connection = psycopg.connect(proxy.url(USER, DATABASE, PASSWORD), autocommit=True, cursor_factory=psycopg.ClientCursor)
        self.addCleanup(connection.close)
        return connection

    def ends(self, metrics, name):
        return {**metrics.nonzero('verdicts_total', 'verdict', rule=name), **metrics.nonzero('skipped_total', 'reason', rule=name)}


class Tags(Tagged):
    def equal_calls(self, proxy, tags_of, calls=6):
        """All roots first, then all children in reverse, each on a connection of its own: nothing but tags tells them apart."""
        roots = [self.connect(proxy) for _ in range(calls)]
        children = [self.connect(proxy) for _ in range(calls)]
        ids = []
        for call, connection in enumerate(roots):
            ids = [row[0] for row in connection.execute(ROOT.format(room="'room 1'") + tags_of(call, 1)).fetchall()]
        for call, connection in reversed(list(enumerate(children))):
            connection.execute(CHILD.format(ids=', '.join(map(str, ids)), since=1900 + call * 13) + tags_of(call, 2)).fetchall()
        return proxy.settled()

    def test_equal_calls_are_told_apart_by_what_their_comments_say(self):
        ways = {
            'traceparent': lambda call, span: comment(traceparent=trace(call)),
            'a span of its own for each statement': lambda call, span: comment(traceparent=trace(call, span)),
            'request': lambda call, span: comment(operation='shelves', request=f'request {call}'),
            'operation': lambda call, span: comment(operation=f'operation {call}'),
            'before the statement and after it': lambda call, span: comment(route='/x') + ' ' + comment(request=str(call)),
        }
        for name, tags_of in ways.items():
            with self.subTest(name):
                proxy = self.started({'shelves': SHELVES})
                metrics = self.equal_calls(proxy, tags_of)
                self.assertEqual({'match': 6}, self.ends(metrics, 'shelves'), proxy.log_text()[-2000:])
                self.assertEqual(0, metrics.sum('orphan_statements_total'))
                proxy.stop()

    def test_without_them_they_are_ambiguous(self):
        for name, tags_of in {'none': lambda call, span: '', 'one for all': lambda call, span: comment(operation='shelves')}.items():
            with self.subTest(name):
                proxy = self.started({'shelves': SHELVES})
                self.assertEqual({'ambiguous': 6}, self.ends(self.equal_calls(proxy, tags_of), 'shelves'))
                proxy.stop()

    def test_a_wrong_rewrite_is_found_with_them(self):
        proxy = self.started({'shelves': WRONG})
        metrics = self.equal_calls(proxy, lambda call, span: comment(traceparent=trace(call, span)))
        self.assertGreater(self.ends(metrics, 'shelves').get('mismatch', 0), 0)
        self.assertLessEqual(set(self.ends(metrics, 'shelves')), {'match', 'mismatch'})

    def test_tags_are_never_required(self):
        """Statements of one call that have nothing in common, or of which one has no tags, are one operation all the same."""
        for name, tags_of in {
                'each statement is its own trace': lambda span: comment(traceparent=trace(span), request=str(span)),
                'the root alone': lambda span: comment(traceparent=trace(1)) if span == 1 else '',
                'the child alone': lambda span: comment(traceparent=trace(1)) if span == 2 else '',
                'another name': lambda span: comment(operation=f'somebody{span}')}.items():
            with self.subTest(name):
                proxy = self.started({'shelves': SHELVES})
                root, child = self.connect(proxy), self.connect(proxy)
                ids = [row[0] for row in root.execute(ROOT.format(room="'room 1'") + tags_of(1)).fetchall()]
                child.execute(CHILD.format(ids=', '.join(map(str, ids)), since=1950) + tags_of(2)).fetchall()
                self.assertEqual({'match': 1}, self.ends(proxy.settled(), 'shelves'))
                proxy.stop()

    def test_a_child_of_one_call_is_not_given_to_another(self):
        """The root of the second call was not sampled: its child, which comes first, would fit the first call's place."""
        proxy = self.started({'shelves': SHELVES})
        root, child, other = (self.connect(proxy) for _ in range(3))
        ids = ', '.join(str(row[0]) for row in root.execute(ROOT.format(room="'room 1'") + comment(request='one')).fetchall())
        other.execute(CHILD.format(ids=ids, since=1980) + comment(request='two')).fetchall()
        child.execute(CHILD.format(ids=ids, since=1950) + comment(request='one')).fetchall()
        metrics = proxy.settled()
        self.assertEqual({'match': 1}, self.ends(metrics, 'shelves'))
        wait_for(lambda: proxy.metrics().sum('orphan_statements_total', reason='no_parent') == 1, 5)

    def test_many_equal_calls_at_once(self):
        proxy = self.started({'shelves': SHELVES})
        local = threading.local()

        def call(number):
            if not hasattr(local, 'connections'):
                local.connections = [self.connect(proxy) for _ in range(2)]
            tags = comment(traceparent=trace(number + 1))
            ids = [row[0] for row in local.connections[0].execute(ROOT.format(room="'room 2'") + tags).fetchall()]
            local.connections[1].execute(CHILD.format(ids=', '.join(map(str, ids)), since=1900 + number % 90) + tags).fetchall()
        with concurrent.futures.ThreadPoolExecutor(8) as executor:
            list(executor.map(call, range(160)))
        self.assertEqual({'match': 160}, self.ends(proxy.settled(), 'shelves'), proxy.log_text()[-2000:])

    def test_a_list_that_is_several_parents_together(self):
        """A loader that asks once for the children of two calls: the rows cannot be told apart by links, and nothing is compared."""
        proxy = self.started({'shelves': SHELVES}, shadow={'window': '2s'})
        first, second, loader = (self.connect(proxy) for _ in range(3))
        ids = []
        for connection, room in ((first, 'room 1'), (second, 'room 2')):
            ids += [str(row[0]) for row in connection.execute(ROOT.format(room=f"'{room}'")).fetchall()]
        loader.execute(CHILD.format(ids=', '.join(ids), since=1950)).fetchall()
        metrics = wait_for(lambda: (now := proxy.metrics()).sum('skipped_total') == 2 and now, 10)
        self.assertEqual({'incomplete': 2}, self.ends(metrics, 'shelves'))
        self.assertEqual(1, metrics.sum('orphan_statements_total', reason='no_parent'))


class Drift(Tagged):
    RULES = {'shelves': rule('SELECT id, room FROM shelves WHERE id = :id', 'select id, room from shelves where id = :id'),
             'books': rule('SELECT id, title FROM books WHERE id = :id', 'select id, title from books where id = :id', tag={'operation': 'bookRouter.get'})}

    def unknown(self, proxy):
        return {name: proxy.metrics().sum('unknown_tagged_total', rule=name) for name in self.RULES}

    def test_every_series_is_there_from_the_start(self):
        proxy = self.started(self.RULES)
        self.assertEqual({'shelves', 'books'}, {labels['rule'] for labels, _ in proxy.metrics().series('unknown_tagged_total')})
        self.assertEqual({'shelves': 0, 'books': 0}, self.unknown(proxy))

    def test_a_statement_that_has_changed_is_counted_and_told_once(self):
        proxy = self.started(self.RULES)
        connection = self.connect(proxy)
        for number in range(5):
            connection.execute(f'SELECT id, room, 1 AS hidden FROM shelves WHERE id = {number}' + comment(operation='shelves', request=str(number)))
        connection.execute('SELECT id, title FROM books WHERE id = 3 AND 1=1' + comment(operation='bookRouter.get'))
        # None of these: known, another name, no tag, nothing that a rule could cover.
        connection.execute('SELECT id, room FROM shelves WHERE id = 3' + comment(operation='shelves'))
        connection.execute('SELECT id, title FROM books WHERE id = 3' + comment(operation='shelves'))
        connection.execute('SELECT 1' + comment(operation='books'))
        connection.execute('SELECT 1')
        with connection.transaction():
            connection.execute("UPDATE shelves SET room = room WHERE id = 1" + comment(operation='shelves'))
            connection.execute("INSERT INTO books VALUES (1000, 1, 'x', 1) RETURNING id" + comment(operation='shelves'))
            connection.execute('SELECT id FROM shelves WHERE id = 1 FOR UPDATE' + comment(operation='shelves'))
            connection.execute('SET LOCAL work_mem = 65536' + comment(operation='shelves'))
            connection.execute('DELETE FROM books WHERE id = 1000' + comment(operation='shelves'))
        proxy.settled()
        self.assertEqual({'shelves': 5, 'books': 1}, self.unknown(proxy))
        told = [line for line in proxy.log_text().splitlines() if 'no rule knows it' in line]
        self.assertEqual(2, len(told), told)
        self.assertEqual(1, sum('rule=shelves' in line for line in told))
        self.assertEqual(1, sum('operation=bookRouter.get' in line for line in told))
        self.assertNotIn('hidden', proxy.log_text())

    def test_names_of_prepared_statements(self):
        proxy = self.started(self.RULES)
        with Wire('127.0.0.1', proxy.port) as client:
            client.login(USER, PASSWORD, DATABASE)
            for name in ('shelves', 'shelves#ad0cadf3', 's0'):
                client.send(parse('SELECT room, id FROM shelves WHERE id = $1', name), SYNC)
                client.until_ready()
                for _ in range(2):
                    client.send(bind(['3'], name=name), execute(), SYNC)
                    client.until_ready()
        proxy.settled()
        self.assertEqual({'shelves': 4, 'books': 0}, self.unknown(proxy))

    def test_with_dev_it_is_shown_with_a_skeleton(self):
        proxy = self.started(self.RULES, ['--dev'])
        self.connect(proxy).execute("SELECT id FROM shelves WHERE room = 'secret'" + comment(operation='shelves'))
        text = wait_for(lambda: (log := proxy.log_text()) if 'tagged as' in proxy.log_text() else None, 10)
        shown = re.search(r'drift shelves  tagged as `shelves`.*?SELECT id FROM shelves WHERE room = :p1', text, re.S)
        self.assertIsNotNone(shown, text)
        self.assertNotIn('secret', text)


if __name__ == '__main__':
    unittest.main()
