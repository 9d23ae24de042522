"""Opening and closing webhooks: what waits is held when one is paused, and let out when it is resumed."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from demitasse.db.transaction import Transaction
from demitasse.delivery.alerting import AlertQueue
from demitasse.delivery.channel import Channel, Standing
from demitasse.delivery.health import HEALTHY, FailureRun
from demitasse.delivery.ports import Alert, AlertKind, Claims, Database, Endpoint, Endpoints, Resolver, Time
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox import queries
from demitasse.outbox.model import from_microseconds
from demitasse.outbox.operations import give_up, hold, release

_log = structlog.get_logger("demitasse.delivery")

_MISSING_S = 10.0
"""How long a webhook must be gone before its deliveries are given up: it may be about to be committed."""

_AGAIN_S = 1.0
_DISABLE_AGAIN_S = 60.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Gatekeeper:
    """Brings the standing of channels in line with their webhooks.

    Args:
        spawn: Runs a coroutine beside everything else.
        on_open: Called when deliveries of a channel may go out.
    """

    def __init__(  # noqa: PLR0913 - it ties these together
        self,
        *,
        database: Database,
        endpoints: Endpoints,
        alerts: AlertQueue,
        claims: Claims,
        resolver: Resolver,
        time: Time,
        spawn: Spawn,
        on_open: Callable[[Channel], None],
    ) -> None:
        self._database = database
        self._endpoints = endpoints
        self._alerts = alerts
        self._claims = claims
        self._resolver = resolver
        self._time = time
        self._spawn = spawn
        self._on_open = on_open

    def is_open(self, channel: Channel) -> bool:
        """Return whether deliveries may go out; if not, see to it that they are held or let out."""
        try:
            endpoint = self._endpoints.get(channel.name)
        except DemitasseError as error:
            _log.warning("webhook.not_read", webhook=channel.name, again_in_s=_AGAIN_S, error=error.message)
            self._time.call_later(_AGAIN_S, partial(self._on_open, channel))
            return False
        if endpoint is channel.endpoint and endpoint is not None and channel.standing is Standing.OPEN:
            return True
        self._attend(channel, endpoint)
        return channel.standing is Standing.OPEN

    def attend(self, channel: Channel) -> None:
        """Bring a channel in line with its webhook."""
        self.is_open(channel)

    def _attend(self, channel: Channel, endpoint: Endpoint | None) -> None:
        if endpoint is not None and endpoint is not channel.endpoint:
            channel.configure(endpoint, resolver=self._resolver, now_s=self._time.monotonic_s())
        if channel.standing in {Standing.OPENING, Standing.CLOSING}:
            return  # It is attended to again at the end of that.
        if endpoint is None:
            self._run(channel, Standing.CLOSING, self._give_up(channel))
            return
        is_active = endpoint.is_active and channel.shut_until_s <= self._time.monotonic_s()
        if is_active and channel.standing is not Standing.OPEN:
            self._run(channel, Standing.OPENING, self._open(channel))
        elif not is_active and channel.standing is not Standing.CLOSED:
            self._run(channel, Standing.CLOSING, self._close(channel))

    def newcomer(self, channel: Channel, *, is_held: bool) -> None:
        """Hear of a row that was queued as held, or not; it may have been while the webhook was being resumed or paused."""
        if channel.standing is (Standing.OPENING if is_held else Standing.CLOSING):
            channel.has_newcomers = True
        elif channel.standing is (Standing.OPEN if is_held else Standing.CLOSED):
            channel.standing = Standing.NEW
            self.attend(channel)

    async def recheck(self, channel: Channel) -> None:
        """Make sure that nothing is held of a webhook whose deliveries go out."""
        if channel.standing is not Standing.OPEN:
            return
        try:
            is_any_held = await self._database.read(partial(queries.has_rows, channel=channel.name, held=True))
        except DemitasseError as error:
            _log.warning("queue.not_read", webhook=channel.name, error=error.message)
            return
        if is_any_held:
            self.newcomer(channel, is_held=True)

    def disable(self, channel: Channel, *, delivery: str, reason: str) -> None:
        """Pause a webhook by itself, hold what waits for it, and tell its owner."""
        if channel.standing is Standing.OPEN:
            self._run(channel, Standing.CLOSING, self._disable(channel, delivery=delivery, reason=reason))

    def disable_hopeless(self, channel: Channel, *, delivery: str, reason: str, since_us: int) -> None:
        """As ``disable``, if really nothing has arrived since a moment: other processes may have had success."""
        if channel.standing is Standing.OPEN:
            work = self._disable_if_hopeless(channel, delivery=delivery, reason=reason, since_us=since_us)
            self._run(channel, Standing.CLOSING, work)

    def _run(self, channel: Channel, standing: Standing, work: Coroutine[Any, Any, None]) -> None:
        channel.standing = standing
        self._spawn(self._carry_out(channel, work))

    async def _carry_out(self, channel: Channel, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DemitasseError as error:
            _log.warning("webhook.not_attended", webhook=channel.name, again_in_s=_AGAIN_S, error=error.message)
            channel.standing = Standing.NEW
            self._time.call_later(_AGAIN_S, partial(self.attend, channel))

    async def _open(self, channel: Channel) -> None:
        name = channel.name
        if channel.failures is None:
            since_us, failures = await self._database.read(lambda tx: queries.failures_of(tx, name))
            channel.failures = FailureRun(since_us=since_us, failures=failures)
        await self._until_done(
            channel, lambda tx: release(tx, name), is_left=partial(queries.has_rows, channel=name, held=True)
        )
        self._claims.look_again(name)
        channel.standing = Standing.OPEN
        self.attend(channel)
        if channel.standing is Standing.OPEN:
            self._on_open(channel)

    async def _close(self, channel: Channel) -> None:
        name = channel.name
        await self._claims.give_back(name, channel.empty())
        await self._until_done(
            channel, lambda tx: hold(tx, name), is_left=partial(queries.has_rows, channel=name, held=False)
        )
        channel.standing = Standing.CLOSED
        self.attend(channel)

    async def _until_done(
        self, channel: Channel, work: Callable[[Transaction], int], *, is_left: Callable[[Transaction], bool]
    ) -> None:
        """Do work in chunks until nothing is left of it, also not of what came meanwhile."""
        channel.has_newcomers = True
        while channel.has_newcomers:
            channel.has_newcomers = False
            if await self._database.read(is_left):
                while await self._database.write(work):
                    pass

    async def _disable(self, channel: Channel, *, delivery: str, reason: str) -> None:
        try:
            await self._endpoints.disable(channel.name, reason=reason)
        except Exception:  # noqa: BLE001 - whatever it is: better held and tried again than hammered
            _log.exception("webhook.not_disabled", webhook=channel.name, reason=reason)
            channel.shut_until_s = self._time.monotonic_s() + _DISABLE_AGAIN_S
            self._time.call_later(_DISABLE_AGAIN_S, partial(self.attend, channel))
            await self._close(channel)
            return
        _log.warning("webhook.disabled", webhook=channel.name, reason=reason)
        await self._close(channel)
        self._alerts.tell(Alert(kind=AlertKind.WEBHOOK_PAUSED, webhook=channel.name, delivery=delivery, message=reason))

    async def _disable_if_hopeless(self, channel: Channel, *, delivery: str, reason: str, since_us: int) -> None:
        name, since = channel.name, from_microseconds(since_us)
        if await self._database.read(lambda tx: queries.was_delivered_since(tx, name, since), is_long=True):
            channel.failures = HEALTHY
            channel.standing = Standing.NEW
            self.attend(channel)
        else:
            await self._disable(channel, delivery=delivery, reason=reason)

    async def _give_up(self, channel: Channel) -> None:
        name = channel.name
        await self._claims.give_back(name, channel.empty())
        await self._sleep(_MISSING_S)
        channel.standing = Standing.NEW
        if self._endpoints.get(name) is not None:
            self.attend(channel)
            return
        error = f"The webhook {name} was deleted"
        now = self._time.utc_now()
        count = 0
        while done := await self._database.write(lambda tx: give_up(tx, name, error=error, now=now)):
            count += done
        if count:
            _log.warning("webhook.given_up", webhook=name, deliveries=count)

    async def _sleep(self, delay_s: float) -> None:
        over = asyncio.Event()
        timer = self._time.call_later(delay_s, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()
