#!/usr/bin/python3
"""What has bitten people who moved from Prisma to Drizzle, each by its name: Parallax tells the two apart, or the test says
why it cannot."""
import unittest
import urllib.parse

import rig
from rig import NODE_POSTGRES, PINPOINT, PRISMA, RELATIONAL, kinds, skipped, verdicts

NEW_YORK = urllib.parse.quote('-c TimeZone=America/New_York')


def call(path, **given):
    return {'rule': path, 'path': path, 'input': given}


class Traps(rig.Database):
    def setUp(self):
        self.rules = rig.load_rules(PINPOINT)

    def through(self, rules, *calls, parameters=None, kind=PRISMA, **plan):
        """Results of the calls through a Parallax with these rules, and its metrics."""
        proxy = self.proxy(rules)
        url = self.url(proxy) + (f'?{parameters}' if parameters else '')
        results = rig.run(kind, url, list(calls), **plan)
        return list(results.values()), proxy.settled()

    def one(self, name, **changes):
        return {name: {**self.rules[name], **changes}}

    def without(self, name, key):
        return {name: {have: value for have, value in self.rules[name].items() if have != key}}

    def in_new_york(self, kind, *calls):
        return list(rig.run(kind, f'{self.direct}?options={NEW_YORK}', list(calls)).values())

    def test_a_date_that_is_written_without_its_zone(self):
        """Prisma writes a Date without a zone, Drizzle with one: in New York they ask for different rows."""
        name = 'issueRouter.createdSince'
        asked = call(name, since='2024-05-01T11:00:00.123Z')
        prisma, drizzle = self.in_new_york(PRISMA, asked), self.in_new_york(NODE_POSTGRES, asked)
        self.assertLess(prisma[0], drizzle[0])
        as_drizzle_writes_it = self.one(name, rewrite=self.rules[name]['rewrite'].replace(':since', ':instant'),
                                        let={'instant': "replace(:since, ' ', 'T') || 'Z'"})
        options = f'options={NEW_YORK}'
        with self.subTest('one name is one value: what the other ORM would have written is not seen'):
            got, metrics = self.through(self.one(name), asked, parameters=options)
            self.assertEqual((prisma, {'match': 1}), (got, verdicts(metrics, name)))
        with self.subTest('`let` says how the new code writes it'):
            got, metrics = self.through(as_drizzle_writes_it, asked, parameters=options)
            self.assertEqual((prisma, {'value': 1}), (got, kinds(metrics, name)))
        with self.subTest('in UTC there is no difference'):
            got, metrics = self.through(as_drizzle_writes_it, asked)
            self.assertEqual((drizzle, {'match': 1}), (got, verdicts(metrics, name)))

    def test_days_of_the_sessions_time_zone(self):
        """date_trunc() in the session's zone: the replay has the client's."""
        asked = call('issueRouter.perDay', org='org_002', since='2024-05-01T00:00:00Z', min=0)
        utc = list(rig.run(PRISMA, self.direct, [asked]).values())
        got, metrics = self.through([PINPOINT], asked, parameters=f'options={NEW_YORK}')
        self.assertNotEqual(utc, got)
        self.assertEqual({'match': 1}, verdicts(metrics, 'issueRouter.perDay'))

    def test_percent_in_a_search(self):
        """Prisma takes % and _ of the text as wildcards; careful code escapes them."""
        name = 'issueRouter.search'
        wild = [call(name, org='org_002', title='no such title', text=text, take=500) for text in ('1_0', '100%')]
        tame = call(name, org='org_002', title='flipper', text='issue 1', take=5)
        prisma, drizzle = (list(rig.run(kind, self.direct, wild).values()) for kind in (PRISMA, NODE_POSTGRES))
        self.assertGreater(len(prisma[0]), len(drizzle[0]))
        with self.subTest('under `expect`'):
            got, metrics = self.through(self.one(name), *wild, tame)
            self.assertEqual(prisma, got[:2])
            self.assertEqual(({'expected': 2, 'match': 1}, {}), (verdicts(metrics, name), kinds(metrics, name)))
        with self.subTest('not expected'):
            _, metrics = self.through(self.without(name, 'expect'), *wild, tame)
            self.assertEqual(({'mismatch': 2, 'match': 1}, {'missing_row': 2}), (verdicts(metrics, name), kinds(metrics, name)))
        with self.subTest('new code that does not escape either'):
            plain = {'titleLike': "'%' || :title || '%'", 'textLike': "'%' || :text || '%'"}
            _, metrics = self.through({name: {**self.without(name, 'expect')[name], 'let': plain}}, *wild, tame)
            self.assertEqual({'match': 3}, verdicts(metrics, name))

    def test_a_cursor_outside_the_filter(self):
        """Prisma's cursor is a row that must be skipped: when it is not in the filter, a row that counts is skipped."""
        inside = call('issueRouter.page', org='org_002', cursor='iss_00105', take=5)
        outside = call('issueRouter.page', org='org_002', cursor='iss_00104', take=5)
        prisma, drizzle = (list(rig.run(kind, self.direct, [inside, outside]).values()) for kind in (PRISMA, NODE_POSTGRES))
        self.assertEqual((prisma[0], prisma[1][0]), (drizzle[0], drizzle[1][1]))
        got, metrics = self.through([PINPOINT], inside, outside)
        self.assertEqual(prisma, got)
        self.assertEqual({'match': 1, 'mismatch': 1}, verdicts(metrics, 'issueRouter.page'))

    def test_a_bigint_in_json(self):
        """In Drizzle's relational queries a bigint is a JSON number, which JavaScript rounds."""
        name = 'machineRouter.ofIssue'
        asked = call(name, id='iss_00003')
        prisma, drizzle = (list(rig.run(kind, self.direct, [asked]).values())[0] for kind in (PRISMA, NODE_POSTGRES))
        self.assertEqual('9007199254740997', prisma['machine']['playCount'])
        self.assertNotEqual(prisma['machine']['playCount'], drizzle['machine']['playCount'])
        rule = rig.load_rules(RELATIONAL)[name]
        got, metrics = self.through({name: rule}, asked)
        self.assertEqual(([prisma], {'json_hazard': 1}), (got, kinds(metrics, name)))
        as_text = rule['rewrite'].replace('"issues_machine"."playCount"', '"issues_machine"."playCount"::text')
        _, metrics = self.through({name: {**rule, 'rewrite': as_text}}, asked)
        self.assertEqual({'match': 1}, verdicts(metrics, name))

    def test_another_page_is_another_statement(self):
        name = 'machineRouter.list'
        first_only = self.one(name, legacy=self.rules[name]['legacy'].replace(':skip', '0'),
                              rewrite=self.rules[name]['rewrite'].replace(' offset :skip', ''))
        pages = [call(name, org='org_002', skip=skip, take=3) for skip in (0, 3, 6)]
        _, metrics = self.through(first_only, *pages)
        self.assertEqual(({'match': 1}, {'pin': 2}), (verdicts(metrics, name), skipped(metrics, name)))

    def test_legacy_texts_that_are_almost_right(self):
        """A rule whose legacy text is not what Prisma sends, by one word, matches nothing, and its rewrite is never run."""
        almost = {
            'userRouter.byEmail': (' AND 1=1', ''),
            'machineRouter.byIds': ('"public"."machines"."name" FROM', '"public"."machines"."name", 1 FROM'),
            'issueRouter.byId': ('"status"::text', '"status"'),
            'machineRouter.withIssues': ('"public"."machines"."id" ASC', '"public"."machines"."id" DESC'),
            'roleRouter.all': (' OFFSET 0', ''),
        }
        rules = {name: {**self.rules[name], 'legacy': self.rules[name]['legacy'].replace(old, new, 1)}
                 for name, (old, new) in almost.items()}
        calls = [call('userRouter.byEmail', email='user7@example.test'), call('machineRouter.byIds', ids=['mac_0001']),
                 call('issueRouter.byId', id='iss_00001'), call('machineRouter.withIssues', org='org_001', status='NEW'),
                 {**call('roleRouter.all'), 'input': None}]
        _, metrics = self.through(rules, *calls)
        self.assertEqual(0, metrics.sum('operations_total'))
        self.assertEqual(len(calls), metrics.sum('statements_total', covered='no'))

    def test_an_error_is_a_result(self):
        """Both fail alike: a match. The rewrite does not fail: a mismatch, and the application gets legacy's error."""
        name = 'machineRouter.bySerial'
        wrong = self.one(name, rewrite='select "id", "serial" from "machines" where "machines"."serial"::text = :serial limit 1')
        failing = [call(name, serial='no-uuid')]
        direct = rig.Run(PRISMA, self.direct, failing).errors()
        self.assertEqual(1, len(direct))
        for rules, found in ((self.one(name), {'match': 1}), (wrong, {'mismatch': 1})):
            with self.subTest(found=found):
                proxy = self.proxy(rules)
                self.assertEqual(direct, rig.Run(PRISMA, self.url(proxy), failing).errors())
                metrics = proxy.settled()
                self.assertEqual(found, verdicts(metrics, name))
                if found == {'mismatch': 1}:
                    self.assertEqual({'error': 1}, kinds(metrics, name))
                    self.assertIn('side=legacy', proxy.log_text())


if __name__ == '__main__':
    unittest.main(verbosity=2)
