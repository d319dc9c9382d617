#!/usr/bin/python3
"""PostgreSQL's own suites, direct and through Parallax, give the same output: libpq's pipelines and the isolation tests
over TLS on both legs, the regression tests that have most to do with the protocol while their SELECTs are replayed, and a
part of them while the mode changes every few milliseconds between off, shadow and strict.
All tests in all variants: tests/suites/run.sh."""
import os
import random
import sys
import unittest

from support.proxy import ROOT

sys.path.insert(0, str(ROOT / 'tests' / 'suites'))
import compare  # noqa: E402
import route  # noqa: E402
import source  # noqa: E402
import suites  # noqa: E402

SEED = int(os.environ.get('PARALLAX_SEED') or random.SystemRandom().randrange(1 << 32))
# Each type's text, COPY in all its ways, cursors, notices, notifications, prepared statements, errors inside
# transactions, large values, psql's own queries; and what those need. They keep the order of the schedule.
REGRESS = """
    test_setup boolean char name varchar text int2 int4 int8 float4 float8 bit numeric uuid enum rangetypes strings
    point box path polygon date time timestamp timestamptz interval inet multirangetypes regex expressions unicode xid
    encoding copy copyselect copydml insert insert_conflict create_function_c create_misc create_operator
    create_procedure create_table create_type create_index create_view create_aggregate constraints triggers select
    inherit create_am errors select_into select_distinct select_having subselect union case aggregates transactions
    portals arrays update delete namespace async misc_functions tsrf tid psql psql_crosstab guc portals_p2 window
    advisory_lock indirect_toast json jsonb plancache limit plpgsql copy2 temp domain rangefuncs prepare rowtypes
    returning largeobject with
    """.split()
# Of those, what answers most SELECTs, in and out of transactions, by cursors and prepared statements.
FLIPPED = """test_setup create_function_c create_misc create_operator create_procedure create_table create_type create_index create_view
    create_aggregate constraints triggers select inherit create_am errors select_distinct select_having subselect union case aggregates
    transactions portals arrays update delete portals_p2 window json jsonb plancache limit plpgsql temp rangefuncs prepare with""".split()
# The pipeline tests with a golden trace. They are short, so a byte at a time is no matter.
GOLDEN = """simple_pipeline nosync multi_pipelines prepared singlerow pipeline_abort pipeline_idle transaction
    disallowed_in_pipeline""".split()


class Suites(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = route.Workplace()
        cls.addClassCleanup(cls.work.remove)

    def compare(self, name, part=None, together=False, **variant):
        suite = suites.of(self.work, name)
        suite.part = part
        keep = source.CACHE / 'results' / 'ci'
        found = compare.compare(self.work, suite, route.Variant(name, seed=SEED, **variant), keep, together)
        print(f'\n{name}: {found}', file=sys.stderr)

    def test_a_differing_byte_and_a_missing_file_are_found(self):
        with self.work.folder() as place:
            for name in ('direct', 'proxied'):
                (place / name).mkdir()
                (place / name / 'same.out').write_bytes(b'\0one\n')
            report = place / 'difference.diff'
            self.assertFalse(compare.different(place / 'direct', place / 'proxied', report))
            self.assertFalse(report.exists())
            (place / 'proxied' / 'same.out').write_bytes(b'\0ona\n')
            self.assertTrue(compare.different(place / 'direct', place / 'proxied', report))
            self.assertIn('+\0ona', report.read_text())
            (place / 'proxied' / 'same.out').unlink()
            self.assertTrue(compare.different(place / 'direct', place / 'proxied', report))

    def test_pipelines_over_tls(self):
        self.compare('pipeline', tls=True)

    def test_pipelines_byte_by_byte(self):
        """A relay between client and Parallax, and between Parallax and server, that sends single bytes."""
        for leg in ('client', 'server'):
            with self.subTest(leg=leg):
                print(f'PARALLAX_SEED={SEED}', file=sys.stderr)
                self.compare('pipeline', GOLDEN, tls=True, hostile=leg)

    def test_isolation_over_tls(self):
        self.compare('isolation', together=True, tls=True)

    def test_regression_tests_with_rules(self):
        self.compare('regress', REGRESS, rules=400)

    def test_regression_tests_while_the_mode_flips(self):
        self.compare('regress', FLIPPED, rules=400, rule_mode='flip')


if __name__ == '__main__':
    unittest.main(verbosity=2)
