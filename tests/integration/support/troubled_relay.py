"""A relay in front of a server that gets into trouble when a test says so, and out of it again."""
import contextlib
import selectors
import socket
import threading
import time

READ_BYTES = 65536
TICK = 0.01  # seconds


class TroubledRelay:
    """`trouble`: None (bytes pass), 'slow' (each piece waits `DELAY` seconds), 'frozen' (nothing is read any more),
    'garbage' (the server's answers are something else), 'gone' (connections are reset, and so are new ones)."""
    DELAY = 0.25

    def __init__(self, port):
        self.trouble = None
        self._port = port
        self._end = threading.Event()
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            if self.trouble == 'gone':
                return
            with socket.create_connection(('127.0.0.1', self._port)) as server, selectors.DefaultSelector() as ready:
                ready.register(client, selectors.EVENT_READ, server)
                ready.register(server, selectors.EVENT_READ, client)
                while not self._end.is_set() and self.trouble != 'gone':
                    if self.trouble == 'frozen':
                        time.sleep(TICK)
                        continue
                    for key, _ in ready.select(TICK):
                        if not self._pass_on(key.fileobj, key.data, key.fileobj is server):
                            return

    def _pass_on(self, source, target, answer):
        data = source.recv(READ_BYTES)
        if self.trouble == 'slow':
            time.sleep(self.DELAY)
        if self.trouble == 'garbage' and answer:
            data = b'\xff' * len(data)
        target.sendall(data)
        return bool(data)
