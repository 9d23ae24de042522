"""The middleware as an ASGI application: the mapping's routes, the site's webhooks, live push, and the phone's page."""

import asyncio
from contextlib import suppress

import structlog

from demitasse.kernel import json
from demitasse.kernel.clock import Clock, monotonic_s, utc_now
from demitasse.kernel.errors import DemitasseError
from demitasse.live.events import EventsEndpoint
from demitasse.live.websocket import WebSocketEndpoint
from demitasse.middleware.configuration import Configuration
from demitasse.middleware.doorkeeper import subject_of
from demitasse.middleware.errors import Refusal, StoreFailed
from demitasse.middleware.exchange import Headers, Receive, Reply, Request, Scope, Send, json_reply, refused
from demitasse.middleware.mapping import Mapping
from demitasse.middleware.openapi import describe
from demitasse.middleware.phone import page_files
from demitasse.middleware.pictures import PREFIXES
from demitasse.middleware.routes import (
    Gate,
    Handler,
    call_handler,
    create_handler,
    list_handler,
    status_handler,
)
from demitasse.middleware.shop import Shop

MAX_WEBHOOK_BYTES = 1024 * 1024
_ALLOWED_HEADERS = b"authorization, content-type, idempotency-key, if-none-match, last-event-id, prefer"
_EXPOSED_HEADERS = b"age, etag, idempotent-replayed, location, retry-after, warning"
_EVERYWHERE: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
_log = structlog.get_logger("demitasse.middleware")


class Application:
    """Serves phones; what it needs is made when the server starts and closed when it stops."""

    def __init__(self, configuration: Configuration, mapping: Mapping, *, clock: Clock = utc_now) -> None:
        self._configuration = configuration
        self._mapping = mapping
        self._clock = clock
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._below: list[tuple[str, Handler]] = []
        self._methods: dict[str, list[bytes]] = {}
        self._shop: Shop | None = None
        self._sockets: WebSocketEndpoint | None = None
        self._events: EventsEndpoint | None = None

    def say_goodbye(self) -> None:
        """Tell all connected phones to come again: the server begins to stop."""
        if self._shop is not None:
            self._shop.hub.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one WebSocket, or the server's life."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "websocket" if scope["path"] == "/ws" and self._sockets is not None:
                await self._sockets(scope, receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 4404})
            case _:
                await self._live(receive, send)

    def make(self) -> Shop:
        """Return what serves phones, on the loop that runs; `open` begins with it."""
        return Shop(self._configuration, self._mapping, clock=self._clock, loop=asyncio.get_running_loop())

    async def open(self, shop: Shop) -> None:
        """Begin to serve."""
        await shop.start()
        loop = asyncio.get_running_loop()
        self._shop = shop
        self._sockets = WebSocketEndpoint(shop.hub, loop=loop)
        self._events = EventsEndpoint(shop.hub, loop=loop)
        self._add_routes(shop)

    async def close(self) -> None:
        """End in order."""
        shop, self._shop = self._shop, None
        if shop is not None:
            await shop.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.open(self.make())
        except DemitasseError as error:
            _log.error("middleware.cannot_start", error=error.code, message=error.message)
            await send({"type": "lifespan.startup.failed", "message": error.message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        further = self._further(request)
        if request.path == "/events" and request.method == "GET" and self._events is not None:
            await self._events(scope, receive, send, headers=further)
            return
        reply = await self._answer(request)
        with suppress(OSError):  # The phone has gone.
            await reply.send(send, further=further, is_head=request.method == "HEAD")

    async def _answer(self, request: Request) -> Reply:
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._handlers.get((method, request.path)) or self._handler_below(method, request.path)
        try:
            if handler is not None:
                return await handler(request)
            return self._unrouted(request)
        except Refusal as refusal:
            return refused(refusal)
        except StoreFailed as error:
            _log.error("store.failed", method=request.method, path=request.path, message=error.message)
            return refused(
                Refusal("The shop cannot take this at the moment. Please try again.", status=503, retry_after_s=5)
            )
        except Exception as error:  # noqa: BLE001 - told to the operator, never to the phone
            _log.error("request.failed", method=request.method, path=request.path, exc_info=error)
            return refused(Refusal("Something went wrong here. Please try again; the operator can see it.", status=500))

    def _handler_below(self, method: str, path: str) -> Handler | None:
        if method != "GET":
            return None
        return next((handler for prefix, handler in self._below if path.startswith(prefix)), None)

    def _unrouted(self, request: Request) -> Reply:
        methods = self._methods.get(request.path)
        if methods is None and request.method == "OPTIONS":
            methods = [b"GET"]
        if methods is None:
            message = f"There is nothing at {request.path[:200]}: /openapi.json lists what there is"
            return refused(Refusal(message, status=404))
        allowed = (b"allow", b", ".join([*methods, b"OPTIONS"]))
        if request.method == "OPTIONS":
            return Reply(204, headers=[allowed])
        reply = refused(Refusal(f"{request.path} does not take {request.method}", status=405))
        reply.headers.append(allowed)
        return reply

    def _further(self, request: Request) -> Headers:
        """Return the headers that every answer has; among them those that let pages of allowed origins read it."""
        origin = request.headers.get("origin")
        if not self._configuration.cors_origins:
            return _EVERYWHERE
        vary = (b"vary", b"Origin")
        if origin is None or self._shop is None or not self._shop.admission.allows_origin(origin):
            return [*_EVERYWHERE, vary]
        found = [
            *_EVERYWHERE,
            vary,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED_HEADERS),
        ]
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            methods = self._methods.get(request.path, [b"GET", b"POST"])
            found.append((b"access-control-allow-methods", b", ".join(methods)))
            found.append((b"access-control-allow-headers", _ALLOWED_HEADERS))
            found.append((b"access-control-max-age", b"600"))
        return found

    def _add_routes(self, shop: Shop) -> None:
        gate = Gate(shop.admission)
        mapping = self._mapping
        for route in mapping.lists:
            self._add("GET", route.path, list_handler(shop.lists[route.path], gate))
        for create in mapping.creates:
            self._add("POST", create.path, create_handler(create, shop.orders, gate))
            self._below.append((f"{create.path}/", status_handler(create, shop.orders, gate)))
        for call in mapping.calls:
            self._add(call.method, call.path, call_handler(call, shop.upstream, gate))
        self._add("POST", mapping.webhook, self._webhook)
        self._add("POST", "/events/ticket", self._ticket)
        self._add("GET", "/healthz", self._alive)
        self._add("GET", "/readyz", self._ready)
        described = json.encode(describe(self._mapping, requires_tokens=self._configuration.requires_tokens))
        self._add("GET", "/openapi.json", _fixed(described, b"application/json"))
        self._below.extend((prefix, self._picture) for prefix in PREFIXES)
        if self._configuration.shows_phone:
            for path, reply in page_files():
                self._add("GET", path, _always(reply))

    def _add(self, method: str, path: str, handler: Handler) -> None:
        self._handlers[method, path] = handler
        self._methods.setdefault(path, []).extend([b"GET", b"HEAD"] if method == "GET" else [method.encode()])

    async def _webhook(self, request: Request) -> Reply:
        """Take a webhook of the site in; its sender knows two answers only: taken, or not."""
        assert self._shop is not None  # noqa: S101 - routes are added when it is there
        body = await request.body(most=MAX_WEBHOOK_BYTES)
        try:
            await self._shop.webhooks.receive(request.headers, body, named=request.query.get("type"))
        except Refusal as refusal:
            return json_reply(refusal.status, {"error": refusal.message})
        return json_reply(200, {"status": "ok"})

    async def _ticket(self, request: Request) -> Reply:
        """Give a browser a ticket for its event stream: such a stream can send no token."""
        assert self._shop is not None  # noqa: S101 - routes are added when it is there
        device = Gate(self._shop.admission).enter(request)
        ticket = self._shop.tickets.issue(subject_of(device), now_s=monotonic_s())
        return json_reply(200, {"success": True, "ticket": ticket})

    async def _picture(self, request: Request) -> Reply:
        assert self._shop is not None  # noqa: S101 - routes are added when it is there
        address = self._shop.admission.address(request.headers, request.address)
        self._shop.admission.check_rate(None, address, is_write=False)
        return await self._shop.pictures.get(request.path, if_none_match=request.headers.get("if-none-match"))

    async def _alive(self, _: Request) -> Reply:
        """Answer while the event loop turns."""
        return Reply(200, b"ok", [(b"content-type", b"text/plain; charset=utf-8")])

    async def _ready(self, _: Request) -> Reply:
        """Answer what an operator looks at: the site, the phones, the orders that wait."""
        assert self._shop is not None  # noqa: S101 - routes are added when it is there
        waiting = await self._shop.keeping.do(lambda store: store.waiting_orders())
        facts = {
            "site": "up" if self._shop.upstream.is_up else "down",
            "clients": len(self._shop.hub.connections),
            "waiting_orders": waiting,
        }
        return json_reply(200, facts)


def _always(reply: Reply) -> Handler:
    async def handle(request: Request) -> Reply:
        etag = dict(reply.headers).get(b"etag", b"").decode()
        if etag and request.headers.get("if-none-match") == etag:
            return Reply(304, headers=reply.headers)
        return reply

    return handle


def _fixed(body: bytes, content_type: bytes) -> Handler:
    return _always(Reply(200, body, [(b"content-type", content_type), (b"cache-control", b"no-cache")]))
