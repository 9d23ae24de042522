"""RabbitMQ through FastStream: a fan-out exchange for each stream, a quorum queue for each group that reads it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity
from aiormq.exceptions import AMQPError as DriverError
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType
from pamqp.commands import Basic

from demitasse.transports.broker import DeadLetter, Take
from demitasse.transports.errors import BrokerUnavailable

for _name in ("aio_pika", "aiormq"):  # What they tell on a lost connection, whoever uses it is told by an error.
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False
_BINARY = "application/octet-stream"
"""FastStream decodes JSON by its content type; bodies are decoded once, where they are understood."""
_AT_ONCE = 200
_ANSWERS_WITHIN_S = 10.0
_DELIVERIES = 20
"""After so many deliveries without an acknowledgement a message ends its readers each time: it becomes a dead letter."""
_FAULTS = (AMQPError, DriverError, ConnectionError, OSError, TimeoutError, ChannelInvalidStateError, RuntimeError)
"""What aio-pika raises of a connection that is gone, a closed transport's RuntimeError among it."""


class RabbitPublisher:
    """Publishes persistent messages, each confirmed by the broker."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._broker: RabbitBroker | None = None
        self._exchanges: dict[str, RabbitExchange] = {}

    async def publish(self, stream: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish messages in order, and wait until all are confirmed.

        Raises:
            BrokerUnavailable: one is not.
        """
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                exchange = await self._exchange(stream)
                assert self._broker is not None  # noqa: S101 - connected by the line above
                sending = [
                    self._broker.publish(
                        body,
                        exchange=exchange,
                        routing_key=stream,
                        persist=True,
                        mandatory=False,
                        message_id=identifier,
                        content_type=_BINARY,
                    )
                    for identifier, body in messages
                ]
                answers = await asyncio.gather(*sending)
        except _FAULTS as error:
            await self.close()
            raise _unavailable(error) from error
        if not all(isinstance(answer, Basic.Ack) for answer in answers):
            message = "RabbitMQ did not confirm a message"
            raise BrokerUnavailable(message)

    async def close(self) -> None:
        """Close the connection."""
        broker, self._broker = self._broker, None
        self._exchanges.clear()
        if broker is not None:
            await _stop(broker)

    async def _exchange(self, stream: str) -> RabbitExchange:
        if self._broker is None:
            self._broker = _broker(self._url)
            await self._broker.connect()
        found = self._exchanges.get(stream)
        if found is None:
            found = _fanout(stream)
            await self._broker.declare_exchange(found)
            self._exchanges[stream] = found
        return found


class RabbitReader:
    """Reads the quorum queue of one group; of several readers of a group one is active at a time."""

    def __init__(self, url: str, *, stream: str, group: str) -> None:
        self._url = url
        self._stream = stream
        self._name = f"{stream}.{group}"
        self._arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._broker: RabbitBroker | None = None

    async def open(self) -> bool:
        """Make the queue where it is not there, and return whether it was.

        Raises:
            BrokerUnavailable: RabbitMQ cannot be reached.
        """
        with _told():
            was_there = await self._exists()
            async with _connected(self._url) as broker:
                queue, dead = self._queues()
                exchange = await broker.declare_exchange(_fanout(self._stream))
                await broker.declare_queue(dead)
                declared = await broker.declare_queue(queue)
                await declared.bind(exchange, routing_key=self._stream)
        return was_there

    async def run(self, take: Take) -> None:
        """Read until cancelled.

        Raises:
            BrokerUnavailable: the connection is gone, or the queue.
        """
        lost = asyncio.Event()
        self._arrived = asyncio.Queue()
        broker = self._broker = RabbitBroker(
            self._url,
            logger=None,
            timeout=_ANSWERS_WITHIN_S,
            graceful_timeout=1.0,
            on_close=[lambda *_: lost.set()],
            default_channel=Channel(prefetch_count=_AT_ONCE),
        )
        with _told():
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                await broker.connect()
                queue = await broker.declare_queue(self._queues()[0])
                # Not by a handler of FastStream's: those are tasks with pauses of their own, which overtake each other.
                await queue.consume(self._arrive)
        taking = asyncio.ensure_future(self._take_on(take))
        losing = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({taking, losing}, return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
            message = "The connection to RabbitMQ is lost"
            raise BrokerUnavailable(message)
        finally:
            for task in (taking, losing):
                task.cancel()
            await asyncio.gather(taking, losing, return_exceptions=True)
            await self.close()

    async def dead_letters(self, *, limit: int) -> list[DeadLetter]:
        """Return messages that could not be taken, oldest first; they stay in their queue."""
        with _told():
            async with self._dead(limit) as messages:
                return [_letter(message) for message in messages]

    async def remove_dead(self, ids: Sequence[str]) -> None:
        """Remove messages from the queue of those that could not be taken."""
        wanted = set(ids)
        with _told():
            async with self._dead(10_000) as messages:
                for message in messages:
                    if _letter(message).id in wanted:
                        await message.ack()

    async def close(self) -> None:
        """Close the connection; RabbitMQ keeps what was not acknowledged."""
        broker, self._broker = self._broker, None
        self._arrived = asyncio.Queue()
        if broker is not None:
            await _stop(broker)

    async def _take_on(self, take: Take) -> None:
        arrived = self._arrived
        while True:
            messages = [await arrived.get()]
            while len(messages) < _AT_ONCE and not arrived.empty():
                messages.append(arrived.get_nowait())
            broken = await take([message.body for message in messages])
            with _told():
                for place, message in enumerate(messages):
                    if place in broken:
                        await message.reject(requeue=False)
                good = [message for place, message in enumerate(messages) if place not in broken]
                if good:
                    await good[-1].ack(multiple=True)

    async def _arrive(self, message: AbstractIncomingMessage) -> None:
        self._arrived.put_nowait(message)

    def _queues(self) -> tuple[RabbitQueue, RabbitQueue]:
        dead = f"{self._name}.dead"
        arguments: Any = {
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
            "x-delivery-limit": _DELIVERIES,
            "x-single-active-consumer": True,
        }
        queue = RabbitQueue(self._name, QueueType.QUORUM, arguments=arguments, routing_key=self._stream)
        return queue, RabbitQueue(dead, QueueType.QUORUM)

    async def _exists(self) -> bool:
        async with _connected(self._url) as broker:
            try:
                await broker.declare_queue(RabbitQueue(self._name, QueueType.QUORUM, declare=False))
            except ChannelNotFoundEntity:
                return False
        return True

    @asynccontextmanager
    async def _dead(self, limit: int) -> AsyncIterator[list[AbstractIncomingMessage]]:
        """Hold the dead letters while the block lasts; those that are not acknowledged go back to their places."""
        async with _connected(self._url) as broker:
            queue = await broker.declare_queue(self._queues()[1])
            messages: list[AbstractIncomingMessage] = []
            while len(messages) < limit and (message := await queue.get(fail=False)) is not None:
                messages.append(message)
            yield messages


def _letter(message: AbstractIncomingMessage) -> DeadLetter:
    deaths: Any = (message.headers or {}).get("x-death") or [{}]
    reason = str(deaths[0].get("reason") or "")
    return DeadLetter(id=str(message.message_id), body=message.body, reason="" if reason == "rejected" else reason)


def _fanout(stream: str) -> RabbitExchange:
    return RabbitExchange(stream, ExchangeType.FANOUT, durable=True)


def _broker(url: str) -> RabbitBroker:
    return RabbitBroker(url, logger=None, timeout=_ANSWERS_WITHIN_S, graceful_timeout=1.0)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[RabbitBroker]:
    broker = _broker(url)
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            await broker.connect()
        yield broker
    finally:
        await _stop(broker)


async def _stop(broker: RabbitBroker) -> None:
    with contextlib.suppress(*_FAULTS):
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            await broker.stop()


@contextlib.contextmanager
def _told() -> Any:
    try:
        yield
    except _FAULTS as error:
        raise _unavailable(error) from error


def _unavailable(error: BaseException) -> BrokerUnavailable:
    message = f"RabbitMQ cannot be used now: {type(error).__name__}: {error}"
    return BrokerUnavailable(message)
