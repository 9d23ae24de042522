"""From ``filters``, in all forms that Frappe takes, to an expression.

- ``{"status": "Open", "qty": [">", 5]}``
- ``[["status", "=", "Open"], ["Sales Order Item", "qty", ">", 5]]``, or one such condition alone
- ``[["status", "=", "Open"], "or", [["qty", ">", 5], "and", ["qty", "<", 9]]]``
"""

from collections.abc import Mapping, Sequence
from typing import Any

from demitasse.documents.query import Expression, all_of, any_of
from demitasse.documents.query_conditions import is_operator, make_condition
from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.query_names import Scope
from demitasse.kernel import json

_MAX_DEPTH = 10
_MAX_PARTS = 300
_WITH_FIELD = 3
_WITH_DOCTYPE = 4
_WITH_FLAG = 5  # Frappe's Desk appends whether the filter is hidden.


def parse_filters(scope: Scope, filters: Any, *, is_any: bool = False) -> Expression | None:
    """Return the expression that filters stand for, ``None`` when there are none.

    Args:
        filters: Decoded values, or JSON text.
        is_any: One of them is enough (``or_filters``).

    Raises:
        InvalidQuery: they cannot be used; the message says why.
        MalformedJson: the text is not JSON.
    """
    if isinstance(filters, str):
        filters = json.decode(filters) if filters.strip() else None
    if filters is None:
        return None
    if isinstance(filters, Mapping):
        return _mapping(scope, filters, is_any=is_any)
    if isinstance(filters, Sequence) and not isinstance(filters, str):
        if filters and isinstance(filters[0], str):
            return _condition(scope, filters)
        return _group(scope, filters, is_any=is_any, depth=0)
    raise _malformed(filters)


def _mapping(scope: Scope, filters: Mapping[Any, Any], *, is_any: bool) -> Expression | None:
    _check_size(filters)
    parts = []
    for name, value in filters.items():
        operator: Any = "="
        wanted = value
        if isinstance(value, list | tuple):
            if len(value) != 2 or not is_operator(value[0]):  # noqa: PLR2004 - operator and value
                message = f'{str(name)[:100]}: write a value, or an operator and a value such as ["in", ["a", "b"]]'
                raise InvalidQuery(message, field=str(name)[:100])
            operator, wanted = value
        parts.append(make_condition(scope, scope.column(name), operator, wanted))
    return (any_of if is_any else all_of)(*parts)


def _group(scope: Scope, filters: Sequence[Any], *, is_any: bool, depth: int) -> Expression | None:
    """Return the parts of a list joined by the words between them, or by what ``is_any`` says where there are none."""
    _check_size(filters)
    if depth > _MAX_DEPTH:
        message = f"Filters may be nested at most {_MAX_DEPTH} deep"
        raise InvalidQuery(message, limit=_MAX_DEPTH)
    items: Sequence[Any] = filters
    words = {word.lower() for word in filters[1::2] if isinstance(word, str)}
    if words:
        if len(words) > 1 or not words <= {"and", "or"} or len(filters) % 2 == 0:
            raise _malformed(filters)
        if not all(isinstance(word, str) for word in filters[1::2]):
            raise _malformed(filters)
        items, is_any = filters[::2], words == {"or"}
    parts = [_part(scope, item, depth=depth) for item in items]
    return (any_of if is_any else all_of)(*parts)


def _part(scope: Scope, item: Any, *, depth: int) -> Expression | None:
    if isinstance(item, Mapping):
        return _mapping(scope, item, is_any=False)
    if not isinstance(item, list | tuple) or not item:
        raise _malformed(item)
    if isinstance(item[0], str) or item[0] is None:
        return _condition(scope, item)
    return _group(scope, item, is_any=False, depth=depth + 1)


def _condition(scope: Scope, item: Sequence[Any]) -> Expression:
    if len(item) == _WITH_FIELD:
        name, operator, value = item
        return make_condition(scope, scope.column(name), operator, value)
    if len(item) not in {_WITH_DOCTYPE, _WITH_FLAG}:
        raise _malformed(item)
    doctype, name, operator, value = item[:_WITH_DOCTYPE]
    return make_condition(scope, scope.column_of(doctype, name), operator, value)


def _check_size(filters: Mapping[Any, Any] | Sequence[Any]) -> None:
    if len(filters) > _MAX_PARTS:
        message = f"A query may have at most {_MAX_PARTS} filters side by side; use 'in' for many values"
        raise InvalidQuery(message, limit=_MAX_PARTS)


def _malformed(filters: Any) -> InvalidQuery:
    shown = str(filters)[:100]
    message = f'{shown} is no filter: write {{"field": value}}, or [["field", "operator", value]]'
    return InvalidQuery(message, filter=shown)
