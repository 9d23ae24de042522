"""The hub: who listens to which topic, and the fan-out of what is published to them.

Every method belongs to the thread of the event loop.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.ids import random_name
from demitasse.live.capacity import Capacity
from demitasse.live.connection import Batch, Connection
from demitasse.live.errors import NotAdmitted, SubscriptionRefused
from demitasse.live.log import Log
from demitasse.live.model import CloseCode, Counts, Cursor, Entry, Limits, Message, Place, make_message
from demitasse.live.ports import Carrier, Doorkeeper
from demitasse.live.warmth import Warmth

CallSoon = Callable[[Callable[[], None]], object]
"""Runs a callback in the next turn of the event loop (``loop.call_soon``)."""
_READY_WITHIN_S = 3.0
_SLICE_S = 0.005
_OFFERS_BETWEEN_LOOKS = 64
_BATCH_ENTRIES = 64


class Hub:
    """Connects publishers and connections.

    ``on_warm`` and ``on_cold`` are told of a topic when messages to it begin to matter, and when they no longer do.

    Args:
        doorkeeper: Asked before an entry that says what it is about is sent.
        keeps_everything: Keep messages of topics that nobody has listened to lately, too.
    """

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        *,
        call_soon: CallSoon,
        limits: Limits | None = None,
        keeps_everything: bool = True,
    ) -> None:
        self.doorkeeper = doorkeeper
        self.limits = limits or Limits()
        self.carrier: Carrier | None = None
        self.on_warm: Callable[[str], None] | None = None
        self.on_cold: Callable[[str], None] | None = None
        self.capacity = Capacity(self.limits)
        self.connections: set[Connection] = set()
        self._call_soon = call_soon
        self._log = Log(random_name(8), limits=self.limits)
        self._listeners: dict[str, set[Connection]] = {}
        self._warmth = None if keeps_everything else Warmth(self.limits.log_age_s)
        self._pending: deque[Entry] = deque()
        self._batch: Batch | None = None
        self._to_offer: Iterator[Connection] = iter(())
        self._is_pumping = False

    @property
    def log(self) -> Log:
        """What was published."""
        return self._log

    @property
    def fanned_out(self) -> int:
        """The last ordinal that every current connection has been offered."""
        if self._batch is not None:
            return self._batch.first - 1
        return self._pending[0].ordinal - 1 if self._pending else self._log.head

    def publish(
        self,
        topic: str,
        type_: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a message to everybody who listens to the topic, in every process.

        Args:
            key: Names the state that the message is: for slow clients a newer one of the same key replaces it.
            about: Facts for the doorkeeper's check at send time; never sent.

        Raises:
            InvalidPublication: the payload uses a name of the protocol.
        """
        self.carry(make_message(topic, type_, payload, key=key, about=about))

    def carry(self, message: Message) -> None:
        """Publish a message that is encoded already."""
        if self.carrier is not None:
            self.carrier.publish(message)
        elif self.wants(message.topic):
            self.append(message, (self._log.head_place[0] + 1,))

    async def ready(self) -> None:
        """Return once the stream is known that cursors belong to; after a while also without it."""
        if self.carrier is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_READY_WITHIN_S):
                    await self.carrier.ready()

    async def carried(self) -> None:
        """Return once what was published here reaches every process, even if this one is killed now."""
        if self.carrier is not None:
            await self.carrier.written()

    def wants(self, topic: str) -> bool:
        """Return whether a message to the topic can reach anybody, now or when he comes back."""
        return self.carrier is not None or self._warmth is None or self._warmth.is_warm(topic)

    def append(self, message: Message, place: Place) -> None:
        """Take in a message at its place, and send it to the connections of this process."""
        entry = self._log.append(message, place, now_s=monotonic_s())
        if message.topic in self._listeners:
            self._pending.append(entry)
            if not self._is_pumping:
                self._is_pumping = True
                self._call_soon(self._pump)

    def restart(
        self,
        epoch: str,
        *,
        start: Place,
        reason: str = "restarted",
        known: Iterable[tuple[Message, Place]] = (),
    ) -> None:
        """Begin another stream: every client is told to fetch anew.

        Args:
            known: What is in the stream already, for those who come with a cursor of it.
        """
        self._log.restart(epoch, start=start)
        now_s = monotonic_s()
        for message, place in known:
            self._log.append(message, place, now_s=now_s)
        self._pending.clear()
        self._batch = None
        if self._warmth is not None:
            self._warmth.restart(self._log.head)
        for connection in tuple(self.connections):
            connection.start_over(reason)

    def remove(self, connection: Connection) -> None:
        """Forget a connection with all its subscriptions."""
        self.connections.discard(connection)
        self.unsubscribe(connection, tuple(connection.topics))

    def subscribe(self, connection: Connection, wanted: Mapping[str, Cursor | None]) -> None:
        """Let a connection hear topics: from a cursor on, or what comes from now on.

        The caller has asked the doorkeeper. Where what came after a cursor is lost, the client is told to fetch anew.
        """
        head = self._log.head
        starts: dict[str, int] = {}
        lost: list[str] = []
        for topic, since in wanted.items():
            if since is None and topic in connection.topics:
                continue
            located = head if since is None else self._log.locate(since)
            if since is not None and located is not None and not self._has_all_since(topic, located):
                located = None
            if located is None:
                lost.append(topic)
            starts[topic] = head if located is None else located
            self._listeners.setdefault(topic, set()).add(connection)
            if self._warmth is not None and self._warmth.heard(topic, head) and self.on_warm is not None:
                self.on_warm(topic)
        if starts:
            connection.rewind(starts)
        if lost:
            connection.send("must-refetch", with_cursor=True, topics=lost, reason="too_old")
        else:
            connection.flush()

    def unsubscribe(self, connection: Connection, topics: tuple[str, ...]) -> None:
        """Let a connection hear topics no more."""
        for topic in topics:
            connection.topics.pop(topic, None)
            listeners = self._listeners.get(topic)
            if listeners is not None:
                listeners.discard(connection)
                if not listeners:
                    del self._listeners[topic]
                    if self._warmth is not None:
                        self._warmth.left(topic, now_s=monotonic_s())

    def allows(self, connection: Connection, entry: Entry) -> bool:
        """Return whether the connection may be sent the entry."""
        return entry.about is None or self.doorkeeper.may_receive(connection.subject, entry)

    async def recheck(self) -> None:
        """Ask the doorkeeper anew about every connection and its topics: a right may have been taken away."""
        for connection in tuple(self.connections):
            try:
                connection.subject = await self.doorkeeper.renew(connection.subject)
            except NotAdmitted as error:
                connection.close(CloseCode.NOT_AUTHENTICATED, error.message)
                continue
            for topic in tuple(connection.topics):
                try:
                    await self.doorkeeper.check_topic(connection.subject, topic)
                except SubscriptionRefused as error:
                    self.unsubscribe(connection, (topic,))
                    connection.send("refused", topic=topic, code=error.code, error=error.message)

    def counts(self) -> Counts:
        """Return how much there is of everything."""
        return Counts(
            connections=len(self.connections),
            behind=sum(not connection.is_current for connection in self.connections),
            topics=len(self._listeners),
            messages=self._log.head,
            kept=len(self._log),
            kept_bytes=self._log.size_bytes,
        )

    def tidy(self) -> None:
        """Drop what is too old; called every second or so."""
        now_s = monotonic_s()
        self._log.evict(now_s=now_s)
        if self._warmth is not None:
            for topic in self._warmth.cool(now_s=now_s):
                if self.on_cold is not None:
                    self.on_cold(topic)

    def close(self) -> None:
        """End all connections: the server stops."""
        for connection in tuple(self.connections):
            connection.close(CloseCode.RESTARTING, "The server restarts: connect again")

    def _has_all_since(self, topic: str, ordinal: int) -> bool:
        """Return whether nothing of the topic was left out after an ordinal because nobody listened."""
        return self.carrier is not None or self._warmth is None or self._warmth.covers(topic, ordinal)

    def _pump(self) -> None:
        """Offer what is pending, for a few milliseconds at a time: requests are served in between."""
        until_s = monotonic_s() + _SLICE_S
        while True:
            batch = self._batch
            if batch is None:
                batch = self._batch = self._next_batch()
                if batch is None:
                    self._is_pumping = False
                    return
                self._to_offer = iter(tuple(self._listeners.get(batch.topic, ())))
            for count, connection in enumerate(self._to_offer, start=1):
                connection.offer(batch)
                if not count % _OFFERS_BETWEEN_LOOKS and monotonic_s() > until_s:
                    self._call_soon(self._pump)
                    return
            self._batch = None

    def _next_batch(self) -> Batch | None:
        """Take the next pending entries of one topic, that nothing of another topic stands between."""
        pending = self._pending
        if not pending:
            return None
        entries = [pending.popleft()]
        while pending and pending[0].topic == entries[0].topic and len(entries) < _BATCH_ENTRIES:
            entries.append(pending.popleft())
        return Batch(entries, is_checked=any(entry.about is not None for entry in entries))
