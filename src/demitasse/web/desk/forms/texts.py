"""Between the values of a document and the texts of a form's controls."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from demitasse.doctypes.errors import InvalidValue
from demitasse.doctypes.model import Field
from demitasse.web.desk.format import clock, duration, stars

_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([dhms]?)\s*", re.IGNORECASE)
_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1, "": 1}
_TIMES = frozenset({"Datetime", "Time"})


def text_of(field: Field, value: Any, zone: tzinfo) -> str:
    """Return the text that stands in the control of a field; secrets have none."""
    if value is None or field.type.is_secret:
        return ""
    if field.fieldtype in {"Duration", "Rating"}:
        shown = duration(value) if field.fieldtype == "Duration" else f"{value * stars(field):g}"
        return shown if value else ""
    if isinstance(value, datetime):
        return _short(value.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat())
    if isinstance(value, timedelta):
        return _short(clock(value).partition(".")[0])
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value).replace("\r\n", "\n")


def value_of(field: Field, text: str) -> Any:
    """Return what a control's text stands for, as documents take it; empty is nothing.

    Raises:
        InvalidValue: the text cannot be read.
    """
    if text == "":
        return None
    if field.fieldtype == "Duration":
        return _seconds(text)
    if field.fieldtype == "Rating":
        return _part(text, stars(field))
    if field.fieldtype in {"Int", "Long Int", "Float", "Currency", "Percent"}:
        return text.strip().replace(",", "") or None
    if field.fieldtype == "Datetime":
        return text.replace("T", " ")
    return text


def is_same(field: Field, one: str, other: str) -> bool:
    """Return whether two texts of a control stand for the same; browsers leave out seconds that are none."""
    if field.fieldtype in _TIMES:
        return _short(one) == _short(other)
    return one == other


def clean(text: str) -> str:
    """Return a text as it was before a browser sent it: line breaks are one character."""
    return text.replace("\r\n", "\n")


def moment_mark(moment: datetime | None) -> str:
    """Return a moment exactly, for a hidden field."""
    return "" if moment is None else moment.astimezone(UTC).isoformat()


def read_mark(text: str) -> datetime | None:
    """Return the moment of a hidden field; ``None`` when there is none or it was tampered with."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _short(text: str) -> str:
    return re.sub(r"(\d\d:\d\d):00(?:\.0+)?\Z", r"\1", text)


def _seconds(text: str) -> float:
    position, total = 0, 0.0
    while position < len(text):
        found = _LENGTH.match(text, position)
        if found is None:
            message = f"{text[:80]!r} is not a length of time; write it as 1d 2h 30m 10s"
            raise InvalidValue(message, value=text[:80])
        total += float(found[1]) * _UNITS_S[found[2].lower()]
        position = found.end()
    return total


def _part(text: str, most: int) -> float:
    try:
        return float(text) / most
    except ValueError as error:
        message = f"{text[:80]!r} is not a number of stars"
        raise InvalidValue(message, value=text[:80]) from error
