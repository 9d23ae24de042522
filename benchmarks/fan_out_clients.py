"""Thousands of WebSocket clients in one process, that count what arrives, and note of some how long it took.

Prints ``{"connected": N}``, then answers commands on standard input until that ends.
"""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, cast

import orjson
import uvloop
from typing_extensions import override

from demitasse.live.serving import raise_open_files

_AT_ONCE = 200
_SAMPLED = 10
"""Each so many-th client notes delays: looking into every message would be most of the work."""
_UPGRADE = (
    b"GET /ws?topic=stock%b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_AT = b'"at":'


class Client(asyncio.Protocol):
    """One client. Each of the messages that are counted has exactly one closing brace."""

    def __init__(self, *, is_sampled: bool, more_topics: bytes = b"") -> None:
        self.received = 0
        self.delays_ns: list[int] = []
        self.is_open = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self._is_sampled = is_sampled
        self._upgrade = _UPGRADE % more_topics
        self._rest = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._upgrade)

    @override
    def data_received(self, data: bytes) -> None:
        """Count."""
        if not self.is_open.done():
            if b"\r\n\r\n" in data:
                self.is_open.set_result(data.startswith(b"HTTP/1.1 101"))
            return
        self.received += data.count(b"}")
        if self._is_sampled:
            now_ns = time.monotonic_ns()
            data = self._rest + data
            *whole, self._rest = data.split(b"}")
            for text in whole:
                _, found, at = text.rpartition(_AT)
                if found:
                    self.delays_ns.append(now_ns - int(at))

    @override
    def connection_lost(self, _exc: Exception | None) -> None:
        """End."""
        if not self.is_open.done():
            self.is_open.set_result(False)


async def connect(port: int, count: int) -> list[Client]:
    """Open clients, some hundred at a time."""
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for first in range(0, count, _AT_ONCE):
        made = [Client(is_sampled=not number % _SAMPLED) for number in range(first, min(count, first + _AT_ONCE))]
        await asyncio.gather(*(loop.create_connection(lambda made=one: made, "127.0.0.1", port) for one in made))  # type: ignore[misc]
        assert all(await asyncio.gather(*(client.is_open for client in made))), "a WebSocket was refused"
        clients += made
    return clients


async def connect_slow(port: int) -> Client:
    """Open a client that never reads again once it is connected; it alone listens to ``bulk``, too."""
    loop = asyncio.get_running_loop()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.settimeout(0)
    await loop.sock_connect(listening, ("127.0.0.1", port))
    client = Client(is_sampled=False, more_topics=b"&topic=bulk")
    await loop.create_connection(lambda: client, sock=listening)
    assert await client.is_open
    assert client.transport is not None
    client.transport.pause_reading()
    return client


async def answer(clients: list[Client], command: Mapping[str, Any]) -> dict[str, Any]:
    """Begin to count anew, or wait until every client has so many messages."""
    if command["do"] == "reset":
        for client in clients:
            client.received = 0
            client.delays_ns.clear()
        return {}
    until_s = time.monotonic() + command["within_s"]
    while min(client.received for client in clients) < command["count"] and time.monotonic() < until_s:  # noqa: ASYNC110 - counted by callbacks
        await asyncio.sleep(0.002)
    delays_ms = sorted(delay / 1e6 for client in clients for delay in client.delays_ns)
    return {
        "at": time.monotonic(),
        "received": sum(client.received for client in clients),
        "lost": sum(max(0, command["count"] - client.received) for client in clients),
        "p50_ms": delays_ms[len(delays_ms) // 2] if delays_ms else 0.0,
        "p99_ms": delays_ms[int(len(delays_ms) * 0.99)] if delays_ms else 0.0,
    }


async def main(port: int, count: int, slow: int) -> None:
    """Connect, and do what standard input says."""
    raise_open_files()
    clients = await connect(port, count)
    lazy = [await connect_slow(port) for _ in range(slow)]
    print(orjson.dumps({"connected": len(clients) + len(lazy)}).decode(), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        with contextlib.suppress(BrokenPipeError):
            print(orjson.dumps(await answer(clients, orjson.loads(line))).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:4])))
