"""Requests and answers, as little as they need: raw ASGI, because a cached list costs less than a framework's objects."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from demitasse.kernel import json
from demitasse.middleware.errors import Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
_JSON = (b"content-type", b"application/json")


class Request:
    """One HTTP request.

    Args:
        address: Of the phone, as far as it is known.
    """

    __slots__ = ("_receive", "address", "headers", "method", "path", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        client = scope.get("client")
        self.address: str = client[0] if client else ""
        self._receive = receive

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the URL; of a repeated one the last value.

        Raises:
            Refusal: it cannot be read.
        """
        try:
            found = parse_qs(self.scope["query_string"].decode("ascii"), keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            message = "The query of the URL cannot be read"
            raise Refusal(message, status=400) from error
        return {name: values[-1] for name, values in found.items()}

    async def body(self, *, most: int) -> bytes:
        """Return the body, counted while it comes.

        Raises:
            Refusal: it is larger than ``most`` bytes, or the phone has gone.
        """
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise _too_large(most)
        found = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                text = "The request broke off"
                raise Refusal(text, status=400)
            found += message.get("body", b"")
            if len(found) > most:
                raise _too_large(most)
            if not message.get("more_body"):
                return bytes(found)

    async def json(self, *, most: int) -> Any:
        """Return the decoded body.

        Raises:
            Refusal: it is not JSON, or too large.
        """
        try:
            return json.decode(await self.body(most=most))
        except json.MalformedJson as error:
            message = "The request's body is not valid JSON"
            raise Refusal(message, status=400) from error


class Reply:
    """One answer.

    Args:
        headers: Beside the length.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or []

    async def send(self, send: Send, *, further: Headers, is_head: bool = False) -> None:
        """Send it, with the headers that every answer has."""
        length = (b"content-length", b"%d" % len(self.body))
        headers = self.headers if self.status in {204, 304} else [*self.headers, length]
        await send({"type": "http.response.start", "status": self.status, "headers": [*headers, *further]})
        await send({"type": "http.response.body", "body": b"" if is_head else self.body})


def json_reply(status: int, content: Any, headers: Headers | None = None) -> Reply:
    """Return an answer with a JSON body, which no cache keeps."""
    return Reply(status, json.encode(content), [_JSON, (b"cache-control", b"no-store"), *(headers or [])])


def refused(refusal: Refusal) -> Reply:
    """Return the answer of a refusal."""
    headers: Headers = []
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(refusal.retry_after_s))))
    if refusal.status == 401:  # noqa: PLR2004 - RFC 9110 15.5.2 asks for the header
        headers.append((b"www-authenticate", b"Bearer"))
    return json_reply(refusal.status, {"success": False, "error": refusal.message}, headers)


def _too_large(most: int) -> Refusal:
    return Refusal(f"The request's body is too large: at most {most} bytes are read", status=413)
