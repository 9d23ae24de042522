"""From what a phone sends to the values of a document: pure."""

import math
import re
from collections.abc import Mapping as Facts
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from demitasse.kernel import json
from demitasse.middleware.errors import Refusal
from demitasse.middleware.mapping import CreateRoute, Rows, Value
from demitasse.middleware.mapping_rules import DAY

_BAD = 400
_MAX_NUMBER = 1e12
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


def read_values(given: Any, values: Facts[str, Value], *, place: str = "") -> dict[str, Any]:
    """Return the fields that a JSON object fills.

    Raises:
        Refusal: something is missing or not as it must be; the message says where and what.
    """
    if not isinstance(given, dict):
        where = place.rstrip(".") or "The request's body"
        message = f"{where} must be a JSON object"
        raise Refusal(message, status=_BAD)
    found: dict[str, Any] = {}
    for field, value in values.items():
        name = f"{place}{value.source}"
        raw = given.get(value.source)
        if raw is None or raw == "":
            if value.required:
                message = f"{name} is missing"
                raise Refusal(message, status=_BAD)
            if value.default is not None:
                found[field] = value.default
            continue
        found[field] = _read(raw, value, name)
    return found


def read_document(given: Any, route: CreateRoute) -> dict[str, Any]:
    """Return the fields and rows that a phone's JSON fills; what it sends beyond them is left out.

    Raises:
        Refusal: something is missing or not as it must be; the message says where and what.
    """
    found = read_values(given, route.fields)
    for field, rows in route.rows.items():
        found[field] = _read_rows(given.get(rows.source), rows)
    return found


def set_values(route: CreateRoute, *, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Return the values that the mapping sets; ``today+3`` is a day of the shop's calendar."""
    return {field: _set(value, now, zone) for field, value in route.set.items()}


def key_in(given: Any, names: Sequence[str]) -> str | None:
    """Return the phone's own id of an order.

    Raises:
        Refusal: it is neither a text nor a whole number.
    """
    for name in names:
        raw = given.get(name) if isinstance(given, dict) else None
        if raw is None or raw == "":
            continue
        if isinstance(raw, bool) or not isinstance(raw, str | int):
            message = f"{name} must be a text or a whole number"
            raise Refusal(message, status=_BAD)
        return str(raw)
    return None


def fingerprint(document: Facts[str, Any]) -> str:
    """Return what is the same for the same order, and different for any other."""
    return sha256(json.encode(dict(sorted(document.items())))).hexdigest()


def _read_rows(given: Any, rows: Rows) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given:
        message = f"{rows.source} must be a list with at least one entry"
        raise Refusal(message, status=_BAD)
    if len(given) > rows.at_most:
        message = f"{rows.source} has {len(given)} entries; at most {rows.at_most} can come at once"
        raise Refusal(message, status=_BAD)
    return [read_values(row, rows.fields, place=f"{rows.source}[{index}].") for index, row in enumerate(given)]


def _read(raw: Any, value: Value, name: str) -> Any:
    match value.type:
        case "text":
            return _text(raw, value, name)
        case "number" | "whole":
            return _number(raw, value, name)
        case "date":
            return _date(raw, name)
        case "flag":
            if not isinstance(raw, bool):
                message = f"{name} must be true or false"
                raise Refusal(message, status=_BAD)
            return int(raw)


def _text(raw: Any, value: Value, name: str) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        message = f"{name} must be a text"
        raise Refusal(message, status=_BAD)
    text = str(raw).strip()
    if not text and value.required:
        message = f"{name} is missing"
        raise Refusal(message, status=_BAD)
    if len(text) > value.max_length:
        message = f"{name} is longer than {value.max_length} characters"
        raise Refusal(message, status=_BAD)
    if not text.isprintable() and any(ord(letter) < ord(" ") and letter not in "\n\t" for letter in text):
        message = f"{name} holds characters that cannot be stored"
        raise Refusal(message, status=_BAD)
    return text


def _number(raw: Any, value: Value, name: str) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw) or abs(raw) > _MAX_NUMBER:
        message = f"{name} must be a number"
        raise Refusal(message, status=_BAD)
    if value.type == "whole" and raw != int(raw):
        message = f"{name} must be a whole number"
        raise Refusal(message, status=_BAD)
    if value.above is not None and raw <= value.above:
        message = f"{name} must be more than {value.above:g}"
        raise Refusal(message, status=_BAD)
    if value.at_least is not None and raw < value.at_least:
        message = f"{name} must be at least {value.at_least:g}"
        raise Refusal(message, status=_BAD)
    return int(raw) if value.type == "whole" else raw


def _date(raw: Any, name: str) -> str:
    if isinstance(raw, str) and _DATE.match(raw):
        try:
            return date.fromisoformat(raw).isoformat()
        except ValueError:
            pass  # Told below: a day that no month has.
    message = f"{name} must be a day, written as 2026-12-31"
    raise Refusal(message, status=_BAD)


def _set(value: Any, now: datetime, zone: ZoneInfo) -> Any:
    day = DAY.match(value) if isinstance(value, str) else None
    if day is None:
        return value
    return (now.astimezone(zone).date() + timedelta(days=int(day[1] or 0))).isoformat()
