"""What goes on while a block runs, on a thread of its own."""
import threading


class Background:
    """`_work(end)` runs until `end` is set, which is when the block ends; what it raises is raised there, unless the block
    itself failed."""

    def __init__(self):
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
            self._work(self._end)
        except Exception as problem:  # told on the main thread
            self._problem = problem
