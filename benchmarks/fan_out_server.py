"""A server that sends messages to all its WebSockets: ``bare`` is a loop over ASGI's ``send``, ``live`` is the product.

Both run on uvicorn without compression. Prints ``{"port": N}``, then answers commands on standard input until that ends.
"""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

import orjson
import uvicorn
import uvloop

from demitasse.live.asgi import Receive, Scope, Send
from demitasse.live.model import Entry, Limits, Subject
from demitasse.live.ports import Knock
from demitasse.live.service import Live
from demitasse.live.serving import raise_open_files, websocket_options

Message = dict[str, Any]
TOPIC = "stock"
_FILLER = 100_000


class Bare:
    """Keeps the ``send`` of each WebSocket, and calls them one after the other."""

    def __init__(self) -> None:
        self._sends: set[Send] = set()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket."""
        await receive()
        await send({"type": "websocket.accept"})
        self._sends.add(send)
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            self._sends.discard(send)

    async def broadcast(self, payload: Message, *, key: str | None) -> None:  # noqa: ARG002 - no states here
        """Send one message to everybody who is connected."""
        text = orjson.dumps({"topic": TOPIC, "type": "stock_update", **payload}).decode()
        for send in tuple(self._sends):
            await send({"type": "websocket.send", "text": text})
        await asyncio.sleep(0)

    async def fill(self) -> None:
        """Do nothing: who takes nothing would stop the loop for all."""

    def look(self) -> Message:
        """Return what can be counted."""
        return {"connections": len(self._sends)}


class OpenDoor:
    """Lets everybody in."""

    async def admit(self, _knock: Knock) -> Subject | None:
        """Admit."""
        return Subject(identity="benchmark")

    async def admit_by(self, _credentials: Mapping[str, Any], _knock: Knock) -> Subject:
        """Admit."""
        return Subject(identity="benchmark")

    async def renew(self, subject: Subject) -> Subject:
        """Keep."""
        return subject

    async def check_topic(self, _subject: Subject, _topic: str) -> None:
        """Allow."""

    def may_receive(self, _subject: Subject, _entry: Entry) -> bool:
        """Allow."""
        return True


class Product:
    """The engine as the site and the middleware use it."""

    def __init__(self) -> None:
        limits = Limits(heartbeat_s=1e9)  # so that every message that arrives is one of ours
        self._live = Live(OpenDoor(), loop=asyncio.get_running_loop(), limits=limits)
        self._live.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket."""
        await self._live(scope, receive, send)

    async def broadcast(self, payload: Message, *, key: str | None) -> None:
        """Send one message to everybody who listens."""
        hub = self._live.hub
        hub.publish(TOPIC, "stock_update", payload, key=key)
        await asyncio.sleep(0)
        while hub.fanned_out < hub.log.head:  # noqa: ASYNC110 - the loop itself is what is waited for
            await asyncio.sleep(0)

    async def fill(self) -> None:
        """Send to those who listen to ``bulk`` until one of them takes no more."""
        while not self.look()["slow"]:
            self._live.hub.publish("bulk", "filler", {"pad": "x" * _FILLER})
            await asyncio.sleep(0)

    def look(self) -> Message:
        """Return what can be counted."""
        connections = self._live.hub.connections
        return {
            "connections": sum(bool(each.topics) for each in connections),
            "slow": sum(each.is_slow for each in connections),
            "log_bytes": self._live.hub.log.size_bytes,
        }


async def main(kind: str) -> None:
    """Serve, and do what standard input says."""
    raise_open_files()
    app: Bare | Product = Bare() if kind == "bare" else Product()
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    options = websocket_options(Limits())
    if kind == "bare":
        options["ws"] = "websockets-sansio"
    # The clients answer no pings: that would be work of theirs that is not measured.
    options["ws_ping_interval"] = options["ws_ping_timeout"] = None
    config = uvicorn.Config(app, loop="none", lifespan="off", access_log=False, log_config=None, **options)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    _say({"port": listening.getsockname()[1]})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = orjson.loads(line)
        if "fill" in command:
            await app.fill()
        _say(await _publish(app, **command) if "count" in command else app.look())
    server.should_exit = server.force_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _publish(app: Bare | Product, *, count: int, gap_s: float, pad: int, items: int) -> Message:
    """Send messages, one after the other; ``gap_s`` 0 is as fast as they go."""
    began_s = time.monotonic()
    for number in range(count):
        item = f"SKU-{number % items:05}"
        payload = {
            "item_code": item,
            "actual_qty": 120.0,
            "reserved_qty": 7.0,
            "projected_qty": 113.0,
            "pad": "x" * pad,
            "at": time.monotonic_ns(),
        }
        await app.broadcast(payload, key=item)
        if gap_s:
            await asyncio.sleep(max(0.0, began_s + (number + 1) * gap_s - time.monotonic()))
    return {"seconds": time.monotonic() - began_s}


def _say(answer: Message) -> None:
    sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
