"""Live push of a site: what happens to documents and deliveries, and what apps publish."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from demitasse.app import push_messages
from demitasse.app.push_messages import DELIVERIES, doctype_of, notices_of
from demitasse.app.rules import NoExtraRules
from demitasse.app.site import Site
from demitasse.documents.foreign import ForeignChanges
from demitasse.documents.noticing import Change
from demitasse.live.asgi import Scope
from demitasse.live.hub import Hub
from demitasse.live.model import Message, make_message
from demitasse.live.service import Live
from demitasse.outbox.model import QueuedDelivery, Settlement
from demitasse.settings.errors import InvalidSettings
from demitasse.transports.errors import UnusableStream
from demitasse.web import cors
from demitasse.web.doorkeeper import SiteDoorkeeper
from demitasse.web.services import WebServices

if TYPE_CHECKING:
    from demitasse.live.streams import StreamCarrier
    from demitasse.transports.redis_stream import RedisStream

_MAX_ROWS = 20_000


class SitePush:
    """Fills the ports of a site's rooms with a hub. Publishing may be done from any thread."""

    def __init__(self, site: Site, web: WebServices, *, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._loop = loop
        self._zone = site.settings.zone
        self._has_rules = not isinstance(site.documents.access, NoExtraRules)
        self._watched: dict[str, set[str]] = {}
        self._foreign = ForeignChanges()
        self._lanes = web.lanes
        self._is_looking = False
        self._looking: asyncio.Task[None] | None = None
        doorkeeper = SiteDoorkeeper(web)
        self.live = Live(doorkeeper, loop=loop, keeps_everything=False, sharing=self._sharing)
        doorkeeper.redeem = self.live.redeem
        self.hub.on_warm, self.hub.on_cold = self._warm, self._cold
        self._carrying: asyncio.Task[None] | None = None

    @property
    def hub(self) -> Hub:
        """Who listens."""
        return self.live.hub

    def start(self) -> None:
        """Listen to the rooms from now on."""
        site = self._site
        carrier = self._carrier()
        if carrier is not None:
            self._carrying = self._loop.create_task(carrier.run())
        self.live.start()
        site.noticing.watches = self._watches
        site.noticing.on_changes = self._changed
        site.realtime.publish = self.publish
        site.credential_listeners.append(self._credentials_changed)
        site.database.on_foreign_write.append(self._foreign_write)

    async def stop_serving(self) -> None:
        """Say goodbye to the clients; what the rooms still do goes to other processes."""
        self._site.credential_listeners.remove(self._credentials_changed)
        self._site.database.on_foreign_write.remove(self._foreign_write)
        await self.live.close()

    async def close(self) -> None:
        """Listen to the rooms no more; what they have said is carried to the other processes."""
        site = self._site
        site.noticing.watches = site.noticing.on_changes = site.realtime.publish = None
        await asyncio.sleep(0)  # What threads have handed to the loop comes first.
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.gather(self._carrying, return_exceptions=True)

    def publish(self, topic: str, event: str, message: Any, *, about: Mapping[str, Any] | None = None) -> None:
        """Send what an app publishes."""
        if self.hub.wants(topic):
            if about is not None and self._has_rules:
                about = {**about, "has_rules": True}
            self._send([make_message(topic, event, {"message": message}, about=about)])

    def queued(self, deliveries: Sequence[QueuedDelivery]) -> None:
        """Tell of new deliveries."""
        if self.hub.wants(DELIVERIES):
            self._send([push_messages.queued(each) for each in deliveries])

    def settled(self, settlements: Sequence[Settlement]) -> None:
        """Tell what came of attempts."""
        if self.hub.wants(DELIVERIES):
            self._send([push_messages.settled(each) for each in settlements])

    def _carrier(self) -> "StreamCarrier | None":
        """Return what carries messages between processes, where the settings ask for it."""
        stream = open_stream(self._site)
        if stream is None:
            return None
        # redis comes with the extra `broker`, which a site alone does not need.
        from demitasse.live.streams import StreamCarrier  # noqa: PLC0415 - as the comment says

        return StreamCarrier(self.hub, stream, writer="site")

    def _watches(self, doctype: str) -> bool:
        return doctype in self._watched or self.hub.carrier is not None

    def _warm(self, topic: str) -> None:
        doctype = doctype_of(topic)
        if doctype is not None:
            self._watched.setdefault(doctype, set()).add(topic)
            self._foreign.watch(doctype, now=self._site.clock())

    def _cold(self, topic: str) -> None:
        doctype = doctype_of(topic)
        if doctype is not None:
            topics = self._watched[doctype]
            topics.discard(topic)
            if not topics:
                del self._watched[doctype]
                self._foreign.forget(doctype)

    def _foreign_write(self) -> None:
        """Hear that another process has written to the database; from any thread, in the middle of a write."""
        if self._watched:
            self._on_loop(self._look_soon)

    def _look_soon(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        """Tell of what the other process has changed."""
        self._is_looking = False
        watched = {
            doctype: {topic.partition("/")[2] for topic in topics if topic.startswith("doc:")}
            for doctype, topics in self._watched.items()
        }
        now = self._site.clock()
        found = await self._lanes.read(lambda tx: self._foreign.look(self._site.documents, tx, watched))
        changes = self._foreign.news(found, now=now)
        self._carry([message for change in changes for message in self._notices(change)])

    def _changed(self, changes: Sequence[Change]) -> None:
        messages = [message for change in changes for message in self._notices(change)]

        def tell() -> None:
            self._foreign.told(changes)
            self._carry(messages)

        self._on_loop(tell)

    def _notices(self, change: Change) -> list[Message]:
        found = notices_of(change, zone=self._zone, has_rules=self._has_rules)
        return [message for message in found if self.hub.wants(message.topic)]

    def _send(self, messages: Sequence[Message]) -> None:
        if messages:
            self._on_loop(lambda: self._carry(messages))

    def _carry(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.hub.carry(message)

    def _credentials_changed(self) -> None:
        self._on_loop(self.live.recheck_soon)

    def _on_loop(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody listens any more.
            self._loop.call_soon_threadsafe(callback)

    def _sharing(self, scope: Scope) -> Sequence[tuple[bytes, bytes]]:
        allowed = self._site.settings.allow_cors
        return cors.headers(scope["method"], scope["headers"], allowed=allowed) if allowed else ()


def open_stream(site: Site) -> "RedisStream | None":
    """Return the stream that ``redis_url`` names; nothing is connected yet.

    Raises:
        InvalidSettings: the URL cannot be used, or the library is missing.
    """
    url = site.settings.redis_url
    if not url:
        return None
    try:
        # redis comes with the extra `broker`, which a site alone does not need.
        from demitasse.transports.redis_stream import RedisStream  # noqa: PLC0415 - as the comment says

        # Paths and names of sites are alike on many machines, keys are not.
        name = sha256(b"live push:" + site.settings.encryption_key.encode()).hexdigest()[:16]
        return RedisStream(url, name=f"demitasse:live:{name}", max_rows=_MAX_ROWS)
    except ImportError as error:
        message = "redis_url needs the library redis: pip install 'demitasse[broker]'"
        raise InvalidSettings(message, key="redis_url") from error
    except UnusableStream as error:
        raise InvalidSettings(error.message, key="redis_url") from error


def with_push(web: WebServices, push: SitePush) -> WebServices:
    """Return the services with the endpoints of live push."""
    return replace(web, live=push.live)
