"""A list query as values: columns of which rows, in which order. It is made by parsing and holds no text of a caller.

Columns are made once for each version of a DocType and are compared by identity, so that the shape of a query (all but
its values) is a cheap key for what is compiled from it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any

from demitasse.doctypes.model import DocType, Field

Readable = Callable[[DocType, Field], bool]
"""Whether the one who asks may read a field of a DocType."""


class SourceKind(Enum):
    """How a table takes part in a query."""

    MAIN = "main"
    LINK = "link"
    CHILD = "child"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A table that a query reads.

    Args:
        field: The Link or table field of the main DocType that leads here. ``None`` for the main table itself, and for
            the rows of a child DocType whichever of several table fields they belong to.
    """

    kind: SourceKind
    doctype: DocType
    field: Field | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A field in a source.

    Args:
        is_optional: The column can hold NULL. Empty text, dates and times are NULL, an empty number is 0.
    """

    source: Source
    field: Field
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tree:
    """A DocType whose documents name their parent in a Link field."""

    doctype: DocType
    parent: Field


class Function(StrEnum):
    """The aggregates that a query may use."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A function over the rows of a group; ``column`` is ``None`` for ``count(*)``."""

    function: Function
    column: Column | None
    is_distinct: bool = False


class Operator(StrEnum):
    """How a condition compares. The negative ones hold for empty fields, the others but ``NOT_SET`` do not."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "like"
    NOT_LIKE = "not like"
    IN = "in"
    NOT_IN = "not in"
    BETWEEN = "between"
    SET = "is set"
    NOT_SET = "is not set"
    BELOW = "descendants of"
    NOT_BELOW = "not descendants of"
    BELOW_OR_SAME = "descendants of (inclusive)"
    ABOVE = "ancestors of"
    NOT_ABOVE = "not ancestors of"


_ACCEPTS_EMPTY = frozenset(
    {
        Operator.NOT_EQUAL,
        Operator.NOT_LIKE,
        Operator.NOT_IN,
        Operator.NOT_SET,
        Operator.NOT_BELOW,
        Operator.NOT_ABOVE,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison.

    Args:
        values: Kept values (see ``doctypes.field_types``), never ``None``; as many as the operator takes.
        tree: Where descendants and ancestors are looked up.
    """

    column: Column
    operator: Operator
    values: tuple[Any, ...] = ()
    tree: Tree | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds. Parts on one child table hold for one and the same row of it."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Expression", ...]


Expression = Condition | AllOf | AnyOf
_LISTS = frozenset({Operator.IN, Operator.NOT_IN})


def conditions_of(expression: Expression | None) -> Iterator[Condition]:
    """Yield the conditions of an expression in the order in which their values are numbered."""
    if isinstance(expression, Condition):
        yield expression
    elif expression is not None:
        for part in expression.parts:
            yield from conditions_of(part)


def arity(condition: Condition) -> int:
    """Return how many parameters a condition has: lists are padded, so that few sizes of statement serve all."""
    count = len(condition.values)
    return 1 << (count - 1).bit_length() if count and condition.operator in _LISTS else count


def accepts_empty(expression: Expression) -> bool:
    """Return whether an expression holds for a row in which every field is empty."""
    if isinstance(expression, Condition):
        return expression.operator in _ACCEPTS_EMPTY
    return (all if isinstance(expression, AllOf) else any)(accepts_empty(part) for part in expression.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A column of the result and the name it is shown under."""

    name: str
    value: Column | Aggregate


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A term of the order."""

    value: Column | Aggregate
    is_descending: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """What a query shows and in which order; the same text gives the same object.

    Args:
        joined: The columns that it uses of other sources than the main one.
        is_grouped: Rows are groups. Columns that are neither grouped by nor aggregated then show the smallest value of
            their group, and order by the smallest (ascending) or largest (descending) one.
    """

    main: Source
    outputs: tuple[Output, ...]
    names: tuple[str, ...]
    order: tuple[Order, ...]
    group_by: tuple[Column, ...]
    joined: tuple[Column, ...]
    is_grouped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A list query, ready to be compiled.

    Args:
        where: What the caller asks for.
        restriction: What the caller is confined to.
        limit: Most rows, ``None`` for all.
    """

    selection: Selection
    where: Expression | None = None
    restriction: Expression | None = None
    limit: int | None = None
    offset: int = 0

    @property
    def doctype(self) -> DocType:
        """The DocType whose documents are listed."""
        return self.selection.main.doctype

    def restricted(self, expression: Expression | None) -> "ListQuery":
        """Return the query confined to rows for which ``expression`` holds too."""
        return replace(self, restriction=all_of(self.restriction, expression))


def all_of(*parts: Expression | None) -> Expression | None:
    """Return what holds when every part does; ``None`` holds always."""
    return _joined(AllOf, parts)


def any_of(*parts: Expression | None) -> Expression | None:
    """Return what holds when one part does; parts that are ``None`` are left out."""
    return _joined(AnyOf, parts)


def _joined(kind: type[AllOf] | type[AnyOf], parts: tuple[Expression | None, ...]) -> Expression | None:
    flat: list[Expression] = []
    for part in parts:
        if isinstance(part, kind):
            flat.extend(part.parts)
        elif part is not None:
            flat.append(part)
    if len(flat) > 1:
        return kind(tuple(flat))
    return flat[0] if flat else None
