"""The endpoint for server-sent events: the same messages for whoever has HTTP only (WHATWG HTML 9.2)."""

import asyncio
from collections.abc import Sequence

import structlog

from demitasse.live.asgi import Receive, Scope, Send, cursor_of, knock_of, refusal
from demitasse.live.conversation import check_topic_form
from demitasse.live.errors import LiveError, NotAdmitted, SubscriptionRefused
from demitasse.live.framing import EventFraming
from demitasse.live.hub import Hub
from demitasse.live.model import CloseCode, Subject
from demitasse.live.ports import Knock
from demitasse.live.pulled import PulledConnection

_log = structlog.get_logger("demitasse.live")
_RETRY_MS = 2000
_CLOSES_WITHIN_S = 5.0
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
)
Headers = Sequence[tuple[bytes, bytes]]


class EventsEndpoint:
    """Serves event streams on a hub.

    ``?topic=`` names a topic, once for each; ``?since=``, or ``Last-Event-ID`` when a browser comes back, says where to
    start.
    """

    def __init__(self, hub: Hub, *, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, headers: Headers = ()) -> None:
        """Serve one stream until it ends.

        Args:
            headers: Sent beside our own (CORS).
        """
        hub = self._hub
        try:
            knock = knock_of(scope)
            hub.capacity.enter(knock.address)
        except LiveError as error:
            await _refuse(send, error, headers)
            return
        try:
            subject = await hub.doorkeeper.admit(knock)
            if subject is None:
                text = "Send an Authorization header, a session's cookie, or a ticket"
                raise NotAdmitted(text)
            if not knock.query.get("topic"):
                text = "Name what you want to hear: /events?topic=..., once for each topic"
                raise SubscriptionRefused(text)
            await self._serve(receive, send, subject, knock, headers)
        except LiveError as error:
            await _refuse(send, error, headers)
        finally:
            hub.capacity.leave(knock.address)

    async def _serve(self, receive: Receive, send: Send, subject: Subject, knock: Knock, headers: Headers) -> None:
        connection = self._connect(subject)
        since = cursor_of(knock.headers.get("last-event-id") or knock.query.get("since", [""])[0])
        topics = tuple(dict.fromkeys(knock.query["topic"]))
        for topic in topics:
            check_topic_form(topic, taken=len(topics) - 1, limits=self._hub.limits)
            await self._hub.doorkeeper.check_topic(subject, topic)
        await self._hub.ready()
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *headers]})
        await send({"type": "http.response.body", "body": b"retry: %d\n\n" % _RETRY_MS, "more_body": True})
        self._hub.connections.add(connection)
        try:
            self._hub.subscribe(connection, dict.fromkeys(topics, since))
            await self._stream(connection, receive, send)
        finally:
            connection.is_closed = True
            self._hub.remove(connection)

    def _connect(self, subject: Subject) -> PulledConnection:
        def end(code: CloseCode, reason: str) -> None:
            _log.info("live.ended", user=subject.identity, code=int(code), reason=reason)
            self._loop.call_later(_CLOSES_WITHIN_S, connection.abort)

        connection = PulledConnection(self._hub, subject, framing=EventFraming(), loop=self._loop, end=end)
        return connection

    async def _stream(self, connection: PulledConnection, receive: Receive, send: Send) -> None:
        """Send until the connection is closed here, or the client has gone."""

        async def send_pieces(pieces: list[bytes]) -> None:
            await send({"type": "http.response.body", "body": b"".join(pieces), "more_body": True})

        sender = self._loop.create_task(connection.run(send_pieces))
        watcher = self._loop.create_task(_until_gone(receive))
        try:
            await asyncio.wait({sender, watcher}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sender.cancel()
            watcher.cancel()
            await asyncio.gather(sender, watcher, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, error: LiveError, headers: Headers) -> None:
    status, own, body = refusal(error)
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})
