"""Values of filters as the values that columns are compared with."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

from demitasse.doctypes.errors import InvalidValue
from demitasse.doctypes.field_types import MAX_INTEGER, Storage
from demitasse.documents.query import Column
from demitasse.documents.query_errors import InvalidFilterValue
from demitasse.documents.query_names import Scope

_DATE_LENGTH = len("2026-01-31")
_MAX_LIST = 10_000
_TRUTH = {"true": 1, "false": 0}


def refuse(column: Column, value: Any, expected: str) -> InvalidFilterValue:
    """Return the error for a value that a field cannot be compared with."""
    shown = repr(value)
    if len(shown) > 80:  # noqa: PLR2004 - enough to recognise what was sent
        shown = shown[:80] + "..."
    message = f"Cannot compare {column.field.name} with {shown}: {expected}"
    return InvalidFilterValue(message, field=column.field.name, value=shown)


def comparable(scope: Scope, column: Column, value: Any) -> Any:
    """Return the kept value for one that is not empty.

    Raises:
        InvalidFilterValue: it does not fit the field.
    """
    storage = column.field.type.storage
    assert storage is not None  # noqa: S101 - columns have one
    return _BY_STORAGE[storage](scope, column, value)


def is_empty(value: Any) -> bool:
    """Return whether a value stands for an empty field."""
    return value is None or value == ""


def as_list(column: Column, value: Any) -> list[Any]:
    """Return the values of a list, or of text with commas.

    Raises:
        InvalidFilterValue: it is neither, or too long.
    """
    if isinstance(value, str):
        found: list[Any] = [part.strip() for part in value.split(",")]
    elif isinstance(value, Iterable) and not isinstance(value, Mapping | bytes):
        found = list(value)
    else:
        raise refuse(column, value, 'write a list: ["a", "b"]')
    if len(found) > _MAX_LIST:
        message = f"A list for {column.field.name} may have at most {_MAX_LIST} values, and this has {len(found)}"
        raise InvalidFilterValue(message, field=column.field.name, limit=_MAX_LIST)
    return found


def plain_day(value: Any) -> date | None:
    """Return the day that a value without a time of day stands for, ``None`` when it has one (or is no day)."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    if isinstance(value, str) and len(value) <= _DATE_LENGTH:
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def start_of(day: date, *, scope: Scope, column: Column) -> datetime:
    """Return the moment at which a day begins in the site's zone.

    Raises:
        InvalidFilterValue: the calendar does not go that far.
    """
    try:
        return datetime(day.year, day.month, day.day, tzinfo=scope.zone).astimezone(UTC)
    except OverflowError as error:
        raise refuse(column, day, "write a day that the calendar has") from error


def end_of(day: date, *, scope: Scope, column: Column) -> datetime:
    """Return the moment at which the next day begins in the site's zone."""
    try:
        following = day + timedelta(days=1)
    except OverflowError as error:
        raise refuse(column, day, "write a day that the calendar has") from error
    return start_of(following, scope=scope, column=column)


def as_text(column: Column, value: Any) -> str:
    """Return a value as text.

    Raises:
        InvalidFilterValue: it is no text that a database keeps.
    """
    if isinstance(value, str):
        if not value.isascii():
            _check_encodable(column, value)
        if "\0" in value:
            raise refuse(column, value, "text has no NUL character")
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float | Decimal | date | timedelta | time_of_day):
        return str(value)
    raise refuse(column, value, "write text")


def _check_encodable(column: Column, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise refuse(column, value, "half of a surrogate pair is no text") from error


def _text(scope: Scope, column: Column, value: Any) -> str:  # noqa: ARG001 - one signature for all
    return as_text(column, value)


def _number(scope: Scope, column: Column, value: Any) -> float:  # noqa: ARG001 - one signature for all
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise refuse(column, value, "write a number") from error
    if not math.isfinite(number):
        raise refuse(column, value, "write a finite number")
    return number


def _whole(scope: Scope, column: Column, value: Any) -> float:
    """Return an integer where the value is one; fractions stay, so that they are compared and not cut."""
    if isinstance(value, str):
        if value.lower() in _TRUTH:
            return _TRUTH[value.lower()]
        try:
            value = int(value)
        except ValueError:
            value = _number(scope, column, value)
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise refuse(column, value, "write a number that can be stored")
        return int(value)
    number = _number(scope, column, value)
    return int(number) if number.is_integer() and abs(number) <= MAX_INTEGER else number


def _by_type(scope: Scope, column: Column, value: Any) -> Any:
    try:
        kept = column.field.type.coerce(value, scope.zone)
    except InvalidValue as error:
        message = f"Cannot compare {column.field.name}: {error.message}"
        raise InvalidFilterValue(message, field=column.field.name, **error.data) from error
    if kept is None:
        raise refuse(column, value, "write a value, or 'is' and 'not set'")
    return kept


_BY_STORAGE: Mapping[Storage, Callable[[Scope, Column, Any], Any]] = {
    Storage.SHORT_TEXT: _text,
    Storage.LONG_TEXT: _text,
    Storage.INTEGER: _whole,
    Storage.SMALL_INTEGER: _whole,
    Storage.FLOAT: _number,
    Storage.DATE: _by_type,
    Storage.DATETIME: _by_type,
    Storage.TIME: _by_type,
}
