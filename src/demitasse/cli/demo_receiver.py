"""A receiver for the tour: an external CRM that keeps what it is sent."""

import queue
from collections.abc import Mapping
from dataclasses import dataclass

from demitasse.cli.demo_server import LoopbackServer, QuietHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver(LoopbackServer):
    """Answers 200 and keeps every request."""

    def __init__(self) -> None:
        self.requests: queue.Queue[Received] = queue.Queue()
        received = self.requests

        class Handler(QuietHandler):
            def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {key.lower(): value for key, value in self.headers.items()}
                received.put(Received(path=self.path, headers=headers, body=body))
                self.answer(200, {"status": "ok"})

        super().__init__(Handler)
