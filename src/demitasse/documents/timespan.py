"""The named spans of days that filters know, counted from today. Source: Frappe's Timespan filter."""

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import date, timedelta

Days = tuple[date, date]
"""First and last day, both included."""

_MONTHS = 12
_QUARTER = 3


def days_of(name: str, *, today: date) -> Days | None:
    """Return the days of a span such as ``last month``, ``None`` when there is no span of that name.

    Weeks begin on Sunday.
    """
    span = _SPANS.get(" ".join(name.lower().split()))
    return span(today) if span else None


def span_names() -> tuple[str, ...]:
    """Return the names of all spans."""
    return tuple(_SPANS)


def _from_to(start: int, end: int) -> Callable[[date], Days]:
    return lambda today: (today + timedelta(days=start), today + timedelta(days=end))


def _week(offset: int) -> Callable[[date], Days]:
    def days(today: date) -> Days:
        sunday = today - timedelta(days=today.isoweekday() % 7) + timedelta(weeks=offset)
        return sunday, sunday + timedelta(days=6)

    return days


def _whole_months(size: int, start: int, end: int) -> Callable[[date], Days]:
    """Return a span of whole periods of ``size`` months, from ``start`` to ``end`` periods away from this one."""

    def days(today: date) -> Days:
        month = today.year * _MONTHS + today.month - 1
        period = month - month % size
        last = period + end * size + size - 1
        first_year, first_month = divmod(period + start * size, _MONTHS)
        last_year, last_month = divmod(last, _MONTHS)
        last_day = monthrange(last_year, last_month + 1)[1]
        return date(first_year, first_month + 1, 1), date(last_year, last_month + 1, last_day)

    return days


_SPANS: Mapping[str, Callable[[date], Days]] = {
    "yesterday": _from_to(-1, -1),
    "today": _from_to(0, 0),
    "tomorrow": _from_to(1, 1),
    "last 7 days": _from_to(-7, 0),
    "last 14 days": _from_to(-14, 0),
    "last 30 days": _from_to(-30, 0),
    "last 90 days": _from_to(-90, 0),
    "next 7 days": _from_to(0, 7),
    "next 14 days": _from_to(0, 14),
    "next 30 days": _from_to(0, 30),
    "last week": _week(-1),
    "this week": _week(0),
    "next week": _week(1),
    "last month": _whole_months(1, -1, -1),
    "this month": _whole_months(1, 0, 0),
    "next month": _whole_months(1, 1, 1),
    "last quarter": _whole_months(_QUARTER, -1, -1),
    "this quarter": _whole_months(_QUARTER, 0, 0),
    "next quarter": _whole_months(_QUARTER, 1, 1),
    "last 6 months": _whole_months(_QUARTER, -2, -1),
    "next 6 months": _whole_months(_QUARTER, 1, 2),
    "last year": _whole_months(_MONTHS, -1, -1),
    "this year": _whole_months(_MONTHS, 0, 0),
    "next year": _whole_months(_MONTHS, 1, 1),
}
