"""Heads of requests that are too large, or never end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from demitasse.live.heads import MAX_HEAD_BYTES, BoundedHeads
from tests.e2e.site import Client, ServedSite

BEGIN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
LARGE = MAX_HEAD_BYTES + 10_000
PATIENCE_S = 10.0


def answer_to(site: ServedSite, data: bytes) -> bytes:
    """Return all that the server says to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE_S) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65_536):
                found += more
        return found


def test_a_head_within_the_bound_is_read(admin: Client) -> None:
    assert admin.get("/healthz", headers={"X-Long": "x" * (MAX_HEAD_BYTES - 2_000)}).status == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(BEGIN + b"X-Long: " + b"x" * LARGE + b"\r\n\r\n", id="one long header"),
        pytest.param(BEGIN + b"X-Many: 1\r\n" * (LARGE // 11) + b"\r\n", id="many headers"),
        pytest.param(b"GET /" + b"x" * LARGE + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a long path"),
    ],
)
def test_a_head_beyond_the_bound_is_refused(site: ServedSite, admin: Client, data: bytes) -> None:
    assert answer_to(site, data).startswith(b"HTTP/1.1 431 ")
    assert admin.get("/healthz").status == 200


def test_a_header_without_end_is_not_kept(site: ServedSite) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE_S) as sock:
        sock.sendall(BEGIN + b"X-Endless: ")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 100_000_000:
                sent += sock.send(b"x" * 65_536)
    assert sent < 20_000_000


async def answer_ok(scope: Any, receive: Any, send: Any) -> None:
    """A whole application."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Hasty(BoundedHeads):
    """Waits a moment only."""

    head_within_s = 0.1


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that waits a moment only."""
    config = uvicorn.Config(answer_ok, log_config=None, lifespan="off")
    state = ServerState()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Hasty(config, state, {}), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def said(port: int, data: bytes) -> bytes:
    """Return what a server says to these bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(PATIENCE_S):
        found = await reader.read()
    writer.close()
    return found


async def test_a_head_that_never_ends_is_given_up(port: int) -> None:
    assert (await said(port, BEGIN)).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    assert await said(port, b"") == b""


async def test_the_second_head_of_a_connection_is_given_up_too(port: int) -> None:
    answer = await said(port, BEGIN + b"\r\n" + BEGIN)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer
