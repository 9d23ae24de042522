"""Bringing rows from the queue into the windows of channels, a bounded number at a time."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from demitasse.delivery.channel import Channel, Standing
from demitasse.delivery.ports import Claims, Database, Taken, Time, Want
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox.model import QueuedDelivery, to_microseconds
from demitasse.outbox.operations import forget

_log = structlog.get_logger("demitasse.delivery")

_MAX_IN_MEMORY = 4_096
_MIN_WINDOW = 16
_LEASE_BESIDE_TIMEOUT_S = 60.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Feeder:
    """Reads ahead for channels.

    Args:
        spawn: Runs a coroutine beside everything else.
        on_fed: Called after a read, with whether it found anything; ``None``: it failed.
    """

    def __init__(
        self,
        *,
        claims: Claims,
        database: Database,
        time: Time,
        spawn: Spawn,
        on_fed: Callable[[Channel, bool | None], None],
    ) -> None:
        self._claims = claims
        self._database = database
        self._time = time
        self._spawn = spawn
        self._on_fed = on_fed
        self._window = claims.first_window

    def share(self, channels: int) -> None:
        """Divide the memory for rows among so many channels."""
        fair = max(_MIN_WINDOW, _MAX_IN_MEMORY // max(1, channels))
        self._window = min(self._claims.first_window, fair)

    def has_room(self, channel: Channel) -> bool:
        """Return whether a new row may be kept in memory."""
        return channel.standing is Standing.OPEN and len(channel.firsts) < self._window

    def feed(self, channel: Channel) -> None:
        """Read more for a channel if there is more, and room for it."""
        if channel.is_taking or channel.standing is not Standing.OPEN:
            return
        retry_window = min(self._claims.retry_window, self._window)
        first = self._window - len(channel.firsts) if len(channel.firsts) <= self._window // 2 else 0
        retries = retry_window - len(channel.retries) if len(channel.retries) <= retry_window // 2 else 0
        if not (first or retries):
            return
        now_us = to_microseconds(self._time.utc_now())
        floor_us = channel.hold.floor_us(now_us)
        if self._claims.has_more(
            channel.name, firsts=first > 0, retries=retries > 0, now_us=now_us, hold_floor_us=floor_us
        ):
            timeout_s = channel.endpoint.timeout_s if channel.endpoint else 0.0
            want = Want(
                first=first,
                retries=retries,
                now_us=now_us,
                hold_floor_us=floor_us,
                lease_s=timeout_s + _LEASE_BESIDE_TIMEOUT_S,
            )
            channel.is_taking = True
            self._spawn(self._take(channel, want))

    async def remove(self, orphans: list[QueuedDelivery]) -> None:
        """Take rows out of the queue whose delivery has been deleted."""
        await self._database.write(lambda tx: forget(tx, [row.id for row in orphans]))
        for row in orphans:
            self._claims.removed(row)

    async def _take(self, channel: Channel, want: Want) -> None:
        found: bool | None = None
        try:
            taken = await self._claims.take(channel.name, want)
            found = bool(taken.deliveries or taken.orphans)
            await self._keep(channel, taken)
        except DemitasseError as error:
            _log.warning("queue.not_read", webhook=channel.name, error=error.message)
        finally:
            channel.is_taking = False
        self._on_fed(channel, found)

    async def _keep(self, channel: Channel, taken: Taken) -> None:
        if channel.standing is not Standing.OPEN:
            await self._claims.give_back(channel.name, [*taken.deliveries, *taken.orphans])
            return
        now_s = self._time.monotonic_s()
        for row in taken.deliveries:
            channel.keep(row, now_s=now_s)
        if taken.orphans:
            await self.remove(list(taken.orphans))
