"""The functions that conditions and templates may call: Frappe's names, in the site's time."""

import calendar
import html
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from demitasse.events.arithmetic import check_width
from demitasse.events.errors import BudgetExceeded, NotAllowed
from demitasse.events.wording import describe

Day = str | date | None
Date = date | str
_MAX_PRECISION = 30
_MAX_NUMBER = 64


class Functions:
    """Frappe's ``frappe.utils`` for one evaluation, as ``utils``; ``now`` is naive and in the site's zone."""

    __slots__ = ("_now",)

    def __init__(self, now: datetime) -> None:
        self._now = now

    def nowdate(self) -> str:
        """Return today as ``YYYY-MM-DD``."""
        return self._now.date().isoformat()

    today = nowdate

    def nowtime(self) -> str:
        """Return the time of day as ``HH:MM:SS.ffffff``."""
        return self._now.time().isoformat("microseconds")

    def now(self) -> str:
        """Return the present moment as ``YYYY-MM-DD HH:MM:SS.ffffff``."""
        return self._now.isoformat(" ", "microseconds")

    def now_datetime(self) -> datetime:
        """Return the present moment."""
        return self._now

    def getdate(self, value: Day = None) -> date:
        """Return the date that a text or a moment stands for; today for nothing."""
        if value is None or value == "":
            return self._now.date()
        moment = _moment(value)
        return moment.date()

    def get_datetime(self, value: Day = None) -> datetime:
        """Return the moment that a text or a date stands for; now for nothing."""
        return self._now if value is None or value == "" else _moment(value)

    def add_to_date(  # noqa: PLR0913, PLR0917 - Frappe's signature
        self,
        value: Day = None,
        years: int = 0,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
    ) -> date | str:
        """Return a later (or earlier) date or moment, as text where a text was given."""
        start = _moment(self.now() if value is None else value)
        year, month = divmod(start.year * 12 + start.month - 1 + cint(years) * 12 + cint(months), 12)
        if not date.min.year <= year <= date.max.year:
            message = f"The year {year} is outside the calendar"
            raise ValueError(message)
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        moved = start.replace(year=year, month=month + 1, day=day)
        moved += timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        has_time = isinstance(value, datetime) or value is None or bool(hours or minutes or seconds)
        if isinstance(value, str):
            return str(moved) if has_time or ":" in value else moved.date().isoformat()
        return moved if has_time else moved.date()

    def add_days(self, value: Day, days: int) -> date | str:
        """Return the date or moment so many days later."""
        return self.add_to_date(value, days=cint(days))

    def add_months(self, value: Day, months: int) -> date | str:
        """Return the date or moment so many months later; the last day of the month where the day is missing."""
        return self.add_to_date(value, months=months)

    def add_years(self, value: Day, years: int) -> date | str:
        """Return the date or moment so many years later."""
        return self.add_to_date(value, years=years)

    def date_diff(self, later: Day, earlier: Day) -> int:
        """Return the days from ``earlier`` to ``later``."""
        return (self.getdate(later) - self.getdate(earlier)).days

    def time_diff_in_seconds(self, later: Day, earlier: Day) -> float:
        """Return the seconds from ``earlier`` to ``later``."""
        return (self.get_datetime(later) - self.get_datetime(earlier)).total_seconds()

    def time_diff_in_hours(self, later: Day, earlier: Day) -> float:
        """Return the hours from ``earlier`` to ``later``, to six decimals."""
        return round(self.time_diff_in_seconds(later, earlier) / 3600, 6)

    def get_first_day(self, value: Day = None) -> date:
        """Return the first day of the month."""
        return self.getdate(value).replace(day=1)

    def get_last_day(self, value: Day = None) -> date:
        """Return the last day of the month."""
        day = self.getdate(value)
        return day.replace(day=calendar.monthrange(day.year, day.month)[1])

    def flt(self, value: Any, precision: int | None = None) -> float:
        """Return a number, 0.0 for what is none; halves are rounded to even."""
        number = _number(value)
        return number if precision is None else self.rounded(number, precision)

    def rounded(self, value: Any, precision: int = 0) -> float:
        """Return a number rounded as people would, halves to even."""
        number = _number(value)
        exact = Decimal(repr(number))
        if exact.adjusted() >= 15:  # noqa: PLR2004 - beyond a float's decimals
            return number
        return float(exact.quantize(Decimal(1).scaleb(-check_precision(precision)), ROUND_HALF_EVEN))

    def cint(self, value: Any) -> int:
        """Return a whole number, 0 for what is none."""
        return cint(value)

    def cstr(self, value: Any) -> str:
        """Return a text, empty for nothing."""
        return "" if value is None else str(value)

    def strip_html(self, value: Any) -> str:
        """Return the text of HTML without its tags."""
        return strip_html(self.cstr(value))


class FrappeNames:
    """What ``frappe`` is in conditions and templates: the door to ``frappe.utils``."""

    __slots__ = ("utils",)

    def __init__(self, utils: Functions) -> None:
        self.utils = utils


FUNCTION_NAMES = frozenset(name for name in vars(Functions) if not name.startswith("_"))


def strip_html(text: str) -> str:
    """Return the text of HTML: tags and comments out, entities resolved, white space as single blanks."""
    kept = []
    at = 0
    while (start := text.find("<", at)) >= 0:
        close = "-->" if text.startswith("<!--", start) else ">"
        end = text.find(close, start)
        if end < 0:
            break
        kept.append(text[at:start])
        at = end + len(close)
    kept.append(text[at:])
    return html.unescape(" ".join("".join(kept).split()))


def cint(value: Any) -> int:
    """Return a whole number, 0 for what is none."""
    return value if type(value) is int else int(_number(value))


def _number(value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value.replace(",", "")) if len(value) <= _MAX_NUMBER else 0.0
        except ValueError:
            return 0.0
    if not isinstance(value, int | float | Decimal):
        return 0.0
    number = float(value)
    return number if math.isfinite(number) else 0.0


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).replace(tzinfo=None)
        except ValueError as error:
            message = f"'{value[:40]}' is not a date; write it as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"
            raise ValueError(message) from error
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the site's time is naive
    message = f"There is no date in {describe(value)}"
    raise TypeError(message)


def check_precision(digits: Any) -> int:
    """Return a number of decimals.

    Raises:
        BudgetExceeded: it is not a whole number, or beyond 30.
    """
    if not isinstance(digits, int) or abs(digits) > _MAX_PRECISION:
        message = f"A precision is a whole number up to {_MAX_PRECISION}"
        raise BudgetExceeded(message)
    return digits


def bounded_round(number: Any, digits: int | None = None) -> Any:
    """Return Python's ``round``."""
    return round(number) if digits is None else round(number, check_precision(digits))


def bounded_sum(numbers: Iterable[Any], start: Any = 0) -> Any:
    """Return the sum of numbers or durations, empty values left out."""
    if not isinstance(start, int | float | Decimal | timedelta):
        message = "Only numbers can be added up with sum"
        raise NotAllowed(message)
    return sum((number for number in numbers if number is not None), start)


def bounded_format(value: Any, spec: str) -> str:
    """Return Python's ``format`` for a width and precision below 1000."""
    check_width(spec)
    return format(value, spec)


BUILT_IN: Mapping[str, Any] = {
    "abs": abs,
    "all": all,
    "any": any,
    "bool": bool,
    "float": float,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": range,
    "round": bounded_round,
    "set": set,
    "sorted": sorted,
    "str": str,
    "sum": bounded_sum,
    "tuple": tuple,
}
