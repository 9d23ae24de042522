"""One Redis stream: add, read on, look at what is there. Says once that it failed, and never tries again by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from demitasse.transports.errors import StreamUnavailable, UnusableStream

Fields = Mapping[bytes, bytes]
StreamId = tuple[int, int]
"""Milliseconds and a count: ids of one server only ever grow (Redis, Streams)."""

_CONNECTS_WITHIN_S = 2.0
_ANSWERS_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """A stream at one moment.

    Args:
        run_id: Changes whenever the Redis server starts: what it had not yet written is lost then.
        last_id: Of the newest row ever added; (0, 0) before the first.
        is_whole: No row was ever removed.
    """

    run_id: str
    last_id: StreamId
    is_whole: bool


class RedisStream:
    """A stream of a Redis server, with one connection for reading and one for writing.

    Args:
        url: As in ``redis_url``: ``redis://[user:password@]host:port/db``, ``rediss://`` for TLS.
        max_rows: About how many rows the stream keeps.

    Raises:
        UnusableStream: the URL cannot be used.
    """

    def __init__(self, url: str, *, name: str, max_rows: int) -> None:
        self._name = name
        self._writers = f"{name}:writers"
        self._max_rows = max_rows
        options: dict[str, Any] = {
            "retry": Retry(NoBackoff(), 0),
            "socket_connect_timeout": _CONNECTS_WITHIN_S,
            "socket_timeout": _ANSWERS_WITHIN_S,
            "max_connections": 4,
        }
        try:
            # redis-py types every answer as decoded or not; here none is decoded.
            self._redis: Any = Redis.from_url(url, **options)
        except ValueError as error:
            message = "redis_url cannot be used: write redis://host:6379/0"
            raise UnusableStream(message) from error

    async def state(self) -> StreamState:
        """Return how the stream stands.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            server = await self._redis.info("server")
            found = await self._redis.exists(self._name)
            stream = await self._redis.xinfo_stream(self._name) if found else None
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        run_id = str(server["run_id"])
        if stream is None:
            return StreamState(run_id=run_id, last_id=(0, 0), is_whole=True)
        added = stream.get("entries-added")  # since Redis 7.0
        return StreamState(
            run_id=run_id, last_id=stream_id(stream["last-generated-id"]), is_whole=added == stream["length"]
        )

    async def add(self, rows: Sequence[Fields]) -> None:
        """Add rows in this order; after an error some of them may be there.

        Raises:
            StreamUnavailable: Redis cannot be reached, or did not take them all.
        """
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for row in rows:
                    pipeline.xadd(self._name, dict(row), maxlen=self._max_rows, approximate=True)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error

    async def newest(self, count: int) -> list[tuple[StreamId, Fields]]:
        """Return the newest rows, oldest first.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            rows = await self._redis.xrevrange(self._name, count=count)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        return [(stream_id(row[0]), row[1]) for row in reversed(rows)]

    async def oldest_id(self) -> StreamId | None:
        """Return the id of the oldest row that is still there.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            rows = await self._redis.xrange(self._name, count=1)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        return stream_id(rows[0][0]) if rows else None

    async def after(self, last: StreamId, *, count: int, wait_s: float) -> list[tuple[StreamId, Fields]]:
        """Return the next rows after an id; waits for one at most ``wait_s``, which must be below 5.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            found = await self._redis.xread(
                {self._name: f"{last[0]}-{last[1]}"}, count=count, block=round(wait_s * 1000)
            )
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        rows = _rows_of(found)
        return [(stream_id(row[0]), row[1]) for row in rows]

    async def enter(self, writer: str) -> bool:
        """Note that a writer works from now on; return whether it was noted already, and so has never left.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            earlier = await self._redis.zscore(self._writers, writer)
            await self._redis.zadd(self._writers, {writer: await self._now_s()})
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error
        return earlier is not None

    async def vanished(self, writer: str, *, silent_s: float) -> int:
        """Note that a writer still works; return how many others have been silent for too long, each told once.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            now_s = await self._now_s()
            await self._redis.zadd(self._writers, {writer: now_s})
            silent = await self._redis.zrangebyscore(self._writers, "-inf", now_s - silent_s)
            return sum([await self._redis.zrem(self._writers, each) for each in silent])
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error

    async def leave(self, writer: str) -> None:
        """Note that a writer has written everything and works no more.

        Raises:
            StreamUnavailable: Redis cannot be reached.
        """
        try:
            await self._redis.zrem(self._writers, writer)
        except (RedisError, OSError) as error:
            raise _unavailable(error) from error

    async def _now_s(self) -> float:
        seconds, microseconds = await self._redis.time()
        return float(seconds) + float(microseconds) / 1e6

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def stream_id(text: bytes | str) -> StreamId:
    """Return an id as numbers."""
    milliseconds, _, count = (text.decode() if isinstance(text, bytes) else text).partition("-")
    return int(milliseconds), int(count)


def _rows_of(found: Any) -> list[tuple[bytes, Fields]]:
    """Return the rows of the only stream in an answer to XREAD, in whichever protocol version it came."""
    if not found:
        return []
    rows = next(iter(found.values())) if isinstance(found, dict) else found[0][1]
    if rows and isinstance(rows[0], list) and rows[0] and isinstance(rows[0][0], tuple | list):
        rows = rows[0]  # RESP3 nests once more
    return list(rows)


def _unavailable(error: Exception) -> StreamUnavailable:
    message = f"Redis cannot be used now: {type(error).__name__}: {error}"
    return StreamUnavailable(message)
