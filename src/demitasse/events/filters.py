"""The filters and tests of templates: Jinja's, paid for by size, and the ones that the compiler puts in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2 import tests as jinja_tests
from jinja2.filters import FILTERS as JINJA_FILTERS

from demitasse.events import arithmetic, attributes
from demitasse.events.budget import Budget
from demitasse.events.errors import NotAllowed
from demitasse.events.functions import bounded_sum, check_precision, strip_html
from demitasse.events.javascript_json import json_text, quoted
from demitasse.events.view import DocumentView
from demitasse.events.wire import Dates, JsonText, is_scalar, plain_text, wire_value
from demitasse.events.wording import words

# Names that only the compiler puts in: the blank keeps templates from using them.
COMPARE = " compare"
CONCAT = " concat"
EACH = " each"
PAID = " paid"
PRINT_TEXT = " print text"
PRINT_IN_STRING = " print in a JSON string"
PRINT_JSON = " print as JSON"

_JINJA_FILTERS = words(
    "abs capitalize count d default dictsort e escape filesizeformat first float groupby int items last length list lower "
    "map max min reject rejectattr reverse select selectattr sort string title trim truncate unique upper "
    "urlencode wordcount"
)
_JINJA_TESTS = words(
    "boolean defined divisibleby even false float integer iterable lower mapping none number odd sequence string true "
    "undefined upper"
)
_TESTS_OF_JINJA: Mapping[str, Callable[..., Any]] = jinja_tests.TESTS  # type: ignore[assignment]
_COMPARING_TESTS: Mapping[str, tuple[str, ...]] = {
    "eq": ("==", "eq", "equalto"),
    "ne": ("!=", "ne"),
    "gt": (">", "gt", "greaterthan"),
    "gteq": (">=", "ge"),
    "lt": ("<", "lt", "lessthan"),
    "lteq": ("<=", "le"),
    "in": ("in",),
}


def _hidden(name: str) -> str:
    return f" jinja {name}"


def _paid(name: str) -> Callable[..., Any]:
    hidden = _hidden(name)

    @pass_context
    def filtered(context: Any, value: Any, *args: Any, **named: Any) -> Any:
        budget: Budget = context.budget
        budget.spend()
        for given in (value, *args, *named.values()):
            budget.spend_on(given)
        result = context.environment.call_filter(hidden, value, args, named, context)
        if isinstance(result, Iterator):  # a chain of lazy ones would be freed, and so unwound, in native code
            return list(_counted(result, budget))
        budget.spend_on(result)
        return result

    return filtered


def _own(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a function of values into a filter that is paid for."""

    @pass_context
    def filtered(context: Any, value: Any, *args: Any, **named: Any) -> Any:
        return attributes.call(context.budget, function, (value, *args), named)

    return filtered


def _comparing(operation: str) -> Callable[..., bool]:
    @pass_context
    def tested(context: Any, left: Any, right: Any) -> bool:
        return arithmetic.compare(context.budget, operation, left, right)

    return tested


@pass_context
def _compare(context: Any, left: Any, *rest: Any) -> bool:
    """Compare a chain: ``rest`` is the name of an operator, an operand, a name, an operand, and so on."""
    context.budget.spend()
    for name, right in zip(rest[::2], rest[1::2], strict=True):
        if not arithmetic.compare(context.budget, name, left, right):
            return False
        left = right
    return True


@pass_context
def _concat(context: Any, *values: Any) -> str:
    return attributes.join([_print_text(context, value) for value in values])


@pass_context
def _each(context: Any, value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    if isinstance(value, DocumentView):
        message = "A document is not a list: loop over one of its tables, as in doc.items"
        raise NotAllowed(message)
    if isinstance(value, Sized):
        context.budget.spend(len(value))
        return value  # type: ignore[return-value]
    return _counted(value, context.budget)


def _counted(values: Iterable[Any], budget: Budget) -> Iterator[Any]:
    for value in values:
        budget.spend()
        budget.spend_on(value)
        yield value


@pass_context
def _pay(context: Any, value: Any) -> Any:
    context.budget.spend_on(value)
    return value


@pass_context
def _print_text(context: Any, value: Any) -> str:
    """Print as Frappe does: nothing is empty, lists and dictionaries are JSON."""
    if isinstance(value, str):
        context.budget.spend_on(value)
        return value
    if is_scalar(value) or isinstance(value, Undefined):  # the text of an unknown name is an error that names it
        return plain_text(value)
    return _to_json(context, value)


@pass_context
def _print_in_string(context: Any, value: Any) -> str:
    """Print as the inside of a JSON string."""
    return quoted(value if type(value) is str else _print_text(context, value))[1:-1]


@pass_context
def _print_json(context: Any, value: Any) -> str:
    """Print as a whole JSON value."""
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is int:
        return str(value)
    return value if kind is JsonText else _to_json(context, value)


@pass_context
def _to_json(context: Any, value: Any, indent: int | None = None) -> JsonText:  # noqa: ARG001 - accepted, as Jinja's
    if isinstance(value, Undefined):
        str(value)  # raises, and names it
    text = json_text(wire_value(value, dates=Dates.ISO, budget=context.budget))
    context.budget.spend_on(text)
    return JsonText(text)


@pass_context
def _join(context: Any, values: Any, separator: str = "", attribute: str | None = None) -> str:
    return attributes.join(_picked(context, values, attribute), separator)


@pass_context
def _sum(context: Any, values: Any, attribute: str | None = None, start: Any = 0) -> Any:
    return bounded_sum(_picked(context, values, attribute), start)


def _picked(context: Any, values: Any, attribute: str | None) -> Iterator[Any]:
    if attribute is not None:
        values = context.environment.call_filter("map", values, (), {"attribute": attribute}, context)
    return _counted(values, context.budget)


@pass_context
def _round(context: Any, value: Any, precision: int = 0, method: str = "common") -> Any:
    return context.environment.call_filter(_hidden("round"), value, (check_precision(precision), method))


class Separator:
    """Jinja's ``joiner``: nothing when it is first called, the separator after that."""

    def __init__(self, separator: str = ", ") -> None:
        self._separator = JsonText(separator) if separator.strip() == "," else separator
        self._used = False

    def __call__(self) -> str:
        """Return what is to stand before the next item."""
        used, self._used = self._used, True
        return self._separator if used else JsonText()


def _format(template: str, *values: Any) -> str:
    return arithmetic.percent_format(template, values)


def _safe(value: Any) -> Any:
    """Change nothing: how a value is escaped follows from where it is printed."""
    return value


FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: _paid(name) for name in _JINJA_FILTERS},
    **{_hidden(name): JINJA_FILTERS[name] for name in (*_JINJA_FILTERS, "round")},
    "format": _own(_format),
    "join": _join,
    "replace": _own(attributes.replace),
    "round": _round,
    "safe": _safe,
    "striptags": _own(strip_html),
    "sum": _sum,
    "tojson": _to_json,
    COMPARE: _compare,
    CONCAT: _concat,
    EACH: _each,
    PAID: _pay,
    PRINT_TEXT: _print_text,
    PRINT_IN_STRING: _print_in_string,
    PRINT_JSON: _print_json,
}
TESTS: Mapping[str, Callable[..., Any]] = {
    **{name: _TESTS_OF_JINJA[name] for name in _JINJA_TESTS},
    **{alias: _comparing(operation) for operation, aliases in _COMPARING_TESTS.items() for alias in aliases},
}
