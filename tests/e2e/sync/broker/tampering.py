"""Doing to a broker's messages what brokers are not supposed to do."""

import asyncio
from collections.abc import Sequence

import aio_pika
from redis import Redis

from demitasse.transports.rabbit_stream import RabbitPublisher
from demitasse.transports.redis_group import RedisPublisher

Message = tuple[str, bytes]
_WITHIN_S = 10.0


class RabbitTamper:
    """Works on the queue of one group."""

    def __init__(self, url: str, *, stream: str, group: str) -> None:
        self._url = url
        self._stream = stream
        self._queue = f"{stream}.{group}"

    def take_away(self) -> list[Message]:
        """Return the messages that wait for the group, which does not get them any more."""
        return asyncio.run(self._take_away())

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish messages as if the site had."""

        async def work() -> None:
            publisher = RabbitPublisher(self._url)
            for message in messages:  # One by one, so that they are in this order.
                await publisher.publish(self._stream, [message])
            await publisher.close()

        asyncio.run(work())

    async def _take_away(self) -> list[Message]:
        connection = await aio_pika.connect(self._url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(self._queue, passive=True)
            count = queue.declaration_result.message_count or 0
            found: list[Message] = []
            async with asyncio.timeout(_WITHIN_S), queue.iterator() as waiting:
                while len(found) < count:
                    message = await anext(waiting)
                    found.append((str(message.message_id), message.body))
                    await message.ack()
            return found


class RedisTamper:
    """Works on a stream; what the group has not read is lost to it."""

    def __init__(self, url: str, *, stream: str, group: str) -> None:
        self._url = url
        self._stream = stream
        self._group = group

    def take_away(self) -> list[Message]:
        """Return the messages that wait for the group, which does not get them any more."""
        with Redis.from_url(self._url) as redis:
            groups = redis.xinfo_groups(self._stream)
            last = next(each["last-delivered-id"] for each in groups if each["name"].decode() == self._group)
            rows = redis.xrange(self._stream, min=f"({last.decode()}")
            redis.xtrim(self._stream, maxlen=0, approximate=False)
        return [(row[1][b"id"].decode(), row[1][b"body"]) for row in rows]

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish messages as if the site had."""

        async def work() -> None:
            publisher = RedisPublisher(self._url, max_rows=10_000)
            await publisher.publish(self._stream, messages)
            await publisher.close()

        asyncio.run(work())
