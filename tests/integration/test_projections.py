#!/usr/bin/python3
"""Rows in JSON columns (`compare: {json: …}`) and a SELECT over the rewrite (`compare: {select: …}`): right rewrites match, and
each wrong one is found as what it is. Rewrites are written as Drizzle's relational queries are, legacy as Prisma writes it with
and without relationJoins; tests/e2e has the ORMs themselves."""
import json
import pathlib
import random
import subprocess
import tempfile
import threading
import unittest

import psycopg

from support.cluster import Cluster
from support.proxy import BINARY, PATIENCE, SANITIZED, Parallax, rule

SCHEMA = r"""
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN price AS numeric(12,2);
CREATE TABLE orgs (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE makers (id text PRIMARY KEY, name text);
CREATE TABLE machines (id text PRIMARY KEY, "orgId" int NOT NULL REFERENCES orgs, "makerId" text REFERENCES makers, name text NOT NULL, plays bigint,
  price price, score float8, ratio real, tags text[], grid int[], settings jsonb, raw json, qr bytea, mood mood, active bool, created timestamptz(6),
  updated timestamp(3), bought date, opens time, serial uuid, address inet, every interval, span int4range, code char(4));
CREATE TABLE notes (id int PRIMARY KEY, "orgId" int NOT NULL REFERENCES orgs, body text);
INSERT INTO orgs SELECT g, 'org ' || g FROM generate_series(1, 12) g;
INSERT INTO makers VALUES ('k1', 'Maker "one"'), ('k2', NULL), ('k3', E'tab\tand \\ ünï 😀');
INSERT INTO machines SELECT 'm' || g, 1 + g % 10, CASE WHEN g % 4 > 0 THEN 'k' || g % 4 END, 'machine ' || g % 7, CASE WHEN g % 5 > 0 THEN g * 1000003 END,
  g * 1.13, g / 3.0::float8, g / 3.0, CASE g % 3 WHEN 0 THEN ARRAY['a', 'has "quote", comma', NULL, ''] WHEN 1 THEN '{}'::text[] END, ARRAY[[g, 2], [3, 4]],
  CASE g % 4 WHEN 0 THEN '{"b": [1, 2.50], "a": null}'::jsonb WHEN 1 THEN 'null'::jsonb WHEN 2 THEN '"text"'::jsonb END, '{"z": 1,  "a": "\u00e9"}',
  decode(md5(g::text), 'hex'), CASE WHEN g % 2 = 0 THEN 'glad'::mood END, g % 3 = 0, '2024-02-03 11:05:06.789012+00'::timestamptz + g * interval '13 hours',
  '2024-02-03 11:05:06.5'::timestamp + g * interval '1 day', '2024-02-28'::date + g, '10:00'::time + g * interval '1 second',
  ('00000000-0000-4000-8000-' || lpad(g::text, 12, '0'))::uuid, '10.0.0.1', g * interval '1 day 02:03:04.5', int4range(g, g + 5), 'x' || g % 10
  FROM generate_series(1, 60) g;
INSERT INTO machines (id, "orgId", name, created, updated, bought, score, price) VALUES
  ('inf', 3, 'ends', 'infinity', '-infinity', 'infinity', 'NaN', 'NaN'), ('bc', 3, 'old', '0044-03-15 BC', '0044-03-15 12:00 BC', '0044-03-15 BC', 1e21, 0);
INSERT INTO notes SELECT g, 1 + g % 6, 'note ' || g % 3 FROM generate_series(1, 20) g;
INSERT INTO orgs VALUES (77, 'exact');
INSERT INTO machines (id, "orgId", name, plays) VALUES ('big', 77, 'big', 9007199254740993);
"""
COLUMNS = ('id', 'orgId', 'makerId', 'name', 'plays', 'price', 'score', 'ratio', 'tags', 'grid', 'settings', 'raw', 'qr', 'mood', 'active', 'created',
           'updated', 'bought', 'opens', 'serial', 'address', 'every', 'span', 'code')
MAKER = '{"maker": ["id", "name"]}'
PROJECTION = {'machines': {'each': [*COLUMNS, {'maker': ['id', 'name']}]}, 'notes': {'each': ['id', 'body']}}


def statements(variant):
    """One call's legacy: machines of each org with their maker, and notes. The variant is a pin: each rule has its own root."""
    columns = ', '.join(f'"m"."{column}"' for column in COLUMNS)
    return {
        'org': f'SELECT "o"."id", "o"."name" FROM "orgs" AS "o" WHERE "o"."id" >= :from AND "o"."name" <> \'{variant}\' ORDER BY "o"."id" ASC LIMIT :take OFFSET 0',
        'machines': f'SELECT {columns} FROM "machines" AS "m" WHERE "m"."orgId" IN (:org.id) ORDER BY "m"."name" ASC, "m"."id" ASC OFFSET 0',
        'maker': 'SELECT "k"."id", "k"."name" FROM "makers" AS "k" WHERE "k"."id" IN (:machines.makerId) OFFSET 0',
        'notes': 'SELECT "n"."id", "n"."orgId", "n"."body" FROM "notes" AS "n" WHERE "n"."orgId" IN (:org.id) OFFSET 0',
    }


def relational(variant):
    """The same as Drizzle writes it: children as positional JSON arrays."""
    columns = ', '.join(f'"orgs_machines"."{column}"' for column in COLUMNS)
    return (
        'select "orgs"."id", "orgs"."name", "orgs_machines"."data" as "machines", "orgs_notes"."data" as "notes" from "orgs" "orgs"'
        f' left join lateral (select coalesce(json_agg(json_build_array({columns}, "orgs_machines_maker"."data")'
        ' order by "orgs_machines"."name" asc, "orgs_machines"."id" asc), \'[]\'::json) as "data" from "machines" "orgs_machines"'
        ' left join lateral (select json_build_array("orgs_machines_maker"."id", "orgs_machines_maker"."name") as "data" from'
        ' (select * from "makers" "orgs_machines_maker" where "orgs_machines_maker"."id" = "orgs_machines"."makerId" limit 1) "orgs_machines_maker")'
        ' "orgs_machines_maker" on true where "orgs_machines"."orgId" = "orgs"."id") "orgs_machines" on true'
        ' left join lateral (select coalesce(json_agg(json_build_array("orgs_notes"."id", "orgs_notes"."body")), \'[]\'::json) as "data" from "notes" "orgs_notes"'
        ' where "orgs_notes"."orgId" = "orgs"."id") "orgs_notes" on true'
        f' where "orgs"."id" >= :from and "orgs"."name" <> \'{variant}\' order by "orgs"."id" asc limit :take')


def objects(variant, build='json_build_object', aggregate='json_agg'):
    """The same with objects, as Prisma's relationJoins have them."""
    columns = ', '.join(f"'{column}', \"m\".\"{column}\"" for column in COLUMNS)
    return (
        'select "o"."id", "o"."name", "machines"."data" as "machines", "notes"."data" as "notes" from "orgs" as "o"'
        f' left join lateral (select coalesce({aggregate}({build}({columns}, \'maker\', (select {build}(\'name\', "k"."name", \'id\', "k"."id") from "makers" as "k"'
        f' where "k"."id" = "m"."makerId")) order by "m"."name", "m"."id"), \'[]\') as "data" from "machines" as "m" where "m"."orgId" = "o"."id") as "machines" on true'
        f' left join lateral (select coalesce({aggregate}({build}(\'id\', "n"."id", \'body\', "n"."body")), \'[]\') as "data" from "notes" as "n"'
        f' where "n"."orgId" = "o"."id") as "notes" on true where "o"."id" >= :from and "o"."name" <> \'{variant}\' order by "o"."id" limit :take')


def replaced(text, *changes):
    for old, new in changes:
        if old not in text:
            raise AssertionError(f'{old} is not in {text}')
        text = text.replace(old, new)
    return text


def column(name):
    return f'"orgs_machines"."{name}"'


# Name -> (changes of relational(), the first kind, part of the detail).
WRONG = {
    'no machine of one name': ([('where "orgs_machines"."orgId"', 'where "orgs_machines"."name" <> \'machine 3\' and "orgs_machines"."orgId"')], 'missing_row', 'missing'),
    'machines of all orgs': ([('where "orgs_machines"."orgId" = "orgs"."id"', 'where true')], None, 'extra'),
    'limit of the root': ([('limit :take', 'limit least(:take, 3)')], 'missing_row', 'missing'),
    'limit of children': ([('from "notes" "orgs_notes"', 'from (select * from "notes" order by "id" limit 15) "orgs_notes"')], 'missing_row', 'missing'),
    'swapped places': ([(f'{column("id")}, {column("orgId")}, {column("makerId")}, {column("name")}', f'{column("name")}, {column("orgId")}, {column("makerId")}, {column("id")}')],
                       'missing_row', 'missing'),
    'swapped values': ([(f'{column("created")}, {column("updated")}', f'{column("updated")}, {column("created")}')], 'value', 'machines.created'),
    'a value left out': ([(f'{column("mood")}, ', '')], 'column_count', 'has 24 values, the projection has 25'),
    'children in another order': ([('order by "orgs_machines"."name" asc', 'order by "orgs_machines"."name" desc')], 'order', 'another order'),
    'orgs in another order': ([('order by "orgs"."id" asc', 'order by "orgs"."id" desc')], 'order', None),
    'NULL for no children': ([('from "notes" "orgs_notes"', 'from "notes" "orgs_notes"'), ("coalesce(json_agg(json_build_array(\"orgs_notes\".\"id\", \"orgs_notes\".\"body\")), '[]'::json)",
                              'json_agg(json_build_array("orgs_notes"."id", "orgs_notes"."body"))')], 'null', 'notes[]'),
    'a child of NULLs for none': ([('"orgs_machines_maker"."data")', 'coalesce("orgs_machines_maker"."data", \'[null, null]\'))')], 'null', 'maker{}'),
    'no child for one': ([('= "orgs_machines"."makerId" limit', '= nullif("orgs_machines"."makerId", \'k2\') limit')], 'missing_row', None),
    'another child': ([('"orgs_machines_maker"."id" = "orgs_machines"."makerId" limit', '"orgs_machines_maker"."id" <= "orgs_machines"."makerId" limit')], 'missing_row', None),
    'without its time zone': ([(f'{column("created")}, ', f'{column("created")}::timestamp, ')], 'value', 'machines.created'),
    'with a time zone': ([(f'{column("updated")}, ', f'{column("updated")}::timestamptz, ')], 'value', 'machines.updated'),
    'without its time': ([(f'{column("created")}, ', f'{column("created")}::date, ')], 'value', 'machines.created'),
    'a bool as text': ([(f'{column("active")}, ', f'{column("active")}::text, ')], 'column_type', 'machines.active": a string against bool'),
    'a text as number': ([(f'{column("code")}, ', f'length({column("code")}), ')], 'column_type', 'a number against'),
    'NULL as empty text': ([('"orgs_machines_maker"."name")', 'coalesce("orgs_machines_maker"."name", \'\'))')], 'null', 'maker.name'),
    'array elements': ([(f'{column("tags")}, ', f'array_remove({column("tags")}, \'\'), ')], 'value', 'machines.tags'),
    'json inside': ([(f'{column("settings")}, ', f'jsonb_strip_nulls({column("settings")}), ')], None, 'machines.settings'),
    'an object for an array': ([('coalesce(json_agg(json_build_array("orgs_notes"."id", "orgs_notes"."body")), \'[]\'::json)',
                                 'coalesce(json_agg(json_build_array("orgs_notes"."id", "orgs_notes"."body"))->0, \'[]\'::json)')], 'column_count', 'notes'),
    'rounded': ([(f'{column("price")}, ', f'round({column("price")}, 1), ')], 'value', 'machines.price'),
}


class Projections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(hba=['host all all 127.0.0.1/32 trust'])
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(SCHEMA)
        cls.url = cls.cluster.url() + '?sslmode=disable'

    def started(self, rules, states=('ready',), **config):
        proxy = Parallax(self.url, {'sample': 1.0, 'rules': rules, 'log': {'level': 'debug'}, **config})
        self.addCleanup(proxy.stop)
        proxy.wait_verified()
        self.assertEqual(set(states), set(proxy.states().values()), proxy.log_text())
        return proxy

    def connect(self, proxy, **more):
        connection = psycopg.connect(proxy.url(), autocommit=True, **more)
        self.addCleanup(connection.close)
        return connection

    def call(self, connection, variant, first, take, binary=False):
        """As an application calls: the root, then its children with the lists that its rows give."""
        def run(name, *values):
            sql = statements(variant)[name]
            for placeholder, value in values:
                sql = sql.replace(placeholder, value)
            result = connection.execute(sql, binary=binary).pgresult
            return [[result.get_value(row, place) for place in range(result.nfields)] for row in range(result.ntuples)]

        def text(cell):
            if cell is None:
                return 'NULL'
            return str(int.from_bytes(cell, 'big')) if binary and len(cell) == 4 else "'" + cell.decode() + "'"

        def members(rows, place):
            return ', '.join(text(row[place]) for row in rows) or 'NULL'
        orgs = run('org', (':from', str(first)), (':take', str(take)))
        machines = run('machines', (':org.id', members(orgs, 0)))
        run('maker', (':machines.makerId', members(machines, 2)))
        run('notes', (':org.id', members(orgs, 0)))

    def ends(self, proxy, name):
        metrics = proxy.settled()
        return {**metrics.nonzero('verdicts_total', 'verdict', rule=name), **metrics.nonzero('skipped_total', 'reason', rule=name)}

    def details(self, proxy, name):
        return [line for line in proxy.log_text().splitlines() if f'rule="{name}"' in line or f'rule={name} ' in line]

    def test_rewrites_in_json_match(self):
        """Positional arrays and objects, json and jsonb, against statements that are linked; every type."""
        rules = {
            'arrays': rule(statements('arrays'), relational('arrays'), compare={'json': PROJECTION}),
            'jsonb': rule(statements('jsonb'), replaced(relational('jsonb'), ('json_', 'jsonb_'), ('::json)', '::jsonb)')), compare={'json': PROJECTION}),
            'objects': rule(statements('objects'), objects('objects'), compare={'json': PROJECTION}),
            'jsonb objects': rule(statements('jsonb objects'), objects('jsonb objects', 'jsonb_build_object', 'jsonb_agg'), compare={'json': PROJECTION}),
        }
        proxy = self.started(rules)
        connection = self.connect(proxy)
        for name in rules:
            for first, take in ((1, 5), (1, 12), (3, 1), (11, 2), (500, 5)):
                self.call(connection, name, first, take)
        for name in rules:
            self.assertEqual({'match': 5}, self.ends(proxy, name), proxy.log_text()[-4000:])
        self.assertGreater(proxy.metrics().sum('equalized_total', rule='arrays', step='json_rows'), 3)

    def test_the_session_decides_how_texts_are_written(self):
        proxy = self.started({'a': rule(statements('a'), relational('a'), compare={'json': PROJECTION})})
        for settings in ('-c TimeZone=America/New_York', '-c TimeZone=Asia/Kolkata -c bytea_output=escape', '-c IntervalStyle=iso_8601'):
            with self.subTest(settings=settings):
                connection = self.connect(proxy, options=settings)
                before = self.ends(proxy, 'a').get('match', 0)
                self.call(connection, 'a', 1, 8)
                self.assertEqual({'match': before + 1}, self.ends(proxy, 'a'), proxy.log_text()[-3000:])
        # JSON has its dates as ISO has them: these cannot be compared, and are no mismatch.
        self.call(self.connect(proxy, options='-c DateStyle=German'), 'a', 1, 8)
        self.assertEqual({'match': before + 1, 'context': 1}, self.ends(proxy, 'a'))

    def test_a_client_that_reads_binary(self):
        proxy = self.started({'a': rule(statements('a'), relational('a'), compare={'json': PROJECTION})})
        self.call(self.connect(proxy), 'a', 4, 6, binary=True)
        self.assertEqual({'match': 1}, self.ends(proxy, 'a'), proxy.log_text()[-3000:])

    def test_each_wrong_rewrite_is_found(self):
        rules = {name: rule(statements(name), replaced(relational(name), *changes), compare={'json': PROJECTION}) for name, (changes, _, _) in WRONG.items()}
        proxy = self.started(rules)
        connection = self.connect(proxy)
        for name in rules:
            self.call(connection, name, 1, 20)
        for name, (_, kind, detail) in WRONG.items():
            with self.subTest(wrong=name):
                self.assertEqual({'mismatch': 1}, self.ends(proxy, name), self.details(proxy, name))
                found = proxy.metrics().nonzero('mismatches_total', 'kind', rule=name)
                if kind:
                    self.assertEqual({kind: 1}, found, self.details(proxy, name))
                if detail:
                    self.assertTrue(any(detail in line.replace('\\"', '"') for line in self.details(proxy, name)), self.details(proxy, name))

    def test_a_bigint_that_javascript_reads_as_another(self):
        rules = {
            'number': rule(statements('number'), relational('number'), compare={'json': PROJECTION}),
            'text': rule(statements('text'), replaced(relational('text'), (f'{column("plays")}, ', f'{column("plays")}::text, ')), compare={'json': PROJECTION}),
            'wanted': rule(statements('wanted'), relational('wanted'), compare={'json': PROJECTION},
                           expect=[{'kinds': ['json_hazard'], 'until': '2999-12-31', 'why': 'known'}]),
            'more': rule(statements('more'), replaced(relational('more'), (f'{column("name")}, ', f'upper({column("name")}), ')), compare={'json': PROJECTION},
                         expect=[{'kinds': ['value', 'missing_row', 'extra_row'], 'until': '2999-12-31', 'why': 'known'}]),
        }
        proxy = self.started(rules)
        connection = self.connect(proxy)
        for name in rules:
            self.call(connection, name, 77, 1)
        self.assertEqual({'json_hazard': 1}, proxy.settled().nonzero('mismatches_total', 'kind', rule='number'))
        self.assertIn('machines.plays', proxy.log_text())
        self.assertEqual({'match': 1}, self.ends(proxy, 'text'))
        self.assertEqual({'expected': 1}, self.ends(proxy, 'wanted'))
        # The hazard is a finding of its own, which nobody expects.
        self.assertEqual({'mismatch': 1}, self.ends(proxy, 'more'))

    def test_one_statement_with_json_against_arrays_and_joins(self):
        """Prisma's relationJoins: JSON on legacy's side, or on both."""
        legacy = replaced(objects('{v}', 'jsonb_build_object', 'jsonb_agg'), ("'plays', \"m\".\"plays\"", "'plays', \"m\".\"plays\"::text"))
        flat = ('select "orgs"."id", "orgs"."name", "machines"."id", "machines"."plays", "machines"."created", "makers"."id", "makers"."name" from "orgs"'
                ' left join "machines" on "machines"."orgId" = "orgs"."id" left join "makers" on "makers"."id" = "machines"."makerId"'
                ' where "orgs"."id" >= :from and "orgs"."name" <> \'{v}\' order by "orgs"."id" limit 1000')
        narrow = ('select "o"."id", "o"."name", "machines"."data" as "machines" from "orgs" as "o" left join lateral (select coalesce(jsonb_agg(jsonb_build_object('
                  '\'id\', "m"."id", \'plays\', "m"."plays"::text, \'created\', "m"."created", \'maker\', (select jsonb_build_object(\'id\', "k"."id", \'name\', "k"."name")'
                  ' from "makers" as "k" where "k"."id" = "m"."makerId"))), \'[]\') as "data" from "machines" as "m" where "m"."orgId" = "o"."id") as "machines" on true'
                  ' where "o"."id" >= :from and "o"."name" <> \'{v}\' order by "o"."id" limit 1000')
        joined = {'machines': {'each': ['id', 'plays', 'created', {'maker': {'of': 'makers', 'one': ['id', 'name']}}]}}

        def both(name, change=lambda text: text):
            return rule(legacy.replace('{v}', name), change(relational(name)), compare={'json': PROJECTION})

        def join(name, change=lambda text: text):
            return rule(narrow.replace('{v}', name), change(flat.replace('{v}', name)), compare={'json': joined})
        rules = {
            'both': both('both'),
            'both, less': both('both, less', lambda text: replaced(text, ('where "orgs_notes"."orgId"', 'where "orgs_notes"."id" <> 3 and "orgs_notes"."orgId"'))),
            'both, no zone': both('both, no zone', lambda text: replaced(text, (f'{column("created")}, ', f'{column("created")}::timestamp, '))),
            'both, null': both('both, null', lambda text: replaced(text, ("\"orgs_notes\".\"body\")), '[]'::json)", "\"orgs_notes\".\"body\")), 'null'::json)"))),
            'join': join('join'),
            'join, other plays': join('join, other plays', lambda text: replaced(text, ('"machines"."plays"', 'coalesce("machines"."plays", 0) + 1 as "plays"'))),
            'join, inner': join('join, inner', lambda text: replaced(text, ('left join "machines"', 'inner join "machines"'))),
        }
        proxy = self.started(rules)
        for binary in (False, True):
            connection = self.connect(proxy)
            for name in rules:
                sql = (narrow if name.startswith('join') else legacy).replace('{v}', name).replace(':from', '1').replace(':take', '50')
                connection.execute(sql, binary=binary).fetchall()
        expected = {'both': {'json_hazard': 2}, 'both, less': {'missing_row': 2}, 'both, no zone': {'value': 2}, 'both, null': {'null': 2}, 'join': {},
                    'join, other plays': {'null': 2}, 'join, inner': {'missing_row': 2}}
        metrics = proxy.settled()
        for name, kinds in expected.items():
            with self.subTest(rule=name):
                self.assertEqual(kinds, metrics.nonzero('mismatches_total', 'kind', rule=name), self.details(proxy, name))
                self.assertEqual({'mismatch' if kinds else 'match': 2}, self.ends(proxy, name), self.details(proxy, name))

    def test_the_order_inside_legacys_json_is_not_proven(self):
        """Nothing says whether it means something: a match by `order_unproven`, unless the rule asks for more."""
        def made(name, **compare):
            rewrite = replaced(relational(name), ('order by "orgs_machines"."name" asc', 'order by "orgs_machines"."name" desc'))
            return rule(objects(name), rewrite, compare={'json': PROJECTION, **compare})
        rules = {'auto': made('auto'), 'treat': made('treat', treat={'order_unproven': 'mismatch'}), 'strict': made('strict', order='strict')}
        proxy = self.started(rules)
        connection = self.connect(proxy)
        for name in rules:
            connection.execute(objects(name).replace(':from', '1').replace(':take', '12'))
        metrics = proxy.settled()
        self.assertEqual({'order_unproven': 1}, {step: count for step, count in metrics.nonzero('equalized_total', 'step', rule='auto').items() if 'order' in step})
        for name in ('treat', 'strict'):
            self.assertEqual({'order': 1}, metrics.nonzero('mismatches_total', 'kind', rule=name), self.details(proxy, name))

    def test_a_join_of_legacy_against_json(self):
        legacy = ('SELECT o.id, o.name, m.id AS "machineId", m.created AS "created" FROM orgs o LEFT JOIN machines m ON m."orgId" = o.id WHERE o.id >= :from'
                  ' AND o.name <> \'{v}\' ORDER BY o.id LIMIT 1000')
        rewrite = ('select o.id, o.name, (select {list} from machines m where m."orgId" = o.id) as machines from orgs o where o.id >= :from'
                   ' and o.name <> \'{v}\' order by o.id limit 1000')
        lists = {'right': "coalesce(json_agg(json_build_object('id', m.id, 'created', m.created)), '[]')", 'null': "json_agg(json_build_object('id', m.id, 'created', m.created))",
                 'less': "coalesce(json_agg(json_build_object('id', m.id, 'created', m.created)) filter (where m.id <> 'm9'), '[]')",
                 'more keys': "coalesce(json_agg(json_build_object('id', m.id, 'created', m.created, 'x', 1)), '[]')",
                 'other key': "coalesce(json_agg(json_build_object('id', m.id, 'createdAt', m.created)), '[]')"}
        compare = {'json': {'machines': {'each': [{'id': 'machineId'}, 'created']}}}
        rules = {name: rule(legacy.replace('{v}', name), rewrite.replace('{v}', name).replace('{list}', text), compare=compare) for name, text in lists.items()}
        proxy = self.started(rules)
        connection = self.connect(proxy)
        for name in rules:
            connection.execute(legacy.replace('{v}', name).replace(':from', '1'))
        found = {name: proxy.settled().nonzero('mismatches_total', 'kind', rule=name) for name in rules}
        self.assertEqual({'right': {}, 'null': {'column_count': 1}, 'less': {'missing_row': 1}, 'more keys': {'column_count': 1}, 'other key': {'column_count': 1}}, found,
                         proxy.log_text()[-3000:])
        self.assertEqual({'match': 1}, self.ends(proxy, 'right'))

    def test_the_rewrite_as_the_live_side(self):
        """The application sends the relational query: its JSON is read in the same way, and legacy is made again."""
        rules = {
            'right': rule(statements('right'), relational('right'), compare={'json': PROJECTION}),
            'wrong': rule(statements('wrong'), replaced(relational('wrong'), ('where "orgs_notes"."orgId"', 'where "orgs_notes"."id" <> 3 and "orgs_notes"."orgId"')),
                          compare={'json': PROJECTION}),
            'shape': rule(statements('shape'), replaced(relational('shape'), ('"orgs_notes"."id", "orgs_notes"."body"', '"orgs_notes"."id"')), compare={'json': PROJECTION}),
        }
        proxy = self.started(rules)
        for binary in (False, True):
            connection = self.connect(proxy)
            for name in rules:
                connection.execute(rules[name]['rewrite'].replace(':from', '1').replace(':take', '12'), binary=binary)
        self.assertEqual({'match': 2}, self.ends(proxy, 'right'), self.details(proxy, 'right'))
        metrics = proxy.settled()
        self.assertEqual({'missing_row': 2}, metrics.nonzero('mismatches_total', 'kind', rule='wrong'), self.details(proxy, 'wrong'))
        self.assertEqual({'column_count': 2}, metrics.nonzero('mismatches_total', 'kind', rule='shape'), self.details(proxy, 'shape'))
        self.assertEqual(2, metrics.sum('rule_statements_total', rule='right', side='rewrite'))

    def test_select_over_the_rewrite(self):
        legacy = 'SELECT m.id, m.plays, m.created FROM machines m WHERE m."orgId" = :org AND m.name <> \'{v}\' ORDER BY m.id'
        rewrite = 'select coalesce(json_agg(m order by m.id), \'[]\') as data from machines m where m."orgId" = :org and m.name <> \'{v}\'; -- all of it'
        select = ('select one->>\'id\' as id, (one->>\'plays\')::bigint as plays, (one->>\'created\')::timestamptz as created from rewrite,'
                  ' json_array_elements(rewrite.data) as one')
        rules = {name: rule(legacy.replace('{v}', name), rewrite.replace('{v}', name), columns={'id': 'id', 'plays': 'plays', 'created': 'created'}, compare={'select': text})
                 for name, text in {'right': select, 'wrong': select + " where one->>'id' <> 'm9'"}.items()}
        proxy = self.started(rules)
        connection = self.connect(proxy)
        for name in rules:
            connection.execute(legacy.replace('{v}', name).replace(':org', '10'))
        # The client may send the rewrite, too; what it got is then not what the SELECT gives.
        connection.execute(rewrite.replace('{v}', 'right').replace(':org', '10'))
        self.assertEqual({'match': 2}, self.ends(proxy, 'right'), proxy.log_text()[-3000:])
        self.assertEqual({'missing_row': 1}, proxy.metrics().nonzero('mismatches_total', 'kind', rule='wrong'))

    def test_too_large(self):
        """Neither side has rows over the limit, what is read out of JSON has; or the JSON itself."""
        legacy = 'SELECT count(*) AS n, jsonb_agg(jsonb_build_array(g)) AS numbers FROM generate_series(1, :to) g WHERE g <> {v}'
        rewrite = 'select count(*) as n, json_agg(json_build_array(g)) as numbers from generate_series(1, :to) g where g <> {v}'
        rules = {'numbers': rule(legacy.replace('{v}', '-1'), rewrite.replace('{v}', '-1'), compare={'json': {'numbers': {'each': ['g']}}}, columns={'n': 'n'})}
        proxy = self.started(rules, shadow={'capture': {'max_bytes': '64KiB'}})
        connection = self.connect(proxy)
        for to in (10, 2000, 50_000):
            connection.execute(legacy.replace('{v}', '-1').replace(':to', str(to))).fetchall()
        self.assertEqual({'match': 1, 'too_large': 2}, self.ends(proxy, 'numbers'), proxy.log_text()[-3000:])

    def test_while_writers_change_parents_and_children(self):
        proxy = self.started({'a': rule(statements('a'), relational('a'), compare={'json': PROJECTION})},
                             shadow={'queue': {'max_jobs': 100_000, 'max_bytes': '256MiB'}})
        stop = threading.Event()

        def write(seed):
            source = random.Random(seed)
            with psycopg.connect(self.url, autocommit=True) as connection:
                while not stop.is_set():
                    name, number, org = f'written {source.randrange(20)}', source.randrange(60), source.randrange(1, 11)
                    connection.execute('UPDATE machines SET name = %s, "orgId" = %s, "makerId" = %s WHERE id = %s', (name, org, source.choice(['k1', 'k2', None]), f'm{number}'))
                    connection.execute('DELETE FROM notes WHERE id = %s', (number,))
                    connection.execute('INSERT INTO notes VALUES (%s, %s, %s) ON CONFLICT DO NOTHING', (number, org, name))
        writers = [threading.Thread(target=write, args=(seed,)) for seed in range(2)]
        for writer in writers:
            writer.start()
        try:
            connection = self.connect(proxy)
            for _ in range(40 if SANITIZED else 150):
                self.call(connection, 'a', 1, 8)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        metrics = proxy.settled(60)
        self.assertEqual({}, metrics.nonzero('mismatches_total', 'kind', rule='a'), proxy.log_text()[-3000:])
        self.assertEqual(0, metrics.sum('verdicts_total', rule='a', verdict='rewrite_error'))
        self.assertGreater(metrics.sum('verdicts_total', rule='a'), 0)

    def test_what_the_server_must_say_is_broken(self):
        def projected(**json_columns):
            return {'json': {**PROJECTION, **json_columns}}
        short = {'machines': {'each': [*COLUMNS[:-1], {'maker': ['id', 'name']}]}, 'notes': {'each': ['id', 'body']}}
        rules = {
            'no column': (statements('no column'), relational('no column'), projected(more=['id'])),
            'no such value': (statements('no such value'), relational('no such value'), projected(notes={'each': ['id', 'text']})),
            'not JSON': (statements('not JSON'), replaced(relational('not JSON'), ('"orgs_notes"."data" as', '"orgs_notes"."data"::text as')), projected()),
            'ready': (statements('ready'), relational('ready'), projected()),
            'a column without a pair': (statements('a column without a pair'), relational('a column without a pair'), {'json': short}),
        }
        rules['no column'][2]['json'].pop('more')
        rules['no column'] = (rules['no column'][0], replaced(rules['no column'][1], ('as "notes"', 'as "remarks"')), rules['no column'][2])
        config = {'listen': '127.0.0.1:0', 'upstream': self.url, 'rules': {name: rule(legacy, rewrite, compare=compare) for name, (legacy, rewrite, compare) in rules.items()}}
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / 'parallax.yaml'
            path.write_text(json.dumps(config, indent=1))
            done = subprocess.run([BINARY, 'check', '-c', path, '--online'], capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        for reason in ('names "notes", which the rewrite does not have', 'legacy has no column "notes.text"', '"notes" of the rewrite is text', '"machines.code" has no pair'):
            self.assertIn(reason, done.stdout)
        self.assertEqual(4, done.stdout.count('broken      '), done.stdout)
        for pair in (r'machines\.created +-> machines\.created +named +timestamptz\n', r'maker\.name +-> machines\.maker\.name +named +text\n',
                     r'notes\[\] +-> notes\[\] +named +bool\n', r'org\.id +-> id +same column +int4\n'):
            self.assertRegex(done.stdout, pair)


if __name__ == '__main__':
    unittest.main()
