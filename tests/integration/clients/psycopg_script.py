#!/usr/bin/python3
"""psycopg 3. Where to connect: PGHOST, PGPORT and so on."""
import asyncio
import datetime
import decimal
import logging
import threading
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Json, Jsonb
from script import case, digest, show, wait_asleep, wanted

WARNING = "DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint', DETAIL = 'a detail', ERRCODE = '01P01'; END $$"
BY_ID = 'SELECT id, name FROM item WHERE id = %s'
FIELDS = ('severity', 'sqlstate', 'message_primary', 'message_detail', 'message_hint', 'statement_position', 'context',
          'schema_name', 'table_name', 'column_name', 'datatype_name', 'constraint_name', 'source_function')


def said(diagnostic):
    return {field: getattr(diagnostic, field) for field in FIELDS if getattr(diagnostic, field)}


def connect(conninfo='', **more):
    """Each case has its own session, so that a SET in one hides nothing of the next."""
    connection = psycopg.connect(conninfo, autocommit=True, **more)
    connection.add_notice_handler(lambda notice: show('notice', said(notice)))
    return connection


def fails(label, run, *arguments, **more):
    try:
        run(*arguments, **more)
    except psycopg.Error as error:
        show(label, type(error).__name__, said(error.diag) or str(error).strip().splitlines())
    else:
        raise AssertionError(f'{label}: no error')


@case
def text_parameters():
    with connect() as connection:
        for number in (1, 14, 999, None):
            show('row', connection.execute(BY_ID, [number]).fetchall())
        show('without', connection.execute('SELECT id, name FROM item WHERE id = 7').fetchall())
        show('null', connection.execute('SELECT %s::text, %s::int, %s', [None, None, '']).fetchall())
        show('named', connection.execute('SELECT %(a)s::int + %(b)s::int, %(a)s', {'a': 1, 'b': 2}).fetchall())


@case
def binary_parameters_and_results():
    with connect() as connection:
        show('parameter', connection.execute('SELECT id, name FROM item WHERE id = %b', [9]).fetchall())
        cursor = connection.execute('SELECT id, name, price, added FROM item WHERE id < %s ORDER BY id', [4],
                                    binary=True)
        show('rows', cursor.fetchall())
        show('columns', [(column.name, column.type_code, column.internal_size) for column in cursor.description])
        show('both', connection.execute('SELECT %b::bytea, %b::float8, %b::text', [bytes(range(256)), 1.5, 'ü'],
                                        binary=True).fetchall())


@case
def kinds_of_values():
    when = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.timezone.utc)
    values = [decimal.Decimal('12345678901234567890.123456789'), decimal.Decimal('NaN'), 2 ** 62, 1e-7, True, when,
              when.date(), datetime.timedelta(1, 2), uuid.UUID(int=5), b'\0\xff', [1, None, 3], ['a,b', '"', None, ''],
              Json({'a': [1, None, 'ü']}), Jsonb({'b': 1.50})]
    with connect() as connection:
        register_enum(EnumInfo.fetch(connection, 'mood'), connection)
        for binary in (False, True):
            marks = ', '.join(['%b' if binary else '%t'] * len(values))
            show('binary' if binary else 'text',
                 connection.execute(f'SELECT {marks}', values, binary=binary).fetchone())
        text = "SELECT 'glad'::mood, int4range(1, 5), '24:00'::time::text, ROW(1, 'x')::pair, '-infinity'::float8"
        show('others', connection.execute(text).fetchone())


@case
def prepared_statements():
    with connect() as connection:
        for number in range(8):  # on the server after five
            show('row', connection.execute(BY_ID, [number]).fetchall())
        for number in (3, 4):
            show('at once', connection.execute('SELECT id, price, added FROM item WHERE id = %s', [number],
                                               prepare=True).fetchall())
        show('prepared', connection.execute('SELECT count(*) FROM pg_prepared_statements').fetchone())
        connection.execute('DEALLOCATE ALL')
        fails('forgotten', connection.execute, BY_ID, [3])
    with connect() as connection:
        connection.prepared_max = 2
        for text in ('SELECT 1 AS a', 'SELECT 2 AS b', 'SELECT 3 AS c', 'SELECT 1 AS a'):  # the oldest are deallocated
            show('evicted', connection.execute(text, prepare=True).fetchall())


@case
def client_side_cursor():
    with connect() as connection, psycopg.ClientCursor(connection) as cursor:
        show('row', cursor.execute('SELECT id, name FROM item WHERE id = %s', [5]).fetchall())
        show('quoted', cursor.execute('SELECT %s, %s, %s', ["it's", '\\', b'\0']).fetchall())
        show('several', cursor.execute('SELECT %s; SELECT id, name FROM item WHERE id = %s', [1, 7]).fetchall(),
             cursor.nextset(), cursor.fetchall())


@case
def several_statements():
    with connect() as connection:
        cursor = connection.execute('SELECT 1 AS a; SELECT id, name FROM item WHERE id = 7; SELECT 2 AS b')
        show('several', cursor.fetchall(), cursor.nextset(), cursor.fetchall(), cursor.nextset(), cursor.fetchall(),
             cursor.nextset())
        fails('second fails', connection.execute, 'INSERT INTO sink VALUES (1); SELECT 1/0; SELECT 2')
        show('undone', connection.execute('SELECT count(*) FROM sink').fetchone())


@case
def empty_queries():
    with connect() as connection:
        for text in ('', ' ; ', '-- nothing'):
            cursor = connection.execute(text)
            show('empty', cursor.statusmessage, cursor.rowcount)
        show('prepared', connection.execute('', prepare=True).statusmessage)


@case
def errors():
    with connect() as connection:
        fails('division', connection.execute, 'SELECT 1/0')
        fails('position and hint', connection.execute, 'SELECT nmae FROM item WHERE id = %s', [1])
        fails('syntax', connection.execute, 'SELECT ü FROM FROM item')
        fails('parameter', connection.execute, 'SELECT %s::int', ['x'])
        fails('constraint', connection.execute, 'INSERT INTO kinds (id, positive) VALUES (1, -1)')
        fails('raised', connection.execute, 'SELECT complain(%s)', ['oh'])
        show('after', connection.execute(BY_ID, [5]).fetchall())


@case
def notices():
    with connect() as connection:
        show('noisy', connection.execute('SELECT noisy(%s)', [3]).fetchall())
        connection.execute(WARNING)


@case
def pipeline():
    with connect() as connection:
        with connection.pipeline():
            cursors = [connection.execute(BY_ID, [number]) for number in range(30)]
        show('rows', [cursor.fetchall() for cursor in cursors])
        with connection.pipeline() as pipe:
            one = connection.execute(BY_ID, [1])
            pipe.sync()
            two = connection.execute('INSERT INTO sink VALUES (%s, %s) RETURNING id', [2, 'x'])
            show('early', one.fetchall(), two.fetchall())
            many = connection.cursor()
            many.executemany('INSERT INTO sink VALUES (%s, %s) RETURNING id', [(n, 'many') for n in range(50)],
                             returning=True)
            got = [many.fetchone()[0]]
            while many.nextset():
                got.append(many.fetchone()[0])
            show('many', got)
        show('deleted', connection.execute('DELETE FROM sink').rowcount)


@case
def errors_in_a_pipeline():
    with connect() as connection:
        cursors = []

        def broken():
            with connection.pipeline() as pipe:
                cursors.append(connection.execute(BY_ID, [1]))
                pipe.sync()
                cursors.append(connection.execute('INSERT INTO sink VALUES (1)'))
                cursors.append(connection.execute('SELECT 1/0'))
                cursors.append(connection.execute(BY_ID, [2]))
        fails('broken', broken)
        show('before it', cursors[0].fetchall())

        def recovers():
            with connection.pipeline() as pipe:
                connection.execute('SELECT 1/0')
                fails('at the sync', pipe.sync)
                show('again', connection.execute(BY_ID, [3]).fetchall())
        recovers()
        show('undone', connection.execute('SELECT count(*) FROM sink').fetchone())


@case
def server_side_cursors():
    with connect() as connection, connection.transaction():
        with connection.cursor('named') as named:
            named.itersize = 2
            show('iterated', [row[0] for row in named.execute('SELECT id FROM item ORDER BY id LIMIT %s', [7])])
        with connection.cursor('scrolled', scrollable=True) as scrolled:
            scrolled.execute('SELECT id FROM item ORDER BY id')
            show('some', scrolled.fetchmany(3))
            scrolled.scroll(-2)
            scrolled.scroll(100, mode='absolute')
            show('there', scrolled.fetchone())
        with connection.cursor('held', withhold=True) as held:
            held.execute('SELECT id FROM item ORDER BY id', binary=True)
            show('held', held.fetchmany(2))


@case
def row_by_row():
    with connect() as connection:
        rows = connection.cursor().stream('SELECT id, name FROM item WHERE id <= %s ORDER BY id', [5])
        show('streamed', list(rows))
        fails('breaks', list, connection.cursor().stream('SELECT 10 / (5 - n) FROM generate_series(1, 9) n'))
        show('after', connection.execute(BY_ID, [6]).fetchall())


@case
def transactions_and_savepoints():
    with psycopg.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        show('insert', connection.execute('INSERT INTO sink VALUES (%s, %s) RETURNING *', [1, 'x']).fetchall())
        try:
            with connection.transaction('a'):
                connection.execute('INSERT INTO sink VALUES (2)')
                connection.execute('SELECT 1/0')
        except psycopg.Error as error:
            show('inside', error.sqlstate)
        show('kept', connection.execute('SELECT id FROM sink').fetchall(), connection.info.transaction_status.name)
        fails('aborts', connection.execute, 'SELECT 1/0')
        fails('aborted', connection.execute, BY_ID, [1])
        connection.rollback()
        show('outside', connection.execute('SELECT count(*) FROM sink').fetchone(),
             connection.info.transaction_status.name)
        connection.rollback()
        connection.read_only = True
        fails('read only', connection.execute, 'INSERT INTO sink VALUES (1)')


@case
def two_phases():
    with psycopg.connect() as connection, connect() as other:
        connection.tpc_begin('one')
        connection.execute('INSERT INTO sink VALUES (1)')
        connection.tpc_prepare()
        show('prepared', other.execute('SELECT gid FROM pg_prepared_xacts').fetchall())
        connection.tpc_rollback()
        show('rolled back', connection.execute('SELECT count(*) FROM sink').fetchone())


@case
def copy():
    with connect() as connection, connection.transaction(force_rollback=True), connection.cursor() as cursor:
        with cursor.copy('COPY sink FROM STDIN') as into:
            for number in range(20_000):
                into.write_row((number, f'row {number} ü'))
        show('in', cursor.execute("SELECT count(*), sum(id), md5(string_agg(label, ',' ORDER BY id)) "
                                  "FROM sink").fetchall())
        with cursor.copy('COPY sink TO STDOUT') as out:
            show('out', digest(b''.join(map(bytes, out))))
        with cursor.copy('COPY (SELECT id, name FROM item WHERE id < %s ORDER BY id) TO STDOUT', [4]) as out:
            show('rows', list(out.rows()))


@case
def binary_copy_and_its_errors():
    with connect() as connection, connection.cursor() as cursor:
        with cursor.copy('COPY sink FROM STDIN (FORMAT binary)') as into:
            into.set_types(['int4', 'text'])
            for number in range(1000):
                into.write_row((number, None if number % 7 == 0 else f'row {number}'))
        with cursor.copy('COPY (SELECT * FROM sink ORDER BY id LIMIT 9) TO STDOUT (FORMAT binary)') as out:
            out.set_types(['int4', 'text'])
            show('rows', list(out.rows()))
        connection.execute('DELETE FROM sink')

        def write(*lines, wrong=None):
            with cursor.copy('COPY sink FROM STDIN') as into:
                for line in lines:
                    into.write(line)
                if wrong:
                    raise wrong
        fails('bad row', write, '1\tone\n', 'x\ttwo\n')
        fails('given up', write, '1\tone\n', wrong=ValueError('given up'))
        show('after', cursor.execute('SELECT count(*) FROM sink').fetchall())


@case
def listen_and_notify():
    with connect() as connection, connect() as other:
        connection.execute('LISTEN news')
        connection.execute('LISTEN "Odd Näme"')
        for channel, payload in (('news', 'hello'), ('Odd Näme', 'x' * 7999), ('news', '')):
            other.execute('SELECT pg_notify(%s, %s)', [channel, payload])
        heard = []
        for notification in connection.notifies():
            heard.append((notification.channel, len(notification.payload), notification.payload[:9],
                          notification.pid == other.info.backend_pid))
            if len(heard) == 3:
                break
        show('heard', heard)
        connection.add_notify_handler(lambda notification: show('handled', notification.payload))
        connection.execute("NOTIFY news, 'to myself'")


@case
def cancel():
    with connect() as connection:
        cancels = threading.Thread(target=lambda: (wait_asleep(), connection.cancel()))
        cancels.start()
        fails('cancelled', connection.execute, 'SELECT pg_sleep(60)')
        cancels.join()
        show('after', connection.execute(BY_ID, [6]).fetchall())
        connection.execute("SET statement_timeout = '50ms'")
        fails('timeout', connection.execute, 'SELECT pg_sleep(60)')


@case
def ten_megabytes():
    big = 'z' * 10_000_000
    with connect() as connection:
        show('text', connection.execute("SELECT length(%s::text), %s = repeat('z', 10000000)", [big, big]).fetchone())
        show('back', digest(connection.execute("SELECT repeat('0123456789', 1000000)").fetchone()[0]))
        show('both ways', digest(connection.execute('SELECT %b', [b'\0\1\xff\n' * 2_500_000],
                                                    binary=True).fetchone()[0]))


@case
def large_objects():
    with connect() as connection, connection.transaction(force_rollback=True):
        oid, = connection.execute('SELECT lo_from_bytea(0, %s)', [b'lo' * 150_000]).fetchone()
        handle, = connection.execute('SELECT lo_open(%s, 393216)', [oid]).fetchone()
        show('read', digest(connection.execute('SELECT lo_lseek64(%s, 1001, 0), loread(%s, 250000)',
                                               [handle, handle]).fetchone()[1]))
        show('write', connection.execute("SELECT lowrite(%s, 'tail'), lo_tell64(%s)", [handle, handle]).fetchone())
        show('all', digest(connection.execute('SELECT lo_get(%s)', [oid], binary=True).fetchone()[0]))


@case
def many_columns():
    with connect() as connection:
        columns = [sql.SQL('{} AS {}').format(n, sql.Identifier(f'column_{n}')) for n in range(1600)]
        text = sql.SQL('SELECT {}').format(sql.SQL(', ').join(columns))
        cursor = connection.cursor(row_factory=dict_row).execute(text)
        row = cursor.fetchone()
        show('columns', len(row), row['column_1599'], digest(str(row)))
        show('parameters', connection.execute('SELECT ' + ' + '.join(['%s::int'] * 2000), range(2000)).fetchone())


@case
def connection_parameters():
    with connect(application_name="odd 'näme'", options='-c work_mem=3MB -c search_path=elsewhere,public',
                 client_encoding='LATIN1') as connection:
        for name in ('application_name', 'work_mem', 'search_path', 'client_encoding'):
            show(name, connection.execute(f'SHOW {name}').fetchone())
        show('by search_path', connection.execute('SELECT here FROM place').fetchall())
        show('in Latin 1', connection.execute(BY_ID, [3]).fetchall(),
             connection.execute('SELECT %s', ['ü']).fetchall())
        names = ('server_version', 'TimeZone', 'DateStyle', 'is_superuser')
        show('reported', [(name, connection.info.parameter_status(name)) for name in names])


@case
def failing_logins():
    for more in ({'user': 'locked_psycopg', 'password': 'wrong'}, {'user': 'no_such_psycopg'}, {'dbname': 'nowhere'},
                 {'options': '-c nonsense=1'}):
        fails(str(more), psycopg.connect, **more)


@case
def terminated():
    with connect() as connection:
        try:
            connection.execute('SELECT pg_terminate_backend(pg_backend_pid())')
        except psycopg.OperationalError as error:  # what libpq says of the lost connection is a matter of time
            show('terminated', 'terminating connection due to administrator command' in str(error))
        show('closed', connection.closed, connection.broken)
        fails('after', connection.execute, 'SELECT 1')


@case
def asynchronous():
    async def run():
        async def one(number):
            async with await psycopg.AsyncConnection.connect(autocommit=True) as connection:
                cursor = await connection.execute(BY_ID, [number])
                return await cursor.fetchone()
        show('at once', await asyncio.gather(*(one(number) for number in range(1, 9))))
    asyncio.run(run())


def main():
    logging.disable(logging.WARNING)  # whether a pipeline is found aborted at its end or before is a matter of time
    chosen = wanted()
    for function in chosen:
        print('==', function.__name__, flush=True)
        function()
    print('done', len(chosen), 'cases')


if __name__ == '__main__':
    main()
