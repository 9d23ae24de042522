"""``frappe.utils``: conversions, dates and addresses, as app code uses them. Naive times are in the site's zone."""

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from urllib.parse import urljoin

from demitasse.events.functions import Functions
from demitasse.frappe.context import current, find_current
from demitasse.frappe.exceptions import InvalidEmailAddressError, ValidationError
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.ids import random_name

_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+\Z")
_TAGS = re.compile(r"<[^>]*>")
_FALSE = frozenset({"", "0", "false", "no", "n", "f"})


def now_datetime() -> datetime:
    """Return the present moment."""
    site = current().site
    return site.documents.clock().astimezone(site.settings.zone).replace(tzinfo=None)


def now() -> str:
    """Return the present moment as text."""
    return str(now_datetime())


def nowdate() -> str:
    """Return today as ``YYYY-MM-DD``."""
    return now_datetime().date().isoformat()


today = nowdate


def nowtime() -> str:
    """Return the time of day as text."""
    return str(now_datetime().time())


def getdate(value: Any = None) -> date | None:
    """Return a date; today without a value, ``None`` for an empty text."""
    if value is None:
        return now_datetime().date()
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not value:
        return None
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError as error:
        message = f"{value!r} is not a date; write it as YYYY-MM-DD"
        raise ValidationError(message) from error


def get_datetime(value: Any = None) -> datetime | None:
    """Return a moment; the present one without a value."""
    if value is None:
        return now_datetime()
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, timedelta):
        return datetime.combine(now_datetime().date(), time()) + value
    if not value:
        return None
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        message = f"{value!r} is not a moment; write it as YYYY-MM-DD HH:MM:SS"
        raise ValidationError(message) from error


def add_to_date(
    value: Any = None,
    years: int = 0,
    months: int = 0,
    weeks: int = 0,
    days: int = 0,
    hours: int = 0,
    minutes: int = 0,
    seconds: int = 0,
    as_string: bool = False,
    as_datetime: bool = False,
) -> Any:
    """Return a date or moment moved; a text stays a text.

    Raises:
        ValidationError: the value is no date, or the result is outside the calendar.
    """
    if as_datetime:
        value = get_datetime(value)
    moved = _dated("add_to_date", value, years, months, weeks, days, hours, minutes, seconds)
    return str(moved) if as_string else moved


def add_days(value: Any, days: float) -> Any:
    """Return a date moved by days; a text stays a text."""
    return _dated("add_days", value, int(days))


def add_months(value: Any, months: int) -> Any:
    """Return a date moved by months; the last day of the month where the day is missing."""
    return _dated("add_months", value, int(months))


def add_years(value: Any, years: int) -> Any:
    """Return a date moved by years."""
    return _dated("add_years", value, int(years))


def date_diff(later: Any, earlier: Any) -> int:
    """Return the days between two dates."""
    return int(_dated("date_diff", later, earlier))


def time_diff_in_seconds(later: Any, earlier: Any) -> float:
    """Return the seconds between two moments."""
    return float(_dated("time_diff_in_seconds", later, earlier))


def get_first_day(value: Any) -> date:
    """Return the first day of a month."""
    found: date = _dated("get_first_day", value)
    return found


def get_last_day(value: Any) -> date:
    """Return the last day of a month."""
    found: date = _dated("get_last_day", value)
    return found


def _dated(name: str, *arguments: Any) -> Any:
    """Return what a function of conditions and templates gives: apps and webhooks reckon dates alike."""
    try:
        return getattr(Functions(now_datetime()), name)(*arguments)
    except (ValueError, OverflowError, DemitasseError) as error:
        raise ValidationError(str(error)) from error


def formatdate(value: Any = None, *_: Any) -> str:
    """Return a date as ``YYYY-MM-DD``."""
    found = getdate(value)
    return found.isoformat() if found else ""


def cint(value: Any, default: int = 0) -> int:
    """Return a whole number; ``default`` for what is none."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def flt(value: Any, precision: int | None = None) -> float:
    """Return a number, rounded half to even when a precision is given; 0 for what is none."""
    if type(value) is float:
        return value if precision is None else rounded(value, precision)
    if isinstance(value, str):
        value = value.replace(",", "")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    return number if precision is None else rounded(number, precision)


def rounded(value: float, precision: int = 0, rounding_method: str | None = None) -> float:
    """Return a number rounded in decimal, half to even (``Commercial Rounding``: half away from zero)."""
    if type(value) is float and precision >= 0 and value.is_integer():
        return value
    mode = ROUND_HALF_UP if rounding_method == "Commercial Rounding" else ROUND_HALF_EVEN
    try:
        return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-precision), rounding=mode))
    except InvalidOperation:
        return float(value)


def cstr(value: Any) -> str:
    """Return text; an empty one for ``None``."""
    if value is None:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def sbool(value: Any) -> Any:
    """Return a truth value for the texts that mean one; other values as they are."""
    lowered = str(value).lower()
    if lowered in {"true", "1"}:
        return True
    return False if lowered in {"false", "0"} else value


def strip_html(text: str) -> str:
    """Return text without its tags."""
    return _TAGS.sub("", text)


def escape_html(text: str) -> str:
    """Return text safe to stand in HTML."""
    table = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
    return "".join(table.get(letter, letter) for letter in cstr(text))


def validate_email_address(email_str: str, throw: bool = False) -> str:
    """Return an e-mail address when it is one, else an empty text.

    Raises:
        InvalidEmailAddressError: it is none and ``throw`` is set.
    """
    text = cstr(email_str).strip()
    if _EMAIL.match(text):
        return text
    if throw:
        message = f"{text} is not a valid Email Address"
        raise InvalidEmailAddressError(message, title="Invalid Email")
    return ""


def get_url(uri: str | None = None, full_address: bool = False) -> str:
    """Return the address of the site, or of a path on it."""
    call = find_current()
    host = call.site.settings.host_name if call else None
    if host is None and call is not None and call.request is not None:
        host = f"http://{call.request.headers.get('host', 'localhost')}"
    base = (host or "http://localhost:8000").rstrip("/")
    if "://" not in base:
        base = f"https://{base}"
    return urljoin(base + "/", (uri or "").lstrip("/")) if uri else base


def random_string(length: int) -> str:
    """Return random letters and digits."""
    return random_name(length)


def unique(items: Any) -> list[Any]:
    """Return the items once each, in order."""
    return list(dict.fromkeys(items))


def comma_and(items: Any, add_quotes: bool = True) -> str:
    """Return items as a sentence's list."""
    texts = [f"'{item}'" if add_quotes else str(item) for item in items]
    return ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + (texts[-1] if texts else "")


def is_false(value: Any) -> bool:
    """Return whether a text means no."""
    return cstr(value).strip().lower() in _FALSE


def fmt_money(amount: float, precision: int | None = None, currency: str | None = None, **_: Any) -> str:
    """Return an amount with thousands separated, and its currency."""
    text = f"{flt(amount):,.{2 if precision is None else precision}f}"
    return f"{currency} {text}" if currency else text
