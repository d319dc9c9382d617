#!/usr/bin/python3
"""psycopg 3: the same script direct and proxied, output compared.   psycopg_script.py URL"""
import sys
import threading
import time

import psycopg


def show(label, value):
    print(label, value, flush=True)


def failure(run):
    try:
        run()
    except psycopg.Error as error:
        show('error', (error.sqlstate, str(error).splitlines()[0]))


def main():
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: show('notice', notice.message_primary))
        for number in (1, 14, 999, None):
            show('parameter', connection.execute('SELECT id, name FROM item WHERE id = %s', [number]).fetchall())
        for _ in range(8):  # prepared on the server after five
            show('prepared', connection.execute('SELECT id, price, added FROM item WHERE id = %s', [3]).fetchall())
        cursor = connection.cursor(binary=True)
        show('binary', cursor.execute('SELECT id, name, price, added FROM item WHERE id < %s ORDER BY id', [4]).fetchall())
        show('types', connection.execute('SELECT %s, %s::jsonb, %s::int[], %s', [b'\x00\xff', '{"a": 1.50}', [1, None], 1.5]).fetchall())
        failure(lambda: connection.execute('SELECT 1/0'))
        failure(lambda: connection.execute('SELECT %s::int', ['x']))
        connection.execute('SELECT noisy(2)')
        with connection.pipeline():
            cursors = [connection.execute('SELECT id, name FROM item WHERE id = %s', [n]) for n in range(30)]
        show('pipeline', [cursor.fetchall() for cursor in cursors])

        def broken_pipeline():
            with connection.pipeline():
                connection.execute('SELECT 1')
                connection.execute('SELECT 1/0')
                connection.execute('SELECT 2')
        failure(broken_pipeline)
        with connection.transaction(force_rollback=True):
            with connection.cursor() as inner:
                with inner.copy('COPY sink FROM STDIN') as copy:
                    for number in range(1000):
                        copy.write_row((number, f'row {number}'))
                show('copied', inner.execute('SELECT count(*), sum(id) FROM sink').fetchall())
                with inner.copy('COPY sink TO STDOUT') as copy:
                    show('copy out', sum(len(bytes(block)) for block in copy))
        with connection.transaction(), connection.cursor('named') as named:
            named.itersize = 7
            show('server cursor', sum(row[0] for row in named.execute('SELECT id FROM item ORDER BY id')))
        threading.Thread(target=lambda: (time.sleep(0.3), connection.cancel())).start()
        failure(lambda: connection.execute('SELECT pg_sleep(30)'))
        connection.add_notify_handler(lambda notification: show('notification', notification.payload))
        connection.execute('LISTEN news')
        connection.execute("NOTIFY news, 'hello'")
        connection.execute('UNLISTEN *')
        big = 'z' * 3_000_000
        show('big', connection.execute('SELECT length(%s::text)', [big]).fetchone())


if __name__ == '__main__':
    main()
