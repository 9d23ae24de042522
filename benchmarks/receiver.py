"""The receiver, a process of its own: answers 200 at once and remembers which request came when.

Its first line on standard output is ``{"port": N}``. After that each line on standard input is a command that is
answered by one line of JSON: ``count``, or ``take`` (what came since the last ``take``).
"""

import asyncio
import re
import sys
import time
from typing import Any

import orjson
import uvloop
from typing_extensions import override

from benchmarks.framing import body_range
from benchmarks.payloads import SERIAL_PATTERN

_ID = re.compile(rb"\r\nwebhook-id: *([^\r]+)", re.IGNORECASE)
_SERIAL = re.compile(SERIAL_PATTERN)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Arrivals:
    """What has come: per ``webhook-id`` the moment of its first request (monotonic ns) and its body."""

    def __init__(self) -> None:
        self.requests = 0
        self.first: dict[bytes, tuple[int, bytes]] = {}

    def count(self) -> dict[str, Any]:
        """Return how many requests, and how many different ids."""
        return {"requests": self.requests, "distinct": len(self.first)}

    def take(self) -> dict[str, Any]:
        """Return the counts and ``[serial, moment]`` of each id, and forget them."""
        arrivals = []
        for moment_ns, body in self.first.values():
            serial = _SERIAL.search(body)
            arrivals.append([int(serial[1]) if serial else -1, moment_ns])
        answer = {**self.count(), "arrivals": arrivals}
        self.requests = 0
        self.first = {}
        return answer


class Connection(asyncio.Protocol):
    """One connection of a sender; requests may be pipelined."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._transport: Any = None
        self._rest = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        while data and (found := body_range(data)) is not None:
            begins, ends = found
            identity = _ID.search(data, 0, begins)
            arrivals = self._arrivals
            arrivals.requests += 1
            arrivals.first.setdefault(
                identity[1] if identity else b"%d" % arrivals.requests, (time.monotonic_ns(), data[begins:ends])
            )
            self._transport.write(_ANSWER)
            data = data[ends:]
        self._rest = data


async def _receive() -> None:
    loop = asyncio.get_running_loop()
    arrivals = Arrivals()
    server = await loop.create_server(lambda: Connection(arrivals), "127.0.0.1", 0)
    ended = loop.create_future()

    def obey() -> None:
        command = sys.stdin.readline().strip()
        if not command:
            loop.remove_reader(sys.stdin.fileno())
            ended.set_result(None)
            return
        _tell(arrivals.take() if command == "take" else arrivals.count())

    loop.add_reader(sys.stdin.fileno(), obey)
    _tell({"port": server.sockets[0].getsockname()[1]})
    await ended
    server.close()


def _tell(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_receive())
