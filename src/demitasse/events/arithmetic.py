"""The operators of conditions and templates: Python's, bounded in size and work, and at ease with dates."""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from demitasse.events.budget import Budget, check_length
from demitasse.events.errors import BudgetExceeded, NotAllowed
from demitasse.events.wording import describe

_MAX_BITS = 10_000
_MAX_DIGITS_OF_WIDTH = 3
_WIDE = re.compile(rf"\d{{{_MAX_DIGITS_OF_WIDTH + 1},}}|\*")
_SEQUENCES = (str, bytes, list, tuple)
_SCALARS = (str, int, float, Decimal, date, time, timedelta, type(None))
_PLAIN = frozenset((int, float, bool, type(None)))


def add(budget: Budget, left: Any, right: Any) -> Any:
    """Return ``left + right``."""
    if isinstance(left, _SEQUENCES) and isinstance(right, _SEQUENCES):
        if isinstance(left, str):
            check_length(len(left) + len(right))
        budget.spend_on(left)
        budget.spend_on(right)
    return left + right


def multiply(budget: Budget, left: Any, right: Any) -> Any:
    """Return ``left * right``; of sequences only text may be repeated."""
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MAX_BITS:
            raise _too_large()
    elif isinstance(left, _SEQUENCES) or isinstance(right, _SEQUENCES):
        text, times = (left, right) if isinstance(left, _SEQUENCES) else (right, left)
        if not isinstance(text, str) or not isinstance(times, int):
            message = f"There is no multiplying {describe(left)} by {describe(right)}"
            raise TypeError(message)
        check_length(len(text) * times)
        budget.spend(max(len(text) * times, 0) >> 8)
    return left * right


def power(_budget: Budget, left: Any, right: Any) -> Any:
    """Return ``left ** right`` of numbers."""
    for number in (left, right):
        if not isinstance(number, int | float):
            message = f"Only numbers have powers, not {describe(number)}"
            raise TypeError(message)
    if isinstance(left, int) and isinstance(right, int) and max(left.bit_length(), 1) * abs(right) > _MAX_BITS:
        raise _too_large()
    try:
        return left**right
    except OverflowError as error:
        raise _too_large() from error


def modulo(_budget: Budget, left: Any, right: Any) -> Any:
    """Return ``left % right``: a remainder, or the text ``left`` with values put in."""
    if isinstance(left, str):
        return percent_format(left, right)
    return left % right


def percent_format(template: str, values: Any) -> str:
    """Return ``template % values`` for plain values and widths below 1000."""
    given = values if isinstance(values, tuple) else (values,)
    longest = max((len(value) if isinstance(value, str) else 400 for value in given), default=0)
    if not all(isinstance(value, _SCALARS) for value in given):
        message = "Only texts, numbers and dates can be put into a text with %"
        raise NotAllowed(message)
    check_width(template)
    check_length(len(template) + template.count("%") * (longest + 10**_MAX_DIGITS_OF_WIDTH))
    text: str = template % values
    return text


def check_width(spec: str) -> None:
    """Refuse a format that asks for a width or precision of 1000 or more, or takes it from a value.

    Raises:
        BudgetExceeded: it does.
    """
    if _WIDE.search(spec):
        message = "A width or precision in a format must be a number below 1000"
        raise BudgetExceeded(message)


def _too_large() -> BudgetExceeded:
    message = "A number would become too large"
    return BudgetExceeded(message)


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
COMPARISONS = frozenset(_OPERATORS)


def compare(budget: Budget, name: str, left: Any, right: Any) -> bool:
    """Return the result of one comparison, ``name`` being one of ``COMPARISONS``.

    A date, a moment or a time of day may be compared with its text; a date counts as the moment when it begins.

    Raises:
        TypeError: the two have no order.
    """
    if type(left) not in _PLAIN or type(right) not in _PLAIN:
        budget.spend_on(left)
        budget.spend_on(right)
        if isinstance(left, date | timedelta):
            left, right = _same_kind(left, right)
        elif isinstance(right, date | timedelta):
            right, left = _same_kind(right, left)
    try:
        return bool(_OPERATORS[name](left, right))
    except TypeError as error:
        raise TypeError(_explain(name, left, right)) from error


def _explain(name: str, left: object, right: object) -> str:
    if name in {"in", "notin"}:
        return f"There is no looking for {describe(left)} in {describe(right)}"
    hint = ": test it first, as in 'doc.field and doc.field > 1'" if left is None or right is None else ""
    return f"There is no order between {describe(left)} and {describe(right)}{hint}"


def _same_kind(known: date | timedelta, other: Any) -> tuple[Any, Any]:
    if isinstance(known, timedelta):
        return known, (_parse_time(other) if isinstance(other, str) else other)
    if isinstance(other, str):
        try:
            other = datetime.fromisoformat(other).replace(tzinfo=None)
        except ValueError:
            return known, other
    if isinstance(other, date):
        return _moment(known), _moment(other)
    return known, other


def _moment(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)  # noqa: DTZ001 - site time is naive


def _parse_time(text: str) -> timedelta | str:
    try:
        at = time.fromisoformat(text.zfill(8) if text.count(":") == 2 else text.zfill(5))  # noqa: PLR2004 - H:MM:SS
    except ValueError:
        return text
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
