#!/usr/bin/python3
"""A shadow that sees other data than the clients is told as such: every comparison is a race, a hundred in a row make the
rule `context_drift`, and it is ready again by itself once both see the same."""
import unittest

import psycopg

from support.cluster import Cluster
from support.proxy import Parallax, rule, wait_for

SCHEMA = """
CREATE TABLE thing (id int PRIMARY KEY, kind text NOT NULL);
INSERT INTO thing SELECT g, CASE WHEN g % 2 = 0 THEN 'plain' ELSE 'fancy' END FROM generate_series(1, 20) g;
"""
RULES = {'things.ofKind': rule('SELECT id FROM thing WHERE kind = :kind', 'select "id" from "thing" where "kind" = :kind order by "id"')}
SQL = 'SELECT id FROM thing WHERE kind = %s'
DRIFT_AFTER = 100


class AnotherSystem(unittest.TestCase):
    def setUp(self):
        self.clusters = []
        for _ in range(2):
            cluster = Cluster()
            self.addCleanup(cluster.destroy)
            cluster.psql('CREATE ROLE app LOGIN; CREATE DATABASE shop OWNER app')
            cluster.psql(SCHEMA, 'shop', 'app')
            self.clusters.append(cluster)
        upstream, shadow = self.clusters
        self.proxy = Parallax(upstream.url('app', 'shop'), {
            'sample': 1.0, 'rules': RULES, 'shadow': {'url': shadow.url('app', 'shop') + '?sslmode=disable'}})
        self.addCleanup(self.proxy.stop)
        self.proxy.wait_verified()

    def verdicts(self, times):
        """What `times` reads of the clients end as."""
        before = self.proxy.settled()
        with psycopg.connect(self.proxy.url('app', 'shop'), autocommit=True) as session:
            for _ in range(times):
                session.execute(SQL, ['fancy'])
        after = self.proxy.settled()
        counts = {verdict: after.sum('verdicts_total', verdict=verdict) - before.sum('verdicts_total', verdict=verdict)
                  for verdict in ('match', 'mismatch', 'unstable', 'race')}
        self.assertEqual(0, after.sum('skipped_total'))
        return {verdict: count for verdict, count in counts.items() if count}

    def state(self):
        return self.proxy.states()['things.ofKind']

    def test_other_data_is_no_match(self):
        self.assertEqual({'match': 5}, self.verdicts(5))
        _, shadow = self.clusters
        shadow.psql('DELETE FROM thing WHERE id > 10', 'shop', 'app')
        self.assertEqual({'race': DRIFT_AFTER - 1}, self.verdicts(DRIFT_AFTER - 1))
        self.assertEqual('ready', self.state())
        self.assertEqual({'race': 1}, self.verdicts(1))
        wait_for(lambda: self.state() == 'context_drift', 5, 'the drift is told')
        self.assertIn('context_drift', self.proxy.log_text())
        self.assertEqual({'race': 3}, self.verdicts(3), 'comparison goes on')
        shadow.psql("INSERT INTO thing SELECT g, CASE WHEN g % 2 = 0 THEN 'plain' ELSE 'fancy' END FROM generate_series(11, 20) g",
                    'shop', 'app')
        self.assertEqual({'match': 5}, self.verdicts(5))
        wait_for(lambda: self.state() == 'ready', 5, 'ready again by itself')


if __name__ == '__main__':
    unittest.main(verbosity=2)
