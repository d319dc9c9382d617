"""What the Python scripts share: cases by name, printed results, errors reduced to what the server said."""
import hashlib
import os
import sys
import time

import psycopg

CASES = []


def case(function):
    CASES.append(function)
    return function


def wanted():
    """All cases, or with an argument those whose names have it."""
    return [function for function in CASES if sys.argv[1:] == [] or sys.argv[1] in function.__name__]


def show(label, *values):
    print(' ', label, *map(repr, values), flush=True)


def digest(data):
    raw = data.encode() if isinstance(data, str) else bytes(data)
    return f'{len(raw)} {hashlib.sha1(raw).hexdigest()}'


def wait_asleep():
    """Until a session of this server sleeps, so that there is something to cancel."""
    with psycopg.connect(autocommit=True) as connection:
        while not connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone():
            time.sleep(0.01)


def where():
    return {'host': os.environ['PGHOST'], 'port': int(os.environ['PGPORT'])}
