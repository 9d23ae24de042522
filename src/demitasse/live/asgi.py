"""What both endpoints read of an ASGI scope, and how they refuse."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from demitasse.kernel import json
from demitasse.live.errors import LiveError, MalformedMessage
from demitasse.live.model import Cursor, parse_cursor
from demitasse.live.ports import Knock

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_NOWHERE = Cursor(epoch="", place=())
_STATUS = {"not_authenticated": 401, "forbidden_origin": 403, "not_permitted": 403, "too_many": 503}
_MAX_PARAMETERS = 1000


def knock_of(scope: Scope) -> Knock:
    """Return how a connection introduces itself.

    Raises:
        MalformedMessage: the query cannot be read.
    """
    try:
        query = parse_qs(scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        message = f"The query of the URL cannot be read: {error}"
        raise MalformedMessage(message) from error
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    client = scope.get("client")
    return Knock(headers=headers, query=query, address=client[0] if client else None)


def cursor_of(text: str | None) -> Cursor | None:
    """Return a client's cursor; one that is none of ours stands for a place that nobody has."""
    if not text:
        return None
    return parse_cursor(text) or _NOWHERE


def refusal(error: LiveError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body of an HTTP answer."""
    status = _STATUS.get(error.code, 400)
    body = json.encode({"error": error.message, "code": error.code})
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 503:  # noqa: PLR2004 - RFC 9110 15.6.4
        headers.append((b"retry-after", b"5"))
    return status, headers, body
