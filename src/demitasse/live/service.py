"""Live push as a part of an ASGI application: a hub with its endpoints and what runs beside them."""

import asyncio
from collections.abc import Callable, Sequence

from demitasse.kernel import json
from demitasse.kernel.clock import monotonic_s
from demitasse.live.asgi import Receive, Scope, Send, knock_of, refusal
from demitasse.live.errors import LiveError, NotAdmitted
from demitasse.live.events import EventsEndpoint
from demitasse.live.hub import Hub
from demitasse.live.keeping import keep
from demitasse.live.model import Limits, Subject
from demitasse.live.ports import Doorkeeper
from demitasse.live.tickets import LIFE_S, Tickets
from demitasse.live.websocket import WebSocketEndpoint

WEBSOCKET_PATH = "/ws"
EVENTS_PATH = "/events"
TICKET_PATH = "/events/ticket"
PATHS = frozenset({WEBSOCKET_PATH, EVENTS_PATH, TICKET_PATH})
_RECHECK_S = 60.0
_SOON_S = 0.1
_RESTS = 10.0
Header = tuple[bytes, bytes]
Sharing = Callable[[Scope], Sequence[Header]]
"""Returns the headers that let pages of other origins read an answer (CORS)."""


class Live:
    """Serves ``/ws``, ``/events`` and ``/events/ticket``. Every method belongs to the loop's thread.

    Args:
        keeps_everything: Keep messages of topics that nobody has listened to lately, too.
    """

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        *,
        loop: asyncio.AbstractEventLoop,
        limits: Limits | None = None,
        keeps_everything: bool = True,
        sharing: Sharing = lambda _scope: (),
    ) -> None:
        self.hub = Hub(doorkeeper, call_soon=loop.call_soon, limits=limits, keeps_everything=keeps_everything)
        self.tickets = Tickets()
        self._loop = loop
        self._sharing = sharing
        self._websocket = WebSocketEndpoint(self.hub, loop=loop)
        self._events = EventsEndpoint(self.hub, loop=loop)
        self._beside: list[asyncio.Task[None]] = []
        self._must_recheck = False
        self._rechecking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look after the connections from now on."""
        self._beside = [self._loop.create_task(keep(self.hub)), self._loop.create_task(self._recheck_often())]

    def say_goodbye(self) -> None:
        """End all connections: the server is about to stop."""
        self.hub.close()

    async def close(self) -> None:
        """Stop what runs beside."""
        self.say_goodbye()
        beside = [*self._beside, *([self._rechecking] if self._rechecking is not None else [])]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)

    def recheck_soon(self) -> None:
        """Ask for every connection whether it may go on: credentials or rights have changed."""
        self._must_recheck = True
        if self._rechecking is None or self._rechecking.done():
            self._rechecking = self._loop.create_task(self._recheck())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection or a request to one of ``PATHS``."""
        path, kind = scope["path"], scope["type"]
        if kind == "websocket":
            if path == WEBSOCKET_PATH:
                await self._websocket(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close"})
        elif path == EVENTS_PATH and scope["method"] == "GET":
            await self._events(scope, receive, send, headers=self._sharing(scope))
        elif scope["method"] == "OPTIONS":
            await _answer(send, 200, [(b"content-length", b"0"), *self._sharing(scope)], b"")
        elif path == TICKET_PATH and scope["method"] == "POST":
            await self._issue_ticket(scope, send)
        else:
            text = b"Open a WebSocket at /ws, or GET /events, or POST /events/ticket"
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
            await _answer(send, 405, headers, text)

    async def _issue_ticket(self, scope: Scope, send: Send) -> None:
        headers = self._sharing(scope)
        try:
            subject = await self.hub.doorkeeper.admit(knock_of(scope))
            if subject is None:
                text = "Send an Authorization header or a session's cookie"
                raise NotAdmitted(text)
        except LiveError as error:
            status, own, body = refusal(error)
            await _answer(send, status, [*own, *headers], body)
            return
        ticket = self.tickets.issue(subject, now_s=monotonic_s())
        body = json.encode({"ticket": ticket, "expires_in": round(LIFE_S)})
        own = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(body)).encode()),
        ]
        await _answer(send, 200, [*own, *headers], body)

    def redeem(self, ticket: str) -> Subject:
        """Return who a ticket was given to.

        Raises:
            NotAdmitted: it is unknown, used or too old.
        """
        subject = self.tickets.redeem(ticket, now_s=monotonic_s())
        if subject is None:
            text = "The ticket was used, is too old, or was never given: POST /events/ticket for a new one"
            raise NotAdmitted(text)
        return subject

    async def _recheck(self) -> None:
        """Recheck until nothing has changed meanwhile; where that takes long, it is done less often."""
        rest_s = _SOON_S
        while self._must_recheck:
            await asyncio.sleep(rest_s)
            self._must_recheck = False
            began_s = monotonic_s()
            await self.hub.recheck()
            rest_s = max(_SOON_S, _RESTS * (monotonic_s() - began_s))

    async def _recheck_often(self) -> None:
        """Notice keys and sessions that end by the clock."""
        while True:
            await asyncio.sleep(_RECHECK_S)
            self.recheck_soon()


async def _answer(send: Send, status: int, headers: Sequence[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
