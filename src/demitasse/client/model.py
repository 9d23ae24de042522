"""Values of the client: requests, answers, credentials."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode

Filters = Mapping[str, Any] | Sequence[Sequence[Any]]
"""Frappe's forms: ``{"status": "Open", "total": [">", 10]}`` or ``[["status", "=", "Open"], …]``."""


class Shape(Enum):
    """What a good answer holds."""

    ANYTHING = "anything"
    DOCUMENT = "a document"
    ROWS = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRequest:
    """One request of Frappe's REST API, without the site and the credentials.

    Args:
        path: From the site's root on, names percent-encoded once.
        query: Decoded; `target` encodes it.
        headers: Without ``Authorization``.
        key: Under which the answer stands: ``data`` or ``message``.
        is_safe: It changes nothing, so that it may be sent again.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    key: str = "message"
    shape: Shape = Shape.ANYTHING
    is_safe: bool = False

    @property
    def target(self) -> str:
        """Path and query, ready to stand behind the site's URL."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote)}" if self.query else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Args:
        headers: Names in any case.
        is_cut: The body is longer than what was read of it.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_cut: bool = False

    def header(self, name: str) -> str | None:
        """Return the first header of this name, in lower case, or ``None``."""
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An API key and its secret, or an OAuth access token; never shown."""

    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The ``Authorization`` header, or nothing for Guest."""
        if self.access_token:
            return (("Authorization", f"Bearer {self.access_token}"),)
        if self.api_key:
            return (("Authorization", f"token {self.api_key}:{self.api_secret}"),)
        return ()

    def hide_in(self, body: bytes) -> bytes:
        """Return an answer's body without the secrets that it may repeat."""
        for secret in (self.api_secret, self.access_token):
            if secret and (raw := secret.encode()) in body:
                body = body.replace(raw, b"***")
        basic = base64.b64encode(f"{self.api_key}:{self.api_secret}".encode())
        return body.replace(basic, b"***") if self.api_secret else body
