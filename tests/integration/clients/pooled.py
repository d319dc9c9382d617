#!/usr/bin/python3
"""What an application may do behind a pooler in transaction mode, with psycopg: nothing is prepared."""
import os

import psycopg

from script import CASES, case, digest, show

BY_ID = 'SELECT id, name FROM item WHERE id = %s'


def connect(**more):
    return psycopg.connect(autocommit=True, prepare_threshold=None, **more)


@case
def queries():
    with connect() as session:
        session.add_notice_handler(lambda notice: show('notice', notice.message_primary))
        for number in (1, 14, 999, None):
            show('row', session.execute(BY_ID, [number]).fetchall())
        for binary in (False, True):
            show('kinds', session.execute('SELECT id, price, added, 1.5::float8 FROM item WHERE id = %s', [3], binary=binary).fetchall())
        for sql in ('SELECT 1/0', 'SELECT nmae FROM item'):
            try:
                session.execute(sql)
            except psycopg.Error as error:
                show('error', error.sqlstate, error.diag.message_primary, error.diag.statement_position)
        session.execute('SELECT noisy(3)')
        large = '0123456789' * 300_000
        show('large', digest(session.execute('SELECT %s::text', [large]).fetchone()[0]))


@case
def transactions():
    with connect() as session:
        with session.transaction(force_rollback=True):
            session.execute('INSERT INTO sink VALUES (1, %s)', ['x'])
            try:
                with session.transaction():
                    session.execute('SELECT 1/0')
            except psycopg.Error as error:
                show('error', error.sqlstate)
            show('inside', session.execute('SELECT * FROM sink').fetchall())
            with session.cursor('named') as cursor:
                cursor.execute('SELECT id FROM item ORDER BY id')
                show('cursor', cursor.fetchmany(3), cursor.fetchmany(2))
            with session.cursor() as cursor:
                with cursor.copy('COPY sink FROM STDIN') as copy:
                    for number in range(10_000):
                        copy.write_row((number, f'ünï {number}'))
                with cursor.copy('COPY sink TO STDOUT') as copy:
                    show('copied', digest(b''.join(bytes(block) for block in copy)))
        show('outside', session.execute('SELECT count(*) FROM sink').fetchall())


@case
def settings_of_the_client():
    """The pooler carries them to whatever session of the server comes next: a covered statement of one client runs with the
    settings of that client, not of the one before."""
    for zone, style in (('Asia/Tokyo', 'German'), ('UTC', 'ISO'), ('Asia/Tokyo', 'ISO')):
        os.environ.update(PGTZ=zone, PGDATESTYLE=style)  # libpq's, sent in the startup packet
        with connect(application_name=f'in {zone}') as session:
            show(zone, session.execute('SELECT added::text FROM item WHERE id = %s', [3]).fetchone())


for run in CASES:
    print('==', run.__name__)
    run()
print('done', len(CASES), 'cases')
