"""A receiver on loopback that keeps the raw bytes of what it gets, and can misbehave."""

import http.server
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.e2e.waiting import wait_for

_SLOW_AT_MOST_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the receiver answers."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] | None = None
    waits_for_release: bool = False
    """Answer only when the receiver is released or closed (a slow receiver without a clock)."""


class Receiver:
    """Listens from the start; ``down()`` makes its port refuse connections until ``up()``."""

    def __init__(self, *, reply: Callable[[Arrived], Reply] = lambda _: Reply()) -> None:
        self.reply = reply
        self._lock = threading.Lock()
        self._arrived: list[Arrived] = []
        self._released = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def url(self, path: str = "/hook") -> str:
        """Return the address of a path here."""
        return f"http://127.0.0.1:{self.port}{path}"

    def up(self) -> None:
        """Listen, on the same port as before."""
        assert self._server is None, "it listens already"
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Refuse connections: nobody listens on the port."""
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    def release(self) -> None:
        """Let the answers out that wait."""
        self._released.set()

    def close(self) -> None:
        """Stop listening, if it listens."""
        self.release()
        if self._server is not None:
            self.down()

    def arrived(self, path: str | None = None) -> list[Arrived]:
        """Return what has come, in order; with a path only what came there."""
        with self._lock:
            return [each for each in self._arrived if path is None or each.path == path]

    def wait(self, path: str | None = None, *, count: int = 1, within_s: float = 10.0) -> list[Arrived]:
        """Return what came, once there are that many."""
        what = f"{count} request(s) at {path or 'any path'}"
        found: list[Arrived] = wait_for(
            what,
            lambda: found_now if len(found_now := self.arrived(path)) >= count else None,
            within_s=within_s,
        )
        return found

    def take(self, arrived: Arrived) -> Reply:
        """Keep a request and return what to answer; called by the server's threads."""
        with self._lock:
            self._arrived.append(arrived)
        reply = self.reply(arrived)
        if reply.waits_for_release:
            self._released.wait(_SLOW_AT_MOST_S)
        return reply


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a server that was killed leaves connections behind."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60

    def _take(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the sender died half-way: nothing has arrived
        reply = self.server.owner.take(
            Arrived(
                method=self.command,
                path=self.path,
                headers={key.lower(): value for key, value in self.headers.items()},
                body=body,
            )
        )
        self.send_response(reply.status)
        for key, value in (reply.headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET = _take  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
