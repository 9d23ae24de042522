"""A mail server on loopback that takes every message and keeps it (RFC 5321, as little as smtplib needs)."""

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from tests.e2e.waiting import wait_for


class Mailbox:
    """Listens while its block lasts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[EmailMessage] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.mailbox = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def messages(self) -> list[EmailMessage]:
        """What has come, in order."""
        with self._lock:
            return list(self._messages)

    def wait(self, *, count: int = 1) -> list[EmailMessage]:
        """Return what came, once there are that many."""
        return wait_for(f"{count} mail(s)", lambda: found if len(found := self.messages) >= count else None)

    def take(self, content: bytes) -> None:
        """Keep a message."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        with self._lock:
            self._messages.append(message)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    mailbox: Mailbox


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 20

    def handle(self) -> None:
        self._say("220 mailbox")
        while line := self.rfile.readline():
            verb = line.strip().upper()[:4]
            if verb == b"DATA":
                self._say("354 go on")
                self.server.mailbox.take(self._content())
            if verb == b"QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _content(self) -> bytes:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
