#!/usr/bin/python3
"""asyncpg, which sends every parameter and takes every result in binary. Where to connect: PGHOST, PGPORT and so on."""
import asyncio
import datetime
import decimal
import io
import ipaddress
import json
import uuid

import asyncpg
from script import case, digest, show, wait_asleep, wanted

WARNING = "DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint', DETAIL = 'a detail', ERRCODE = '01P01'; END $$"
BY_ID = 'SELECT id, name FROM item WHERE id = $1'
FIELDS = ('severity', 'sqlstate', 'message', 'detail', 'hint', 'position', 'context', 'schema_name', 'table_name',
          'column_name', 'data_type_name', 'constraint_name', 'server_source_function')


def said(error):
    return {field: getattr(error, field) for field in FIELDS if getattr(error, field, None)}


def noticed(_, notice):
    show('notice', said(notice))


class connect:
    """A session for one case, so that a SET in one hides nothing of the next."""

    def __init__(self, **more):
        self.more = more

    async def __aenter__(self):
        self.connection = await asyncpg.connect(**self.more)
        self.connection.add_log_listener(noticed)
        return self.connection

    async def __aexit__(self, *_):
        await self.connection.close()


async def fails(label, awaitable):
    try:
        await awaitable
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        show(label, type(error).__name__, said(error) if hasattr(error, 'severity') else str(error))
    else:
        raise AssertionError(f'{label}: no error')


def rows(records):
    return [tuple(record) for record in records]


async def some(connection, *query):
    return rows(await connection.fetch(*query))


@case
async def parameters():
    async with connect() as connection:
        for number in (1, 14, 999, None):
            show('row', await some(connection, BY_ID, number))
        show('literal', await some(connection, 'SELECT id, name FROM item WHERE id = 7'))
        show('null', await some(connection, 'SELECT $1::text, $2::int, $3::text', None, None, ''))
        show('many', await some(connection, 'SELECT id, name, price, added FROM item WHERE id < $1 ORDER BY id', 4))
        show('value', await connection.fetchval('SELECT count(*) FROM item WHERE id < $1', 5),
             await connection.fetchrow(BY_ID, 3))


@case
async def kinds_of_values():
    when = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.timezone.utc)
    values = {'numeric': decimal.Decimal('12345678901234567890.123456789'), 'int8': 2 ** 62, 'float4': 0.5,
              'float8': 1e-7, 'bool': True, 'timestamptz': when, 'timestamp': when.replace(tzinfo=None),
              'date': when.date(), 'time': when.time(), 'interval': datetime.timedelta(1, 2),
              'uuid': uuid.UUID(int=5), 'bytea': b'\0\xff', 'int[]': [1, None, 3], 'text[]': ['a,b', '"', None, ''],
              'int[][]': [[1, 2], [3, 4]], 'json': '{"a": [1, null]}', 'jsonb': '{"b": 1.50}',
              'inet': ipaddress.ip_interface('10.0.0.1/8'), 'int4range': asyncpg.Range(1, 5), 'point': asyncpg.Point(1, 2),
              'mood': 'glad', 'pair': (1, 'x'), 'mood[]': ['sad', None]}
    async with connect() as connection:
        for kind, value in values.items():
            show(kind, await connection.fetchval(f'SELECT $1::{kind}', value))
        show('special', await some(connection, "SELECT 'NaN'::numeric, '-infinity'::float8, 'infinity'::timestamptz, "
                                               "''::bytea, '{}'::int[]"))


@case
async def codecs():
    async with connect() as connection:
        await connection.set_type_codec('jsonb', encoder=json.dumps, decoder=json.loads, schema='pg_catalog')
        await connection.set_type_codec('numeric', encoder=str, decoder=str, schema='pg_catalog', format='text')
        show('jsonb', await connection.fetchval('SELECT $1::jsonb', {'a': [1, None, 'ü']}))
        show('text', await connection.fetchval('SELECT $1::numeric', '1.50'))


@case
async def prepared_statements():
    async with connect() as connection:
        statement = await connection.prepare(BY_ID)
        show('described', [kind.name for kind in statement.get_parameters()],
             [(a.name, a.type.name) for a in statement.get_attributes()])
        show('rows', [await statement.fetchrow(number) for number in (1, 14, 999)])
        again = await connection.prepare('SELECT count(*) FROM item WHERE id < $1')
        show('value', await again.fetchval(5), again.get_statusmsg())
        del statement, again
        await connection.execute('DEALLOCATE ALL')
        await connection.reload_schema_state()
        show('after', await some(connection, BY_ID, 3))


@case
async def without_a_statement_cache():
    async with connect(statement_cache_size=0) as connection:
        for number in (1, 14, 999):
            show('row', await some(connection, BY_ID, number))


@case
async def changed_under_a_prepared_statement():
    async with connect() as connection:
        await connection.execute('CREATE TEMP TABLE changing (a int)')
        show('before', await some(connection, 'SELECT * FROM changing'))
        await connection.execute('ALTER TABLE changing ADD b text; INSERT INTO changing VALUES (1, $$x$$)')
        show('prepared again', await some(connection, 'SELECT * FROM changing'))
        async with connection.transaction():
            await connection.execute('ALTER TABLE changing DROP a')
            await fails('in a transaction', connection.fetch('SELECT * FROM changing'))


@case
async def several_statements():
    async with connect() as connection:
        text = 'SELECT 1; SELECT id, name FROM item WHERE id = 7; CREATE TEMP TABLE t (a int)'
        show('status', await connection.execute(text))
        await fails('second fails', connection.execute('INSERT INTO sink VALUES (1); SELECT 1/0; SELECT 2'))
        await fails('not to be prepared', connection.fetch('SELECT 1; SELECT 2'))
        show('undone', await some(connection, 'SELECT count(*) FROM sink'))


@case
async def empty_queries():
    async with connect() as connection:
        for text in ('', ' ; ', '-- nothing'):
            show('empty', await connection.fetch(text))


@case
async def errors():
    async with connect() as connection:
        await fails('division', connection.fetch('SELECT 1/0'))
        await fails('position and hint', connection.fetch('SELECT nmae FROM item WHERE id = $1', 1))
        await fails('syntax', connection.fetch('SELECT ü FROM FROM item'))
        await fails('own check', connection.fetch(BY_ID, 'x'))
        await fails('constraint', connection.execute('INSERT INTO kinds (id, positive) VALUES (1, -1)'))
        await fails('raised', connection.fetch('SELECT complain($1)', 'oh'))
        show('after', await some(connection, BY_ID, 5))


@case
async def notices():
    async with connect() as connection:
        show('noisy', await connection.fetchval('SELECT noisy($1)', 3))
        await connection.execute(WARNING)
        await asyncio.sleep(0)


@case
async def many_at_once():
    async with connect() as connection:
        await connection.executemany('INSERT INTO sink VALUES ($1, $2)', [(n, f'row {n}') for n in range(2000)])
        show('inserted', await some(connection, 'SELECT count(*), sum(id) FROM sink'))
        bad = [(1, 1), (2, 2), (3, -3), (4, 4)]
        await fails('one is bad', connection.executemany('INSERT INTO kinds VALUES ($1, $2)', bad))
        show('all undone', await some(connection, 'SELECT count(*) FROM kinds'))
        show('deleted', await connection.execute('DELETE FROM sink'))


@case
async def cursors():
    async with connect() as connection:
        async with connection.transaction():
            show('two at a time',
                 [record[0] async for record in connection.cursor('SELECT id FROM item ORDER BY id LIMIT $1', 7,
                                                                  prefetch=2)])
            cursor = await connection.cursor('SELECT generate_series(1, 1000000)')
            show('some', rows(await cursor.fetch(3)), await cursor.forward(10), tuple(await cursor.fetchrow()))
        async with connection.transaction():
            broken = await connection.cursor('SELECT 10 / (5 - n) FROM generate_series(1, 9) n')
            show('before the error', rows(await broken.fetch(4)))
            await fails('broken', broken.fetch(4))
        await fails('outside', connection.cursor('SELECT 1'))
        show('after', await some(connection, BY_ID, 6))


@case
async def limited_rows():
    async with connect() as connection:
        show('first', await connection.fetchrow('SELECT id FROM item ORDER BY id LIMIT $1', 9))
        show('first of many', await connection.fetchval('SELECT generate_series(1, 100000)'))


@case
async def transactions_and_savepoints():
    async with connect() as connection:
        try:
            async with connection.transaction(isolation='repeatable_read'):
                show('insert', await some(connection, 'INSERT INTO sink VALUES ($1, $2) RETURNING *', 1, 'x'))
                try:
                    async with connection.transaction():
                        await connection.execute('INSERT INTO sink VALUES (2)')
                        await connection.fetch('SELECT 1/0')
                except asyncpg.DivisionByZeroError as error:
                    show('inside', error.sqlstate)
                show('kept', await some(connection, 'SELECT id FROM sink'))
                await fails('aborts', connection.fetch('SELECT 1/0'))
                await fails('aborted', connection.fetch(BY_ID, 1))
                raise ValueError('roll back')
        except ValueError as error:
            show('outside', str(error), await some(connection, 'SELECT count(*) FROM sink'))
        async with connection.transaction(readonly=True, isolation='serializable', deferrable=True):
            await fails('read only', connection.execute('INSERT INTO sink VALUES (1)'))


@case
async def copy():
    async with connect() as connection:
        lines = ''.join(f'{n}\trow {n} ü\n' for n in range(20_000)).encode()
        show('in', await connection.copy_to_table('sink', source=io.BytesIO(lines)))
        show('there', await some(connection,
                                 "SELECT count(*), sum(id), md5(string_agg(label, ',' ORDER BY id)) "
                                 "FROM sink"))
        out = io.BytesIO()
        show('out', await connection.copy_from_table('sink', output=out), digest(out.getvalue()))
        out = io.BytesIO()
        show('query', await connection.copy_from_query('SELECT id, name FROM item WHERE id < $1 ORDER BY id', 4,
                                                       output=out, format='csv'),
             out.getvalue())
        await connection.execute('DELETE FROM sink')


@case
async def binary_copy_and_its_errors():
    async with connect() as connection:
        records = [(n, None if n % 7 == 0 else f'row {n}') for n in range(1000)]
        show('records', await connection.copy_records_to_table('sink', records=records))
        out = io.BytesIO()
        show('out', await connection.copy_from_query('SELECT * FROM sink ORDER BY id', output=out, format='binary'),
             digest(out.getvalue()))
        await connection.execute('DELETE FROM sink')
        await fails('bad row', connection.copy_to_table('sink', source=io.BytesIO(b'1\tone\nx\ttwo\n')))

        def breaking():
            yield 1, 'one'
            raise ValueError('given up')
        try:
            await connection.copy_records_to_table('sink', records=breaking())
        except ValueError as error:
            show('given up', str(error))
        show('after', await some(connection, 'SELECT count(*) FROM sink'))


@case
async def listen_and_notify():
    async with connect() as connection, connect() as other:
        heard = asyncio.Queue()
        pid = other.get_server_pid()
        for channel in ('news', 'Odd Näme'):
            await connection.add_listener(channel, lambda _, sender, channel, payload: heard.put_nowait(
                (channel, len(payload), payload[:9], sender == pid)))
        for channel, payload in (('news', 'hello'), ('Odd Näme', 'x' * 7999), ('news', '')):
            await other.execute('SELECT pg_notify($1, $2)', channel, payload)
        show('heard', [await heard.get() for _ in range(3)])
        await connection.execute("NOTIFY news, 'to myself'")
        show('own', await heard.get())
        await connection.reset()


@case
async def cancel():
    async with connect() as connection:
        sleeping = asyncio.create_task(connection.fetch('SELECT pg_sleep(60)'))
        await asyncio.to_thread(wait_asleep)
        sleeping.cancel()
        try:
            await sleeping
        except asyncio.CancelledError:
            show('cancelled')
        show('after', await some(connection, BY_ID, 6))
        try:
            await connection.fetch('SELECT pg_sleep(60)', timeout=0.2)
        except asyncio.TimeoutError:
            show('timeout')
        show('after', await some(connection, BY_ID, 6))
        await connection.execute("SET statement_timeout = '50ms'")
        await fails('of the server', connection.fetch('SELECT pg_sleep(60)'))


@case
async def ten_megabytes():
    big = 'z' * 10_000_000
    async with connect() as connection:
        show('text', await some(connection, "SELECT length($1::text), $1 = repeat('z', 10000000)", big))
        show('back', digest(await connection.fetchval("SELECT repeat('0123456789', 1000000)")))
        show('both ways', digest(await connection.fetchval('SELECT $1::bytea', b'\0\1\xff\n' * 2_500_000)))


@case
async def large_objects():
    async with connect() as connection:
        async with connection.transaction():
            oid = await connection.fetchval('SELECT lo_from_bytea(0, $1)', b'lo' * 150_000)
            handle = await connection.fetchval('SELECT lo_open($1, 393216)', oid)
            await connection.fetchval('SELECT lo_lseek64($1, 1001, 0)', handle)
            show('read', digest(await connection.fetchval('SELECT loread($1, 250000)', handle)))
            show('write', await some(connection, "SELECT lowrite($1, 'tail'), lo_tell64($1)", handle))
            show('all', digest(await connection.fetchval('SELECT lo_get($1)', oid)),
                 await connection.fetchval('SELECT lo_unlink($1)', oid))


@case
async def many_columns():
    async with connect() as connection:
        row = await connection.fetchrow('SELECT ' + ', '.join(f'{n} AS column_{n}' for n in range(1600)))
        show('columns', len(row), row['column_1599'], digest(str(dict(row))))
        text = 'SELECT ' + ' + '.join(f'${n + 1}::int' for n in range(2000))
        show('parameters', await connection.fetchval(text, *range(2000)))


@case
async def connection_parameters():
    settings = {'application_name': "odd 'näme'", 'work_mem': '3MB', 'search_path': 'elsewhere,public',
                'TimeZone': 'Asia/Kolkata'}
    async with connect(server_settings=settings) as connection:
        for name in settings:
            show(name, await connection.fetchval(f'SHOW {name}'))
        show('by search_path', await some(connection, 'SELECT here FROM place'))
        show('row', await some(connection, BY_ID, 3), connection.get_server_version()[:2],
             connection.get_settings().TimeZone)


@case
async def failing_logins():
    for more in ({'user': 'locked_asyncpg', 'password': 'wrong'}, {'user': 'no_such_asyncpg'}, {'database': 'nowhere'},
                 {'server_settings': {'nonsense': '1'}}):
        await fails(str(more), asyncpg.connect(**more))


@case
async def terminated():
    async with connect() as connection:
        await fails('terminated', connection.fetch('SELECT pg_terminate_backend(pg_backend_pid())'))
        while not connection.is_closed():
            await asyncio.sleep(0.01)
        await fails('after', connection.fetch('SELECT 1'))


@case
async def pool():
    async with asyncpg.create_pool(min_size=1, max_size=4) as connections:  # resets a session before it goes back
        show('rows', rows(await asyncio.gather(*(connections.fetchrow(BY_ID, number) for number in range(1, 41)))))


async def main():
    chosen = wanted()
    for function in chosen:
        print('==', function.__name__, flush=True)
        await function()
    print('done', len(chosen), 'cases')


if __name__ == '__main__':
    asyncio.run(main())
