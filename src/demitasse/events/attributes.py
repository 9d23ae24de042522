"""The one way from a value to an attribute or an item of it; everything that is not listed here is refused."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from demitasse.events.budget import Budget, check_length
from demitasse.events.functions import FUNCTION_NAMES, FrappeNames, Functions
from demitasse.events.view import DocumentView
from demitasse.events.wording import describe, words

MISSING = object()
"""What the two readers give for an attribute or an item that is not there, or may not be read."""

_MAX_FORMAT = 200

_ANY_TEXT = words(
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit islower isnumeric isspace "
    "istitle isupper lower lstrip partition removeprefix removesuffix rfind rindex rpartition rsplit rstrip split "
    "splitlines startswith strip swapcase title upper"
)
_DAY = words("year month day weekday isoweekday isoformat")
_CLOCK = words("hour minute second microsecond isoformat")
_VIEW = words("as_dict get get_doc_before_save has_value_changed is_new")
_ALLOWED: Mapping[type, frozenset[str]] = {
    str: _ANY_TEXT,
    datetime: _DAY | _CLOCK | {"date", "time", "timestamp"},
    date: _DAY,
    time: _CLOCK,
    timedelta: words("days seconds microseconds total_seconds"),
    list: words("count index"),
    tuple: words("count index"),
    dict: words("get items keys values"),
    float: words("is_integer"),
    Functions: FUNCTION_NAMES,
    FrappeNames: words("utils"),
}


def read_attribute(value: object, name: str) -> Any:
    """Return what ``value.name`` stands for: a field, an entry of a dictionary, or a harmless attribute or method."""
    kind = type(value)
    if kind is DocumentView:
        found = value.find(name, MISSING)  # type: ignore[attr-defined]
        if found is MISSING and name in _VIEW:
            return getattr(value, name)
        return found
    if isinstance(value, dict) and name in value:
        return value[name]
    for ancestor in kind.__mro__:
        allowed = _ALLOWED.get(ancestor)
        if allowed is not None:
            if name in allowed:
                return getattr(value, name)
            bounded = _BOUNDED.get((ancestor, name))
            if bounded is not None:
                return partial(bounded, value)
    return MISSING


def read_item(value: Any, key: object) -> Any:
    """Return what ``value[key]`` stands for."""
    if isinstance(value, DocumentView):
        return value.find(key, MISSING) if isinstance(key, str) else MISSING
    if not isinstance(value, str | list | tuple | dict) or isinstance(key, tuple | frozenset):
        return MISSING
    container: Any = value
    try:
        return container[key]
    except (LookupError, TypeError):
        return MISSING


def explain_missing(value: object, name: object) -> str:
    """Return the sentence for an attribute or item that is not there."""
    if isinstance(value, DocumentView):
        return value.explain_unknown(name)
    if value is None:
        return f"There is nothing to read '{name}' of: the value before it is empty (None); test it first"
    return f"There is no '{name}' in {describe(value)}, or it cannot be used here"


def call(budget: Budget, function: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """Call a function that the two readers gave, paying for what goes in and what comes out."""
    budget.spend()
    budget.spend_on(getattr(function, "__self__", None))
    for arg in args:
        budget.spend_on(arg)
    for arg in named.values():
        budget.spend_on(arg)
    result = function(*args, **named)
    budget.spend_on(result)
    return result


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    """Return a text with the first ``count`` finds of ``old`` replaced, all of them where it is negative."""
    found = text.count(old)
    check_length(len(text) + (found if count < 0 else min(found, count)) * len(new))
    return text.replace(old, new, count)


def _join(text: str, items: Iterable[Any]) -> str:
    return join(items, text)


def join(items: Iterable[Any], separator: str = "") -> str:
    """Return the items as texts, nothing as an empty one, with the separator between them."""
    texts = []
    length = 0
    for item in items:
        text = "" if item is None else str(item)
        length += len(text) + len(separator)
        check_length(length)
        texts.append(text)
    return separator.join(texts)


def _padded(pad: Callable[..., str]) -> Callable[..., str]:
    def bounded(text: str, width: int, *fill: str) -> str:
        check_length(width)
        return pad(text, width, *fill)

    return bounded


def _strftime(value: date | time, spec: str) -> str:
    check_length(0 if len(spec) <= _MAX_FORMAT else len(spec) << 20)
    return value.strftime(spec)


_BOUNDED: Mapping[tuple[type, str], Callable[..., Any]] = {
    (str, "replace"): replace,
    (str, "join"): _join,
    (str, "center"): _padded(str.center),
    (str, "ljust"): _padded(str.ljust),
    (str, "rjust"): _padded(str.rjust),
    (str, "zfill"): _padded(str.zfill),
    (datetime, "strftime"): _strftime,
    (date, "strftime"): _strftime,
    (time, "strftime"): _strftime,
}
