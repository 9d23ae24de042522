"""The forms in which a document's values leave: plain JSON values, and text."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from demitasse.events.budget import Budget
from demitasse.events.errors import UnwritableValue
from demitasse.events.javascript_json import plain_decimal
from demitasse.events.view import DocumentView
from demitasse.events.wording import describe

_PLAIN = frozenset((str, int, float, bool, type(None)))
_TEN_HOURS = timedelta(hours=10)


class Dates(Enum):
    """How dates and times are written.

    ``FRAPPE``: ``YYYY-MM-DD HH:MM:SS.ffffff`` and ``H:MM:SS``. ``ISO``: ISO 8601, ``YYYY-MM-DDTHH:MM:SS.ffffff`` and
    ``HH:MM:SS``. Moments have no zone in either: they are the site's time.
    """

    FRAPPE = " "
    ISO = "T"


class JsonText(str):
    """A text that is JSON already."""

    __slots__ = ()


def wire_value(value: Any, *, dates: Dates, budget: Budget | None = None) -> Any:
    """Return a value with nothing in it but what JSON has: dates as text, views as dictionaries.

    Lists and dictionaries are new ones.

    Raises:
        UnwritableValue: something in it has no JSON form.
        BudgetExceeded: it is too large for the budget.
    """
    kind = type(value)
    if kind in _PLAIN:
        if budget is not None:
            budget.spend_on(value)
        return value
    if kind is DocumentView:
        return {name: wire_value(item, dates=dates, budget=budget) for name, item in _limited(value.pairs(), budget)}
    if isinstance(value, Mapping):
        items = _limited(value.items(), budget)
        return {plain_text(key): wire_value(item, dates=dates, budget=budget) for key, item in items}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | memoryview):
        return [wire_value(item, dates=dates, budget=budget) for item in _limited(value, budget)]
    return _wire_scalar(value, dates=dates)


def _wire_scalar(value: Any, *, dates: Dates) -> Any:
    if isinstance(value, date | time | timedelta):
        return _moment_text(value, dates=dates)
    if isinstance(value, Decimal):
        return plain_decimal(value)
    for plain in (float, str, int):
        if isinstance(value, plain):
            return plain(value)
    message = f"There is no JSON form of {describe(value)}"
    raise UnwritableValue(message)


def _limited(items: Iterable[Any], budget: Budget | None) -> Iterable[Any]:
    return items if budget is None else _paid(items, budget)


def _paid(items: Iterable[Any], budget: Budget) -> Iterator[Any]:
    for item in items:
        budget.spend()
        yield item


def _moment_text(value: date | time | timedelta, *, dates: Dates) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(dates.value, "microseconds")
    if isinstance(value, timedelta):
        text = str(value)
        return "0" + text if dates is Dates.ISO and timedelta() <= value < _TEN_HOURS else text
    return str(value)


def plain_text(value: Any) -> str:
    """Return one value as the text that Frappe prints for it; nothing is an empty text."""
    if value is None:
        return ""
    if type(value) is datetime:
        return str(value.replace(tzinfo=None))
    return format(value, "f") if type(value) is Decimal else str(value)


def is_scalar(value: object) -> bool:
    """Tell whether a value is one text, number, date or nothing."""
    return value is None or isinstance(value, str | int | float | Decimal | date | time | timedelta)
