"""Starting requests: one channel after the other, as many as all of them together may have."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from demitasse.delivery.alarms import Alarms
from demitasse.delivery.breaker import BreakerState
from demitasse.delivery.channel import NEVER_S, Channel
from demitasse.delivery.fairness import fair_share
from demitasse.delivery.feeding import Feeder
from demitasse.delivery.gatekeeping import Gatekeeper
from demitasse.delivery.ports import Claims, Database, Time
from demitasse.delivery.sending import Courier
from demitasse.delivery.turns import Turns
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox import queries
from demitasse.outbox.model import Message, QueuedDelivery, to_microseconds

_log = structlog.get_logger("demitasse.delivery")

_MAX_AT_ONCE = 64
"""Requests started before the loop gets its turn again."""

_AGAIN_S = 1.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Pump:
    """Sends what waits in the windows of channels.

    Args:
        is_held_up: Tells whether to start nothing, as results cannot be written.
        max_in_flight: Requests under way at a time, to all endpoints together.
    """

    def __init__(  # noqa: PLR0913 - it ties these together
        self,
        *,
        gates: Gatekeeper,
        feeder: Feeder,
        courier: Courier,
        alarms: Alarms,
        claims: Claims,
        database: Database,
        time: Time,
        spawn: Spawn,
        is_held_up: Callable[[], bool],
        max_in_flight: int,
    ) -> None:
        self._gates = gates
        self._feeder = feeder
        self._courier = courier
        self._alarms = alarms
        self._claims = claims
        self._database = database
        self._time = time
        self._spawn = spawn
        self._is_held_up = is_held_up
        self._max_in_flight = max_in_flight
        self._loop = asyncio.get_running_loop()
        self._turns = Turns()
        self._crowded: set[Channel] = set()
        self._idle = asyncio.Event()
        self._is_scheduled = False
        self._is_stopped = False
        self.in_flight = 0

    def add(self, channel: Channel) -> None:
        """Count a channel among those whose turn comes."""
        self._turns.add(channel)

    def soon(self) -> None:
        """Start requests when the loop comes round."""
        if not self._is_scheduled and not self._is_stopped:
            self._is_scheduled = True
            self._loop.call_soon(self.run)

    async def stop(self, *, grace_s: float) -> None:
        """Start nothing more, and wait a while for what is under way."""
        self._is_stopped = True
        if self.in_flight:
            self._idle.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace_s)

    def run(self) -> None:
        """Start what may be started now."""
        self._is_scheduled = False
        if self._is_stopped:
            return
        now_s = self._time.monotonic_s()
        sent: set[Channel] = set()
        for _ in range(_MAX_AT_ONCE):
            if self.in_flight >= self._max_in_flight or self._is_held_up():
                break
            turn = self._turns.next()
            if turn is None:
                break
            channel, rows = turn
            if rows and self._may_send(channel, now_s):
                self._send(channel, rows.popleft(), now_s)
                self._turns.add(channel)
                sent.add(channel)
        else:
            self.soon()
        for channel in sent:
            self._feeder.feed(channel)

    def returned(self, channel: Channel) -> None:
        """Hear that a request is over."""
        self.in_flight -= 1
        channel.in_flight -= 1
        self._turns.add(channel)
        while self._crowded:
            self._turns.add(self._crowded.pop())
        if not self.in_flight:
            self._idle.set()
        self.soon()

    def wake_when_unblocked(self, channel: Channel, now_s: float) -> bool:
        """Return whether a request of a channel may go; if not, see to it that it is looked at when one may."""
        until_s = channel.blocked_until_s(now_s)
        if until_s is not None and until_s < NEVER_S:
            self._alarms.set(channel, until_s)
        return until_s is None

    def _may_send(self, channel: Channel, now_s: float) -> bool:
        if not self._gates.is_open(channel) or not self.wake_when_unblocked(channel, now_s):
            return False
        if channel.in_flight >= fair_share(self._max_in_flight - self.in_flight):
            self._crowded.add(channel)
            return False
        return True

    def _send(self, channel: Channel, delivery: QueuedDelivery, now_s: float) -> None:
        if 0.0 < delivery.lease_ends_at_s <= now_s:  # Somebody else may have it by now.
            self._claims.look_again(channel.name)
            return
        self.in_flight += 1
        channel.started()
        if channel.breaker.state is not BreakerState.CLOSED:
            channel.keep_hold_clock(now_s=now_s, now_us=to_microseconds(self._time.utc_now()))
        if delivery.message is not None:
            self._courier.send(channel, delivery, delivery.message)
        else:
            self._spawn(self._send_large(channel, delivery))

    async def _send_large(self, channel: Channel, delivery: QueuedDelivery) -> None:
        """Read what was not read with its row, and send it."""
        message: Message | None = None
        try:
            message = await self._database.read(lambda tx: queries.message_of(tx, delivery.name))
            if message is None:
                await self._feeder.remove([delivery])
        except DemitasseError as error:
            _log.warning("queue.not_read", webhook=channel.name, error=error.message)
            (channel.firsts if delivery.is_first_attempt else channel.retries).appendleft(delivery)
            channel.wait(self._time.monotonic_s() + _AGAIN_S)
        if message is not None:
            self._courier.send(channel, delivery, message)
        else:
            channel.breaker.abandoned()
            self.returned(channel)
