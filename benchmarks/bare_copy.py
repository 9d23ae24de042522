"""The ceiling of sync: bare ASGI that gives pages of JSON out as they are, and keeps what is posted, durably.

``GET /<n>`` answers the n-th page file of a folder; ``POST`` writes the body as one row and commits it
(``synchronous=FULL``). Prints ``{"port": N}`` and serves until its standard input ends.
"""

import asyncio
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import uvicorn

Message = dict[str, Any]


class BareCopy:
    """Pages from memory, rows into a file."""

    def __init__(self, folder: Path) -> None:
        self._pages = [path.read_bytes() for path in sorted(folder.glob("*.json"))]
        self._connection = sqlite3.connect(folder / "copy.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS copies (id INTEGER PRIMARY KEY, body BLOB)")

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b"{}"
        if scope["method"] == "GET":
            body = self._pages[int(scope["path"][1:])]
        else:
            message = await receive()
            self._connection.execute("INSERT INTO copies (body) VALUES (?)", (message["body"],))
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def serve(folder: Path) -> None:
    """Serve until the standard input ends."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so that asyncio sets NODELAY
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(BareCopy(folder), log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    sys.stdout.write(orjson.dumps({"port": listening.getsockname()[1]}).decode() + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
