"""The dispatcher: takes deliveries from the queue, sends them fairly, settles what came of them.

It lives on the event loop and decides little itself: what may be claimed is the claims' business, whether an endpoint may
get a request its channel's, what a result means the courier's, what a paused webhook keeps the gatekeeper's.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from secrets import SystemRandom

import structlog

from demitasse.delivery.alarms import Alarms
from demitasse.delivery.alerting import AlertQueue
from demitasse.delivery.channel import Channel
from demitasse.delivery.classification import Judgement, Verdict
from demitasse.delivery.feeding import Feeder
from demitasse.delivery.gatekeeping import Gatekeeper
from demitasse.delivery.health import FailureRun
from demitasse.delivery.inbox import Inbox
from demitasse.delivery.metrics import Counters, EndpointView, Snapshot
from demitasse.delivery.policy import Random
from demitasse.delivery.ports import (
    Alert,
    AlertKind,
    Alerts,
    Cancellable,
    Claims,
    Database,
    Endpoints,
    Resolver,
    Sender,
    Time,
)
from demitasse.delivery.pump import Pump
from demitasse.delivery.sending import Courier
from demitasse.delivery.settling import Settler
from demitasse.delivery.tasks import Tasks
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox import queries
from demitasse.outbox.model import DeliveryState, QueuedDelivery, Settlement, to_microseconds

_log = structlog.get_logger("demitasse.delivery")

MAX_IN_FLIGHT = 480
_SWEEP_S = 300.0
_PAUSE_S = 0.02
_AGAIN_S = 1.0
_random = SystemRandom().random


class Dispatcher:
    """Delivers what is queued. All methods but ``offer`` belong to the loop's thread.

    Args:
        endpoints: The webhooks.
        alerts: Who is told of webhooks that were paused and deliveries that failed.
        claims: Which rows may be sent.
        database: The site's database.
        sender: Sends requests.
        resolver: Looks up named secrets.
        time: The clocks.
        random: Jitter.
        max_in_flight: Requests under way at a time, to all endpoints together.
    """

    def __init__(  # noqa: PLR0913 - it ties these together
        self,
        *,
        endpoints: Endpoints,
        alerts: Alerts,
        claims: Claims,
        database: Database,
        sender: Sender,
        resolver: Resolver,
        time: Time,
        random: Random = _random,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self._claims = claims
        self._database = database
        self._time = time
        self._random = random
        loop = asyncio.get_running_loop()
        self._tasks = Tasks(loop)
        self._counters = Counters()
        self.on_settled: Callable[[Sequence[Settlement]], None] | None = None
        self._settler = Settler(claims=claims, time=time, counters=self._counters, on_settled=self._settled)
        self._alerts = AlertQueue(alerts, spawn=self._tasks.spawn)
        self._gates = Gatekeeper(
            database=database,
            endpoints=endpoints,
            alerts=self._alerts,
            claims=claims,
            resolver=resolver,
            time=time,
            spawn=self._tasks.spawn,
            on_open=self._look,
        )
        self._feeder = Feeder(claims=claims, database=database, time=time, spawn=self._tasks.spawn, on_fed=self._fed)
        self._alarms = Alarms(time=time, on_ring=self._look)
        self._pump = Pump(
            gates=self._gates,
            feeder=self._feeder,
            courier=Courier(
                sender=sender, time=time, random=random, counters=self._counters, on_finished=self._finished
            ),
            alarms=self._alarms,
            claims=claims,
            database=database,
            time=time,
            spawn=self._tasks.spawn,
            is_held_up=lambda: self._settler.is_behind,
            max_in_flight=max_in_flight,
        )
        self._channels: dict[str, Channel] = {}
        self._inbox = Inbox(loop, on_mail=self._open_mail)
        self._is_stopping = False
        self._is_closed = False
        self._timers: dict[str, Cancellable] = {}

    def start(self) -> None:
        """Deliver what is in the queue, and what is offered from now on."""
        self._repeat("sweep", _SWEEP_S, everything=True)
        if self._claims.poll_s is not None:
            self._repeat("poll", self._claims.poll_s, everything=False)

    def offer(self, queued: Sequence[QueuedDelivery]) -> None:
        """Hear of deliveries that are in the queue now, and durable. From any thread."""
        self._inbox.put(queued)

    def endpoint_changed(self, webhook: str) -> None:
        """Take over a webhook's new settings: resumed or paused, made or deleted."""
        self._look(self._channel(webhook))

    def endpoints_changed(self) -> None:
        """Take over new settings of any webhook."""
        for channel in list(self._channels.values()):
            self._look(channel)

    def look_again(self) -> None:
        """Read the queue from its beginning: another process has written to it."""
        self._tasks.spawn(self._look_everywhere(everything=True))

    async def snapshot(self) -> Snapshot:
        """Return what delivery counts; it counts the queue too, on the reader's thread."""
        queues = await self._database.read(queries.depths, is_long=True)
        return Snapshot(
            queues=queues,
            endpoints={
                name: EndpointView(
                    breaker=channel.breaker.state.value,
                    in_flight=channel.in_flight,
                    concurrency=channel.pace.limit,
                    in_memory=len(channel.firsts) + len(channel.retries),
                )
                for name, channel in self._channels.items()
            },
            attempts=dict(self._counters.attempts),
            finished=dict(self._counters.finished),
            latency_counts=tuple(self._counters.latency.counts),
            latency_total_s=self._counters.latency.total_s,
            in_flight=self._pump.in_flight,
            unsettled=self._settler.unsettled,
            settle_failures=self._counters.settle_failures,
        )

    async def close(self, *, grace_s: float = 10.0, settle_within_s: float = 5.0) -> None:
        """Start nothing more, wait a while for what is under way, and settle it; the rest stays due."""
        self._is_stopping = True
        self._alarms.stop()
        for timer in self._timers.values():
            timer.cancel()
        await self._pump.stop(grace_s=grace_s)
        await self._settler.drain(within_s=settle_within_s)
        self._is_closed = True
        for channel in self._channels.values():
            with contextlib.suppress(DemitasseError):  # Then others wait until the leases are over.
                await self._claims.give_back(channel.name, channel.empty())
        await self._tasks.close()

    def _open_mail(self, mail: Iterable[QueuedDelivery]) -> None:
        changed: set[Channel] = set()
        for delivery in mail:
            if delivery.state is DeliveryState.FAILED:
                continue
            channel = self._channel(delivery.webhook)
            if not delivery.is_due:
                self._gates.newcomer(channel, is_held=True)
            elif self._claims.offered(delivery, has_room=self._feeder.has_room(channel)):
                channel.firsts.append(delivery)
                self._pump.add(channel)
            else:
                changed.add(channel)
                if delivery.is_asked_for:
                    channel.hurry(delivery, now_s=self._time.monotonic_s())
        for channel in changed:
            self._gates.newcomer(channel, is_held=False)
            self._look(channel)
        self._pump.run()

    def _channel(self, webhook: str) -> Channel:
        found = self._channels.get(webhook)
        if found is None:
            found = self._channels[webhook] = Channel(webhook, random=self._random)
            self._feeder.share(len(self._channels))
        return found

    def _look(self, channel: Channel) -> None:
        """See whether anything of a channel can go now, and when to look next."""
        if self._is_stopping or not self._gates.is_open(channel):
            return
        now_s, now_us = self._time.monotonic_s(), to_microseconds(self._time.utc_now())
        channel.keep_hold_clock(now_s=now_s, now_us=now_us)
        self._feeder.feed(channel)
        self._pump.add(channel)
        self._pump.wake_when_unblocked(channel, now_s)
        if not channel.is_taking:
            next_us = self._claims.next_look_us(
                channel.name, hold_passes=lambda since_us: channel.hold.passes_at_us(since_us, now_us=now_us)
            )
            if next_us is not None and next_us > now_us:
                self._alarms.set(channel, now_s + (next_us - now_us) / 1_000_000)
        self._pump.soon()

    def _finished(self, channel: Channel, settlement: Settlement, judgement: Judgement, run: FailureRun | None) -> None:
        """Take what an attempt came to."""
        if self._is_closed:
            return  # It stays due.
        delivery = settlement.delivery
        self._settler.add(settlement, run=run, is_urgent=self._claims.is_awaited(delivery))
        if judgement.verdict is Verdict.DISABLE:
            self._gates.disable(channel, delivery=delivery.name, reason=judgement.error or "")
        elif run is not None and run.is_hopeless(to_microseconds(settlement.now)):
            reason = f"Every attempt of the last five days failed. The last one: {judgement.error}"
            self._gates.disable_hopeless(channel, delivery=delivery.name, reason=reason, since_us=run.since_us)
        self._pump.returned(channel)
        if judgement.verdict is not Verdict.DELIVERED:
            self._pump.wake_when_unblocked(channel, self._time.monotonic_s())

    def _settled(self, batch: Sequence[Settlement]) -> None:
        """Hear that results are durable."""
        if self.on_settled is not None:
            self.on_settled(batch)
        changed: set[str] = set()
        for settlement in batch:
            delivery = settlement.delivery
            if (
                not settlement.is_final
            ):  # It was decided a while ago: the webhook may have been paused or resumed since.
                is_held = settlement.state is DeliveryState.HELD
                self._gates.newcomer(self._channel(delivery.webhook), is_held=is_held)
                changed.add(delivery.webhook)
            elif delivery.order_key is not None:
                changed.add(delivery.webhook)
            if settlement.state is DeliveryState.FAILED:
                self._alerts.tell(
                    Alert(
                        kind=AlertKind.DELIVERY_FAILED,
                        webhook=delivery.webhook,
                        delivery=delivery.name,
                        message=settlement.attempt.error or "",
                    )
                )
        for name in changed:
            self._look(self._channel(name))
        self._pump.soon()

    def _fed(self, channel: Channel, found: bool | None) -> None:  # noqa: FBT001 - a callback's one finding
        """Hear that a read for a channel is over."""
        now_s, now_us = self._time.monotonic_s(), to_microseconds(self._time.utc_now())
        if found is None:
            self._alarms.set(channel, now_s + _AGAIN_S)
        elif not found and self._claims.has_more(
            channel.name, firsts=True, retries=True, now_us=now_us, hold_floor_us=channel.hold.floor_us(now_us)
        ):
            self._alarms.set(channel, now_s + _PAUSE_S)
        else:
            self._look(channel)

    def _repeat(self, kind: str, every_s: float, *, everything: bool) -> None:
        """Look at all webhooks, now and again."""
        self._tasks.spawn(self._look_everywhere(everything=everything))
        again = partial(self._repeat, kind, every_s, everything=everything)
        self._timers[kind] = self._time.call_later(every_s, again)

    async def _look_everywhere(self, *, everything: bool) -> None:
        try:
            names = await self._claims.channels(everything=everything)
        except DemitasseError as error:
            _log.warning("queue.not_read", error=error.message)
            if everything:
                again = partial(self._repeat, "sweep", _SWEEP_S, everything=True)
                self._timers["sweep"].cancel()
                self._timers["sweep"] = self._time.call_later(_AGAIN_S, again)
            return
        for name in {*names, *self._channels} if everything else names:
            self._claims.look_again(name)
            channel = self._channel(name)
            self._look(channel)
            if everything:
                await self._gates.recheck(channel)
