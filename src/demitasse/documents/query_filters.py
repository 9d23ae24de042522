"""From ``filters``, in all forms that Frappe takes, to an expression.

- ``{"status": "Open", "qty": [">", 5]}``
- ``[["status", "=", "Open"], ["Sales Order Item", "qty", ">", 5]]``, or one such condition alone
- ``[["status", "=", "Open"], "or", [["qty", ">", 5], "and", ["qty", "<", 9]]]``
"""

from collections.abc import Mapping, Sequence
from typing import Any

from demitasse.documents.query import Column, Expression, all_of, any_of
from demitasse.documents.query_conditions import is_operator, make_condition
from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.query_names import Scope
from demitasse.kernel import json

_MAX_DEPTH = 10
_MAX_CONDITIONS = 500
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
    reader = _Reader(scope)
    if isinstance(filters, Mapping):
        return reader.mapping(filters, is_any=is_any)
    if isinstance(filters, Sequence) and not isinstance(filters, str):
        if filters and isinstance(filters[0], str):
            return reader.condition(filters)
        return reader.group(filters, is_any=is_any, depth=0)
    raise _malformed(filters)


class _Reader:
    """Reads the filters of one request, and stops where there are too many."""

    __slots__ = ("_left", "_scope")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._left = _MAX_CONDITIONS

    def mapping(self, filters: Mapping[Any, Any], *, is_any: bool) -> Expression | None:
        """Return what ``{"field": value}`` or ``{"field": [operator, value]}`` stands for."""
        parts = []
        for name, value in filters.items():
            operator: Any = "="
            wanted = value
            if isinstance(value, list | tuple):
                if len(value) != 2 or not is_operator(value[0]):  # noqa: PLR2004 - operator and value
                    message = f'{str(name)[:100]}: write a value, or an operator and a value such as ["in", ["a", "b"]]'
                    raise InvalidQuery(message, field=str(name)[:100])
                operator, wanted = value
            parts.append(self._make(self._scope.column(name), operator, wanted))
        return (any_of if is_any else all_of)(*parts)

    def group(self, filters: Sequence[Any], *, is_any: bool, depth: int) -> Expression | None:
        """Return the parts of a list joined by the words between them, or by ``is_any`` where there are none."""
        if depth > _MAX_DEPTH:
            message = f"Filters may be nested at most {_MAX_DEPTH} deep"
            raise InvalidQuery(message, limit=_MAX_DEPTH)
        between = filters[1::2]
        words = {word.lower() for word in between if isinstance(word, str)}
        if not words:
            parts = [self._part(item, depth=depth) for item in filters]
            return (any_of if is_any else all_of)(*parts)
        is_whole = len(filters) % 2 == 1 and all(isinstance(word, str) for word in between)
        if not is_whole or words not in ({"and"}, {"or"}):
            raise _malformed(filters)
        parts = [self._part(item, depth=depth) for item in filters[::2]]
        return (any_of if words == {"or"} else all_of)(*parts)

    def condition(self, item: Sequence[Any]) -> Expression:
        """Return what ``[field, operator, value]``, or the same after a DocType, stands for."""
        if len(item) == _WITH_FIELD:
            name, operator, value = item
            return self._make(self._scope.column(name), operator, value)
        if len(item) not in {_WITH_DOCTYPE, _WITH_FLAG}:
            raise _malformed(item)
        doctype, name, operator, value = item[:_WITH_DOCTYPE]
        return self._make(self._scope.column_of(doctype, name), operator, value)

    def _part(self, item: Any, *, depth: int) -> Expression | None:
        if isinstance(item, Mapping):
            return self.mapping(item, is_any=False)
        if not isinstance(item, list | tuple) or not item:
            raise _malformed(item)
        if isinstance(item[0], str) or item[0] is None:
            return self.condition(item)
        return self.group(item, is_any=False, depth=depth + 1)

    def _make(self, column: Column, operator: Any, value: Any) -> Expression:
        self._left -= 1
        if self._left < 0:
            message = f"A query may have at most {_MAX_CONDITIONS} filters; use 'in' for many values"
            raise InvalidQuery(message, limit=_MAX_CONDITIONS)
        return make_condition(self._scope, column, operator, value)


def _malformed(filters: Any) -> InvalidQuery:
    shown = str(filters)[:100]
    message = f'{shown} is no filter: write {{"field": value}}, or [["field", "operator", value]]'
    return InvalidQuery(message, filter=shown)
