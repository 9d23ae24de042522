"""Lists that app code asks for again and again: the same fields, by exact values. They are read without the parser.

A request is remembered by all of it but the values; the next one of its shape binds its own to the statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType
from demitasse.documents.query import ListQuery
from demitasse.documents.query_run import Plan, Rows, compile_query, run_plan

_PARTS = frozenset({"fields", "filters", "order_by", "limit"})
_TEXTS = frozenset({Storage.SHORT_TEXT, Storage.LONG_TEXT})
_NUMBERS = frozenset({Storage.INTEGER, Storage.SMALL_INTEGER})
_MAX_NUMBER = 2**31
_MAX_MEMBERS = 64
_MAX_KEPT = 256
Key = tuple[Any, ...]
Test = tuple[str, type, Any]
"""One filter without its values: the field, their type, and the size of a list, or the word after ``is``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What was asked: ``key`` is the same for requests that differ in nothing but their values."""

    key: Key
    values: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A request that was run before."""

    plan: Plan
    limit: int | None

    def run(self, tx: Transaction, shape: Shape) -> Rows:
        """Run it with other values."""
        return run_plan(tx, self.plan, shape.values, limit=self.limit, offset=0)


def shape_of(asked: Mapping[str, Any]) -> Shape | None:
    """Return the shape of a request; ``None`` where more than plain values would have to be bound."""
    filters, fields = asked.get("filters"), asked.get("fields")
    if type(filters) is not dict or not isinstance(fields, list | tuple) or not _PARTS.issuperset(asked):
        return None
    tests: list[Test] = []
    values: list[Any] = []
    for name, value in filters.items():
        kind = type(value)
        if (kind is str and value) or (kind is int and -_MAX_NUMBER < value < _MAX_NUMBER):
            tests.append((name, kind, None))
            values.append(value)
        elif kind is list or kind is tuple:
            test = _listed(name, value, values)
            if test is None:
                return None
            tests.append(test)
        else:
            return None
    if not all(type(field) is str for field in fields):
        return None
    return Shape(key=(tuple(fields), tuple(tests), asked.get("order_by"), asked.get("limit")), values=values)


def remember(kept: dict[Key, Any], doctype: DocType, shape: Shape, query: ListQuery, *, dialect: str) -> None:
    """Keep what was compiled for a request, if it names only columns of the DocType, and values of their own types."""
    fields, tests, order_by, limit = shape.key
    is_plain = isinstance(order_by, str | None) and isinstance(limit, int | None)
    if not is_plain or not all(_fits(doctype, *test) for test in tests):
        return
    if not all(_storage(doctype, name) for name in fields):
        return
    if len(kept) >= _MAX_KEPT:
        kept.clear()
    kept[shape.key] = Repeated(plan=compile_query(query, dialect=dialect).plan, limit=query.limit)


def _fits(doctype: DocType, name: Any, kind: type, _: Any) -> bool:
    return _storage(doctype, name) in (_TEXTS if kind is str else _NUMBERS)


def _storage(doctype: DocType, name: Any) -> Storage | None:
    field = doctype.by_name.get(doctype.canonical(name) or "") if isinstance(name, str) else None
    return None if field is None else field.type.storage


def _listed(name: Any, value: Any, values: list[Any]) -> Test | None:
    """Return the test of ``["in", [...]]`` and ``["is", "set"]``; a list's last text is repeated up to a common size."""
    if len(value) != 2:  # noqa: PLR2004 - operator and value
        return None
    operator, members = value
    if operator == "is" and type(members) is str:
        return name, str, members
    if operator != "in" or type(members) is not list or not 0 < len(members) <= _MAX_MEMBERS:
        return None
    if not all(type(member) is str and member for member in members):
        return None
    size = 1 << (len(members) - 1).bit_length()
    values.extend(members)
    values.extend(members[-1:] * (size - len(members)))
    return name, str, size
