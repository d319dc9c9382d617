#!/usr/bin/python3
"""Strict mode: the answer to a matched statement is held until its verdict, and on a mismatch the server raises an error in
its place. Every case is run through the wire, message by message, and compared with what a direct session gets."""
import json
import signal
import socket
import threading
import time
import unittest

import psycopg

from support import wire
from support.proxy import rule, wait_for
from support.strict import MISMATCH, RIGHT, RULES, TIMEOUT, UNCOMPARED, StrictCase, kinds


class Strict(StrictCase):
    def test_right_answers_pass_as_they_are(self):
        proxy = self.started()
        direct, strict = self.session(), self.session(proxy)
        for sql, value in [(self.statements()['right'], 3), (self.statements()['right'], 1000), (self.statements()['count'], 100),
                           (self.statements()['wrong'], 8), ('SELECT 1 + $1::int', 4)]:
            for _ in range(3):
                self.assertEqual(self.talk(direct, self.extended(sql, value)), self.talk(strict, self.extended(sql, value)))
        simple = RIGHT.replace(':id', '5')
        self.assertEqual(self.talk(direct, wire.query(simple)), self.talk(strict, wire.query(simple)))
        self.assertEqual({'right': {'match': 7}, 'count': {'match': 3}, 'wrong': {'match': 3}},
                         {name: self.verdicts(proxy, name) for name in ('right', 'count', 'wrong')})

    def test_a_mismatch_is_an_error_in_the_statements_place(self):
        proxy = self.started()
        session = self.session(proxy)
        wrong = self.statements()['wrong']
        for block in (False, True):
            if block:
                self.assertEqual('CZ', kinds(self.talk(session, wire.query('BEGIN'))))
            answer = self.talk(session, self.extended(wrong, 7))
            self.assertEqual('12TEZ', kinds(answer))
            told = self.error(answer)
            self.assertEqual(MISMATCH, told['C'])
            for part in ('wrong', 'mismatch (value)', 'size', "'70'", "'71'", "id='7'"):
                self.assertIn(part, told['M'])
            self.assertEqual(b'E' if block else b'I', answer[-1][1])
            if block:
                self.assertEqual('25P02', self.error(self.talk(session, wire.query('SELECT 1')))['C'])
                self.assertEqual('CZ', kinds(self.talk(session, wire.query('ROLLBACK'))))
            answer = self.talk(session, wire.query(RULES['wrong']['legacy'].replace(':id', '7')))
            self.assertEqual('EZ', kinds(answer))
            self.assertEqual(MISMATCH, self.error(answer)['C'])
            self.assertEqual('12TDCZ', kinds(self.talk(session, self.extended(wrong, 8))))

    def test_rewrite_errors(self):
        proxy = self.started()
        session = self.session(proxy)
        for begin in ('', 'BEGIN'):
            if begin:
                self.talk(session, wire.query(begin))
            told = self.error(self.talk(session, self.extended(self.statements()['fails'], 3)))
            self.assertEqual(MISMATCH, told['C'])
            self.assertIn('22012', told['M'])
        self.talk(session, wire.query('ROLLBACK'))

    def test_the_transaction_is_what_the_client_was_told(self):
        """Simple, extended and pipelined, inside and outside a block: what becomes of statements around the error."""
        proxy = self.started()
        self.cluster.psql('CREATE TABLE log (n int)')
        self.addCleanup(self.cluster.psql, 'DROP TABLE log')
        session = self.session(proxy)
        insert = lambda n: wire.parse(f'INSERT INTO log VALUES ({n})') + wire.bind() + wire.execute()  # noqa: E731
        wrong = self.statements()['wrong']
        rows = lambda: self.cluster.psql('SELECT string_agg(n::text, \',\' ORDER BY n) FROM log').strip()  # noqa: E731
        # One unit: the error undoes what came before it and skips what comes behind it.
        answer = self.talk(session, insert(1) + self.extended(wrong, 7, sync=False) + insert(2) + wire.SYNC + insert(3) + wire.SYNC, ready=2)
        self.assertEqual('12C12TEZ12CZ', kinds(answer))
        self.assertEqual('3', rows())
        # Units of their own.
        answer = self.talk(session, insert(4) + wire.SYNC + self.extended(wrong, 7) + insert(5) + wire.SYNC, ready=3)
        self.assertEqual('12CZ12TEZ12CZ', kinds(answer))
        self.assertEqual('3,4,5', rows())
        # A block: nothing of it stays, whatever comes.
        answer = self.talk(session, wire.query('BEGIN'), insert(6) + wire.SYNC, self.extended(wrong, 7), insert(7) + wire.SYNC, wire.query('COMMIT'), ready=5)
        self.assertEqual('CZ12CZ12TEZEZCZ', kinds(answer))
        self.assertEqual(b'ROLLBACK\0', [body for kind, body in answer if kind == b'C'][-1])
        self.assertEqual('3,4,5', rows())
        # A savepoint of the client's.
        answer = self.talk(session, wire.query('BEGIN'), insert(8) + wire.SYNC, wire.query('SAVEPOINT mine'), self.extended(wrong, 7),
                           wire.query('ROLLBACK TO mine'), self.extended(wrong, 8), wire.query('COMMIT'), ready=7)
        self.assertEqual('CZ12CZCZ12TEZCZ12TDCZCZ', kinds(answer))
        self.assertEqual('3,4,5,8', rows())

    def test_settings_that_the_error_undoes_are_told(self):
        """What ParameterStatus a client of a failing statement gets, a refused one gets, too."""
        proxy = self.started()
        told = []
        for session, failing in ((self.session(), 'SELECT 1/0'), (self.session(proxy), RULES['wrong']['legacy'].replace(':id', '7'))):
            self.talk(session, wire.query('BEGIN'), wire.query("SET LOCAL DateStyle = 'German'"), ready=2)
            answer = self.talk(session, wire.query(failing)) + self.talk(session, wire.query('ROLLBACK'))
            told.append((kinds(answer), [body for kind, body in answer if kind == b'S']))
        self.assertEqual(told[0], told[1])
        self.assertEqual(1, len(told[0][1]))

    def test_a_block_that_ends_in_the_same_unit(self):
        """Whether the server is in a block then is not known: nothing is compared, and nothing is sent that fails there."""
        commit = wire.parse('COMMIT') + wire.bind() + wire.execute()
        for policy, expected in (('fail', '12C12TEZ'), ('allow', '12C12TDCZ')):
            session = self.session(self.started(strict={'uncompared': policy}))
            self.talk(session, wire.query('BEGIN'))
            answer = self.talk(session, commit + self.extended(self.statements()['right'], 3))
            self.assertEqual(expected, kinds(answer))
            self.assertEqual('12TDCZ', kinds(self.talk(session, self.extended(self.statements()['right'], 3))))

    def test_off_holds_nothing_that_was_bound_before(self):
        proxy = self.started()
        session = self.session(proxy)
        self.talk(session, wire.query('BEGIN'))
        self.talk(session, wire.parse(self.statements()['wrong'], 'w') + wire.bind([b'7'], 'p', 'w') + wire.SYNC)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: proxy.metrics().sum('rule_mode', rule='wrong', mode='off') == 1, 2, 'the switch')
        self.assertEqual('DCZ', kinds(self.talk(session, wire.execute('p') + wire.SYNC)))

    def test_a_verdict_that_nobody_waits_for_any_more_is_not_anothers(self):
        """A, which is wrong, is let go by the switch while it is compared, and B is held when A's verdict comes."""
        rules = {name: rule(f'SELECT "id", "size" AS {name} FROM "things" WHERE "id" = :id',
                            f'select "id", "size" + {more} as {name} from "things" where "id" = :id and (select count(*) from lock_{name}) = 0',
                            columns={name: f'"size" + {more}'})
                 for name, more in (('a', 1), ('b', 0))}
        self.cluster.psql('CREATE TABLE lock_a (); CREATE TABLE lock_b ()')
        proxy = self.started(rules, shadow={'lock_timeout': '20s', 'statement_timeout': '20s'}, strict={'timeout': '20s'})
        proxy.wait_verified()
        locks = {name: psycopg.connect(self.cluster.url()) for name in rules}
        for name, lock in locks.items():
            self.addCleanup(lock.close)
            lock.execute(f'LOCK TABLE lock_{name}')
        statements = {name: self.extended(one['legacy'].replace(':id', '$1'), 3) for name, one in rules.items()}
        session = self.session(proxy)
        session.send(statements['a'])
        wait_for(lambda: proxy.metrics().sum('in_flight') > 0, 10, 'a is compared')
        self.switch(proxy, signal.SIGUSR1, 'off')
        self.assertEqual('12TDCZ', kinds(session.until_ready(1)))
        self.assertEqual('TDCZ', kinds(self.talk(session, wire.query('SELECT 1'))))
        self.switch(proxy, signal.SIGUSR2, 'strict')
        session.send(statements['b'])
        wait_for(lambda: self.cluster.psql("SELECT count(*) FROM pg_locks WHERE relation = 'lock_b'::regclass AND NOT granted").strip() == '1', 10, 'b is compared')
        locks['a'].rollback()
        wait_for(lambda: proxy.metrics().sum('verdicts_total', rule='a') == 1, 10, "a's verdict")
        locks['b'].rollback()
        self.assertEqual('12TDCZ', kinds(session.until_ready(1)))
        self.assertEqual(({'mismatch': 1}, {'match': 1}), (self.verdicts(proxy, 'a'), self.verdicts(proxy, 'b')))

    @staticmethod
    def switch(proxy, number, mode):
        proxy.process.send_signal(number)
        wait_for(lambda: proxy.metrics().sum('rule_mode', rule='b', mode=mode) == 1, 10, 'the switch')

    def test_fixtures_of_a_transaction_are_seen(self):
        proxy = self.started(journal={'path': 'j.jsonl', 'values': 'full'})
        with psycopg.connect(self.cluster.url(port=proxy.port), autocommit=False) as connection:
            with connection.cursor() as cursor:
                cursor.execute('INSERT INTO things VALUES (900, \'fixture\', 1)')
                cursor.execute(self.statements()['right'].replace('$1', '%s'), (900,))
                self.assertEqual([(900, 'fixture')], cursor.fetchall())
                cursor.execute('UPDATE things SET id = 907 WHERE id = 7')
                cursor.execute('UPDATE things SET id = 7 WHERE id = 900')
                with self.assertRaises(psycopg.Error) as caught:
                    cursor.execute(self.statements()['wrong'].replace('$1', '%s'), (7,))
                self.assertEqual(MISMATCH, caught.exception.sqlstate)
                message = str(caught.exception)
                self.assertIn("name='fixture'", message)
                journal = message.partition('[journal ')[2].partition(']')[0]
            connection.rollback()
        file = proxy.config_path.parent / 'j.jsonl'
        lines = wait_for(lambda: [line for line in map(json.loads, file.read_text().splitlines()) if line.get('id') == journal], 10, 'its line of the journal')
        self.assertEqual(['mismatch'], [line['verdict'] for line in lines])

    def test_what_is_the_clients_stays(self):
        """Unnamed and named statements, portals, settings, cursors and locks around comparisons in a block."""
        proxy = self.started()
        steps = [
            wire.query('BEGIN'), wire.query("SET LOCAL statement_timeout = '77s'"),
            wire.parse('SELECT 41 + 1') + wire.parse('SELECT $1::int', 'named') + wire.SYNC,
            wire.query('DECLARE c CURSOR FOR SELECT generate_series(1, 5)'), wire.query('FETCH 2 FROM c'),
            wire.parse(self.statements()['right'], 'right') + wire.SYNC,
            wire.bind([b'3'], 'held', 'right') + wire.execute('held') + wire.SYNC,
            wire.bind([b'4'], '', 'right') + wire.execute() + wire.SYNC,
            wire.bind([b'9'], '', 'named') + wire.execute() + wire.SYNC,
            wire.query('FETCH 2 FROM c'), wire.query('SHOW statement_timeout'), wire.query('SHOW transaction_read_only'),
            wire.query('SELECT name, statement FROM pg_prepared_statements ORDER BY 1'),
            wire.query('SELECT name FROM pg_cursors ORDER BY 1'), wire.query('COMMIT')]
        direct, strict = self.session(), self.session(proxy)
        for step in steps:
            self.assertEqual(self.talk(direct, step), self.talk(strict, step), step)
        # The unnamed statement outlives a comparison between its Parse and its Bind.
        for session in (direct, strict):
            session.send(wire.query('BEGIN'))
            session.until_ready()
        unnamed = [wire.parse('SELECT 41 + 1') + wire.SYNC, wire.bind([b'3'], 'p', 'right') + wire.execute('p') + wire.SYNC,
                   wire.bind() + wire.execute() + wire.SYNC]
        for step in unnamed:
            self.assertEqual(self.talk(direct, step), self.talk(strict, step), step)
        self.assertEqual(3, self.verdicts(proxy, 'right').get('match'), self.skipped(proxy, 'right'))

    def test_nothing_is_left_by_the_error(self):
        proxy = self.started()
        session = self.session(proxy)
        prepared = wire.parse(self.statements()['wrong'], 'mine') + wire.parse('SELECT 42') + wire.SYNC
        self.talk(session, prepared)
        for _ in range(3):
            answer = self.talk(session, wire.bind([b'7'], 'portal', 'mine') + wire.execute('portal') + wire.SYNC)
            self.assertEqual('2EZ', kinds(answer))
            answer = self.talk(session, wire.bind() + wire.execute() + wire.SYNC)
            self.assertEqual('2DCZ', kinds(answer))
        answer = self.talk(session, wire.query('SELECT name FROM pg_prepared_statements'))
        self.assertEqual([b'\0\1\0\0\0\4mine'], [body for kind, body in answer if kind == b'D'])

    def test_uncompared(self):
        rules = {**RULES, 'broken': rule('SELECT "nothing" FROM "nowhere" WHERE "id" = :id', 'select "nothing" from "nowhere" where "id" = :id')}
        for policy in ('fail', 'allow'):
            proxy = self.started(rules, strict={'uncompared': policy})
            session = self.session(proxy)
            self.talk(session, wire.query('CREATE TEMPORARY TABLE t (n int)'))
            answer = self.talk(session, self.extended(self.statements()['right'], 3))
            if policy == 'allow':
                self.assertEqual('12TDCZ', kinds(answer))
            else:
                told = self.error(answer)
                self.assertEqual(UNCOMPARED, told['C'])
                self.assertIn('right', told['M'])
                self.assertIn('temp_objects', told['M'])
            self.assertEqual({'temp_objects': 1}, self.skipped(proxy, 'right'))
            # In a block the own connection sees the temporary table as well.
            answer = self.talk(session, wire.query('BEGIN'), self.extended(self.statements()['right'], 3), wire.query('COMMIT'), ready=3)
            self.assertEqual('CZ12TDCZCZ', kinds(answer))

    def test_a_temporary_table_in_the_place_of_a_verified_one(self):
        """It is its session's alone: for nobody else the rule has changed. One of the same make is compared."""
        proxy = self.started()
        proxy.wait_verified()
        sql, answers = self.statements()['right'], []
        for columns in ('id int, name varchar(99)', 'LIKE things'):
            session = self.session(proxy)
            self.talk(session, wire.query(f'CREATE TEMPORARY TABLE things ({columns})'), wire.query("INSERT INTO things (id, name) VALUES (3, 'mine')"), ready=2)
            answers.append(self.talk(session, wire.query('BEGIN'), self.extended(sql, 3), wire.query('ROLLBACK'), ready=3))
            self.assertEqual('ready', proxy.states()['right'])
            self.assertEqual('12TDCZ', kinds(self.talk(self.session(proxy), self.extended(sql, 3))))
        self.assertEqual(['CZ12TEZCZ', 'CZ12TDCZCZ'], [kinds(answer) for answer in answers])
        told = self.error(answers[0])
        self.assertEqual(UNCOMPARED, told['C'])
        self.assertIn('temp_objects', told['M'])
        self.assertEqual(({'match': 3}, {'temp_objects': 1}), (self.verdicts(proxy, 'right'), self.skipped(proxy, 'right')))
        self.assertNotIn('tables have changed', proxy.log_text())

    def test_too_large(self):
        rules = {'all': rule('SELECT "id", repeat("name", 200) AS "n" FROM "things" WHERE "id" < :id',
                             'select "id", repeat("name", 200) as "n" from "things" where "id" < :id')}
        sql = rules['all']['legacy'].replace(':id', '$1')
        for policy in ('fail', 'allow'):
            proxy = self.started(rules, strict={'uncompared': policy}, shadow={'capture': {'max_bytes': '4KiB'}})
            session = self.session(proxy)
            answer = self.talk(session, self.extended(sql, 40))
            if policy == 'allow':
                self.assertEqual('12T' + 'D' * 39 + 'CZ', kinds(answer))
            else:
                self.assertEqual('12TEZ', kinds(answer))
                self.assertEqual(UNCOMPARED, self.error(answer)['C'])
            self.assertEqual('12TDCZ', kinds(self.talk(session, self.extended(sql, 2))))

    def test_too_large_to_be_held(self):
        """The gate throws such rows away: whatever then happens, the client is not told that what is left is the answer."""
        slow = 'case when "id" = 25 then (select count(*) from generate_series(1, 6000000)) else 0 end'
        sql = f'SELECT "id", repeat("name", 150000) AS "n", {slow} AS "c" FROM "things" WHERE "id" < :id'
        rules = {'b': rule(sql, sql, columns={'n': 'repeat("name", 150000)', 'c': slow})}
        sql = sql.replace(':id', '$1')
        proxy = self.started(rules, strict={'timeout': '20s'}, shadow={'statement_timeout': '20s'})
        for block in (False, True):
            session = self.session(proxy)
            if block:
                self.talk(session, wire.query('BEGIN'))
            # A row limit.
            answer = self.talk(session, wire.parse(sql) + wire.bind([b'24']) + wire.execute('', 20) + wire.SYNC)
            self.assertEqual('12EZ', kinds(answer))
            self.assertEqual((UNCOMPARED, b'E' if block else b'I'), (self.error(answer)['C'], answer[-1][1]))
            self.talk(session, wire.query('ROLLBACK'))
            # An error of its own, behind many rows.
            answer = self.talk(session, wire.query("SET statement_timeout = '400ms'"), self.extended(sql, 30), ready=2)
            self.assertEqual('57014', self.error(answer)['C'])
            self.talk(session, wire.query('RESET statement_timeout'))
            self.assertEqual('12TCZ', kinds(self.talk(session, self.extended(sql, 1))))
        # No longer held, in the middle of it.
        for simple in (False, True):
            session = self.session(proxy)
            session.send(wire.query(sql.replace('$1', '30')) if simple else self.extended(sql, 30))
            time.sleep(0.8)
            self.switch(proxy, signal.SIGUSR1, 'off')
            answer = session.until_ready()
            self.assertEqual('EZ' if simple else '12TEZ', kinds(answer))
            self.assertEqual(UNCOMPARED, self.error(answer)['C'])
            self.assertEqual('12T' + 'D' * 19 + 'CZ', kinds(self.talk(session, self.extended(sql, 20))))
            self.switch(proxy, signal.SIGUSR2, 'strict')
        session = self.session(proxy)
        session.send(self.extended(sql, 30))
        time.sleep(0.8)
        session.socket.shutdown(socket.SHUT_WR)
        self.assertNotIn('C', kinds(wire.split_messages(session.until_closed())[0]))

    def test_timeout(self):
        rules = {'slow': rule('SELECT "id" FROM "things" WHERE "id" = :id', 'select "id" from "things" where "id" = :id and (select count(*) from generate_series(1, 20000) a, generate_series(1, 20000) b) > 0')}
        sql = rules['slow']['legacy'].replace(':id', '$1')
        for policy in ('fail', 'allow'):
            proxy = self.started(rules, strict={'timeout': '700ms', 'on_timeout': policy, 'uncompared': 'allow'}, shadow={'statement_timeout': '5s'})
            proxy.wait_verified()
            session = self.session(proxy)
            began = time.monotonic()
            answer = self.talk(session, self.extended(sql, 3))
            self.assertLess(time.monotonic() - began, 5)
            if policy == 'fail':
                self.assertEqual(TIMEOUT, self.error(answer)['C'])
            else:
                self.assertEqual('12TDCZ', kinds(answer))
            self.assertEqual('TDCZ', kinds(self.talk(session, wire.query('SELECT 1'))))

    def test_portals_with_a_row_limit(self):
        rules = {'some': rule('SELECT "id", "size" FROM "things" WHERE "id" < :id ORDER BY "id"',
                              'select "id", case when "id" = 7 then 71 else "size" end as "size" from "things" where "id" < :id order by "id"',
                              columns={'size': 'case when "id" = 7 then 71 else "size" end'})}
        sql = rules['some']['legacy'].replace(':id', '$1')
        proxy = self.started(rules)
        for last, end in ((6, 'CZ'), (9, 'EZ')):
            session = self.session(proxy)
            self.talk(session, wire.query('BEGIN'))
            answer = self.talk(session, wire.parse(sql) + wire.bind([str(last).encode()]) + wire.execute('', 3) + wire.SYNC)
            self.assertEqual('12DDDsZ', kinds(answer))
            answer = self.talk(session, wire.execute('', 0) + wire.SYNC)
            self.assertEqual(end, kinds(answer).lstrip('D'))

    def test_flush_without_sync_and_errors_before_it(self):
        proxy = self.started()
        session = self.session(proxy)
        session.send(self.extended(self.statements()['wrong'], 7, sync=False), wire.FLUSH)
        answer = session.until(b'E')
        self.assertEqual('12TE', kinds(answer))
        answer = self.talk(session, wire.SYNC)
        self.assertEqual('Z', kinds(answer))
        # The held statement is passed over by the server.
        unit = wire.parse('SELECT 1 / (n - 1) FROM generate_series(1, 1) n') + wire.bind() + wire.execute() + self.extended(self.statements()['wrong'], 7)
        answer = self.talk(session, unit)
        self.assertEqual('12EZ', kinds(answer))
        self.assertEqual('22012', self.error(answer)['C'])
        self.assertEqual('12TDCZ', kinds(self.talk(session, self.extended(self.statements()['right'], 7))))

    def test_concurrent_writers_are_no_alarm(self):
        proxy = self.started()
        stop = threading.Event()

        def write():
            with psycopg.connect(self.cluster.url(), autocommit=True) as connection:
                n = 0
                while not stop.is_set():
                    n += 1
                    connection.execute('UPDATE things SET name = %s WHERE id = 3', (f'name {n}',))
                    connection.execute('INSERT INTO things VALUES (1000, \'x\', 500)')
                    connection.execute('DELETE FROM things WHERE id = 1000')
        writer = threading.Thread(target=write)
        writer.start()
        try:
            refused = []
            with psycopg.connect(self.cluster.url(port=proxy.port), autocommit=True) as connection:
                for n in range(600):
                    block = n % 2 == 1
                    try:
                        if block:
                            connection.execute('BEGIN')
                        connection.execute(self.statements()['right'].replace('$1', '%s'), (3,))
                        connection.execute(self.statements()['count'].replace('$1', '%s'), (400,))
                        if block:
                            connection.execute('COMMIT')
                    except psycopg.Error as error:
                        refused.append(error)
                        connection.rollback()
        finally:
            stop.set()
            writer.join()
            self.cluster.psql("UPDATE things SET name = 'thing 3' WHERE id = 3")
        # In a block that is no snapshot: not compared where others write too fast, never a mismatch.
        self.assertEqual([], [error for error in refused if error.sqlstate != UNCOMPARED])
        self.assertEqual({}, {name: self.verdicts(proxy, name) for name in RULES if 'mismatch' in self.verdicts(proxy, name)})
        compared = self.verdicts(proxy, 'right')
        self.assertGreater(compared.get('match', 0) + compared.get('race', 0), 300, compared)

    def test_clients_that_go_while_their_answer_is_held(self):
        rules = {'slow': rule('SELECT "id" FROM "things" WHERE "id" = :id', 'select "id" from "things" where "id" = :id and (select count(*) from generate_series(1, 3000000)) > 0')}
        sql = rules['slow']['legacy'].replace(':id', '$1')
        proxy = self.started(rules, strict={'timeout': '20s'}, shadow={'statement_timeout': '20s'})
        proxy.wait_verified()
        for block in (False, True):
            for goodbye in (b'', wire.message(b'X')):
                session = self.session(proxy)
                if block:
                    self.talk(session, wire.query('BEGIN'))
                session.send(self.extended(sql, 3) + goodbye)
                time.sleep(0.1)
                session.__exit__(None, None, None)
        wait_for(lambda: proxy.metrics().sum('sessions') == 0, 20, 'no session is left')
        session = self.session(proxy)
        answer = self.talk(session, self.extended(sql, 3))
        self.assertEqual('12TDCZ', kinds(answer), answer)

    def test_operations_of_several_statements(self):
        legacy = {'thing': 'SELECT "id", "name" FROM "things" WHERE "id" = :id', 'parts': 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (:thing.id)'}
        join = 'select "things"."id", "things"."name", "parts"."id", "parts"."name" from "things" {} join "parts" on "parts"."thing" = "things"."id" where "things"."id" = :id'
        child = 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (%s)'
        for kind, refused in (('left', False), ('inner', True)):
            proxy = self.started({'both': {'legacy': legacy, 'rewrite': join.format(kind)}})
            for block in (False, True):
                with psycopg.connect(self.cluster.url(port=proxy.port), autocommit=True) as connection:
                    if block:
                        connection.execute('BEGIN')
                    root = connection.execute(RIGHT.replace(':id', '%s'), (3,)).fetchall()
                    self.assertEqual([(3, 'thing 3')], root)
                    self.assertEqual(4, len(connection.execute(child, (3,)).fetchall()))
                    connection.execute(RIGHT.replace(':id', '%s'), (20,))
                    # Thing 20 has no parts: an inner join loses it, and the children's statement completes the operation.
                    if refused:
                        with self.assertRaises(psycopg.Error) as caught:
                            connection.execute(child, (20,))
                        self.assertEqual(MISMATCH, caught.exception.sqlstate)
                        self.assertIn('missing_row', str(caught.exception))
                    else:
                        self.assertEqual([], connection.execute(child, (20,)).fetchall())
                    if block:
                        connection.execute('ROLLBACK')
            self.assertEqual({'match': 2, 'mismatch': 2} if refused else {'match': 4}, self.verdicts(proxy, 'both'), self.skipped(proxy, 'both'))

    def test_a_join_over_the_limit_leaves_the_block_as_it_was(self):
        """The join repeats what legacy reads once, and its round is not the last."""
        legacy = {'thing': RIGHT, 'parts': 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (:thing.id)'}
        join = 'select "things"."id", "things"."name", "parts"."id", "parts"."name" from "things" left join "parts" on "parts"."thing" = "things"."id" where "things"."id" = :id'
        proxy = self.started({'both': {'legacy': legacy, 'rewrite': join}}, shadow={'capture': {'max_bytes': '4KiB'}}, strict={'timeout': '5s'})
        with psycopg.connect(self.cluster.url(port=proxy.port), autocommit=True) as connection:
            for end in ('ROLLBACK', 'COMMIT'):
                connection.execute('BEGIN')
                connection.execute("UPDATE things SET name = repeat('x', 1500) WHERE id = 3")
                connection.execute('SAVEPOINT mine')
                connection.execute(RIGHT.replace(':id', '%s'), (3,))
                with self.assertRaises(psycopg.Error) as caught:
                    connection.execute('SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (%s)', (3,))
                self.assertEqual(UNCOMPARED, caught.exception.sqlstate)
                self.assertIn('bytes', str(caught.exception))
                connection.execute('ROLLBACK TO mine')
                with self.assertRaises(psycopg.Error) as caught:
                    connection.execute('ROLLBACK TO _parallax_strict_')
                self.assertEqual('3B001', caught.exception.sqlstate)
                connection.execute('ROLLBACK TO mine')
                connection.execute(end)
        self.addCleanup(self.cluster.psql, "UPDATE things SET name = 'thing 3' WHERE id = 3")
        self.assertEqual('1500', self.cluster.psql('SELECT length(name) FROM things WHERE id = 3').strip())

    def test_an_engine_that_goes_between_two_rounds(self):
        """A reload drops what still runs after 5 s: the verdict is known while the savepoint waits for another round."""
        self.cluster.psql('CREATE TABLE lock_c ()')
        legacy = {'thing': RIGHT, 'parts': 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (:thing.id)'}
        join = 'select "things"."id", "things"."name", "parts"."id", "parts"."name" from "things" left join "parts" on "parts"."thing" = "things"."id" where "things"."id" = :id and (select count(*) from lock_c) = 0'
        proxy = self.started({'both': {'legacy': legacy, 'rewrite': join}}, shadow={'lock_timeout': '30s', 'statement_timeout': '30s'}, strict={'timeout': '30s'})
        proxy.wait_verified()
        lock = psycopg.connect(self.cluster.url())
        self.addCleanup(lock.close)
        lock.execute('LOCK TABLE lock_c')
        session = self.session(proxy)
        self.talk(session, wire.query('BEGIN'), self.extended(RIGHT.replace(':id', '$1'), 3), ready=2)
        session.send(self.extended('SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN ($1)', 3))
        wait_for(lambda: self.cluster.psql("SELECT count(*) FROM pg_locks WHERE relation = 'lock_c'::regclass AND NOT granted").strip() == '1', 10, 'the join waits')
        config = json.loads(proxy.config_path.read_text())
        config['rules']['count'] = RULES['count']
        proxy.config_path.write_text(json.dumps(config))
        proxy.process.send_signal(signal.SIGHUP)
        time.sleep(7)
        lock.rollback()
        answer = session.until_ready()
        self.assertEqual((UNCOMPARED, b'E'), (self.error(answer)['C'], answer[-1][1]))
        self.assertEqual('CZ', kinds(self.talk(session, wire.query('ROLLBACK'))))

    def test_an_operation_over_several_transactions_is_not_compared(self):
        """What each block has written its own connection alone shows: no connection could tell what legacy means."""
        legacy = {'thing': 'SELECT "id", "name" FROM "things" WHERE "id" = :id', 'parts': 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (:thing.id)'}
        join = 'select "things"."id", "things"."name", "parts"."id", "parts"."name" from "things" left join "parts" on "parts"."thing" = "things"."id" where "things"."id" = :id'
        child = 'SELECT "id", "thing", "name" FROM "parts" WHERE "thing" IN (%s)'
        proxy = self.started({'both': {'legacy': legacy, 'rewrite': join}})
        url = self.cluster.url(port=proxy.port)
        for second_block in (False, True):
            with psycopg.connect(url, autocommit=True) as first, psycopg.connect(url, autocommit=True) as second:
                first.execute('BEGIN')
                first.execute("UPDATE things SET name = 'changed' WHERE id = 3")
                self.assertEqual([(3, 'changed')], first.execute(RIGHT.replace(':id', '%s'), (3,)).fetchall())
                if second_block:
                    second.execute('BEGIN')
                with self.assertRaises(psycopg.Error) as caught:
                    second.execute(child, (3,))
                self.assertEqual(UNCOMPARED, caught.exception.sqlstate)
                self.assertIn('several transactions', str(caught.exception))
                first.execute('ROLLBACK')
                if second_block:
                    second.execute('ROLLBACK')
        self.assertEqual(({}, {'context': 2}), (self.verdicts(proxy, 'both'), self.skipped(proxy, 'both')))


if __name__ == '__main__':
    unittest.main()
