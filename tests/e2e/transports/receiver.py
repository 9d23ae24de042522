"""A receiver that misbehaves as it is told, on loopback."""

import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

PATIENCE_S = 10.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Connection:
    """One accepted connection, in a thread of its own."""

    def __init__(self, sock: socket.socket, receiver: "Receiver") -> None:
        self.sock = sock
        self.receiver = receiver
        self.sent_bytes = 0
        self._unread = b""

    def read_head(self) -> bytes | None:
        """Return the request's head, or nothing when the peer is gone."""
        while b"\r\n\r\n" not in self._unread:
            if not self._read_more():
                return None
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head

    def read(self) -> bytes | None:
        """Return a whole request, head and body."""
        head = self.read_head()
        if head is None:
            return None
        size = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(self._unread) < size:
            if not self._read_more():
                return None
        body, self._unread = self._unread[:size], self._unread[size:]
        request = head + b"\r\n\r\n" + body
        self.receiver.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)
        self.sent_bytes += len(data)

    def pour(self, data: bytes) -> None:
        """Send the same for as long as the peer takes it."""
        with contextlib.suppress(OSError):
            while not self.receiver.stopping.is_set():
                self.send(data)
        self.receiver.poured_bytes = self.sent_bytes

    def drip(self, data: bytes, *, every_s: float) -> None:
        """Send byte after byte for as long as the peer stays."""
        with contextlib.suppress(OSError):
            for number in range(len(data)):
                if self.receiver.stopping.wait(every_s):
                    return
                self.send(data[number : number + 1])

    def reset(self) -> None:
        """Close without a goodbye."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hang(self) -> None:
        """Do nothing until the peer or the test is done."""
        with contextlib.suppress(OSError):
            while self._read_more():
                pass

    def _read_more(self) -> bool:
        try:
            data = self.sock.recv(65_536)
        except OSError:
            return False
        self._unread += data
        return bool(data)


Behaviour = Callable[[Connection], None]


def answer(*answers: bytes) -> Behaviour:
    """Answer each request on a connection with the next of these, and then with the last."""

    def behave(connection: Connection) -> None:
        left = list(answers)
        while connection.read() is not None:
            connection.send(left.pop(0) if len(left) > 1 else left[0])

    return behave


def answer_once(data: bytes) -> Behaviour:
    """Answer one request and close."""

    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(data)

    return behave


class Receiver:
    """Listens while it is entered; what it got and sent can be read at any time."""

    def __init__(self, behave: Behaviour, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.poured_bytes = 0
        self.stopping = threading.Event()
        self._behave = behave
        self._tls = tls
        self._host = host
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=128)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/hook"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in tuple(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _run(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(PATIENCE_S)
            self._open.add(sock)
            self._run(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(self._open.discard, sock)
            stack.callback(sock.close)
            if self._tls is not None:
                self._open.discard(sock)
                sock = self._shake_hands(sock, self._tls)
                self._open.add(sock)
                stack.callback(self._open.discard, sock)
                stack.callback(sock.close)
            self._behave(Connection(sock, self))

    def _shake_hands(self, sock: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        plain = socket.socket(fileno=os.dup(sock.fileno()))
        plain.settimeout(PATIENCE_S)
        with plain:
            try:
                return tls.wrap_socket(sock, server_side=True)
            except ssl.SSLError:
                plain.shutdown(
                    socket.SHUT_WR
                )  # Our alert is read before the connection goes, as polite servers see to.
                while plain.recv(65_536):
                    pass
                raise
