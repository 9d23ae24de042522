"""Loopback servers for the tour: those whom the site talks to."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from demitasse.kernel import json


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that answers JSON and says nothing on the terminal."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, content: Any) -> None:
        """Send a JSON answer."""
        body = json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tour tells."""


class LoopbackServer:
    """Serves a handler on a free loopback port, from a thread, until it is closed."""

    def __init__(self, handler: type[QuietHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
