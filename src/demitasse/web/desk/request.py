"""A request for a page, with who asks and what was sent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from demitasse.auth.model import Actor
from demitasse.auth.sessions.model import Session
from demitasse.web.errors import BadRequest
from demitasse.web.request import ApiRequest

_MOST_FIELDS = 50_000
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRequest:
    """One request for a page of the Desk.

    Args:
        http: The request as the API reads it.
        path: What comes after ``/app``, decoded: ``("sales-order", "SO-0001")``.
        query: What stands behind the question mark, in order.
        form: What a form sent, in order.
        now: When it came; aware, UTC.
    """

    http: ApiRequest
    actor: Actor
    session: Session | None
    path: tuple[str, ...]
    query: Pairs
    form: Pairs
    now: datetime
    values: dict[str, Any] = field(default_factory=dict)
    """What the route names in the path."""

    @property
    def method(self) -> str:
        """The HTTP method; HEAD is GET."""
        return "GET" if self.http.method == "HEAD" else self.http.method

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of a page, and not a person for all of it."""
        return "hx-request" in self.http.headers and "hx-boosted" not in self.http.headers

    @property
    def url(self) -> str:
        """The path and the query, as an address has them."""
        query = quote(self.http.query_string, safe="%&=+?/:;,!*'()[]@$~")
        return quote(self.http.path, safe="/:@!$&'()*+,;=") + (f"?{query}" if query else "")

    def asked(self, name: str, default: str = "") -> str:
        """Return the first value of a name in the query."""
        return _first(self.query, name, default)

    def asked_all(self, name: str) -> list[str]:
        """Return all values of a name in the query."""
        return [value for key, value in self.query if key == name]

    def sent(self, name: str, default: str = "") -> str:
        """Return the first value of a name in the form."""
        return _first(self.form, name, default)


def read_query(http: ApiRequest) -> Pairs:
    """Return what stands behind the question mark."""
    return _pairs(http.query_string)


def read_form(http: ApiRequest) -> Pairs:
    """Return what a form sent; nothing where the body is none.

    Raises:
        BadRequest: it cannot be read.
    """
    return _pairs(http.body) if http.content_type == "application/x-www-form-urlencoded" else ()


def _pairs(text: bytes) -> Pairs:
    try:
        return tuple(parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except (UnicodeDecodeError, ValueError) as error:
        message = f"The form cannot be read: {error}"
        raise BadRequest(message) from error


def _first(pairs: Iterable[tuple[str, str]], name: str, default: str) -> str:
    return next((value for key, value in pairs if key == name), default)
