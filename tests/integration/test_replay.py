#!/usr/bin/python3
"""`parallax replay`: a mismatch that the journal holds with its values differs in the same way when it is run again, and no
longer once the rule is right. In both directions, over links, with values that the server computes, lists, NULLs and binary
parameters."""
import datetime
import decimal
import json
import unittest
import uuid

import psycopg

import test_evidence as evidence
from support.proxy import rule
from test_evidence import run

SCHEMA = evidence.SCHEMA + """
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE roles (id int PRIMARY KEY, label text NOT NULL);
CREATE TABLE memberships (id int PRIMARY KEY, "userId" int NOT NULL, "roleId" int);
INSERT INTO users VALUES (1, 'One'), (2, 'Two'), (3, NULL), (4, 'a%b');
INSERT INTO roles VALUES (10, 'admin'), (11, 'member');
INSERT INTO memberships VALUES (100, 1, 10), (101, 1, 11), (102, 1, NULL), (103, 3, 10);
CREATE TABLE kinds (id int8 PRIMARY KEY, u uuid, b bytea, n numeric, t timestamptz, d date, f float8, o bool, a text[]);
INSERT INTO kinds VALUES
  (9007199254740993, '5b2f9c3e-7a58-4b1e-9a55-0a4b8e3f2d11', '\\x00ff5c27', 12.50, '2024-02-29 12:34:56.789+00', '2024-02-29', 0.1, true, '{"a,b",NULL,"\\""}');
"""
PROFILE = {
    'user': 'SELECT id, name FROM users WHERE id = :id LIMIT 1 OFFSET 0',
    'memberships': 'SELECT id, "userId", "roleId" FROM memberships WHERE "userId" IN (:user.id) OFFSET 0',
    'roles': 'SELECT id, label FROM roles WHERE id IN (:memberships.roleId) OFFSET 0',
}
JOIN = ('select users.id, users.name, memberships.id, memberships."userId", memberships."roleId", roles.id, roles.label from users'
        ' left join memberships on memberships."userId" = users.id left join roles on roles.id = memberships."roleId" where users.id = :id')
# The same by two statements of the new code.
TWO = {
    'user': 'select "users"."id", "users"."name" from "users" where "users"."id" = :id',
    'memberships': 'select m.id, m."userId", m."roleId", roles.id, roles.label from memberships m left join roles on roles.id = m."roleId"'
                   ' where m."userId" in (:user.id)',
}
LISTED = rule('SELECT id, name FROM users WHERE id IN (:ids) AND name IS DISTINCT FROM :not',
              'select users.id, users.name from users where users.id = any(:ids) and users.name is distinct from :not')
# Values of each type, as psycopg sends them in binary.
KINDS = {'id': 9007199254740993, 'u': uuid.UUID('5b2f9c3e-7a58-4b1e-9a55-0a4b8e3f2d11'), 'b': b'\x00\xff\\\'', 'n': decimal.Decimal('12.50'),
         't': datetime.datetime(2024, 2, 29, 12, 34, 56, 789_000, datetime.timezone.utc), 'd': datetime.date(2024, 2, 29), 'f': 0.1, 'o': True,
         'a': ['a,b', None, '"']}


def changed(one, old, new):
    """The rule with a change of its rewrite."""
    rewrite = one['rewrite']
    assert old in rewrite, rewrite
    return {**one, 'rewrite': rewrite.replace(old, new)}


class Replay(evidence.Journals):
    SCHEMA = SCHEMA

    def differing(self, wrong, work, side):
        """The one verdict of `work` under the rule that is no match, as its line of the journal."""
        self.serve('a', {'r': wrong}, work, values='full')
        lines = [json.loads(line) for line in (self.directory / 'a').read_text().splitlines()]
        found = [line for line in lines if line['type'] == 'verdict' and line['verdict'] != 'match']
        self.assertEqual([side], [line['side'] for line in found], lines)
        return found[0]

    def replay(self, line, one):
        return run('replay', self.directory / 'a', '--id', line['id'], '-c', self.config({'r': one}))

    def check(self, right, wrong, work, side='legacy', verdict='mismatch'):
        """The same difference again, and none under the rule that is right. Returns the line of the journal."""
        line = self.differing(wrong, work, side)
        self.assertEqual(verdict, line['verdict'])
        status, text, errors = self.replay(line, wrong)
        self.assertEqual((1, ''), (status, errors), text)
        self.assertNotIn('the rule has changed', text)
        self.assertIn(line['kind'] if verdict == 'mismatch' else line['rewrite_sqlstate'], text)
        for difference in line.get('differences', ()):
            self.assertIn(difference['kind'], text)
            for cell in (difference['legacy'] or []) + (difference['rewrite'] or []):
                self.assertIn('NULL' if cell is None else cell, text)
        status, text, errors = self.replay(line, right)
        self.assertEqual((0, ''), (status, errors), text)
        self.assertIn('the rule has changed since', text)
        return line

    @staticmethod
    def profile(session, user, form='%s'):
        """As an ORM makes the call by three statements; `form`: of the parameters."""
        session.execute(PROFILE['user'].replace(':id LIMIT 1 OFFSET 0', f'{form} LIMIT {form} OFFSET {form}'), (user, 1, 0))
        members = session.execute(PROFILE['memberships'].replace(':user.id', form).replace('0', form), (user, 0)).fetchall()
        roles = [role for _, _, role in members]
        session.execute(PROFILE['roles'].replace(':memberships.roleId', ', '.join([form] * len(roles)) or 'NULL').replace('0', form), (*roles, 0))

    def test_linked_statements(self):
        right = rule(PROFILE, JOIN)
        line = self.check(right, changed(right, 'left join memberships', 'join memberships'), lambda session: self.profile(session, 2))
        self.assertEqual({'id': '2'}, line['parameters'])
        self.assertEqual([['2', 'Two']], [difference['legacy'][:2] for difference in line['differences']])

    def test_linked_statements_with_nulls_in_binary(self):
        """The lists of the children are the parents' columns, one of them with a NULL."""
        right = rule(PROFILE, JOIN)
        line = self.check(right, changed(right, 'left join roles', 'join roles'), lambda session: self.profile(session, 1, '%b'))
        self.assertEqual(('missing_row', 1), (line['kind'], len(line['differences'])))

    def test_a_value_that_the_server_computes(self):
        right = rule("SELECT id, name FROM users WHERE name ILIKE ('%' || :part || '%')", 'select users.id, users.name from users where users.name ilike :pattern',
                     let={'pattern': "'%' || :part || '%'"})
        for form in ('%t', '%b'):
            line = self.check(right, changed(right, 'ilike', 'like'),
                              lambda session, form=form: session.execute(f"SELECT id, name FROM users WHERE name ILIKE ('%%' || {form} || '%%')", ['TW']))
            self.assertEqual(('missing_row', {'part': 'TW'}), (line['kind'], line['parameters']))
            (self.directory / 'a').unlink()

    def test_the_client_sends_the_rewrite_of_several_statements(self):
        right = rule(PROFILE, JOIN)
        wrong = changed(right, 'left join memberships', 'join memberships')
        for form in ('%t', '%b'):
            line = self.check(right, wrong, lambda session, form=form: session.execute(wrong['rewrite'].replace(':id', form), [2]), 'rewrite')
            self.assertEqual(('missing_row', {'id': '2'}), (line['kind'], line['parameters']))
            (self.directory / 'a').unlink()

    def test_the_client_sends_rewrites_of_several_statements(self):
        right = rule(PROFILE, TWO)
        wrong = {**right, 'rewrite': {**TWO, 'memberships': TWO['memberships'].replace('left join', 'join')}}

        def work(session):
            session.execute(TWO['user'].replace(':id', '%b'), [1])
            session.execute(wrong['rewrite']['memberships'].replace(':user.id', '%b'), [1])
        line = self.check(right, wrong, work, 'rewrite')
        self.assertEqual(('missing_row', '102'), (line['kind'], line['differences'][0]['legacy'][2]))

    def test_lists_with_nulls(self):
        wrong = changed(LISTED, 'any(:ids)', 'any(:ids) and users.id > 1')
        legacy = LISTED['legacy'].replace(':not', '%b')
        for members in ((1, 2, None), (1,)):
            text = legacy.replace(':ids', ', '.join(['%b'] * len(members)))
            line = self.check(LISTED, wrong, lambda session, text=text, members=members: session.execute(text, (*members, None)))
            self.assertEqual({'ids': [member if member is None else str(member) for member in members], 'not': None}, line['parameters'])
            self.assertEqual([{'kind': 'missing_row', 'legacy': ['1', 'One'], 'rewrite': None}], line['differences'])
            (self.directory / 'a').unlink()

    def test_a_list_as_one_array_from_the_client_that_sends_the_rewrite(self):
        wrong = changed(LISTED, 'any(:ids)', 'any(:ids) and users.id > 1')
        sql = wrong['rewrite'].replace(':not', '%s')
        for form in ('%t', '%b'):
            line = self.check(LISTED, wrong, lambda session, form=form: session.execute(sql.replace(':ids', form), ([1, None, 3], 'x')), 'rewrite')
            self.assertEqual({'ids': ['1', None, '3'], 'not': 'x'}, line['parameters'])
            self.assertEqual([{'kind': 'missing_row', 'legacy': ['1', 'One'], 'rewrite': None}], line['differences'])
            (self.directory / 'a').unlink()

    def test_binary_parameters_of_each_type(self):
        legacy = 'SELECT id, o FROM kinds WHERE ' + ' AND '.join(f'{name} = :{name}' for name in KINDS)
        right = rule(legacy, 'select kinds.id, kinds.o from kinds where ' + ' and '.join(f'kinds.{name} = :{name}' for name in KINDS))
        asked = legacy
        for name in KINDS:
            asked = asked.replace(f'= :{name}', '= %b', 1)
        line = self.check(right, changed(right, 'kinds.o from', 'not kinds.o from'), lambda session: session.execute(asked, list(KINDS.values())))
        self.assertEqual('value', line['kind'])
        self.assertEqual(set(KINDS), set(line['parameters']))

    def test_numbered_names_and_an_error_of_the_rewrite(self):
        right = rule('SELECT name, id FROM users WHERE id = $1 AND name = $2', 'select users.name, users.id from users where users.name = $2 and users.id = $1')
        wrong = changed(right, 'users.id = $1', 'users.id / (users.id - 1) = $1')
        line = self.check(right, wrong, lambda session: session.execute('SELECT name, id FROM users WHERE id = %s AND name = %s', (1, 'One')),
                          verdict='rewrite_error')
        self.assertEqual('22012', line['rewrite_sqlstate'])

    def test_the_client_was_told_an_error(self):
        right = rule('SELECT name, 10 / (id - 1) AS q FROM users WHERE id = :id', 'select users.name, 10 / (users.id - 1) as q from users where users.id = :id')
        wrong = changed(right, '(users.id - 1)', 'nullif(users.id - 1, 0)')

        def sends(sql):
            def work(session):
                with self.assertRaises(psycopg.errors.DivisionByZero):
                    session.execute(sql.replace(':id', '%s'), [1])
            return work
        line = self.check(right, wrong, sends(right['legacy']))
        self.assertEqual(('error', '22012'), (line['kind'], line['legacy_sqlstate']))
        (self.directory / 'a').unlink()
        # The other way round: the new code fails where legacy does not.
        works = rule('SELECT name, 10 / nullif(id - 1, 0) AS q FROM users WHERE id = :id', wrong['rewrite'])
        fails = {**works, 'rewrite': right['rewrite']}
        line = self.check(works, fails, sends(fails['rewrite']), 'rewrite', 'rewrite_error')
        self.assertEqual('22012', line['rewrite_sqlstate'])

    def test_settings_of_the_session(self):
        right = rule("SELECT id, to_char(t, 'HH24') AS h FROM kinds WHERE d = :day", "select kinds.id, to_char(kinds.t, 'HH24') from kinds where kinds.d = :day")

        def work(session):
            session.execute("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'")
            session.execute(right['legacy'].replace(':day', '%s'), ['29.02.2024'])
        line = self.check(right, changed(right, 'kinds.t,', "kinds.t + interval '1 hour',"), work)
        self.assertEqual([('21', '22')], [(difference['legacy'][1], difference['rewrite'][1]) for difference in line['differences']])

    def test_a_mismatch_and_the_fixed_rule(self):
        self.serve('a', {'r': evidence.WRONG, 'lists': {**evidence.LISTS, 'rewrite': 'select "id" from "thing" where "id" in (:ids) and "id" > 1'}},
                   lambda session: self.ask(session, names=['name-1'], lists=[(1, 2)]), values='full')
        journal = self.directory / 'a'
        found = self.report(journal)[2]
        one, several = (found[name]['examples'][0]['id'] for name in ('r', 'lists'))
        wrong = self.config({'r': evidence.WRONG, 'lists': evidence.LISTS})
        status, text, errors = run('replay', journal, '--id', one, '-c', wrong)
        self.assertEqual(1, status, errors)
        self.assertIn('NAME-1', text)
        self.assertEqual((0, ''), run('replay', journal, '--id', several, '-c', wrong)[::2], 'the list is bound again')
        status, text, errors = run('replay', journal, '--id', one, '-c', self.config({'r': evidence.FIXED}))
        self.assertEqual((0, ''), (status, errors))
        self.assertIn('the rule has changed since', text)
        for arguments, what in (((journal, '--id', 'none', '-c', wrong), 'no line of the journal has this id'),
                                ((journal, '--id', several, '-c', self.config({'r': evidence.WRONG})), 'no rule `lists`')):
            status, _, errors = run('replay', *arguments)
            self.assertEqual(2, status)
            self.assertIn(what, errors)

    def test_hashes_are_refused(self):
        self.serve('a', {'r': evidence.WRONG}, lambda session: self.ask(session, names=['name-1']))
        journal = self.directory / 'a'
        one = self.report(journal)[2]['r']['examples'][0]['id']
        status, text, errors = run('replay', journal, '--id', one, '-c', self.config({'r': evidence.WRONG}))
        self.assertEqual((2, ''), (status, text))
        self.assertIn('values: full', errors)


if __name__ == '__main__':
    unittest.main()
