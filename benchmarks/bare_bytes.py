"""The ceiling of cached lists: bare ASGI on uvicorn that answers the same bytes to everything.

Prints ``{"port": N}`` and serves until its standard input ends.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn
import uvloop


async def _serve(body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        answer,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin.fileno())
        server.should_exit = True

    loop.add_reader(sys.stdin.fileno(), end)
    print(orjson.dumps({"port": listening.getsockname()[1]}).decode(), flush=True)
    await server.serve(sockets=[listening])


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]).read_bytes()))
