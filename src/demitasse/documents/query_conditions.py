"""From a field, an operator and a value to a condition.

Frappe's meaning of empty fields holds: ``!=``, ``not in`` and ``not like`` are true of them, other comparisons are not;
``=`` and ``!=`` with an empty value ask whether the field is set. An empty number is 0.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.documents.query import AllOf, AnyOf, Column, Condition, Expression, Operator
from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.query_names import Scope
from demitasse.documents.query_values import (
    as_list,
    as_text,
    comparable,
    end_of,
    is_empty,
    plain_day,
    refuse,
    start_of,
)
from demitasse.documents.timespan import days_of, span_names

_MAX_PATTERN_LENGTH = 10_000
_PREFIX_OF_DAYS = re.compile(r"%?(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?-?%\Z", re.ASCII)
_DAYS = frozenset({Storage.DATE, Storage.DATETIME})
Make = Callable[[Scope, Column, Any], Expression]


def make_condition(scope: Scope, column: Column, operator: Any, value: Any) -> Expression:
    """Return the condition that a filter's three parts stand for.

    Raises:
        InvalidQuery: there is no such operator, or it cannot be used with this field or value.
    """
    if column.field.type.is_secret:
        message = f"{column.field.name} is kept encrypted and cannot be used in filters"
        raise InvalidQuery(message, field=column.field.name)
    make = _MAKERS.get(operator) if isinstance(operator, str) else None
    if make is None:
        make = _MAKERS.get(" ".join(operator.lower().split())) if isinstance(operator, str) else None
    if make is None:
        message = f"{str(operator)[:100]!r} is no operator of filters; there are {', '.join(_MAKERS)}"
        raise InvalidQuery(message, operator=str(operator)[:100])
    return make(scope, column, value)


def is_operator(value: Any) -> bool:
    """Return whether a value is the name of an operator."""
    return isinstance(value, str) and " ".join(value.lower().split()) in _MAKERS


def _equal(scope: Scope, column: Column, value: Any) -> Expression:
    if isinstance(value, list | tuple | set | frozenset):
        return _in(scope, column, value)
    if is_empty(value):
        return Condition(column=column, operator=Operator.NOT_SET)
    if column.field.type.storage is Storage.DATETIME:
        day = plain_day(value)
        if day is not None:
            return _within_days(scope, column, day, day)
    return Condition(column=column, operator=Operator.EQUAL, values=(comparable(scope, column, value),))


def _not_equal(scope: Scope, column: Column, value: Any) -> Expression:
    if isinstance(value, list | tuple | set | frozenset):
        return _not_in(scope, column, value)
    if is_empty(value):
        return Condition(column=column, operator=Operator.SET)
    if column.field.type.storage is Storage.DATETIME:
        day = plain_day(value)
        if day is not None:
            return _outside_days(scope, column, day, day)
    return Condition(column=column, operator=Operator.NOT_EQUAL, values=(comparable(scope, column, value),))


def _compare(operator: Operator) -> Make:
    def make(scope: Scope, column: Column, value: Any) -> Expression:
        if is_empty(value) and column.field.type.empty is not None:
            value = 0
        elif value is None:
            raise refuse(column, value, "write a value, or 'is' and 'not set'")
        return Condition(column=column, operator=operator, values=(comparable(scope, column, value),))

    return make


def _members(scope: Scope, column: Column, value: Any) -> tuple[tuple[Any, ...], bool]:
    """Return the values of a list that are not empty, and whether an empty one is among them."""
    values = as_list(column, value)
    kept = tuple(comparable(scope, column, part) for part in values if not is_empty(part))
    return kept, len(kept) < len(values)


def _in(scope: Scope, column: Column, value: Any) -> Expression:
    kept, has_empty = _members(scope, column, value)
    listed = Condition(column=column, operator=Operator.IN, values=kept)
    if not has_empty:
        return listed
    unset = Condition(column=column, operator=Operator.NOT_SET)
    return AnyOf((listed, unset)) if kept else unset


def _not_in(scope: Scope, column: Column, value: Any) -> Expression:
    kept, has_empty = _members(scope, column, value)
    unlisted = Condition(column=column, operator=Operator.NOT_IN, values=kept)
    if not has_empty:
        return unlisted
    is_set = Condition(column=column, operator=Operator.SET)
    return AllOf((unlisted, is_set)) if kept else is_set


def _like(scope: Scope, column: Column, value: Any) -> Expression:
    pattern = _pattern(column, value)
    if column.field.type.storage is not Storage.DATETIME:
        return Condition(column=column, operator=Operator.LIKE, values=(pattern,))
    if not pattern.strip("%"):
        return Condition(column=column, operator=Operator.SET)
    return _within_days(scope, column, *_days_of_pattern(column, pattern))


def _not_like(scope: Scope, column: Column, value: Any) -> Expression:
    pattern = _pattern(column, value)
    if column.field.type.storage is not Storage.DATETIME:
        return Condition(column=column, operator=Operator.NOT_LIKE, values=(pattern,))
    if not pattern.strip("%"):
        return Condition(column=column, operator=Operator.NOT_SET)
    return _outside_days(scope, column, *_days_of_pattern(column, pattern))


def _pattern(column: Column, value: Any) -> str:
    pattern = as_text(column, "" if value is None else value)
    if len(pattern) > _MAX_PATTERN_LENGTH:
        message = f"A pattern may have at most {_MAX_PATTERN_LENGTH} characters"
        raise InvalidQuery(message, field=column.field.name, limit=_MAX_PATTERN_LENGTH)
    return pattern


def _days_of_pattern(column: Column, pattern: str) -> tuple[date, date]:
    """Return the days that a pattern such as ``2026-01%`` stands for.

    A moment has no text to compare: what is shown of it depends on the zone.
    """
    found = _PREFIX_OF_DAYS.match(pattern)
    if found is not None:
        year, month, day = (int(part) if part else None for part in found.groups())
        try:
            first = date(year or 0, month or 1, day or 1)
            return first, date(first.year, month or 12, day or monthrange(first.year, month or 12)[1])
        except ValueError:
            pass
    raise refuse(column, pattern, "for moments write 'like' and a day, month or year (2026-01%), or use 'between'")


def _between(scope: Scope, column: Column, value: Any) -> Expression:
    values = as_list(column, value)
    if len(values) != 2 or any(is_empty(part) for part in values):  # noqa: PLR2004 - from and to
        raise refuse(column, value, "between takes two values: [from, to]")
    low, high = values
    if column.field.type.storage is Storage.DATETIME:
        last = plain_day(high)
        if last is not None:
            end = end_of(last, scope=scope, column=column)
            return _from_until(column, comparable(scope, column, low), end)
    ends = (comparable(scope, column, low), comparable(scope, column, high))
    return Condition(column=column, operator=Operator.BETWEEN, values=ends)


def _timespan(scope: Scope, column: Column, value: Any) -> Expression:
    if column.field.type.storage not in _DAYS:
        message = f"Timespan needs a Date or Datetime field, and {column.field.name} is {column.field.fieldtype}"
        raise InvalidQuery(message, field=column.field.name)
    today = scope.now.astimezone(scope.zone).date()
    days = days_of(value, today=today) if isinstance(value, str) else None
    if days is None:
        raise refuse(column, value, f"write one of {', '.join(span_names())}")
    return _within_days(scope, column, *days)


def _within_days(scope: Scope, column: Column, first: date, last: date) -> Expression:
    if column.field.type.storage is Storage.DATE:
        return Condition(column=column, operator=Operator.BETWEEN, values=(first, last))
    start = start_of(first, scope=scope, column=column)
    end = end_of(last, scope=scope, column=column)
    return _from_until(column, start, end)


def _from_until(column: Column, start: datetime, end: datetime) -> Expression:
    """Return the condition that a moment is at or after ``start`` and before ``end``."""
    return AllOf(
        (
            Condition(column=column, operator=Operator.GREATER_OR_EQUAL, values=(start,)),
            Condition(column=column, operator=Operator.LESS, values=(end,)),
        ),
    )


def _outside_days(scope: Scope, column: Column, first: date, last: date) -> Expression:
    start = start_of(first, scope=scope, column=column)
    end = end_of(last, scope=scope, column=column)
    return AnyOf(
        (
            Condition(column=column, operator=Operator.LESS, values=(start,)),
            Condition(column=column, operator=Operator.GREATER_OR_EQUAL, values=(end,)),
            Condition(column=column, operator=Operator.NOT_SET),
        ),
    )


def _is(scope: Scope, column: Column, value: Any) -> Expression:  # noqa: ARG001 - one signature for all
    asked = " ".join(value.lower().split()) if isinstance(value, str) else value
    if asked == "set":
        return Condition(column=column, operator=Operator.SET)
    if asked == "not set" or asked is None:
        return Condition(column=column, operator=Operator.NOT_SET)
    raise refuse(column, value, "'is' takes 'set' or 'not set'")


def _in_tree(operator: Operator) -> Make:
    def make(scope: Scope, column: Column, value: Any) -> Expression:
        tree = scope.vocabulary.tree(column, scope.registry)
        return Condition(column=column, operator=operator, values=(as_text(column, value),), tree=tree)

    return make


_MAKERS: Mapping[str, Make] = {
    "=": _equal,
    "!=": _not_equal,
    "<": _compare(Operator.LESS),
    "<=": _compare(Operator.LESS_OR_EQUAL),
    ">": _compare(Operator.GREATER),
    ">=": _compare(Operator.GREATER_OR_EQUAL),
    "like": _like,
    "not like": _not_like,
    "in": _in,
    "not in": _not_in,
    "is": _is,
    "between": _between,
    "timespan": _timespan,
    "descendants of": _in_tree(Operator.BELOW),
    "not descendants of": _in_tree(Operator.NOT_BELOW),
    "descendants of (inclusive)": _in_tree(Operator.BELOW_OR_SAME),
    "ancestors of": _in_tree(Operator.ABOVE),
    "not ancestors of": _in_tree(Operator.NOT_ABOVE),
}
