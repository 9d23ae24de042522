"""The same conversation with and without the pipe that our WebSocket protocol offers: other servers have none."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from demitasse.live.direct import DirectConnection
from demitasse.live.model import Limits
from demitasse.live.pulled import PulledConnection
from demitasse.live.service import Live
from demitasse.live.serving import websocket_options
from tests.contract.live.conftest import until
from tests.unit.live.fakes import OpenDoor

LIMITS = Limits(log_entries=5_000, connections=5)


@asynccontextmanager
async def serving(kind: str) -> AsyncIterator[tuple[Live, str]]:
    """Serve live push on loopback, and give it with its URL."""
    loop = asyncio.get_running_loop()
    live = Live(OpenDoor(), loop=loop, limits=LIMITS)
    options = {**websocket_options(LIMITS), **({} if kind == "pipe" else {"ws": "websockets-sansio"})}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(live, loop="none", lifespan="off", log_config=None, **options)
        server = uvicorn.Server(config)
        task = loop.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started, "the server serves")
        live.start()
        try:
            yield live, f"ws://127.0.0.1:{listening.getsockname()[1]}/ws"
        finally:
            await live.close()
            server.should_exit = True
            await task


@pytest.fixture(params=["pipe", "plain"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Live, str]]:
    async with serving(request.param) as (live, url):
        yield live, url


async def heard(client: ClientConnection, type_: str) -> dict[str, Any]:
    """Return the next message of a type; those before it are passed over."""
    async with asyncio.timeout(15):
        while True:
            message: dict[str, Any] = json.loads(await client.recv())
            if message["type"] == type_:
                return message


async def numbers(client: ClientConnection, count: int) -> list[int]:
    return [(await heard(client, "note"))["n"] for _ in range(count)]


async def test_the_pipe_is_used_where_there_is_one() -> None:
    for kind, connection in (("pipe", DirectConnection), ("plain", PulledConnection)):
        async with serving(kind) as (live, url), connect(f"{url}?topic=notes", compression=None) as client:
            await heard(client, "up-to-date")
            assert {type(each) for each in live.hub.connections} == {connection}


async def test_messages_arrive_whole_in_order_and_in_every_size(place: tuple[Live, str]) -> None:
    live, url = place
    async with connect(f"{url}?topic=notes", compression=None, max_size=None) as client:
        await heard(client, "up-to-date")
        sizes = [0, 10, 60, 200, 70_000, 1_000_000, 5]
        for n, size in enumerate(sizes):
            live.hub.publish("notes", "note", {"n": n, "pad": "ü" * size})
        for n, size in enumerate(sizes):
            message = await heard(client, "note")
            assert (message["n"], message["pad"]) == (n, "ü" * size)


async def test_who_comes_back_gets_what_he_missed(place: tuple[Live, str]) -> None:
    live, url = place
    async with connect(f"{url}?topic=notes", compression=None) as client:
        seq = (await heard(client, "up-to-date"))["seq"]
    for n in range(300):
        live.hub.publish("notes", "note", {"n": n})
    async with connect(url, compression=None) as client:
        await client.send(json.dumps({"type": "subscribe", "topics": {"notes": seq}}))
        assert await numbers(client, 300) == list(range(300))
        await heard(client, "up-to-date")
        live.hub.publish("notes", "note", {"n": -1})
        assert await numbers(client, 1) == [-1]


async def test_a_client_that_stops_reading_for_a_while_gets_everything(place: tuple[Live, str]) -> None:
    live, url = place
    async with (
        connect(f"{url}?topic=notes", compression=None, max_queue=1) as slow,
        connect(f"{url}?topic=notes", compression=None) as quick,
    ):
        await heard(slow, "up-to-date")
        await heard(quick, "up-to-date")
        for n in range(2_000):
            live.hub.publish("notes", "note", {"n": n, "pad": "x" * 4_000})
        assert await numbers(quick, 2_000) == list(range(2_000))
        assert await numbers(slow, 2_000) == list(range(2_000))


async def test_closing_tells_why(place: tuple[Live, str]) -> None:
    live, url = place
    async with connect(url, compression=None) as client:
        await heard(client, "welcome")
        await client.send("nonsense")
        async with asyncio.timeout(10):
            await client.wait_closed()
        assert (client.close_code, client.close_reason) == (4400, "A message must be JSON")
    await until(lambda: not live.hub.connections, "the connection is forgotten")


async def test_there_are_as_many_clients_as_there_may_be_and_each_place_is_given_back(place: tuple[Live, str]) -> None:
    live, url = place
    for _ in range(2):
        clients = [await connect(url, compression=None) for _ in range(LIMITS.connections)]
        with pytest.raises(Exception, match="503"):
            await connect(url, compression=None)
        for client in clients:
            await client.close()
        await until(lambda: live.hub.capacity.taken == 0, "all places are free")
