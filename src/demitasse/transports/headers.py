"""Heads of requests and answers: what may be written, and what was read."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import cast

from demitasse.transports.errors import UnusableRequest

Headers = tuple[tuple[str, str], ...]

_METHODS = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that frame the message or belong to the connection: set by hand, they make two parties read two requests."""

_END = b"\r\n"
_ALWAYS = (
    "Expect:",  # No waiting for a go-ahead.
    "Accept-Encoding: identity",  # A compressed answer is kept as it is: it would be cut before it could be unpacked.
)


def check_method(method: str) -> None:
    """Refuse a method that the sender does not know.

    Raises:
        UnusableRequest: it is none of GET, POST, PUT, PATCH and DELETE.
    """
    if method not in _METHODS:
        message = f"The method {method!r} cannot be sent. Use POST, PUT, PATCH, DELETE or GET."
        raise UnusableRequest(message)


def check_header(name: str, value: str) -> None:
    """Refuse a header that cannot be sent; also for whoever lets people type headers.

    Raises:
        UnusableRequest: the name is no token or is the sender's to set, or the value has control characters.
    """
    _checked_name(name)
    _check_value(name, value)


def header_lines(headers: Iterable[tuple[str, str]]) -> list[str | bytes]:
    """Return the lines to give to libcurl, its own defaults switched off; beyond ASCII, values are sent as UTF-8.

    Raises:
        UnusableRequest: as `check_header`.
    """
    lines: list[str | bytes] = [*_ALWAYS]
    has_content_type = False
    for name, value in headers:
        if _checked_name(name) == "content-type":
            has_content_type = True
        if not value.isprintable():  # Quick, and true of nearly all.
            _check_value(name, value)
        # A name with nothing behind the colon would tell libcurl to leave the header out.
        line = f"{name}: {value}" if value and not value.isspace() else f"{name};"
        lines.append(line if line.isascii() else _encoded(name, line))
    if not has_content_type:
        lines.append("Content-Type:")  # Else libcurl would call the body a form.
    return lines


def parse_head(lines: Sequence[bytes]) -> tuple[Headers, bool]:
    """Return the headers of the final answer, and whether its head was read to the end.

    Args:
        lines: All that were read, those of informational answers before it and of trailers behind it included.
    """
    if lines and lines[-1] == _END and lines.count(_END) == 1:
        headers = tuple(map(_parse_header, lines[1:-1]))
        if None not in headers:
            return cast("Headers", headers), True
    return _parse_blocks(lines)


def _parse_blocks(lines: Iterable[bytes]) -> tuple[Headers, bool]:
    headers: list[tuple[str, str]] = []
    has_begun = is_within = False
    for line in lines:
        if not is_within:
            if line.startswith(b"HTTP/"):
                headers.clear()
                has_begun = is_within = True
        elif not line.strip():
            is_within = False
        elif header := _parse_header(line):
            headers.append(header)
        elif headers:  # Folded: obsolete, but it still comes.
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.decode('latin-1').strip()}".strip())
    return tuple(headers), has_begun and not is_within


@lru_cache(maxsize=256)  # A receiver repeats itself.
def _parse_header(line: bytes) -> tuple[str, str] | None:
    name, colon, value = line.decode("latin-1").partition(":")
    return (name, value.strip()) if colon and not name[:1].isspace() else None


@lru_cache(maxsize=1024)
def _checked_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        message = f"{name!r} is not a header name. Use letters, digits and hyphens."
        raise UnusableRequest(message, header=name)
    lowered = name.lower()
    if lowered in _OURS:
        message = f"The header {name} is set by the sender. Remove it."
        raise UnusableRequest(message, header=name)
    return lowered


def _check_value(name: str, value: str) -> None:
    if _CONTROL.search(value):
        message = f"The value of the header {name} has line breaks or control characters. Remove them."
        raise UnusableRequest(message, header=name)


def _encoded(name: str, line: str) -> bytes:
    try:
        return line.encode()
    except UnicodeEncodeError as error:
        message = f"The value of the header {name} has characters that no text can have. Type it again."
        raise UnusableRequest(message, header=name) from error
