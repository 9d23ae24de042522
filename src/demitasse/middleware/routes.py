"""The routes of a mapping: from requests to answers."""

from collections.abc import Awaitable, Callable
from typing import Any

from demitasse.client.protocol import call_request
from demitasse.middleware.admission import Admission
from demitasse.middleware.errors import Refusal
from demitasse.middleware.exchange import Reply, Request, json_reply
from demitasse.middleware.lists import CachedList, Shown
from demitasse.middleware.mapping import CallRoute, CreateRoute
from demitasse.middleware.model import Device
from demitasse.middleware.orders import Orders
from demitasse.middleware.reading import read_values
from demitasse.middleware.refusals import refusal_of
from demitasse.middleware.upstream import AskingFailed, Upstream

MAX_BODY_BYTES = 256 * 1024
_OK, _ACCEPTED, _NOT_MODIFIED = 200, 202, 304

Handler = Callable[[Request], Awaitable[Reply]]
"""Returns the answer to a request, or raises a `Refusal`."""


class Gate:
    """Admits a request, and counts it."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def enter(self, request: Request, *, is_write: bool = False) -> Device | None:
        """Return the device that asks.

        Raises:
            Refusal: it may not, or too often.
        """
        address = self._admission.address(request.headers, request.address)
        try:
            device = self._admission.device(request.headers)
        except Refusal:
            self._admission.check_stranger(address)
            raise
        self._admission.check_rate(device, address, is_write=is_write)
        return device


def list_handler(cached: CachedList, gate: Gate) -> Handler:
    """Return what answers a list route."""
    made: tuple[Shown, Reply, Reply] | None = None

    async def handle(request: Request) -> Reply:
        nonlocal made
        gate.enter(request)
        shown = cached.fresh() or await cached.get()
        if made is None or made[0] is not shown:
            made = (shown, _list_reply(shown, is_gzipped=False), _list_reply(shown, is_gzipped=True))
        reply = made[2] if "gzip" in request.headers.get("accept-encoding", "") else made[1]
        if_none_match = request.headers.get("if-none-match")
        if if_none_match is not None and _has_tag(if_none_match, shown.etag):
            return Reply(_NOT_MODIFIED, headers=reply.headers)
        return reply

    return handle


def create_handler(route: CreateRoute, orders: Orders, gate: Gate) -> Handler:
    """Return what answers a create route."""

    async def handle(request: Request) -> Reply:
        device = gate.enter(request, is_write=True)
        given = await request.json(most=MAX_BODY_BYTES)
        waits = _prefers_async(request.headers.get("prefer", "")) or (
            isinstance(given, dict) and given.get("queue") is True
        )
        key = request.headers.get("idempotency-key")
        answered = await orders.take(route, given, device=device, key=key, waits=waits)
        headers = [(b"idempotent-replayed", b"true")] if answered.is_replay else []
        if answered.status == _ACCEPTED:
            headers.append((b"location", str(answered.content["status_url"]).encode()))
            headers.append((b"preference-applied", b"respond-async"))
        return json_reply(answered.status, answered.content, headers)

    return handle


def status_handler(route: CreateRoute, orders: Orders, gate: Gate) -> Handler:
    """Return what answers where an order stands: below the create route's path."""

    async def handle(request: Request) -> Reply:
        device = gate.enter(request)
        key = request.path.removeprefix(f"{route.path}/")
        answered = await orders.status(route, key, device=device)
        return json_reply(answered.status, answered.content)

    return handle


def call_handler(route: CallRoute, upstream: Upstream, gate: Gate) -> Handler:
    """Return what answers a call route."""

    async def handle(request: Request) -> Reply:
        gate.enter(request, is_write=route.method == "POST")
        given: Any = request.query if route.method == "GET" else await request.json(most=MAX_BODY_BYTES)
        arguments = read_values(given, route.arguments)
        key = request.headers.get("idempotency-key")
        asked = call_request(route.function, arguments, method=route.method, idempotency_key=key)
        try:
            result = await upstream.ask(asked)
        except AskingFailed as error:
            raise refusal_of(error) from error
        return json_reply(_OK, {"success": True, route.answer: result})

    return handle


def _list_reply(shown: Shown, *, is_gzipped: bool) -> Reply:
    etag = _gzip_tag(shown.etag) if is_gzipped else shown.etag
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-cache"),
        (b"etag", etag.encode()),
        (b"vary", b"Accept-Encoding"),
        (b"age", b"%d" % max(0, shown.age_s)),
    ]
    if is_gzipped:
        headers.append((b"content-encoding", b"gzip"))
    if shown.is_stale:
        headers.append((b"warning", b'110 - "Response is Stale"'))
    return Reply(_OK, shown.gzipped if is_gzipped else shown.body, headers)


def _has_tag(if_none_match: str, etag: str) -> bool:
    """Return whether a phone has this version, in either form (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or _gzip_tag(etag) in tags


def _gzip_tag(etag: str) -> str:
    """Return the tag of the compressed form: other bytes, so another tag."""
    return f'{etag[:-1]}-gzip"'


def _prefers_async(prefer: str) -> bool:
    """Return whether a ``Prefer`` header asks for it (RFC 7240)."""
    return any(part.strip().partition(";")[0].lower() == "respond-async" for part in prefer.split(","))
