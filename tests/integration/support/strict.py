"""What the tests of strict mode share: tables, rules, and sessions on the wire, direct and through Parallax."""
import unittest

from support import wire
from support.cluster import Cluster
from support.proxy import Parallax, rule

MISMATCH, UNCOMPARED, TIMEOUT = 'PLX01', 'PLX02', 'PLX03'

SCHEMA = """
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, size int);
INSERT INTO things SELECT i, 'thing ' || i, i * 10 FROM generate_series(1, 50) i;
CREATE TABLE parts (id int PRIMARY KEY, thing int NOT NULL, name text);
INSERT INTO parts SELECT i, i % 10, 'part ' || i FROM generate_series(1, 40) i;
ANALYZE;
"""

RIGHT = 'SELECT "id", "name" FROM "things" WHERE "id" = :id'
RULES = {
    'right': rule(RIGHT, 'select "things"."id", "things"."name" from "things" where "things"."id" = :id'),
    # Wrong for id 7 alone.
    'wrong': rule('SELECT "id", "name", "size" FROM "things" WHERE "id" = :id',
                  'select "id", "name", case when "id" = 7 then 71 else "size" end as "size" from "things" where "id" = :id',
                  columns={'size': 'case when "id" = 7 then 71 else "size" end'}),
    'fails': rule('SELECT "size", "id" FROM "things" WHERE "id" = :id', 'select 10 / ("id" - "id") + "size", "id" from "things" where "id" = :id',
                  columns={'size': '10 / ("id" - "id") + "size"'}),
    'count': rule('SELECT count(*) FROM "things" WHERE "size" > :above', 'select count(*) from "things" where "size" > :above'),
}


def kinds(messages):
    return ''.join(kind.decode() for kind, _ in messages)


class StrictCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(SCHEMA)

    def started(self, rules=None, **config):
        proxy = Parallax(self.cluster.url(), {'mode': 'strict', 'sample': 0.01, 'rules': rules or RULES, **config})
        self.addCleanup(proxy.stop)
        return proxy

    def counted(self, proxy, family, rule, label):
        metrics = proxy.settled()
        return {labels[label]: int(value) for labels, value in metrics.series(family) if labels['rule'] == rule and value}

    def verdicts(self, proxy, rule):
        return self.counted(proxy, 'verdicts_total', rule, 'verdict')

    def skipped(self, proxy, rule):
        return self.counted(proxy, 'skipped_total', rule, 'reason')

    def session(self, proxy=None):
        session = wire.Wire(*(('127.0.0.1', proxy.port) if proxy else ('127.0.0.1', self.cluster.port)))
        self.addCleanup(session.__exit__, None, None, None)
        session.start()
        return session

    def talk(self, session, *parts, ready=1):
        session.send(*parts)
        return session.until_ready(ready)

    def extended(self, sql, *values, sync=True):
        return b''.join([wire.parse(sql), wire.bind([str(value).encode() for value in values]), wire.describe(b'P'), wire.execute(),
                         wire.SYNC if sync else b''])

    def statements(self):
        """By rule: the legacy statement as a driver sends it."""
        return {name: one['legacy'].replace(':id', '$1').replace(':above', '$1') for name, one in RULES.items()}

    def error(self, messages, at=None):
        found = [body for kind, body in messages if kind == b'E']
        self.assertEqual(1, len(found), messages)
        return wire.error_fields(found[0])
