"""The one JSON encoder and decoder."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson

from demitasse.kernel.errors import DemitasseError


class MalformedJson(DemitasseError):
    """The text is not JSON."""

    code = "malformed_json"


def _fallback(value: object) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, str):
        return str(value)
    as_dict = getattr(value, "as_dict", None)
    if as_dict is not None:
        return as_dict()
    message = f"A value of type {type(value).__name__} has no JSON form"
    raise TypeError(message)


def _timestamp(value: object) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    if isinstance(value, date | time):
        return str(value)
    return _fallback(value)


def encode(value: Any) -> bytes:
    """Return compact UTF-8 JSON.

    Dates are ``YYYY-MM-DD``, moments ``YYYY-MM-DD HH:MM:SS.ffffff`` without a zone (Frappe's form),
    durations and times of day ``H:MM:SS``; objects with a method ``as_dict`` are what it returns.

    Raises:
        TypeError: a value has no JSON form.
    """
    return orjson.dumps(value, _timestamp, orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS)


def decode(text: bytes | str) -> Any:
    """Return the value that the JSON text stands for.

    Raises:
        MalformedJson: the text is not JSON; ``data`` has ``line`` and ``column``.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"The text is not valid JSON: {error}"
        raise MalformedJson(message, line=error.lineno, column=error.colno) from error


def encode_pretty(value: Any) -> bytes:
    """Return JSON for people: indented by two, with a newline at the end."""
    return orjson.dumps(
        value, _timestamp, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
    )
