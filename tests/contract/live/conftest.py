"""Hubs of several processes, in one process, on each way to carry messages between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from demitasse.live.hub import Hub
from demitasse.live.streams import StreamCarrier
from demitasse.transports.redis_stream import RedisStream
from tests.e2e.redis_server import RedisServer, running_redis
from tests.unit.live.fakes import Client, OpenDoor

MAX_ROWS = 1000
_POLL_S = 0.005


class Process:
    """A hub with what carries its messages."""

    def __init__(self, redis: RedisServer | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.hub = Hub(OpenDoor(), call_soon=self.loop.call_soon)
        self.carrier: StreamCarrier | None = None
        self._task: asyncio.Task[None] | None = None
        if redis is not None:
            stream = RedisStream(redis.url, name="live", max_rows=MAX_ROWS)
            self.carrier = StreamCarrier(self.hub, stream)

    async def start(self) -> None:
        """Carry messages, and wait until that works."""
        if self.carrier is not None:
            carrier = self.carrier
            self._task = self.loop.create_task(carrier.run())
            await until(lambda: carrier.is_connected, "the carrier is connected")

    async def stop(self) -> None:
        """Carry no more messages."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def kill(self) -> None:
        """Do nothing more, as after a ``kill -9``: nothing is written, and nobody is told."""
        assert self.carrier is not None
        self.carrier._leave = self.carrier._stream.close  # type: ignore[method-assign]
        await self.stop()

    def client(self) -> Client:
        """Return a client that is connected here."""
        return Client(self.hub, self.loop)


async def until(look: Callable[[], object], what: str, *, within_s: float = 15.0) -> None:
    """Wait until something is so."""
    for _ in range(round(within_s / _POLL_S)):
        if look():
            return
        await asyncio.sleep(_POLL_S)
    pytest.fail(f"within {within_s} s it did not come about that {what}")


def has(client: Client, count: int) -> Callable[[], bool]:
    """Return what reads, and says whether so many messages have come."""

    def look() -> bool:
        client.read()
        return len(client.messages) >= count

    return look


def is_told(client: Client) -> Callable[[], bool]:
    """Return what reads, and says whether the client has been told to fetch anew."""

    def look() -> bool:
        client.read()
        return bool(client.refetched)

    return look


def has_newest(client: Client, n: int) -> Callable[[], bool]:
    """Return what reads, and says whether a message has come."""

    def look() -> bool:
        client.read()
        return bool(client.messages) and client.messages[-1]["n"] == n

    return look


@asynccontextmanager
async def processes(redis: RedisServer | None) -> AsyncIterator[Callable[[], Process]]:
    """Give what makes processes; all are ended together."""
    async with AsyncExitStack() as ending:

        def make() -> Process:
            process = Process(redis)
            ending.push_async_callback(process.stop)
            return process

        yield make


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server that forgets everything when it is killed."""
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture(params=["alone", "redis"])
async def new_process(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], Process]]:
    """Make a process on each way to carry messages."""
    server = request.getfixturevalue("redis") if request.param == "redis" else None
    async with processes(server) as make:
        yield make


@pytest.fixture
async def new_redis_process(redis: RedisServer) -> AsyncIterator[Callable[[], Process]]:
    """Make a process that shares a stream with the others."""
    async with processes(redis) as make:
        yield make
