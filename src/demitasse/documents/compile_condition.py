"""From a condition of a list query to a SQL comparison."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    ColumnElement,
    Select,
    TableClause,
    Text,
    cast,
    column,
    false,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.sql import quoted_name

from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType
from demitasse.documents.query import Condition, Operator

LIKE_ESCAPE = "!"
"""Stands before a character of a pattern that means itself; SQLite's LIKE has none unless it is named."""

Element = ColumnElement[Any]
_ZERO: ColumnElement[int] = literal_column("0")
_TEXTS = frozenset({Storage.SHORT_TEXT, Storage.LONG_TEXT})
_BELOW = frozenset({Operator.BELOW, Operator.NOT_BELOW, Operator.BELOW_OR_SAME})
_NEGATIVE: Mapping[Operator, Operator] = {
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.NOT_LIKE: Operator.LIKE,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_SET: Operator.SET,
    Operator.NOT_BELOW: Operator.BELOW,
    Operator.NOT_ABOVE: Operator.ABOVE,
}
_BY_ORDER: Mapping[Operator, Callable[[Element, BindParameter[Any]], Element]] = {
    Operator.EQUAL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def table_of(doctype: DocType) -> TableClause:
    """Return the table of a DocType with all its columns."""
    columns: list[ColumnClause[Any]] = [column(quoted_name(field.name, quote=True)) for field in doctype.columns]
    return table(quoted_name(doctype.table, quote=True), *columns)


def compare(condition: Condition, element: Element, marks: Sequence[BindParameter[Any]], *, dialect: str) -> Element:
    """Return the comparison of a column with parameters; it is never NULL where the operator accepts empty fields."""
    positive = _NEGATIVE.get(condition.operator)
    if positive is None:
        return _holds(condition, condition.operator, element, marks, dialect)
    fails = ~_holds(condition, positive, element, marks, dialect)
    is_null_when_empty = condition.column.field.type.empty is None
    if not condition.column.is_optional or (positive is Operator.SET and is_null_when_empty):
        return fails
    return or_(fails, element.is_(None))


def _holds(
    condition: Condition,
    wanted: Operator,
    element: Element,
    marks: Sequence[BindParameter[Any]],
    dialect: str,
) -> Element:
    compared = _BY_ORDER.get(wanted)
    if compared is not None:
        return compared(element, marks[0])
    match wanted:
        case Operator.LIKE:
            return _like(condition, element, marks[0], dialect)
        case Operator.IN:
            return element.in_(marks) if marks else false()
        case Operator.SET:
            return element.is_not(None) if condition.column.field.type.empty is None else element != _ZERO
        case Operator.BETWEEN:
            return element.between(marks[0], marks[1])
        case _:
            names = element.in_(_names(condition, marks[0]))
            return or_(element == marks[0], names) if wanted is Operator.BELOW_OR_SAME else names


def _like(condition: Condition, element: Element, pattern: BindParameter[Any], dialect: str) -> Element:
    """Return a comparison with a pattern in which upper and lower case are the same."""
    if condition.column.field.type.storage not in _TEXTS:
        element = cast(element, Text)
    return element.like(pattern) if dialect == "sqlite" else element.ilike(pattern, escape=LIKE_ESCAPE)


def _names(condition: Condition, root: BindParameter[Any]) -> Select[Any]:
    """Return the names below or above a document, found by following the parent field; a circle ends it."""
    tree = condition.tree
    assert tree is not None  # noqa: S101 - these operators have one
    first = table_of(tree.doctype).alias(f"first_{root.key}")
    step = table_of(tree.doctype).alias(f"step_{root.key}")
    parent = tree.parent.name
    if condition.operator in _BELOW:
        start = select(first.c["name"].label("name")).where(first.c[parent] == root)
        found = start.cte(f"tree_{root.key}", recursive=True, nesting=True)
        following = select(step.c["name"]).where(step.c[parent] == found.c["name"])
    else:
        start = select(first.c[parent].label("name")).where(first.c["name"] == root, first.c[parent].is_not(None))
        found = start.cte(f"tree_{root.key}", recursive=True, nesting=True)
        following = select(step.c[parent]).where(step.c["name"] == found.c["name"], step.c[parent].is_not(None))
    return select(found.union(following).c["name"])
