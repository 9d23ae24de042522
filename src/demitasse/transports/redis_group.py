"""Redis Streams: a stream that is trimmed, and a consumer group for each that reads it.

Why not through FastStream: docs/decisions/0011-redis-streams-without-faststream.md
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.broker import DeadLetter, Take
from demitasse.transports.errors import BrokerUnavailable, UnusableStream

Entry = tuple[bytes, dict[bytes, bytes]]
_ID, _BODY, _REASON = b"id", b"body", b"reason"
_AT_ONCE = 200
_WAITS_MS = 1_000
_CONNECTS_WITHIN_S = 5.0
_ANSWERS_WITHIN_S = 10.0
_DELIVERIES = 20
"""As for RabbitMQ: a message that was read so often ends its readers each time."""
_IDLE_MS = 60_000
"""What a reader has not acknowledged for so long is another's: longer than applying a batch takes."""
_CLAIMS_EVERY_S = 15.0


class RedisPublisher:
    """Appends to streams, each kept at about a length."""

    def __init__(self, url: str, *, max_rows: int) -> None:
        self._redis = _client(url)
        self._max_rows = max_rows

    async def publish(self, stream: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish messages in order, in one round trip.

        Raises:
            BrokerUnavailable: Redis does not have them all.
        """
        with _told():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for identifier, body in messages:
                    pipeline.xadd(stream, {_ID: identifier, _BODY: body}, maxlen=self._max_rows, approximate=True)
                await pipeline.execute()

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()


class RedisReader:
    """Reads a stream as one consumer of a group."""

    def __init__(self, url: str, *, stream: str, group: str, consumer: str, idle_ms: int = _IDLE_MS) -> None:
        self._redis = _client(url)
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._idle_ms = idle_ms
        self._dead = f"{stream}.{group}.dead"

    async def open(self) -> bool:
        """Make the group where it is not there, at the stream's end, and return whether it was.

        Raises:
            BrokerUnavailable: Redis cannot be reached.
        """
        with _told():
            try:
                await self._redis.xgroup_create(self._stream, self._group, id="$", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" in str(error):
                    return True
                raise
        return False

    async def run(self, take: Take) -> None:
        """Read until cancelled: first what this consumer left, then what is new, and what dead consumers left.

        Raises:
            BrokerUnavailable: Redis cannot be reached any more, or has lost the group.
        """
        with _told():
            await self._take_own(take)
            claimed_at_s = monotonic_s()
            while True:
                if monotonic_s() - claimed_at_s > min(_CLAIMS_EVERY_S, self._idle_ms / 1000):
                    await self._claim(take)
                    claimed_at_s = monotonic_s()
                await self._take(await self._read(">", wait_ms=min(_WAITS_MS, self._idle_ms)), take)

    async def dead_letters(self, *, limit: int) -> list[DeadLetter]:
        """Return messages that could not be taken, oldest first; they stay."""
        with _told():
            rows = await self._redis.xrange(self._dead, count=limit)
        return [
            DeadLetter(id=row[0].decode(), body=row[1].get(_BODY, b""), reason=row[1].get(_REASON, b"").decode())
            for row in rows
        ]

    async def remove_dead(self, ids: Sequence[str]) -> None:
        """Remove messages that could not be taken."""
        if ids:
            with _told():
                await self._redis.xdel(self._dead, *ids)

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    async def _take_own(self, take: Take) -> None:
        """Take what was read and not acknowledged before this start."""
        after = "0"
        while entries := await self._read(after):
            after = entries[-1][0].decode()
            await self._take(await self._living(entries), take)

    async def _claim(self, take: Take) -> None:
        start: Any = "0-0"
        while True:
            start, entries, *_ = await self._redis.xautoclaim(
                self._stream, self._group, self._consumer, min_idle_time=self._idle_ms, start_id=start, count=_AT_ONCE
            )
            await self._take(await self._living(entries), take)
            if start in {b"0-0", "0-0"}:
                return

    async def _take(self, entries: Sequence[Entry], take: Take) -> None:
        there = [entry for entry in entries if entry[1]]  # What was trimmed meanwhile has no fields.
        broken = await take([fields.get(_BODY, b"") for _, fields in there]) if there else {}
        await self._bury([(there[place], reason) for place, reason in broken.items()])
        if entries:
            await self._redis.xack(self._stream, self._group, *(entry[0] for entry in entries))

    async def _living(self, entries: Sequence[Entry]) -> list[Entry]:
        """Leave out what was delivered too often, and make it dead letters."""
        if not entries:
            return []
        pending = await self._redis.xpending_range(
            self._stream, self._group, min=entries[0][0], max=entries[-1][0], count=len(entries) * 2
        )
        worn = {row["message_id"] for row in pending if row["times_delivered"] > _DELIVERIES}
        await self._bury([(entry, "delivery_limit") for entry in entries if entry[0] in worn and entry[1]])
        if worn:
            await self._redis.xack(self._stream, self._group, *worn)
        return [entry for entry in entries if entry[0] not in worn]

    async def _bury(self, entries: Sequence[tuple[Entry, str]]) -> None:
        for (_, fields), reason in entries:
            await self._redis.xadd(self._dead, {**fields, _REASON: reason}, maxlen=10_000, approximate=True)

    async def _read(self, after: str, *, wait_ms: int | None = None) -> list[Entry]:
        _end_if_cancelled()
        found = await self._redis.xreadgroup(
            self._group, self._consumer, {self._stream: after}, count=_AT_ONCE, block=wait_ms
        )
        return _rows_of(found)


def _end_if_cancelled() -> None:
    """Raise a cancellation that redis-py (8.1) has swallowed: one that comes while it reads an answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _rows_of(found: Any) -> list[Entry]:
    """Return the entries of the only stream in an answer, in whichever version of the protocol it came."""
    if not found:
        return []
    rows = next(iter(found.values())) if isinstance(found, dict) else found[0][1]
    if rows and isinstance(rows[0], list) and (not rows[0] or isinstance(rows[0][0], tuple | list)):
        rows = rows[0]  # RESP3 nests once more
    return [(row[0], row[1] or {}) for row in rows]


def _client(url: str) -> Any:
    # redis-py types every answer as decoded or not; here none is decoded.
    try:
        return Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=_CONNECTS_WITHIN_S,
            socket_timeout=_ANSWERS_WITHIN_S,
            max_connections=8,
        )
    except ValueError as error:
        message = "broker_url cannot be used: write redis://host:6379/0"
        raise UnusableStream(message) from error


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        message = f"Redis cannot be used now: {type(error).__name__}: {error}"
        raise BrokerUnavailable(message) from error
