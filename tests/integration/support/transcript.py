"""The recorded script: named scenes, each a function that talks to a server at host:port and returns every byte that it
received. A scene leaves the database as it found it, so that running it again gives the same bytes."""
import struct
import time

from . import wire
from .wire import Wire, bind, close, copy_data, copy_fail, describe, execute, parse, query

# Run once on every server that plays a part.
SCHEMA = """
CREATE TABLE item (id int PRIMARY KEY, name text, price numeric(10,2), added timestamptz);
INSERT INTO item SELECT g, CASE WHEN g % 7 = 0 THEN NULL ELSE 'item ' || g || ' ünï' END, g * 1.10,
  timestamptz '2024-01-01 00:00:00+00' + g * interval '1 hour' FROM generate_series(1, 200) g;
CREATE TABLE sink (id int, label text);
CREATE FUNCTION noisy(n int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN FOR i IN 1..n LOOP RAISE NOTICE 'notice %', i; END LOOP; RETURN n; END $$;
ANALYZE;
"""

# Statements of the scenes that rules cover: so the shadow has work while the bytes are compared.
RULES = {
    'item.byId': {'legacy': 'SELECT id, name FROM item WHERE id = :id',
                  'rewrite': 'select "id", "name" from "item" where "item"."id" = :id'},
    'item.first': {'legacy': 'SELECT id FROM item ORDER BY id LIMIT :take',
                   'rewrite': 'select "id" from "item" order by "item"."id" asc limit :take'},
    'item.wrong': {'legacy': 'SELECT count(*) FROM item WHERE id < :id',
                   'rewrite': 'select count(*) from "item" where "item"."id" <= :id'},
}
BY_ID = 'SELECT id, name FROM item WHERE id = $1'
FIRST = 'SELECT id FROM item ORDER BY id LIMIT $1'

SCENES = {}
VIOLATIONS = 1  # scenes after which a tap cannot know any more what the session is doing


def scene(function):
    SCENES[function.__name__] = function
    return function


def finish(session):
    session.send(wire.TERMINATE)
    return session.until_closed()


@scene
def simple_queries(host, port):
    with Wire(host, port).start() as session:
        for sql in ('SELECT 1', '', ' ;', '/* only a comment */', 'SELECT id, name FROM item WHERE id = 7',
                    'SELECT id, name FROM item WHERE id = 8;',
                    'SELECT count(*) FROM item WHERE id < 5', 'SELECT * FROM item ORDER BY id', 'SELECT nothing FROM item',
                    'SELECT 1; SELECT id FROM item ORDER BY id LIMIT 3; SELECT 2', 'SELECT 1; SELECT 1/0; SELECT 2',
                    'BEGIN; INSERT INTO sink VALUES (1); SELECT count(*) FROM sink; ROLLBACK; SELECT count(*) FROM item WHERE id < 5',
                    "SELECT 'ünï ☃', E'\\\\x00'::bytea, NULL, ARRAY[1,NULL,3], '{\"a\": 1.50}'::jsonb"):
            session.send(query(sql))
            session.until_ready()
        return finish(session)


@scene
def transaction_states(host, port):
    with Wire(host, port).start() as session:
        for sql in ('BEGIN', 'SELECT id, name FROM item WHERE id = 3', 'SAVEPOINT a', 'SELECT 1/0', 'SELECT 1',
                    'ROLLBACK TO a', 'INSERT INTO sink VALUES (1, $$x$$)', 'SELECT id, name FROM item WHERE id = 4', 'ROLLBACK',
                    'COMMIT', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY', 'INSERT INTO sink VALUES (1)', 'COMMIT'):
            session.send(query(sql))
            session.until_ready()
        return finish(session)


@scene
def extended_queries(host, port):
    with Wire(host, port).start() as session:
        for parameters, formats, types, results in ((['7'], [], [], []), ([b'\0\0\0\x07'], [1], [23], [1]), ([None], [0], [0], [0, 1])):
            session.send(parse(BY_ID, types=types), bind(parameters, formats=formats, results=results), describe(b'P'),
                         execute(), wire.SYNC)
            session.until_ready()
        session.send(parse('SELECT id, price, added FROM item WHERE id < $1 ORDER BY id'), describe(b'S'), wire.SYNC)
        session.until_ready()
        session.send(bind(['5'], results=[1]), execute(), wire.SYNC, bind(['6'], results=[0]), execute(), wire.SYNC)
        session.until_ready(2)
        session.send(parse(''), bind(), describe(b'P'), execute(), wire.SYNC)
        session.until_ready()
        session.send(parse('INSERT INTO sink VALUES ($1, $2)'), bind(['1', None]), describe(b'P'), execute(), wire.SYNC)
        session.send(parse('DELETE FROM sink'), bind(), execute(), wire.SYNC)
        session.until_ready(2)
        return finish(session)


@scene
def pipelined(host, port):
    with Wire(host, port).start() as session:
        batch = [parse(BY_ID, 'by_id')]
        for number in range(300):
            batch.append(bind([str(number % 220)], name='by_id') + execute())
            if number % 7 == 0:
                batch.append(wire.SYNC)
        session.send(*batch, wire.SYNC)
        session.until_ready(44)
        session.send(*[query(f'SELECT id, name FROM item WHERE id = {n}') for n in range(100)])
        session.until_ready(100)
        return finish(session)


@scene
def errors_in_pipeline(host, port):
    with Wire(host, port).start() as session:
        good = parse(BY_ID) + bind(['9']) + execute()
        session.send(good, parse('SELECT 1/0'), bind(), execute(), good, good, wire.SYNC, good, wire.SYNC)
        session.until_ready(2)
        session.send(parse('SELEC', 'broken'), bind(name='broken'), execute(), wire.SYNC, bind(name='broken'), execute(), wire.SYNC)
        session.until_ready(2)
        session.send(parse(BY_ID, 'twice'), parse(BY_ID, 'twice'), wire.SYNC, bind(['not a number'], name='twice'), execute(),
                     wire.SYNC, bind(['1', '2'], name='twice'), wire.SYNC)
        session.until_ready(3)
        # an error inside a simple query between extended ones, all in one segment
        session.send(good, wire.SYNC, query('SELECT 1; SELECT 1/0'), good, wire.SYNC)
        session.until_ready(3)
        return finish(session)


@scene
def flush(host, port):
    with Wire(host, port).start() as session:
        session.send(parse(BY_ID), describe(b'S'), wire.FLUSH)
        session.until(b'T')
        session.send(bind(['11']), execute(), wire.FLUSH)
        session.until(b'C')
        session.send(parse('SELECT 1/0'), bind(), execute(), wire.FLUSH)
        session.until(b'E')
        session.send(wire.FLUSH, wire.SYNC)
        session.until_ready()
        return finish(session)


@scene
def statements_and_portals(host, port):
    with Wire(host, port).start() as session:
        session.send(parse(FIRST, 's1'), parse(BY_ID, 's2', [23]), describe(b'S', 's1'), describe(b'S', 's2'), wire.SYNC)
        session.until_ready()
        session.send(query('BEGIN'), bind(['10'], portal='p1', name='s1'), bind(['20'], portal='p2', name='s1'),
                     describe(b'P', 'p1'), execute('p1', 3), execute('p2', 5), execute('p1', 4), execute('p1', 0),
                     execute('p1', 1), wire.SYNC)
        session.until_ready(2)
        session.send(close(b'P', 'p2'), close(b'P', 'unknown'), close(b'S', 'unknown'), execute('p2'), wire.SYNC, query('COMMIT'))
        session.until_ready(2)
        session.send(bind(['3'], name='s2'), execute(), close(b'S', 's2'), wire.SYNC, bind(['3'], name='s2'), execute(), wire.SYNC)
        session.until_ready(2)
        # the unnamed statement is gone after a simple query; a row-limited unnamed portal
        session.send(parse(FIRST), query('SELECT 1'), bind(['3']), wire.SYNC, parse(FIRST), bind(['9']), execute('', 2),
                     execute('', 2), wire.SYNC)
        session.until_ready(3)
        for sql in ('PREPARE q(int) AS SELECT id, name FROM item WHERE id = $1', 'EXECUTE q(5)', 'DEALLOCATE q', 'EXECUTE q(5)',
                    'BEGIN; DECLARE c CURSOR FOR SELECT id FROM item ORDER BY id; FETCH 3 FROM c; FETCH 2 FROM c; COMMIT',
                    'DISCARD ALL'):
            session.send(query(sql))
            session.until_ready()
        session.send(bind(['3'], name='s1'), wire.SYNC)
        session.until_ready()
        return finish(session)


@scene
def copy(host, port):
    with Wire(host, port).start() as session:
        session.send(query('BEGIN'), query('COPY sink FROM STDIN'))
        session.until(b'G')
        session.send(copy_data(b'1\tone\n2\t'), copy_data(b'two\n'), copy_data(b'3\t\\N\n'), wire.COPY_DONE)
        session.until_ready()
        session.send(query('COPY sink TO STDOUT; SELECT count(*) FROM sink; COPY (SELECT * FROM sink) TO STDOUT (FORMAT binary)'))
        session.until_ready()
        session.send(query('COPY item TO STDOUT'), query('ROLLBACK'))
        session.until_ready(2)
        # data that the server refuses; what follows up to CopyDone is skipped
        session.send(query('COPY sink FROM STDIN'))
        session.until(b'G')
        session.send(copy_data(b'not a number\tx\n'), copy_data(b'1\tone\n'), wire.COPY_DONE, query('SELECT 1'))
        session.until_ready(2)
        session.send(query('COPY sink FROM STDIN'))
        session.until(b'G')
        session.send(copy_data(b'1\tone\n'), copy_fail('changed my mind'))
        session.until_ready()
        # extended protocol; Sync and Flush are ignored while data is expected
        session.send(parse('COPY sink FROM STDIN'), bind(), execute(), copy_data(b'5\tfive\n'), wire.COPY_DONE, wire.SYNC)
        session.until_ready()
        session.send(parse('DELETE FROM sink'), bind(), execute(), parse('COPY item TO STDOUT'), bind(), execute(), wire.SYNC)
        session.until_ready()
        session.send(parse('COPY sink FROM STDIN'), bind(), execute(), copy_data(b'bad\n'), copy_data(b'bad\n'), wire.COPY_DONE,
                     wire.SYNC, query('SELECT count(*) FROM sink'))
        session.until_ready(2)
        return finish(session)


@scene
def notices(host, port):
    with Wire(host, port).start() as session:
        session.send(query('SELECT noisy(2000)'), query('DROP TABLE IF EXISTS no_such_table'))
        session.until_ready(2)
        session.send(parse('SELECT noisy($1)'), bind(['3']), execute(), wire.SYNC)
        session.until_ready()
        return finish(session)


@scene
def parameter_status(host, port):
    with Wire(host, port).start(parameters=[('application_name', 'scene'), ('options', '-c DateStyle=SQL,DMY')]) as session:
        session.send(query("SET application_name = 'a'"), query("SET DateStyle = 'German'"), query("SET TimeZone = 'Asia/Tokyo'"),
                     query("SET application_name = 'b'; SET application_name = 'c'; SET client_encoding = 'LATIN1'"),
                     query('SELECT added FROM item WHERE id = 5'), query('RESET ALL'), query('SELECT id, name FROM item WHERE id = 5'))
        session.until_ready(7)
        return finish(session)


@scene
def notifications(host, port):
    with Wire(host, port).start() as session, Wire(host, port).start() as other:
        session.send(query('LISTEN news'), query("NOTIFY news, 'own'"))
        session.until_ready(2)
        other.send(query("NOTIFY news, 'from another session'"))
        other.until_ready()
        session.until(b'A')  # arrives at an idle session
        other.send(query("BEGIN; NOTIFY news, 'one'; NOTIFY news, 'two'; COMMIT"))
        other.until_ready()
        session.until(b'A', 2)
        session.send(query('UNLISTEN *'))
        session.until_ready()
        finish(other)
        return finish(session)


LO_CREATE, LO_OPEN, LO_WRITE, LO_READ, LO_SEEK, LO_CLOSE, LO_UNLINK = 715, 952, 955, 954, 956, 953, 964


@scene
def large_objects(host, port):
    integer = struct.Struct('!i').pack
    content = bytes(range(256)) * 400
    with Wire(host, port).start() as session:
        def call(oid, *arguments):
            session.send(wire.function_call(oid, arguments))
            return session.until_ready()
        session.send(query('BEGIN'))
        session.until_ready()
        call(LO_CREATE, integer(424242))
        opened = call(LO_OPEN, integer(424242), integer(0x60000))
        descriptor = opened[0][1][4:8]
        call(LO_WRITE, descriptor, content)
        call(LO_SEEK, descriptor, integer(0), integer(0))
        call(LO_READ, descriptor, integer(len(content)))
        call(LO_CLOSE, descriptor)
        call(LO_UNLINK, integer(424242))
        call(LO_OPEN, integer(424243), integer(0x60000))  # does not exist: an error, and the transaction fails
        session.send(query('ROLLBACK'))
        session.until_ready()
        return finish(session)


def cancelled(session, host, port):
    """A cancel that comes before its statement does nothing: again, then."""
    patience = session.socket.gettimeout()
    session.socket.settimeout(3)
    try:
        for _ in range(6):
            time.sleep(0.2)
            session.cancel(host, port)
            try:
                return session.until_ready()
            except TimeoutError:
                pass
        raise AssertionError('the statement was not cancelled')
    finally:
        session.socket.settimeout(patience)


@scene
def cancel(host, port):
    with Wire(host, port).start() as session:
        session.send(query('SELECT pg_sleep(30)'))
        cancelled(session, host, port)
        session.send(parse('SELECT pg_sleep(30)'), bind(), execute(), parse(BY_ID), bind(['1']), execute(), wire.SYNC)
        cancelled(session, host, port)
        session.send(query('SELECT id, name FROM item WHERE id = 12'))
        session.until_ready()
        return finish(session)


@scene
def large_values(host, port):
    with Wire(host, port).start() as session:
        text = 'x' * 3_000_000
        session.send(parse('SELECT length($1::text), $1::text'), bind([text]), execute(), wire.SYNC)
        session.until_ready()
        session.send(query(f"SELECT length('{text}')"), query("SELECT repeat('y', 200000) FROM generate_series(1, 40)"))
        session.until_ready(2)
        return finish(session)


@scene
def byte_by_byte(host, port):
    with Wire(host, port).start() as session:
        session.send_slowly(query('SELECT id, name FROM item WHERE id = 21') + parse(BY_ID, 'slow') + describe(b'S', 'slow')
                            + bind(['22'], name='slow') + execute() + wire.SYNC)
        session.until_ready(2)
        return finish(session)


@scene
def ended_by_the_server(host, port):
    with Wire(host, port).start() as session:
        session.send(query('SELECT id, name FROM item WHERE id = 31'), query('SELECT pg_terminate_backend(pg_backend_pid())'))
        return session.until_closed()


@scene
def protocol_violation(host, port):
    with Wire(host, port).start() as session:
        session.send(query('SELECT 1'))
        session.until_ready()
        session.send(wire.message(b'z', b'nonsense'))
        return session.until_closed()


def record(host, port):
    """{scene: bytes received, comparable between runs}"""
    return {name: wire.masked(run(host, port)) for name, run in SCENES.items()}
