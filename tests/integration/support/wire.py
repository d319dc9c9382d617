"""Raw wire: builds frontend messages, sends them as written, and keeps every byte that comes back.

PostgreSQL manual, "Frontend/Backend Protocol", chapter "Message Formats"."""
import base64
import hashlib
import hmac
import os
import socket
import struct
import time

PROTOCOL_3 = 196608
SSL_REQUEST = struct.pack('!ii', 8, 80877103)
GSSENC_REQUEST = struct.pack('!ii', 8, 80877104)
CANCEL_CODE = 80877102


def cstring(text):
    return (text if isinstance(text, bytes) else text.encode()) + b'\0'


def message(kind, body=b''):
    return kind + struct.pack('!i', len(body) + 4) + body


def startup(parameters, version=PROTOCOL_3):
    """`parameters`: a list of pairs, order and duplicates kept."""
    body = struct.pack('!I', version) + b''.join(cstring(k) + cstring(v) for k, v in parameters) + b'\0'
    return struct.pack('!i', len(body) + 4) + body


def cancel_request(pid, key):
    """`key`: bytes of any length (protocol 3.2 allows 4 to 256)."""
    return struct.pack('!iiI', 12 + len(key), CANCEL_CODE, pid) + key


def query(sql):
    return message(b'Q', cstring(sql))


def parse(sql, name='', types=()):
    return message(b'P', cstring(name) + cstring(sql) + struct.pack('!h', len(types))
                   + b''.join(struct.pack('!I', oid) for oid in types))


def bind(values=(), portal='', name='', formats=(), results=()):
    """`values`: bytes, text or None (NULL)."""
    body = cstring(portal) + cstring(name) + struct.pack('!h', len(formats))
    body += b''.join(struct.pack('!h', code) for code in formats) + struct.pack('!h', len(values))
    for value in values:
        raw = value.encode() if isinstance(value, str) else value
        body += struct.pack('!i', -1) if raw is None else struct.pack('!i', len(raw)) + raw
    return message(b'B', body + struct.pack('!h', len(results)) + b''.join(struct.pack('!h', c) for c in results))


def describe(kind, name=''):
    return message(b'D', kind + cstring(name))


def execute(portal='', rows=0):
    return message(b'E', cstring(portal) + struct.pack('!i', rows))


def close(kind, name=''):
    return message(b'C', kind + cstring(name))


def function_call(oid, arguments, formats=(1,), result_format=1):
    body = struct.pack('!I', oid) + struct.pack('!h', len(formats))
    body += b''.join(struct.pack('!h', code) for code in formats) + struct.pack('!h', len(arguments))
    for value in arguments:
        body += struct.pack('!i', -1) if value is None else struct.pack('!i', len(value)) + value
    return message(b'F', body + struct.pack('!h', result_format))


SYNC = message(b'S')
FLUSH = message(b'H')
TERMINATE = message(b'X')
COPY_DONE = message(b'c')


def copy_data(data):
    return message(b'd', data)


def copy_fail(reason):
    return message(b'f', cstring(reason))


def split_messages(data):
    """([(kind, body)], rest): whole backend messages and what is left over."""
    messages, at = [], 0
    while len(data) - at >= 5:
        length = struct.unpack_from('!i', data, at + 1)[0]
        if length < 4 or len(data) - at < 1 + length:
            break
        messages.append((data[at:at + 1], data[at + 5:at + 1 + length]))
        at += 1 + length
    return messages, data[at:]


def error_fields(body):
    """Fields of ErrorResponse or NoticeResponse: {letter: text}."""
    return {part[:1].decode(): part[1:].decode(errors='replace') for part in body.split(b'\0') if part}


class Closed(Exception):
    """The server ended the connection while more was awaited."""


class Wire:
    """One connection. `received` holds every byte from the first on."""

    def __init__(self, host, port, timeout=20):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.consumed = 0
        self.pid = self.key = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        self.socket.sendall(b''.join(parts))

    def send_slowly(self, data, step=1, pause=0.0):
        """In pieces of `step` bytes, each its own segment."""
        for at in range(0, len(data), step):
            self.socket.sendall(data[at:at + step])
            if pause:
                time.sleep(pause)

    def read_some(self):
        chunk = self.socket.recv(65536)
        if not chunk:
            raise Closed(f'{len(self.received)} bytes received')
        self.received += chunk
        return chunk

    def next_message(self):
        while True:
            view = self.received[self.consumed:self.consumed + 5]
            if len(view) == 5:
                length = struct.unpack_from('!i', view, 1)[0]
                end = self.consumed + 1 + length
                if len(self.received) >= end:
                    body = bytes(self.received[self.consumed + 5:end])
                    self.consumed = end
                    return bytes(view[:1]), body
            self.read_some()

    def until(self, kind, count=1):
        """Reads up to and including the count-th message of this kind; returns all messages read."""
        read = []
        while count:
            read.append(self.next_message())
            count -= read[-1][0] == kind
        return read

    def until_ready(self, count=1):
        return self.until(b'Z', count)

    def until_closed(self):
        """Everything up to the end of the connection. A reset counts as an end."""
        try:
            while True:
                self.read_some()
        except (Closed, ConnectionResetError):
            return bytes(self.received)

    def start(self, user='postgres', database='postgres', parameters=(), version=PROTOCOL_3):
        """A trusted session up to the first ReadyForQuery."""
        self.send(startup([('user', user), ('database', database), *parameters], version))
        for kind, body in self.until_ready():
            if kind == b'K':
                self.pid, self.key = struct.unpack_from('!I', body)[0], body[4:]
            if kind == b'E':
                raise RuntimeError(error_fields(body))
        return self

    def login(self, user, password, database='postgres', parameters=()):
        """A session with whatever password method the server asks for. Returns the messages after the last request, up to
        ReadyForQuery or the error that ends it."""
        self.send(startup([('user', user), ('database', database), *parameters]))
        client_first = server_nonce = auth_message = salted = None
        seen = []
        while True:
            kind, body = self.next_message()
            seen.append((kind, body))
            if kind == b'R':
                code = struct.unpack_from('!i', body)[0]
                if code == 3:
                    self.send(message(b'p', cstring(password)))
                elif code == 5:
                    inner = hashlib.md5((password + user).encode()).hexdigest()
                    self.send(message(b'p', cstring('md5' + hashlib.md5(inner.encode() + body[4:8]).hexdigest())))
                elif code == 10:
                    client_first = 'n=,r=' + base64.b64encode(os.urandom(18)).decode()
                    first = ('n,,' + client_first).encode()
                    self.send(message(b'p', cstring('SCRAM-SHA-256') + struct.pack('!i', len(first)) + first))
                elif code == 11:
                    server_first = body[4:].decode()
                    fields = dict(part.split('=', 1) for part in server_first.split(','))
                    salted = hashlib.pbkdf2_hmac('sha256', password.encode(), base64.b64decode(fields['s']), int(fields['i']))
                    final = f'c=biws,r={fields["r"]}'
                    auth_message = f'{client_first},{server_first},{final}'.encode()
                    key = hmac.digest(salted, b'Client Key', 'sha256')
                    signature = hmac.digest(hashlib.sha256(key).digest(), auth_message, 'sha256')
                    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
                    self.send(message(b'p', f'{final},p={proof}'.encode()))
            elif kind == b'K':
                self.pid, self.key = struct.unpack_from('!I', body)[0], body[4:]
            elif kind in (b'Z', b'E'):
                return seen

    def cancel(self, host, port):
        """Sends a CancelRequest for the session over an own connection and waits for its end, as libpq does."""
        with Wire(host, port) as other:
            other.send(cancel_request(self.pid, self.key))
            return other.until_closed()


def masked(data, first_packet_replies=0):
    """The bytes with what must differ between two sessions blanked: BackendKeyData and the pid of notifications (they
    appear nowhere else in the scripts). `first_packet_replies`: leading bytes that are no messages."""
    messages, rest = split_messages(data[first_packet_replies:])
    out = bytearray(data[:first_packet_replies])
    for kind, body in messages:
        if kind == b'K':
            body = b'\0' * len(body)
        elif kind == b'A':
            body = b'\0\0\0\0' + body[4:]
        out += kind + struct.pack('!i', len(body) + 4) + body
    return bytes(out + rest)


def first_difference(expected, actual):
    """Where two transcripts part, in words; empty when they are the same."""
    if expected == actual:
        return ''
    at = next((i for i, (a, b) in enumerate(zip(expected, actual)) if a != b), min(len(expected), len(actual)))
    around = slice(max(0, at - 40), at + 60)
    return (f'differs at byte {at} (lengths {len(expected)} and {len(actual)})\n  direct  {bytes(expected[around])!r}\n'
            f'  proxied {bytes(actual[around])!r}')

