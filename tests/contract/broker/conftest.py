"""Streams on real brokers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pytest

from demitasse.kernel.ids import random_name
from demitasse.transports.broker import GroupReader, StreamPublisher
from demitasse.transports.rabbit_stream import RabbitPublisher, RabbitReader
from demitasse.transports.redis_group import RedisPublisher, RedisReader
from tests.e2e.rabbit_server import running_rabbit
from tests.e2e.redis_server import running_redis

_IDLE_MS = 300


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker, and what is made for it."""

    url: str

    @property
    def is_rabbit(self) -> bool:
        return self.url.startswith("amqp")

    def publisher(self) -> StreamPublisher:
        return RabbitPublisher(self.url) if self.is_rabbit else RedisPublisher(self.url, max_rows=100_000)

    def reader(self, stream: str, *, group: str = "g", consumer: str = "one") -> GroupReader:
        if self.is_rabbit:
            return RabbitReader(self.url, stream=stream, group=group)
        return RedisReader(self.url, stream=stream, group=group, consumer=consumer, idle_ms=_IDLE_MS)


@pytest.fixture(scope="session", params=["rabbitmq", "redis"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp(request.param)
    with running_rabbit(folder) if request.param == "rabbitmq" else running_redis(folder) as server:
        yield Broker(server.url)


@pytest.fixture
def stream() -> str:
    return f"demitasse.test.{random_name()}"


@pytest.fixture
async def publisher(broker: Broker) -> AsyncIterator[StreamPublisher]:
    found = broker.publisher()
    yield found
    await found.close()


class Reading:
    """A reader that runs beside the test, and what it took."""

    def __init__(self, reader: GroupReader, *, broken: Callable[[bytes], bool] = lambda _: False) -> None:
        self.reader = reader
        self.bodies: list[bytes] = []
        self.batches = 0
        self.hangs = False
        self._broken = broken
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.reader.open()
        self._task = asyncio.ensure_future(self.reader.run(self._take))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.reader.close()

    async def wait(self, count: int, *, within_s: float = 20) -> list[bytes]:
        """Return what was taken, once there is so much."""
        async with asyncio.timeout(within_s):
            while len(self.bodies) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.bodies

    async def _take(self, bodies: Sequence[bytes]) -> Mapping[int, str]:
        self.bodies.extend(bodies)
        self._changed.set()
        if self.hangs:
            await asyncio.Event().wait()
        return {place: "broken" for place, body in enumerate(bodies) if self._broken(body)}


def numbered(start: int, count: int) -> list[tuple[str, bytes]]:
    return [(f"m{number}", b"%d" % number) for number in range(start, start + count)]
