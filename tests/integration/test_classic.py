#!/usr/bin/python3
"""Clients that speak as tokio-postgres does, and so as Prisma's classic engine: named statements s0, s1, … that are prepared and described
first, parameters and results in binary, a bounded cache of statements, DEALLOCATE ALL behind PgBouncer, search_path as a
startup parameter. And node-postgres' way of sending a Buffer: in binary, with no type."""
import collections
import datetime
import decimal
import random
import struct
import unittest
import uuid

from clients.rig import DATABASE, PASSWORD, USER
from support.cluster import Cluster
from support.proxy import Parallax, rule
from support.wire import SYNC, Wire, bind, close, describe, error_fields, execute, parse, query

SCHEMA = """
CREATE TYPE kind AS ENUM ('new', 'used', 'sold');
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, small int2, big int8, flag bool, price numeric(12, 4), score float8, made timestamp,
                     seen timestamptz, day date, serial uuid, code bytea, meta jsonb, tags text[], kind kind NOT NULL, tight varchar(20));
CREATE TABLE parts (id int8 PRIMARY KEY, "thingId" int NOT NULL REFERENCES things, name text NOT NULL, "makerId" uuid);
CREATE TABLE makers (id uuid PRIMARY KEY, name text NOT NULL);
INSERT INTO makers SELECT ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid, 'maker ' || g FROM generate_series(1, 5) g;
INSERT INTO things SELECT g, 'thing ' || g, CASE WHEN g % 5 > 0 THEN g % 7 - 3 END, g * 10000000000, g % 2 = 0, g * 1.25, g / 8.0,
  timestamp '2024-02-28 12:00:00.123456' + g * interval '7 hours', timestamptz '2024-03-10 01:30:00+00' + g * interval '5 hours', date '2024-02-27' + g,
  ('10000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid, decode(md5(g::text), 'hex'), jsonb_build_object('n', g, 'list', jsonb_build_array(g, 'a')),
  ARRAY['tag' || g % 3, 'has "quote", comma', NULL], (ARRAY['new', 'used', 'sold'])[1 + g % 3]::kind, 'tight ' || g FROM generate_series(1, 20) g;
INSERT INTO parts SELECT g, 1 + g % 15, 'part ' || g, CASE WHEN g % 4 > 0 THEN ('00000000-0000-4000-8000-' || lpad((1 + g % 5)::text, 12, '0'))::uuid END
  FROM generate_series(1, 60) g;
CREATE SCHEMA tenant;
CREATE TABLE tenant.notes (id int PRIMARY KEY, body text NOT NULL);
INSERT INTO tenant.notes SELECT g, 'tenant note ' || g FROM generate_series(1, 5) g;
"""
COLUMNS = ('id', 'name', 'small', 'big', 'flag', 'price', 'score', 'made', 'seen', 'day', 'serial', 'code', 'meta', 'tags', 'tight')
EPOCH = datetime.datetime(2000, 1, 1)
UTC = datetime.timezone.utc


def numeric_bytes(value):
    """numeric_send: digits of base 10000, weight, sign, scale."""
    sign, digits, exponent = decimal.Decimal(value).as_tuple()
    whole = ''.join(map(str, digits)) + '0' * max(0, exponent)
    scale = max(0, -exponent)
    whole, fraction = (whole[:-scale], whole[-scale:]) if scale else (whole, '')
    whole = whole.rjust(len(whole) + -len(whole) % 4, '0')
    fraction = fraction.ljust(len(fraction) + -len(fraction) % 4, '0')
    groups = [int((whole + fraction)[at:at + 4]) for at in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    return struct.pack(f'!hhHh{len(groups)}h', len(groups), weight if groups else 0, 0x4000 if sign else 0, scale, *groups)


def array_bytes(oid, members):
    body = struct.pack('!iiIii', 1, int(None in members), oid, len(members), 1) if members else struct.pack('!iiI', 0, 0, oid)
    for one in members:
        body += struct.pack('!i', -1) if one is None else struct.pack('!i', len(encoded(oid, one))) + encoded(oid, one)
    return body


def microseconds(moment):
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


ENCODERS = {
    16: lambda v: struct.pack('!?', v), 17: bytes, 20: lambda v: struct.pack('!q', v), 21: lambda v: struct.pack('!h', v),
    23: lambda v: struct.pack('!i', v), 701: lambda v: struct.pack('!d', v), 1700: numeric_bytes,
    1114: lambda v: struct.pack('!q', microseconds(v)), 1184: lambda v: struct.pack('!q', microseconds(v.astimezone(UTC).replace(tzinfo=None))),
    1082: lambda v: struct.pack('!i', (v - EPOCH.date()).days), 2950: lambda v: v.bytes, 3802: lambda v: b'\1' + v.encode(),
    1009: lambda v: array_bytes(25, v), 1007: lambda v: array_bytes(23, v),
}


def encoded(oid, value):
    """In binary; texts, enums and the rest are their own bytes."""
    return None if value is None else ENCODERS.get(oid, lambda v: v.encode())(value)


class Tokio:
    """One connection. `typed`: types are in Parse; else the server is asked for them. `cached`: statements that are kept;
    none: each is closed, and every transaction begins with DEALLOCATE ALL (pgbouncer=true)."""

    def __init__(self, port, typed=None, cached=4, **parameters):
        self.wire = Wire('127.0.0.1', port)
        self.wire.login(USER, PASSWORD, DATABASE, list(parameters.items()))
        self.typed, self.cached = typed or {}, cached
        self.statements = collections.OrderedDict()
        self.made = 0

    def close(self):
        self.wire.socket.close()

    def exchange(self, *messages):
        self.wire.send(*messages, SYNC)
        read = self.wire.until_ready()
        for kind, body in read:
            if kind == b'E':
                raise RuntimeError(error_fields(body))
        return read

    def prepare(self, sql):
        name = f's{self.made}'
        self.made += 1
        read = self.exchange(parse(sql, name, self.typed.get(sql, ())), describe(b'S', name))
        types = next(body for kind, body in read if kind == b't')
        return name, struct.unpack(f'!h{len(types) // 4}I', types)[1:]

    def statement(self, sql):
        if sql in self.statements:
            self.statements.move_to_end(sql)
            return self.statements[sql]
        found = self.prepare(sql)
        if self.cached:
            self.statements[sql] = found
            while len(self.statements) > self.cached:
                self.exchange(close(b'S', self.statements.popitem(last=False)[1][0]))
        return found

    def query(self, sql, *values):
        """Rows as the bytes that they came in."""
        name, types = self.statement(sql)
        read = self.exchange(bind([encoded(oid, value) for oid, value in zip(types, values)], name=name, formats=[1], results=[1]), execute())
        if not self.cached:
            self.exchange(close(b'S', name))
        return [rows_of(body) for kind, body in read if kind == b'D']

    def simple(self, sql):
        self.wire.send(query(sql))
        return self.wire.until_ready()

    def transaction(self, *statements):
        self.simple('BEGIN')
        if not self.cached:
            self.simple('DEALLOCATE ALL')
        rows = [self.query(*one) for one in statements]
        self.simple('COMMIT')
        return rows


def rows_of(body):
    count, at, cells = struct.unpack_from('!h', body)[0], 2, []
    for _ in range(count):
        length = struct.unpack_from('!i', body, at)[0]
        cells.append(None if length < 0 else body[at + 4:at + 4 + length])
        at += 4 + max(0, length)
    return cells


def listed(names):
    return ', '.join(f'"public"."things"."{name}"' for name in names)


GET = f'SELECT {listed(COLUMNS)}, "public"."things"."kind"::text FROM "public"."things" WHERE ("public"."things"."id" = {{id}} AND 1=1) LIMIT {{take}} OFFSET {{skip}}'
GET_REWRITE = f'select {", ".join(COLUMNS)}, kind from things where things.id = :id limit 1'
# Column -> a value that some row has, and how the statement writes it.
VALUES = {
    'name': 'thing 3', 'small': 1, 'big': 70000000000, 'flag': True, 'price': '8.7500', 'score': 0.875, 'made': datetime.datetime(2024, 2, 28, 19, 0, 0, 123456),
    'seen': datetime.datetime(2024, 3, 10, 11, 30, tzinfo=UTC), 'day': datetime.date(2024, 2, 29), 'serial': uuid.UUID('10000000-0000-4000-8000-000000000004'),
    'code': bytes.fromhex('c4ca4238a0b923820dcc509a6f75849b'), 'meta': '{"list": [2, "a"], "n": 2}', 'tags': ['tag1', 'has "quote", comma', None],
    'kind': 'used', 'tight': 'tight 5',
}
OIDS = {'name': 25, 'small': 21, 'big': 20, 'flag': 16, 'price': 1700, 'score': 701, 'made': 1114, 'seen': 1184, 'day': 1082, 'serial': 2950, 'code': 17,
        'meta': 3802, 'tags': 1009, 'kind': 25, 'tight': 1043}
ROOT = 'SELECT "public"."things"."id", "public"."things"."name" FROM "public"."things" WHERE "public"."things"."flag" = {flag} AND "public"."things"."id" < {below} ORDER BY "public"."things"."id" ASC LIMIT {take} OFFSET {skip}'
PARTS = 'SELECT "public"."parts"."id", "public"."parts"."thingId", "public"."parts"."name", "public"."parts"."makerId" FROM "public"."parts" WHERE "public"."parts"."thingId" {ids} OFFSET {skip}'
MAKERS = 'SELECT "public"."makers"."id", "public"."makers"."name" FROM "public"."makers" WHERE "public"."makers"."id" {ids} OFFSET {skip}'
OPERATION = {'things': ROOT.format(flag=':flag', below=':below', take=':take', skip=0), 'parts': PARTS.format(ids='IN (:things.id)', skip=0),
             'makers': MAKERS.format(ids='IN (:parts.makerId)', skip=0)}
OPERATION_REWRITE = ('select t.id, t.name, p.id, p.name, m.name from (select * from things where flag = :flag and id < :below order by id limit :take) t'
                     ' left join parts p on p."thingId" = t.id left join makers m on m.id = p."makerId" order by t.id')
TYPES = {1: 23, 2: 20}


def predicate(column, place):
    cast = f'CAST({place}::text AS "public"."kind")' if column == 'kind' else place
    return f'SELECT "public"."things"."id" FROM "public"."things" WHERE "public"."things"."{column}" = {cast} ORDER BY "public"."things"."id" ASC OFFSET 0'


def predicate_rule(column, operator='='):
    return rule(predicate(column, ':value'), f'select id from things where things.{column} {operator} :value order by id')


def as_list(members, start=1):
    """As the classic engine writes it: each member once, no NULL, one alone by `=`."""
    distinct = list(dict.fromkeys(member for member in members if member is not None))
    places = [f'${start + number}' for number in range(len(distinct))]
    return (f'= {places[0]}' if len(places) == 1 else f'IN ({",".join(places)})'), distinct


class Classic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all postgres all trust', 'host all all all scram-sha-256'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE {DATABASE} OWNER {USER}")
        cls.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}', DATABASE)

    def started(self, rules, state='ready', **config):
        proxy = Parallax(self.cluster.url(USER, DATABASE, PASSWORD), {'sample': 1.0, 'rules': rules, **config})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        self.assertEqual({state}, set(proxy.states().values()), proxy.log_text())
        return proxy

    def connect(self, proxy, **more):
        client = Tokio(proxy.port if proxy else self.cluster.port, **more)
        self.addCleanup(client.close)
        return client

    def ends(self, metrics, name):
        return {**metrics.nonzero('verdicts_total', 'verdict', rule=name), **metrics.nonzero('skipped_total', 'reason', rule=name)}

    def test_every_type_as_a_result(self):
        sql = GET.format(id='$1', take='$2', skip='$3')
        right = self.started({'get': rule(GET.format(id=':id', take=1, skip=0), GET_REWRITE)})
        for typed in ({}, {sql: (23, 20, 20)}):
            client, direct = self.connect(right, typed=typed), self.connect(None, typed=typed)
            for number in range(1, 23):
                self.assertEqual(direct.query(sql, number, 1, 0), client.query(sql, number, 1, 0))
        self.assertEqual({'match': 44}, self.ends(right.settled(), 'get'), right.log_text()[-2000:])
        changes = {'small': 'small + 1', 'big': '-big', 'flag': 'not flag', 'price': 'price + 0.0001', 'score': "score + 1e-9", 'made': "made + interval '1 us'",
                   'seen': "seen - interval '1 us'", 'day': 'day + 1', 'serial': "md5(serial::text)::uuid", 'code': "code || '\\x00'::bytea",
                   'meta': "meta || '{\"n\": 0}'", 'tags': "array_append(tags, 'x')", 'tight': "tight || '!'", 'name': "name || ' '"}
        for column, wrong in changes.items():
            with self.subTest(column):
                columns = ', '.join(f'{wrong} as {name}' if name == column else name for name in COLUMNS)
                proxy = self.started({'get': rule(GET.format(id=':id', take=1, skip=0), f'select {columns}, kind from things where things.id = :id limit 1')})
                client = self.connect(proxy)
                for number in range(1, 5):
                    client.query(sql, number, 1, 0)
                metrics = proxy.settled()
                self.assertEqual({'mismatch': 4}, self.ends(metrics, 'get'), proxy.log_text()[-2000:])
                # varchar || text is text.
                self.assertEqual({'value'}, set(metrics.nonzero('mismatches_total', 'kind', rule='get')))
                proxy.stop()

    def test_every_type_as_a_parameter(self):
        for typed in (False, True):
            with self.subTest(typed=typed):
                right = {column: predicate_rule(column) for column in VALUES}
                proxy = self.started(right)
                client = self.connect(proxy, typed={predicate(column, '$1'): (OIDS[column],) for column in VALUES} if typed else None)
                for column, value in VALUES.items():
                    rows = client.query(predicate(column, '$1'), value)
                    self.assertGreater(len(rows), 0, column)
                    client.query(predicate(column, '$1'), None)
                metrics = proxy.settled()
                for column in VALUES:
                    self.assertEqual({'match': 2}, self.ends(metrics, column), (column, proxy.log_text()[-2000:]))
                proxy.stop()

    def test_wrong_rewrites_by_each_type_of_parameter(self):
        proxy = self.started({column: predicate_rule(column, '<>') for column in VALUES})
        client = self.connect(proxy)
        for column, value in VALUES.items():
            client.query(predicate(column, '$1'), value)
        metrics = proxy.settled()
        for column in VALUES:
            self.assertEqual({'mismatch': 1}, self.ends(metrics, column), (column, proxy.log_text()[-2000:]))

    def call(self, client, flag, below, take):
        things = client.query(ROOT.format(flag='$1', below='$2', take='$3', skip='$4'), flag, below, take, 0)
        ids = [struct.unpack('!i', row[0])[0] for row in things]
        if not ids:
            return
        text, members = as_list(ids)
        parts = client.query(PARTS.format(ids=text, skip=f'${len(members) + 1}'), *members, 0)
        text, members = as_list([row[3] and uuid.UUID(bytes=row[3]) for row in parts])
        if members:
            client.query(MAKERS.format(ids=text, skip=f'${len(members) + 1}'), *members, 0)

    def test_operations_of_several_statements(self):
        """Lists in binary, one member alone by `=`, over two connections."""
        source = random.Random(11)
        calls = [(source.random() < 0.5, source.randrange(0, 24), source.choice([1, 1, 2, 5, 20])) for _ in range(40)]
        for rewrite, wanted in ((OPERATION_REWRITE, {'match'}), (OPERATION_REWRITE.replace('left join parts p on p."thingId" = t.id', 'left join parts p on p."thingId" = t.id and p.id <> 8'),
                                                                 {'match', 'mismatch'})):
            with self.subTest(wanted=wanted):
                proxy = self.started({'things': rule(OPERATION, rewrite)})
                for cached in (100, 0):
                    client = self.connect(proxy, cached=cached)
                    for one in calls:
                        self.call(client, *one)
                metrics = proxy.settled()
                ends = self.ends(metrics, 'things')
                self.assertEqual((wanted, 80), (set(ends), sum(ends.values())), proxy.log_text()[-3000:])
                self.assertEqual(0, metrics.sum('orphan_statements_total'))
                proxy.stop()

    def test_one_parameter_that_is_an_array(self):
        legacy = 'SELECT "id", "name" FROM "things" WHERE "id" = ANY ({ids}) ORDER BY "id" OFFSET 0'
        proxy = self.started({'list': rule(legacy.format(ids=':ids'), 'select id, name from things where id = any(:ids) order by id'),
                              'wrong': rule(legacy.format(ids=':ids').replace('"name"', '"day"'), 'select id, day from things where id = any(:ids) and id <> 2 order by id')})
        client = self.connect(proxy)
        for ids in ([2], [], [1, 2, 3], [5, None, 5]):
            client.query(legacy.format(ids='$1'), ids)
            client.query(legacy.format(ids='$1').replace('"name"', '"day"'), ids)
        metrics = proxy.settled()
        self.assertEqual({'match': 4}, self.ends(metrics, 'list'), proxy.log_text()[-2000:])
        self.assertEqual({'match': 2, 'mismatch': 2}, self.ends(metrics, 'wrong'))

    def test_statements_that_are_closed_and_deallocated(self):
        """The cache holds two: names are given up and never used again. Behind PgBouncer nothing is kept at all."""
        proxy = self.started({column: predicate_rule(column) for column in VALUES})
        for cached in (2, 0):
            client = self.connect(proxy, cached=cached)
            for _ in range(2):
                client.transaction(*[(predicate(column, '$1'), value) for column, value in VALUES.items()])
        metrics = proxy.settled()
        for column in VALUES:
            self.assertEqual({'match': 4}, self.ends(metrics, column), proxy.log_text()[-2000:])
        self.assertEqual(0, metrics.sum('tap_desync_total'))

    def test_search_path_of_the_url(self):
        proxy = self.started({'notes': rule('SELECT "tenant"."notes"."id", "tenant"."notes"."body" FROM "tenant"."notes" WHERE "tenant"."notes"."id" = :id OFFSET 0',
                                            'select notes.id, notes.body from tenant.notes where notes.id = :id')})
        client = self.connect(proxy, search_path='tenant')
        self.assertEqual(1, len(client.query('SELECT "tenant"."notes"."id", "tenant"."notes"."body" FROM "tenant"."notes" WHERE "tenant"."notes"."id" = $1 OFFSET $2', 3, 0)))
        self.assertEqual({'match': 1}, self.ends(proxy.settled(), 'notes'), proxy.log_text()[-2000:])

    def test_search_path_decides_which_tables_are_meant(self):
        """The rewrite names no schema: where the session's search_path leads nowhere else, it is compared; a wrong one is found."""
        rules = {'notes': rule('SELECT "tenant"."notes"."id", "tenant"."notes"."body" FROM "tenant"."notes" WHERE "tenant"."notes"."id" = :id OFFSET 0',
                               'select id, body from notes where notes.id = :id')}
        url = self.cluster.url(USER, DATABASE, PASSWORD)
        proxy = Parallax(url, {'sample': 1.0, 'rules': rules})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        client = self.connect(proxy, search_path='tenant')
        client.query('SELECT "tenant"."notes"."id", "tenant"."notes"."body" FROM "tenant"."notes" WHERE "tenant"."notes"."id" = $1 OFFSET $2', 3, 0)
        ends = self.ends(proxy.settled(), 'notes')
        self.assertEqual(1, sum(ends.values()))
        self.assertNotIn('mismatch', ends)  # it could not be verified without the path, and nothing false is said of it

    def test_bytes_whose_type_nobody_named(self):
        """node-postgres sends a Buffer in binary, and asks for no types: verification knows what the server makes of them."""
        text = predicate('code', '$1')
        named = rule(predicate('code', ':value'), 'select id from things where things.code = :value order by id')
        for rewrite, ends in ((named, {'match': 2}), ({**named, 'rewrite': named['rewrite'].replace('=', '<>')}, {'mismatch': 2})):
            proxy = self.started({'code': rewrite})
            with Wire('127.0.0.1', proxy.port) as client:
                client.login(USER, PASSWORD, DATABASE)
                for value in (VALUES['code'], b'\0\xff'):
                    client.send(parse(text), bind([value], formats=[1]), describe(b'P'), execute(), SYNC)
                    client.until_ready()
            self.assertEqual(ends, self.ends(proxy.settled(), 'code'), proxy.log_text()[-2000:])
            proxy.stop()

    def test_bytes_of_several_types_are_not_guessed(self):
        sql = 'SELECT id FROM things WHERE (code = {0} OR name = {1}) OFFSET 0'
        proxy = self.started({'both': rule(sql.format(':value', ':value'), 'select id from things where code = :value')})
        with Wire('127.0.0.1', proxy.port) as client:
            client.login(USER, PASSWORD, DATABASE)
            client.send(parse(sql.format('$1', '$2')), bind([b'thing 3', b'thing 3'], formats=[1]), execute(), SYNC)
            client.until_ready()
        self.assertEqual({'context': 1}, self.ends(proxy.settled(), 'both'))


if __name__ == '__main__':
    unittest.main()
