"""The field types: what each stores, and how a value from outside becomes the value that is kept.

Kept values: text is ``str``, ``Int`` and ``Check`` are ``int``, ``Float``, ``Currency``, ``Percent``, ``Rating`` and
``Duration`` (seconds) are ``float``, ``Date`` is ``date``, ``Datetime`` is an aware ``datetime`` in UTC, ``Time`` is a
``timedelta`` since midnight. An empty number is 0, everything else that is empty is ``None``.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any

from demitasse.doctypes.errors import InvalidValue
from demitasse.kernel import json

Coerce = Callable[[Any, tzinfo], Any]
"""Turns a value from outside into the value that is kept; the zone is that of naive moments."""

MAX_INTEGER = 2**63 - 1
_TIME = re.compile(r"(\d{1,3}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?\Z")
_DATE_LENGTH = len("2026-01-31")


class Storage(Enum):
    """How a column keeps the value."""

    SHORT_TEXT = "short text"
    LONG_TEXT = "long text"
    INTEGER = "integer"
    SMALL_INTEGER = "small integer"
    FLOAT = "float"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """One field type; ``storage`` is ``None`` for layout and child tables, which have no column.

    Args:
        max_length: Longest text, in characters, unless the field sets its own.
        is_secret: The column holds ciphertext and the value is never shown.
    """

    name: str
    storage: Storage | None
    coerce: Coerce
    empty: int | float | None = None
    max_length: int | None = None
    is_table: bool = False
    is_secret: bool = False

    @property
    def keeps_text(self) -> bool:
        """Whether any text but the empty one is kept as it is."""
        return self.coerce is _text


def _refuse(value: object, expected: str) -> InvalidValue:
    shown = repr(value)
    if len(shown) > 80:  # noqa: PLR2004 - enough to recognise what was sent
        shown = shown[:80] + "..."
    return InvalidValue(f"{shown} is not {expected}", value=shown)


def _text(value: Any, zone: tzinfo) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float | Decimal | date | timedelta):
        return str(value)
    raise _refuse(value, "text")


def _json_text(value: Any, zone: tzinfo) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            json.decode(value)
        except json.MalformedJson as error:
            raise InvalidValue(error.message, value=value[:80]) from error
        return value
    return json.encode(value).decode()


def _integer(value: Any, zone: tzinfo) -> int:
    if value is None or value == "":
        return 0
    try:
        number = value if isinstance(value, int) else int(value) if isinstance(value, str) else _whole(value)
    except (ValueError, TypeError, OverflowError):
        try:
            number = _whole(float(value))
        except (ValueError, TypeError, OverflowError) as error:
            raise _refuse(value, "a whole number") from error
    if not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise _refuse(value, "a whole number that can be stored")
    return int(number)


def _whole(value: Any) -> int:
    if isinstance(value, float | Decimal):
        return int(value)
    message = "not a number"
    raise TypeError(message)


def _check(value: Any, zone: tzinfo) -> int:
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return 1 if value.lower() == "true" else 0
    return 1 if _integer(value, zone) else 0


def _number(value: Any, zone: tzinfo) -> float:
    if value is None or value == "":
        return 0.0
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise _refuse(value, "a number") from error
    if not math.isfinite(number):
        raise _refuse(value, "a finite number")
    return number


def _rating(value: Any, zone: tzinfo) -> float:
    number = _number(value, zone)
    if not 0 <= number <= 1:
        raise _refuse(value, "a rating between 0 and 1")
    return number


def _date(value: Any, zone: tzinfo) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.astimezone(zone).date() if value.tzinfo else value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            if len(value) > _DATE_LENGTH:
                return datetime.fromisoformat(value).date()
            return date.fromisoformat(value)
        except ValueError as error:
            raise _refuse(value, "a date; write it as YYYY-MM-DD") from error
    raise _refuse(value, "a date; write it as YYYY-MM-DD")


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise _refuse(value, "a moment; write it as YYYY-MM-DD HH:MM:SS") from error
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=zone)
    if not isinstance(value, datetime):
        raise _refuse(value, "a moment; write it as YYYY-MM-DD HH:MM:SS")
    moment: datetime = value if value.tzinfo else value.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise _refuse(value, "a moment that can be stored") from error


def _time_of_day(value: Any, zone: tzinfo) -> timedelta | None:
    if value is None or value == "":
        return None
    if isinstance(value, timedelta):
        return value
    if isinstance(value, datetime):
        return timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    found = _TIME.match(str(value))
    if not found:
        raise _refuse(value, "a time of day; write it as HH:MM:SS")
    hours, minutes, seconds, fraction = found.groups(default="0")
    span = timedelta(
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int(fraction.ljust(6, "0")),
    )
    if int(minutes) > 59 or int(seconds) > 59 or span >= timedelta(days=1):  # noqa: PLR2004 - a clock's limits
        raise _refuse(value, "a time of day; write it as HH:MM:SS")
    return span


def _nothing(value: Any, zone: tzinfo) -> None:
    return None


def _types() -> Mapping[str, FieldType]:
    found: dict[str, FieldType] = {}

    def add(storage: Storage | None, coerce: Coerce, *names: str, **more: Any) -> None:
        for name in names:
            found[name] = FieldType(name=name, storage=storage, coerce=coerce, **more)

    add(Storage.SHORT_TEXT, _text, "Data", "Link", "Dynamic Link", "Select", "Read Only", "Phone", max_length=140)
    add(Storage.SHORT_TEXT, _text, "Color", "Autocomplete", "Icon", "Barcode", max_length=140)
    add(Storage.LONG_TEXT, _text, "Small Text", "Text", "Long Text", "Text Editor", "HTML Editor", "Markdown Editor")
    add(Storage.LONG_TEXT, _text, "Code", "Attach", "Attach Image", "Signature", "Geolocation")
    add(Storage.LONG_TEXT, _json_text, "JSON")
    add(Storage.LONG_TEXT, _text, "Password", is_secret=True)
    add(Storage.INTEGER, _integer, "Int", "Long Int", empty=0)
    add(Storage.SMALL_INTEGER, _check, "Check", empty=0)
    add(Storage.FLOAT, _number, "Float", "Currency", "Percent", "Duration", empty=0.0)
    add(Storage.FLOAT, _rating, "Rating", empty=0.0)
    add(Storage.DATE, _date, "Date")
    add(Storage.DATETIME, _moment, "Datetime")
    add(Storage.TIME, _time_of_day, "Time")
    add(None, _nothing, "Table", "Table MultiSelect", is_table=True)
    add(None, _nothing, "Section Break", "Column Break", "Tab Break", "Heading", "HTML", "Button", "Image", "Fold")
    return found


FIELD_TYPES: Mapping[str, FieldType] = _types()
