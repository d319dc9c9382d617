"""A TLS hop in front of a PostgreSQL that is asked in plain text: to its clients a server with TLS that does not offer
SCRAM-SHA-256-PLUS, as poolers are."""
import contextlib
import socket
import ssl
import threading

from support.wire import SSL_REQUEST


class TlsHop:
    def __init__(self, port, certificate, key):
        self.server_port = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listening = socket.create_server(('127.0.0.1', 0))
        self.port = self.listening.getsockname()[1]
        self.served = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client:
            if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                return
            client.sendall(b'S')
            server = socket.create_connection(('127.0.0.1', self.server_port))
            with server, self.context.wrap_socket(client, server_side=True) as secured:
                self.served += 1
                answers = threading.Thread(target=self._pump, args=[server, secured], daemon=True)
                answers.start()
                self._pump(secured, server)
                answers.join()

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                sink.sendall(chunk)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
