"""Values as people read them."""

import html
import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import Field

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS = ((_DAY * 365, "y"), (_DAY * 30, "mo"), (_DAY * 7, "w"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))
_DECIMALS = {"Currency": 2, "Percent": 2}
_KNOWN_TAGS = re.compile(r"</?(?:strong|b|em|i|code|details|summary|p|ul|li)>", re.IGNORECASE)
_BREAKS = re.compile(r"<br\s*/?>", re.IGNORECASE)


def relative(moment: datetime, *, now: datetime) -> str:
    """Return how long ago, or in how long: ``3 min ago``, ``in 2 h``."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    for length, unit in _STEPS:
        if size >= length:
            text = f"{int(size // length)} {unit}"
            break
    else:
        text = f"{int(size)} s"
        if size < 5:  # noqa: PLR2004 - nobody cares
            return "just now"
    return f"{text} ago" if seconds > 0 else f"in {text}"


def absolute(moment: datetime, zone: tzinfo) -> str:
    """Return a moment in the site's zone, to the second, with the zone's name."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def duration(seconds: float) -> str:
    """Return a length of time as ``1d 2h 3m 4s``."""
    rest = int(seconds)
    parts = []
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        number, rest = divmod(rest, length)
        if number:
            parts.append(f"{number}{unit}")
    fraction = seconds - int(seconds)
    if rest or fraction or not parts:
        parts.append(f"{rest + fraction:g}s")
    return " ".join(parts)


def number(value: float, field: Field) -> str:
    """Return a number with its thousands grouped and the decimals of its field."""
    decimals = field.precision if field.precision is not None else _DECIMALS.get(field.fieldtype)
    if decimals is None:
        return f"{value:,}" if field.type.storage is Storage.INTEGER else f"{value:,.6f}".rstrip("0").rstrip(".")
    return f"{value:,.{decimals}f}"


def plain(value: Any, field: Field, zone: tzinfo) -> str:  # noqa: PLR0911 - one line for each kind of value
    """Return a kept value as text for a cell; an empty one is empty."""
    if value is None or value == "":
        return ""
    if field.type.is_secret:
        return "••••••••"
    match field.fieldtype:
        case "Check":
            return "Yes" if value else "No"
        case "Duration":
            return duration(value)
        case "Percent":
            return f"{number(value, field)} %"
        case "Rating":
            return f"{value * stars(field):g} of {stars(field)}"
        case "Int" | "Long Int" | "Float" | "Currency":
            return number(value, field)
        case _:
            pass
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, timedelta):
        return clock(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def clock(span: timedelta) -> str:
    """Return a time of day as ``HH:MM:SS``, with its fraction where it has one."""
    minutes, seconds = divmod(span.seconds, _MINUTE)
    text = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return f"{text}.{span.microseconds:06}".rstrip("0") if span.microseconds else text


def stars(field: Field) -> int:
    """Return how many stars a Rating has."""
    return int(field.options) if field.options and field.options.isdecimal() else 5


def words(message: str) -> str:
    """Return a message of the server without the tags that Frappe's messages have; it is still to be escaped."""
    return html.unescape(_KNOWN_TAGS.sub("", _BREAKS.sub(" · ", message)))
