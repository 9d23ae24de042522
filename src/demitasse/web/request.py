"""An HTTP request as the API reads it: path, arguments, body."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from demitasse.auth.sessions.model import Session
from demitasse.documents.errors import DocumentError
from demitasse.kernel import json
from demitasse.web.errors import BadRequest, PayloadTooLarge

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""HTTP methods that change nothing (RFC 9110 9.2.1)."""
_FORM = "application/x-www-form-urlencoded"
_MAX_DEPTH = 200


class ApiRequest:
    """One request. The body is read before the handler runs, and never more of it than the site accepts."""

    __slots__ = (
        "_arguments",
        "body",
        "headers",
        "is_v2",
        "method",
        "path",
        "query_string",
        "remote_address",
        "scheme",
        "segments",
        "session",
    )

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.method: str = scope["method"]
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        self.path: str = scope["path"]
        # Names may hold an encoded slash, so the path is split before it is decoded, and decoded once.
        self.segments = [unquote(part) for part in raw_path.decode("ascii", "replace").split("/") if part]
        self.is_v2 = is_v2_path(self.path)
        self.query_string: bytes = scope["query_string"]
        self.headers: dict[str, str] = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        self.body = body
        client = scope.get("client")
        self.remote_address: str | None = client[0] if client else None
        self.scheme: str = scope.get("scheme", "http")
        self.session: Session | None = None
        self._arguments: dict[str, Any] | None = None

    @property
    def session_id(self) -> str | None:
        """Names the browser's session; ``None`` for credentials in a header, and for nobody."""
        return self.session.id if self.session is not None else None

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def arguments(self) -> dict[str, Any]:
        """Return what query and body say; the body wins.

        Raises:
            MalformedJson: the body is not the JSON that it must be.
            BadRequest: the body is not UTF-8.
            DocumentError: the body is JSON, but neither an object nor a list.
        """
        if self._arguments is None:
            found: dict[str, Any] = {}
            if self.query_string:
                found.update(_pairs(self.query_string))
            if self.body:
                found.update(self._body_arguments())
            self._arguments = found
        return self._arguments

    def _body_arguments(self) -> dict[str, Any]:
        if self.content_type == _FORM:
            return _pairs(self.body)
        if self.content_type.startswith("multipart/"):
            return {}
        content = json.decode(self.body)
        if self.body.count(b"[") + self.body.count(b"{") > _MAX_DEPTH:
            _check_depth(content)
        if isinstance(content, dict):
            return content
        if isinstance(content, list):
            return {"data": content}
        message = "Invalid request arguments"
        raise DocumentError(message)


def is_v2_path(path: str) -> bool:
    """Return whether a path is of version 2 of the API."""
    return path.startswith("/api/v2/") or path == "/api/v2"


def _pairs(text: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text.decode("utf-8"), keep_blank_values=True, max_num_fields=1000)
    except (UnicodeDecodeError, ValueError) as error:
        message = f"The query or form cannot be read: {error}"
        raise BadRequest(message) from error
    found: dict[str, Any] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def _check_depth(content: Any) -> None:
    """Refuse values inside more lists and objects than an answer could show."""
    level = [content] if isinstance(content, dict | list) else []
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    message = f"The body is nested more than {_MAX_DEPTH} deep"
    raise json.MalformedJson(message)


async def read_body(receive: Receive, *, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        PayloadTooLarge: it is longer than ``limit`` bytes, said or found.
        BadRequest: the client went away in the middle of it.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        _check_size(len(body), limit)
        return body
    chunks, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            text = "The connection was closed before the whole body had arrived"
            raise BadRequest(text)
        chunk = message.get("body", b"")
        size += len(chunk)
        _check_size(size, limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        text = f"The body is larger than {limit} bytes: send less, or raise max_request_bytes in site_config.json"
        raise PayloadTooLarge(text, limit=limit)
