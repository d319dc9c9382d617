"""A session whose rule is wrong on purpose, beside the others: what it is told shows which modes the proxy has been in."""
import threading

import psycopg

MISMATCH = 'PLX01'


class Canary:
    """Asks `sql`, whose answer is `row`, while the block runs. `passed`: how often it got it; `refused`: how often strict
    mode's error. Anything else fails the block. `parameters`: psycopg's, of the session."""

    def __init__(self, sql, row, **parameters):
        self.passed = self.refused = 0
        self._sql, self._row, self._parameters = sql, row, parameters
        self._end = threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._end.set()
        self._thread.join()
        if kind is None and self._problem is not None:
            raise self._problem

    def _run(self):
        try:
            with psycopg.connect(**self._parameters, autocommit=True) as session:
                while not self._end.is_set():
                    self._ask(session)
                    self._end.wait(0.005)
        except Exception as problem:  # told on the main thread
            self._problem = problem

    def _ask(self, session):
        try:
            row = session.execute(self._sql).fetchone()
        except psycopg.Error as error:
            if error.sqlstate != MISMATCH:
                raise
            self.refused += 1
        else:
            if row != self._row:
                raise AssertionError(f'{row} for {self._row}')
            self.passed += 1
