"""Servers that are not PostgreSQL, on a free port of 127.0.0.1: one that says what a test tells it to, and one that is as
particular about deliveries as some poolers are. And a relay that cuts what passes into single bytes."""
import contextlib
import select
import socket
import ssl
import struct
import threading
import time

from . import wire

STARTUP_BYTES_MAX = 1024  # of the particular server: a pooler's limit, a tenth of PostgreSQL's
READ_BYTES = 65536
PATIENCE = 30  # seconds that a read may take


def abort(connection):
    """Closes with a reset in place of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    connection.close()


class Listening:
    """Each connection is served by a thread of its own, with `serve(connection)`. What went wrong there, other than that the
    peer has gone, is in `failures`."""

    def __init__(self):
        self.failures = []
        self.accepted = 0
        self._open = set()
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=200)
        self.host, self.port = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.accepted += 1
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(PATIENCE)
                self._open.add(connection)
                threading.Thread(target=self._run, args=[connection], daemon=True).start()

    def _run(self, connection):
        try:
            self.serve(connection)
        except (ConnectionError, BrokenPipeError, wire.Closed):
            pass
        except Exception as problem:  # shown by the test, which runs in another thread
            self.failures.append(repr(problem))
        finally:
            self._open.discard(connection)
            connection.close()

    def serve(self, connection):
        raise NotImplementedError


class Segments(Listening):
    """A relay to `port` that sends single bytes, both ways, until the server is ready for the first query; or, where the
    bytes are encrypted and nobody can tell, the first `encrypted_bytes` of each direction."""

    def __init__(self, port, encrypted_bytes=0):
        self.target, self.encrypted_bytes = port, encrypted_bytes
        super().__init__()

    def serve(self, connection):
        with socket.create_connection(('127.0.0.1', self.target), timeout=PATIENCE) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready = threading.Event()
            back = threading.Thread(target=self._copy, args=[server, connection, ready, True], daemon=True)
            back.start()
            self._copy(connection, server, ready, False)
            back.join()

    def _copy(self, source, sink, ready, from_server):
        seen = bytearray()
        with contextlib.suppress(OSError):
            while chunk := source.recv(READ_BYTES):
                single = len(seen) < self.encrypted_bytes if self.encrypted_bytes else not ready.is_set()
                for piece in (chunk[at:at + 1] for at in range(len(chunk))) if single else [chunk]:
                    sink.sendall(piece)
                    time.sleep(0.0002 if single else 0)
                seen += chunk[:READ_BYTES - len(seen)]
                if from_server and seen.endswith(b'Z\0\0\0\x05I'):
                    ready.set()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class ParticularPooler(Listening):
    """Takes a message of the login only when it is one delivery: SSLRequest exactly 8 bytes, CancelRequest exactly 16, a
    startup packet of at most 1024, an answer of the client's login whole and alone; later a Terminate alone. What it does not
    take is in `rejects`, and ends the connection. The rest goes to the PostgreSQL at `port`.

    As Supavisor 2's client_handler.ex matches them. With `certificate`, a pair of files, it does TLS."""

    def __init__(self, port, certificate=None):
        self.target = port
        self.rejects = []
        self.cancels = self.sessions = self.terminates = self.login_messages = 0
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        super().__init__()

    def reject(self, what, delivery):
        # No password: only how long it was and how it begins.
        self.rejects.append(f'{what}: {len(delivery)} bytes, {delivery[:1]!r}...')

    def serve(self, connection):
        delivery = connection.recv(READ_BYTES)
        if delivery == wire.SSL_REQUEST:
            connection.sendall(b'S' if self.context else b'N')
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            delivery = connection.recv(READ_BYTES)
        with connection:
            self._first_packet(connection, delivery)

    def _first_packet(self, connection, delivery):
        if len(delivery) < 8:
            return self.reject('a first packet in pieces', delivery) if delivery else None
        length, code = struct.unpack_from('!iI', delivery)
        if code == wire.CANCEL_CODE:
            if len(delivery) != 16:
                return self.reject('CancelRequest', delivery)
            self.cancels += 1
            with socket.create_connection(('127.0.0.1', self.target), timeout=PATIENCE) as server:
                server.sendall(delivery)
                server.recv(1)  # its end
            return None
        if code >> 16 != 3 or length != len(delivery) or length > STARTUP_BYTES_MAX:
            return self.reject('startup packet', delivery)
        self.sessions += 1
        with socket.create_connection(('127.0.0.1', self.target), timeout=PATIENCE) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.settimeout(PATIENCE)
            server.sendall(delivery)
            self._relay(connection, server)
        return None

    def _relay(self, connection, server):
        """In one thread: a TLS connection is not for two."""
        ready, seen = False, bytearray()
        while True:
            pending = self.context and connection.pending()
            readable = [connection] if pending else select.select([connection, server], [], [])[0]
            if server in readable:
                chunk = server.recv(READ_BYTES)
                if not chunk:
                    return
                if not ready:
                    seen += chunk
                    ready = seen.endswith(b'Z\0\0\0\x05I')
                connection.sendall(chunk)
            if connection in readable:
                delivery = connection.recv(READ_BYTES)
                if not delivery or not self._takes(delivery, ready):
                    return
                server.sendall(delivery)

    def _takes(self, delivery, ready):
        before = len(self.rejects)
        if delivery == wire.TERMINATE:
            self.terminates += 1
        elif not ready:
            self.login_messages += 1
            if delivery[:1] != b'p' or struct.unpack_from('!i', delivery.ljust(5), 1)[0] + 1 != len(delivery):
                self.reject('login message', delivery)
        elif delivery.endswith(wire.TERMINATE):
            self.reject('Terminate behind other bytes', delivery)
        return len(self.rejects) == before


class Peer:
    """One connection to a scripted server. `received` is all that came after the first packet, `first`."""

    def __init__(self, connection, first):
        self.connection, self.first = connection, first
        self.received = bytearray()
        self._taken = 0

    def say(self, *parts, step=0):
        """`step`: so many bytes in each write."""
        data = b''.join(parts)
        for at in range(0, len(data), step or max(1, len(data))):
            self.connection.sendall(data[at:at + step] if step else data)

    def read(self):
        """A delivery; empty at the end of the client."""
        chunk = self.connection.recv(READ_BYTES)
        self.received += chunk
        return chunk

    def read_to_end(self):
        with contextlib.suppress(ConnectionResetError):
            while self.read():
                pass

    def message(self):
        """The next whole message of the client: (kind, body)."""
        while True:
            view = self.received[self._taken:]
            if len(view) >= 5:
                length = struct.unpack_from('!i', view, 1)[0]
                if len(view) > length:
                    self._taken += 1 + length
                    return bytes(view[:1]), bytes(view[5:1 + length])
            if not self.read():
                raise wire.Closed('the client has ended')

    def reset(self):
        abort(self.connection)


def exactly(connection, count):
    data = b''
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise wire.Closed(f'{len(data)} of {count} bytes')
        data += chunk
    return data


class ScriptedServer(Listening):
    """`script(peer)` is called when the startup packet has come, and does everything after it; `cancel_script(peer)` when a
    cancel request has come (its packet is `peer.first`). `cancels` keeps these packets. An SSLRequest is refused, unless there is
    a `context` for TLS; or `answer_to_ssl(connection)` deals with it, and with all that follows."""

    def __init__(self):
        self.script = self.cancel_script = lambda peer: None
        self.answer_to_ssl = self.context = None
        self.cancels = []
        super().__init__()

    def serve(self, connection):
        while True:
            head = exactly(connection, 8)
            length, code = struct.unpack('!iI', head)
            packet = head + exactly(connection, length - 8)
            if packet != wire.SSL_REQUEST:
                break
            if self.answer_to_ssl:
                return self.answer_to_ssl(connection)
            connection.sendall(b'S' if self.context else b'N')
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
        peer = Peer(connection, packet)
        if code == wire.CANCEL_CODE:
            self.cancels.append(packet)
            self.cancel_script(peer)
        else:
            self.script(peer)
        return connection.close()


def authentication(code, data=b''):
    return wire.message(b'R', struct.pack('!i', code) + data)


def ready(status=b'I'):
    return wire.message(b'Z', status)


def backend_key(pid=7, key=b'\x01\x02\x03\x04'):
    return wire.message(b'K', struct.pack('!I', pid) + key)


def parameter_status(name, value):
    return wire.message(b'S', wire.cstring(name) + wire.cstring(value))


def fields(**values):
    """The body of an ErrorResponse or NoticeResponse; the names are the fields' letters."""
    return b''.join(name.encode() + wire.cstring(value) for name, value in values.items()) + b'\0'


def error(**values):
    return wire.message(b'E', fields(**values))


def notice(text):
    return wire.message(b'N', fields(S='NOTICE', V='NOTICE', C='00000', M=text))


def rows(*values, tag=None):
    """The answer to a query with one text column `a`, up to CommandComplete."""
    description = wire.message(b'T', struct.pack('!h', 1) + wire.cstring('a') + struct.pack('!IhIhih', 0, 0, 25, -1, -1, 0))
    data = b''.join(wire.message(b'D', struct.pack('!hi', 1, len(value)) + value) for value in values)
    return description + data + wire.message(b'C', wire.cstring(tag or f'SELECT {len(values)}'))


GREETING = (authentication(0) + parameter_status('server_version', '15.0') + parameter_status('client_encoding', 'UTF8')
            + backend_key() + ready())
