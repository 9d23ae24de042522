"""Delivery, put together for a site that one process owns."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime

from demitasse.app.alerts import SiteAlerts
from demitasse.app.endpoints import SiteEndpoints
from demitasse.app.site import Site
from demitasse.db.lanes import Lanes
from demitasse.delivery.dispatcher import Dispatcher
from demitasse.delivery.owned import OwnedClaims
from demitasse.kernel.clock import Clock, monotonic_s
from demitasse.outbox.model import QueuedDelivery, Settlement
from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender
from demitasse.transports.model import SenderOptions

_CLOSES_WITHIN_S = 8.0


class Delivering:
    """The dispatcher of a site with all that it needs; every method belongs to the loop's thread."""

    def __init__(self, site: Site, lanes: Lanes, *, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._loop = loop
        self._endpoints = SiteEndpoints(site, lanes)
        self._sender = HttpSender(
            allow=AllowList.of(site.settings.webhook_allow_hosts),
            options=SenderOptions(proxy_url=site.settings.webhook_proxy),
            loop=loop,
        )
        self.dispatcher = Dispatcher(
            endpoints=self._endpoints,
            alerts=SiteAlerts(site, self._sender, loop=loop),
            claims=OwnedClaims(lanes, clock=site.clock),
            database=lanes,
            sender=self._sender,
            resolver=site.references,
            time=SystemTime(clock=site.clock, loop=loop),
        )
        site.webhook_listeners.append(self._webhooks_changed)
        site.publisher.on_queued = self.dispatcher.offer

    def start(self) -> None:
        """Deliver what is due, what was left by the last process included."""
        self.dispatcher.start()

    def watch(
        self, *, queued: Callable[[Sequence[QueuedDelivery]], None], settled: Callable[[Sequence[Settlement]], None]
    ) -> None:
        """Tell of new deliveries (from any thread) and of what came of attempts."""
        offer = self.dispatcher.offer

        def offer_and_tell(deliveries: Sequence[QueuedDelivery]) -> None:
            offer(deliveries)
            queued(deliveries)

        self._site.publisher.on_queued = offer_and_tell
        self.dispatcher.on_settled = settled

    async def close(self) -> None:
        """Finish what is under way within a bound; what is not done stays due."""
        self._site.publisher.on_queued = None
        await self.dispatcher.close(grace_s=_CLOSES_WITHIN_S)
        await self._sender.close()

    def _webhooks_changed(self) -> None:
        """Hear that a webhook has changed; from any thread."""
        with contextlib.suppress(RuntimeError):  # The loop is closed: the next start reads everything.
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._endpoints.forget()
        self.dispatcher.endpoints_changed()
        self.dispatcher.look_again()  # a command beside the server may have queued deliveries too


class SystemTime:
    """The clocks of this machine, and the loop's timers."""

    def __init__(self, *, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._loop = loop

    def utc_now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return self._clock()

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""
        return monotonic_s()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back after a time."""
        return self._loop.call_later(delay_s, callback)
