"""A session whose rule is wrong on purpose, beside the others: what it is told shows which modes the proxy has been in."""
import psycopg

from .background import Background

MISMATCH = 'PLX01'


class Canary(Background):
    """Asks `sql`, whose answer is `row`, while the block runs. `passed`: how often it got it; `refused`: how often strict
    mode's error. Anything else fails the block. `parameters`: psycopg's, of the session."""

    def __init__(self, sql, row, **parameters):
        super().__init__()
        self.passed = self.refused = 0
        self._sql, self._row, self._parameters = sql, row, parameters

    def _work(self, end):
        with psycopg.connect(**self._parameters, autocommit=True) as session:
            while not end.is_set():
                self._ask(session)
                end.wait(0.005)

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
