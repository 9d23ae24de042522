"""The hub: who listens to which topic, and the fan-out of what is published to them.

Every method belongs to the thread of the event loop.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.ids import random_name
from demitasse.live.capacity import Capacity
from demitasse.live.connection import Connection
from demitasse.live.errors import NotAdmitted, SubscriptionRefused
from demitasse.live.fanning import CallSoon, FanOut
from demitasse.live.log import Log
from demitasse.live.model import CloseCode, Counts, Cursor, Entry, Limits, Message, Place, make_message
from demitasse.live.ports import Carrier, Doorkeeper
from demitasse.live.warmth import Warmth

_READY_WITHIN_S = 3.0
_RECHECKED_AT_ONCE = 20


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
        self._log = Log(random_name(8), limits=self.limits)
        self._listeners: dict[str, set[Connection]] = {}
        self._warmth = None if keeps_everything else Warmth(self.limits.log_age_s)
        self._fan_out = FanOut(call_soon, lambda topic: tuple(self._listeners.get(topic, ())))

    @property
    def log(self) -> Log:
        """What was published."""
        return self._log

    @property
    def fanned_out(self) -> int:
        """The last ordinal that every current connection has been offered."""
        first = self._fan_out.first_pending
        return self._log.head if first is None else first - 1

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
            self._fan_out.add(entry)

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
        self._fan_out.clear()
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
        for count, connection in enumerate(tuple(self.connections), start=1):
            if not count % _RECHECKED_AT_ONCE:
                await asyncio.sleep(0)
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
