"""Live push between processes: every message goes through one Redis stream, and every hub reads it from there.

So all processes have the same messages in the same order with the same cursors, and a client may come back to any of
them. While Redis is away messages wait, up to a bound; whatever may have been lost makes the clients fetch anew.

Source: docs/decisions/0007-one-engine-for-live-push.md
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Sequence

import structlog

from demitasse.kernel import json
from demitasse.kernel.ids import random_name
from demitasse.live.hub import Hub
from demitasse.live.model import Message, Place
from demitasse.transports.errors import StreamUnavailable
from demitasse.transports.redis_stream import Fields, RedisStream, StreamId

_log = structlog.get_logger("demitasse.live")
_ROWS_AT_ONCE = 500
_WAITS_S = 2.0
_RETRY_S = (0.05, 0.1, 0.2, 0.5, 1.0)
_ATTENDS_EVERY_S = 2.0
_SILENT_S = 10.0
_LEAVES_WITHIN_S = 2.0
_MAX_WAITING = 10_000
_MAX_PUBLISHERS = 1_000
_EPOCH_LENGTH = 12
_FETCH_ANEW = b"fetch-anew"


class StreamCarrier:
    """Carries the messages of one hub to all and back. Every method belongs to the loop's thread.

    A process that is killed may have had messages that were not in the stream yet. So each is noted as a writer until it
    leaves; when one has vanished, clients are told to fetch anew.

    Args:
        writer: The name under which this process is noted, where it has the same in each of its lives and no other
            process has it at that time: a crash is then known as soon as it is back.
    """

    def __init__(self, hub: Hub, stream: RedisStream, *, writer: str | None = None) -> None:
        self._hub = hub
        self._stream = stream
        self._publisher = random_name(_EPOCH_LENGTH).encode()
        self._writer = writer or self._publisher.decode()
        self._is_noted = False
        self._count = 0
        self._waiting: deque[Fields] = deque()
        self._something_waits = asyncio.Event()
        self._is_ready = asyncio.Event()
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._heard: OrderedDict[bytes, int] = OrderedDict()
        self._last: StreamId = (0, 0)
        self._epoch = ""
        self.is_connected = False
        hub.carrier = self

    def publish(self, message: Message) -> None:
        """Bring the message to every hub; where too many wait for Redis, have the clients fetch anew instead."""
        if len(self._waiting) >= _MAX_WAITING:
            _log.warning("live.dropped", messages=len(self._waiting))
            self._waiting.clear()
            self._queue({b"r": _FETCH_ANEW})
        self._queue(_fields(message))

    async def run(self) -> None:
        """Write and read until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write())
                tasks.create_task(self._read())
                tasks.create_task(self._attend())
        finally:
            await self._leave()

    async def ready(self) -> None:
        """Return once the stream has been read for the first time."""
        await self._is_ready.wait()

    async def written(self) -> None:
        """Return once everything that was published here is in the stream, where no crash of this process loses it."""
        if self._waiting:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append((self._count, waiter))
            await waiter

    def _row(self, row: dict[bytes, bytes]) -> Fields:
        """Return a row with what tells it from a repetition."""
        self._count += 1
        return {**row, b"p": self._publisher, b"n": b"%d" % self._count}

    def _queue(self, row: dict[bytes, bytes]) -> None:
        self._waiting.append(self._row(row))
        self._something_waits.set()

    async def _write(self) -> None:
        failures = 0
        while True:
            await self._something_waits.wait()
            rows = [self._waiting[index] for index in range(min(len(self._waiting), _ROWS_AT_ONCE))]
            try:
                await self._stream.add(rows)
            except StreamUnavailable:
                # Some may have been written: readers know them by their number when they come again.
                await asyncio.sleep(_delay_s(failures))
                failures += 1
                continue
            failures = 0
            self._written(rows)

    def _written(self, rows: Sequence[Fields]) -> None:
        for row in rows:
            if self._waiting and self._waiting[0] is row:  # else it was dropped meanwhile
                self._waiting.popleft()
        if not self._waiting:
            self._something_waits.clear()
        written = self._count - len(self._waiting)
        while self._waiters and self._waiters[0][0] <= written:
            _, waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def _read(self) -> None:
        failures = 0
        while True:
            try:
                if not self.is_connected:
                    await self._connect()
                    failures = 0
                rows = await self._stream.after(self._last, count=_ROWS_AT_ONCE, wait_s=_WAITS_S)
                if len(rows) == _ROWS_AT_ONCE and await self._has_gap():
                    self.is_connected, self._epoch = False, ""
                    continue
            except StreamUnavailable as error:
                if self.is_connected or not failures:
                    _log.warning("live.redis_away", error=error.message)
                self.is_connected = False
                await asyncio.sleep(_delay_s(failures))
                failures += 1
            else:
                self._take_in(rows)

    async def _attend(self) -> None:
        """Show that this process lives, and look whether all others do."""
        while True:
            await asyncio.sleep(_ATTENDS_EVERY_S)
            try:
                if self._is_noted and await self._stream.vanished(self._writer, silent_s=_SILENT_S):
                    _log.warning("live.writer_vanished")
                    self._queue({b"r": _FETCH_ANEW})
            except StreamUnavailable:
                continue  # the reader tells of it

    async def _leave(self) -> None:
        """Write what waits, within a bound, and leave without a trace; else the others will notice."""
        with contextlib.suppress(StreamUnavailable, TimeoutError):
            async with asyncio.timeout(_LEAVES_WITHIN_S):
                while self._waiting:
                    rows = list(self._waiting)
                    await self._stream.add(rows)
                    self._written(rows)
                if self._is_noted:
                    await self._stream.leave(self._writer)
                    self._is_noted = False
        await self._stream.close()

    async def _connect(self) -> None:
        """Take up the stream: at first with what is in it, after a break where we were, after a restart anew."""
        state = await self._stream.state()
        epoch = state.run_id[:_EPOCH_LENGTH]
        if not self._is_noted:
            if await self._stream.enter(self._writer):
                await self._stream.add([self._row({b"r": _FETCH_ANEW})])
            self._is_noted = True
        if self._epoch != epoch:
            rows = await self._stream.newest(self._hub.limits.log_entries)
            self._start_from(rows, epoch, start=(0, 0) if state.is_whole or not rows else rows[0][0])
            self._last = rows[-1][0] if rows else state.last_id
            self._epoch = epoch
        self.is_connected = True
        self._is_ready.set()
        _log.info("live.redis_connected", epoch=epoch)

    def _start_from(self, rows: Sequence[tuple[StreamId, Fields]], epoch: str, *, start: Place) -> None:
        self._heard.clear()
        known: list[tuple[Message, Place]] = []
        for place, row in rows:
            message = self._message(row)
            if message is not None:
                known.append((message, place))
            elif row.get(b"r") == _FETCH_ANEW:
                known, start = [], place
        self._hub.restart(epoch, start=start, known=known)

    async def _has_gap(self) -> bool:
        """Return whether rows were removed from the stream before we read them."""
        oldest = await self._stream.oldest_id()
        return oldest is not None and self._last != (0, 0) and oldest > self._last

    def _take_in(self, rows: Sequence[tuple[StreamId, Fields]]) -> None:
        for place, row in rows:
            self._last = place
            message = self._message(row)
            if message is not None:
                self._hub.append(message, place)
            elif row.get(b"r") == _FETCH_ANEW:
                self._hub.restart(self._hub.log.epoch, start=place, reason="dropped")

    def _message(self, row: Fields) -> Message | None:
        """Return the message of a row; ``None`` where it is no message, or one that has been there already."""
        publisher, count = row.get(b"p", b""), int(row.get(b"n", b"0"))
        if self._heard.get(publisher, 0) >= count:
            return None
        self._heard[publisher] = count
        self._heard.move_to_end(publisher)
        if len(self._heard) > _MAX_PUBLISHERS:
            self._heard.popitem(last=False)
        if b"t" not in row:
            return None
        key, about = row.get(b"k"), row.get(b"a")
        return Message(
            topic=row[b"t"].decode(),
            type=row[b"y"].decode(),
            content=row[b"c"],
            key=key.decode() if key is not None else None,
            about=json.decode(about) if about is not None else None,
        )


def _fields(message: Message) -> dict[bytes, bytes]:
    row = {b"t": message.topic.encode(), b"y": message.type.encode(), b"c": message.content}
    if message.key is not None:
        row[b"k"] = message.key.encode()
    if message.about is not None:
        row[b"a"] = json.encode(message.about)
    return row


def _delay_s(failures: int) -> float:
    return _RETRY_S[min(failures, len(_RETRY_S) - 1)]
