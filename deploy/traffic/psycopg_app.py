#!/usr/bin/python3
"""The same statements through psycopg 3: parameters typed and partly binary, server-side prepared statements after a
few runs, pipeline mode.   psycopg_app.py URL ROUNDS"""
import json
import pathlib
import re
import sys

import psycopg

HERE = pathlib.Path(__file__).resolve().parent
# The operations whose whole numbers an application would pass as int: psycopg sends those in binary.
NUMBERS = re.compile(r'(LIMIT|OFFSET) \$(\d+)')


def prepared(statement):
    """psycopg 3.1 wants %s for $n, and % doubled; numbers of LIMIT and OFFSET as int."""
    sql = statement['sql']
    numbers = {int(n) for _, n in NUMBERS.findall(sql)}
    parameters = [int(value) if n in numbers else value for n, value in enumerate(statement['params'], 1)]
    order = [int(n) for n in re.findall(r'\$(\d+)', sql)]
    text = re.sub(r'\$\d+', '%s', sql.replace('%', '%%'))
    return text, [parameters[n - 1] for n in order]


def main():
    url, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    statements = [prepared(s) for s in json.loads((HERE / 'statements.json').read_text())]
    rows = 0
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(rounds):
            for text, parameters in statements:
                # Without parameters psycopg does not read %; and it would use the simple protocol.
                cursor = connection.execute(text, parameters) if parameters else connection.execute(text.replace('%%', '%'))
                rows += len(cursor.fetchall())
        with connection.pipeline():
            cursors = [connection.execute(text, parameters) for text, parameters in statements if parameters]
        rows += sum(len(cursor.fetchall()) for cursor in cursors)
    print(f'psycopg: {rounds} rounds, {rows} rows')


if __name__ == '__main__':
    main()
