"""Form bodies: ``application/x-www-form-urlencoded``, in UTF-8. Source: WHATWG URL standard, section 5.2."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote_plus

from demitasse.events.javascript_json import canonical
from demitasse.events.wire import Dates, plain_text, wire_value

_UNRESERVED = "*"  # the standard's safe characters beyond Python's own; ~ it escapes


def encode_form(pairs: Iterable[tuple[str, Any]]) -> bytes:
    """Return names and values as a form body; nothing is an empty text, child rows are JSON.

    Raises:
        UnwritableValue: a value has no JSON form.
    """
    return "&".join(f"{_escape(name)}={_escape(_text(value))}" for name, value in pairs).encode()


def _text(value: Any) -> str:
    plain = wire_value(value, dates=Dates.FRAPPE)
    return canonical(plain).decode() if isinstance(plain, list | dict) else plain_text(plain)


def _escape(text: str) -> str:
    try:
        escaped = quote_plus(text, safe=_UNRESERVED)
    except UnicodeEncodeError:  # lone surrogates: browsers send the replacement character
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        escaped = quote_plus(whole, safe=_UNRESERVED)
    return escaped.replace("~", "%7E")
