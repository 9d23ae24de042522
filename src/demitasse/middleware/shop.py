"""Everything that needs an event loop, put together: the site, the lists, the orders, the webhooks and the hub."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog
from typing_extensions import override

from demitasse.kernel.clock import Clock
from demitasse.live.hub import Hub
from demitasse.live.keeping import keep
from demitasse.live.model import Message, Place
from demitasse.live.tickets import Tickets
from demitasse.middleware.admission import Admission
from demitasse.middleware.configuration import Configuration
from demitasse.middleware.doorkeeper import Doorkeeper
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.lists import CachedList
from demitasse.middleware.mapping import Mapping
from demitasse.middleware.model import Order
from demitasse.middleware.orders import Orders, status_of
from demitasse.middleware.pictures import Pictures
from demitasse.middleware.placing import Placing
from demitasse.middleware.store import Store
from demitasse.middleware.upstream import Upstream
from demitasse.middleware.webhooks import KEEP_S, Told, Webhooks
from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender

if TYPE_CHECKING:
    from demitasse.live.streams import StreamCarrier

_RECHECK_S = 5.0
_FORGET_S = 3600.0
_log = structlog.get_logger("demitasse.middleware")


class ShopHub(Hub):
    """A hub that tells this process's lists what the phones are told, whichever process heard of it.

    The lists are told first: a phone that fetches because of a message must not get what was there before.
    """

    on_message: Callable[[Message | None], None] | None = None
    """Called with each message, and with ``None`` where some may have been lost."""

    @override
    def append(self, message: Message, place: Place) -> None:
        if self.on_message is not None:
            self.on_message(message)
        super().append(message, place)

    @override
    def restart(
        self, epoch: str, *, start: Place, reason: str = "restarted", known: Iterable[tuple[Message, Place]] = ()
    ) -> None:
        if self.on_message is not None:
            self.on_message(None)
        super().restart(epoch, start=start, reason=reason, known=known)


class Shop:
    """What serves phones while the server runs."""

    def __init__(
        self, configuration: Configuration, mapping: Mapping, *, clock: Clock, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._clock = clock
        self._loop = loop
        store = Store(configuration.folder)
        self.keeping = Keeping(store)
        self.admission = Admission(configuration, store=store)
        self.tickets = Tickets()
        host = urlsplit(configuration.site_url).hostname or ""
        self._sender = HttpSender(allow=AllowList.of([host]), loop=loop)
        self.upstream = Upstream(configuration, sender=self._sender)
        self.pictures = Pictures(self.upstream)
        doorkeeper = Doorkeeper(mapping, admission=self.admission, tickets=self.tickets)
        self.hub = ShopHub(doorkeeper, call_soon=loop.call_soon, keeps_everything=False)
        self.hub.on_message = self._invalidate
        self.lists = {
            route.path: CachedList(route, ask=self.upstream.ask, keeping=self.keeping, clock=clock)
            for route in mapping.lists
        }
        self._invalidated_by = {push.type: tuple(push.invalidates) for push in mapping.pushes}
        self.orders = Orders(
            tuple(mapping.creates),
            placing=Placing(self.upstream.ask),
            keeping=self.keeping,
            clock=clock,
            zone=ZoneInfo(mapping.time_zone),
            told=self._tell_of_order,
        )
        self.webhooks = Webhooks(
            mapping,
            secrets=configuration.webhook_secrets,
            keeping=self.keeping,
            clock=clock,
            publish=self._tell,
            carried=self.hub.carried,
        )
        self._carrier = self._between_processes(configuration.redis_url, configuration.site_url)
        self._beside: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin what runs beside the requests."""
        for cached in self.lists.values():
            await cached.start()
        work: list[Callable[[], Awaitable[None]]] = [
            lambda: keep(self.hub),
            self.orders.run,
            self._recheck,
            self._forget_old,
        ]
        if self._carrier is not None:
            work.append(self._carrier.run)
        self._beside = [self._loop.create_task(self._always(each)) for each in work]

    async def close(self) -> None:
        """End in order: what phones wait for is finished within its deadline, what waits for the site stays kept."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.webhooks.close()
        await self.orders.close()
        for cached in self.lists.values():
            await cached.close()
        await self._sender.close()
        self.keeping.close()

    def _between_processes(self, redis_url: str | None, site_url: str) -> "StreamCarrier | None":
        """Return what carries messages to the other processes that serve the same site."""
        if redis_url is None:
            return None
        # redis comes with the extra `broker`, which one process alone does not need.
        from demitasse.live.streams import StreamCarrier  # noqa: PLC0415 - as the comment says
        from demitasse.transports.redis_stream import RedisStream  # noqa: PLC0415 - as above

        name = f"demitasse:middleware:{sha256(site_url.encode()).hexdigest()[:16]}"
        return StreamCarrier(self.hub, RedisStream(redis_url, name=name, max_rows=self.hub.limits.log_entries))

    def _tell(self, told: Told) -> None:
        for path in told.invalidates:  # Also while Redis, through which the message goes, is away.
            self.lists[path].invalidate()
        for topic in told.topics:
            self.hub.publish(topic, told.type, told.payload, key=told.key)

    def _tell_of_order(self, order: Order) -> None:
        self.hub.publish(f"orders:{order.owner}", "order_update", status_of(order), about={"device": order.owner})

    def _invalidate(self, message: Message | None) -> None:
        for path in self.lists if message is None else self._invalidated_by.get(message.type, ()):
            self.lists[path].invalidate()

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK_S)
            await self.hub.recheck()

    async def _forget_old(self) -> None:
        while True:
            before_s = int(self._clock().timestamp()) - KEEP_S
            await self.keeping.do(lambda store: store.forget_old(before_s=before_s))  # noqa: B023 - awaited here
            await asyncio.sleep(_FORGET_S)

    async def _always(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run work that never ends; a bug in it is logged, and it begins anew."""
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - one bug must not end it for good
                _log.error("middleware.failed", exc_info=error)
                await asyncio.sleep(1)
