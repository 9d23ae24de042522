"""From a list query to the text of a statement, through SQLAlchemy's compiler. Values stay parameters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    distinct,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.mysql.base import MySQLDialect, MySQLIdentifierPreparer
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine import Dialect

from demitasse.doctypes.model import DocType
from demitasse.documents.compile_condition import Element, compare, table_of
from demitasse.documents.query import (
    Aggregate,
    AllOf,
    AnyOf,
    Column,
    Condition,
    Expression,
    ListQuery,
    Operator,
    Order,
    Source,
    SourceKind,
    accepts_empty,
    arity,
    conditions_of,
)
from demitasse.documents.store import MASK

_FINDS = frozenset({Operator.EQUAL, Operator.IN})
_LIMIT, _OFFSET = "limit", "offset"
Tables = Mapping[Source, FromClause]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """SQL for one shape of query, and where its parameters come from.

    Args:
        sql: With ``?`` marks and double-quoted identifiers.
        slots: For each mark an index into: the values of the conditions, then ``constants``, the limit, the offset.
    """

    sql: str
    slots: tuple[int, ...]
    constants: tuple[Any, ...]


def compile_list(query: ListQuery, *, dialect: str) -> Statement:
    """Return the statement that reads the rows of a query."""
    builder = _Builder(query, dialect=dialect, sources=(column.source for column in query.selection.joined))
    selection = query.selection
    statement = builder.rows([builder.shown(output.value) for output in selection.outputs])
    if selection.group_by:
        statement = statement.group_by(*(builder.column(column) for column in selection.group_by))
    statement = statement.order_by(*(builder.ordered(term) for term in selection.order))
    if query.limit is not None:
        statement = statement.limit(bindparam(_LIMIT))
    if query.offset:
        statement = statement.offset(bindparam(_OFFSET))
    return builder.compiled(statement)


def compile_count(query: ListQuery, *, dialect: str) -> Statement:
    """Return the statement that counts the documents for which the conditions of a query hold, at most its limit."""
    builder = _Builder(query, dialect=dialect, sources=())
    if query.limit is None:
        return builder.compiled(builder.rows([func.count()]))
    some = builder.rows([literal_column("1")]).limit(bindparam(_LIMIT)).subquery("some")
    return builder.compiled(select(func.count()).select_from(some))


class _Builder:
    def __init__(self, query: ListQuery, *, dialect: str, sources: Iterable[Source]) -> None:
        self._query = query
        self._dialect = dialect
        self._main = query.selection.main
        self._tables: dict[Source, FromClause] = {self._main: table_of(self._main.doctype)}
        self._from: FromClause = self._tables[self._main]
        self._starts: dict[int, int] = {}
        self._count = 0
        self._names = 0
        for source in sources:
            self._join(source)
        for condition in (*conditions_of(query.where), *conditions_of(query.restriction)):
            self._starts[id(condition)] = self._count
            self._count += arity(condition)
            source = condition.column.source
            if source.kind is SourceKind.LINK:
                self._join(source)
            elif source.kind is SourceKind.MAIN:
                self._tables.setdefault(source, self._main_table(source))

    def rows(self, shown: list[Element]) -> Select[Any]:
        """Return a selection of the rows for which the conditions hold."""
        statement = select(*shown).select_from(self._from)
        for expression in (self._query.where, self._query.restriction):
            if expression is not None:
                statement = statement.where(self._where(expression, self._tables))
        return statement

    def column(self, value: Column) -> Element:
        """Return a column of a joined table."""
        return _in(value, self._tables)

    def shown(self, value: Column | Aggregate) -> Element:
        """Return what is shown for an output; what is encrypted is only told to be there."""
        if isinstance(value, Column) and value.field.type.is_secret:
            return case((self.column(value).is_not(None), bindparam("mask", MASK)))
        return self._value(value, descending=False)

    def ordered(self, term: Order) -> Element:
        """Return a term of the order; empty values are the smallest on every database."""
        element = self._value(term.value, descending=term.is_descending)
        is_optional = isinstance(term.value, Aggregate) or term.value.is_optional
        placed = self._dialect == "postgresql" and is_optional
        if term.is_descending:
            return element.desc().nulls_last() if placed else element.desc()
        return element.asc().nulls_first() if placed else element.asc()

    def compiled(self, statement: Select[Any]) -> Statement:
        """Return the text of a statement and its parameters in order."""
        result = statement.compile(dialect=_DIALECTS[self._dialect])
        names: list[str] = result.positiontup or []
        places = {f"v{number}": number for number in range(self._count)}
        constants = [name for name in dict.fromkeys(names) if name not in places and name not in {_LIMIT, _OFFSET}]
        for name in (*constants, _LIMIT, _OFFSET):
            places[name] = len(places)
        return Statement(
            sql=str(result),
            slots=tuple(places[name] for name in names),
            constants=tuple(result.binds[name].value for name in constants),
        )

    def _value(self, value: Column | Aggregate, *, descending: bool) -> Element:
        if isinstance(value, Column):
            element = self.column(value)
            selection = self._query.selection
            if not selection.is_grouped or any(value is column for column in selection.group_by):
                return element
            return func.max(element) if descending else func.min(element)
        if value.column is None:
            return func.count()
        element = self.column(value.column)
        function: Callable[..., Element] = getattr(func, value.function.value)
        return function(distinct(element) if value.is_distinct else element)

    def _main_table(self, source: Source) -> FromClause:
        """Return the main table for the main source of an expression, which may have been parsed at another time."""
        if source.doctype.name != self._main.doctype.name:
            message = f"An expression on {source.doctype.name} cannot confine a query on {self._main.doctype.name}"
            raise ValueError(message)
        return self._tables[self._main]

    def _join(self, source: Source) -> None:
        if source in self._tables:
            return
        joined = self._new_table(source.doctype)
        self._tables[source] = joined
        main = self._tables[self._main]
        if source.kind is SourceKind.LINK and source.field is not None:
            on = joined.c["name"] == main.c[source.field.name]
        else:
            on = and_(joined.c["parent"] == main.c["name"], *self._belongs(source, joined))
        self._from = self._from.outerjoin(joined, on)

    def _belongs(self, source: Source, rows: FromClause) -> Iterator[Element]:
        """Yield what child rows must have beside their parent's name."""
        yield rows.c["parenttype"] == bindparam("parenttype", self._main.doctype.name)
        if source.field is not None:
            yield rows.c["parentfield"] == bindparam(self._name("parentfield"), source.field.name)

    def _where(self, expression: Expression, tables: Tables) -> Element:
        child = self._child_of(expression, tables)
        if child is not None:
            return self._has_row(child, expression, tables)
        if isinstance(expression, Condition):
            return self._condition(expression, tables)
        join, kind = (and_, AllOf) if isinstance(expression, AllOf) else (or_, AnyOf)
        by_child: dict[Source, list[Expression]] = {}
        elements: list[Element] = []
        for part in expression.parts:
            source = self._child_of(part, tables)
            if source is not None:
                by_child.setdefault(source, []).append(part)
            else:
                elements.append(self._where(part, tables))
        for source, parts in by_child.items():
            elements.append(self._has_row(source, kind(tuple(parts)), tables))
        return join(*elements)

    def _child_of(self, expression: Expression, tables: Tables) -> Source | None:
        """Return the child table that all of an expression is about, unless its rows are joined already."""
        sources = {condition.column.source for condition in conditions_of(expression)}
        source = sources.pop() if len(sources) == 1 else None
        return source if source is not None and source.kind is SourceKind.CHILD and source not in tables else None

    def _has_row(self, source: Source, expression: Expression, tables: Tables) -> Element:
        """Return that a row of the child table fits; where empty values would, a parent without rows fits too."""
        name = tables[self._main].c["name"]
        fitting = self._new_table(source.doctype)
        wanted = (*self._belongs(source, fitting), self._where(expression, {**tables, source: fitting}))
        if _is_selective(expression):
            return name.in_(select(fitting.c["parent"]).where(*wanted))
        element = self._exists(fitting, wanted, tables)
        if not accepts_empty(expression):
            return element
        any_row = self._new_table(source.doctype)
        return or_(element, ~self._exists(any_row, self._belongs(source, any_row), tables))

    def _exists(self, rows: FromClause, wanted: Iterable[Element], tables: Tables) -> Element:
        main = tables[self._main]
        found = select(rows.c["parent"]).where(rows.c["parent"] == main.c["name"], *wanted)
        return found.correlate(main).exists()

    def _condition(self, condition: Condition, tables: Tables) -> Element:
        start = self._starts[id(condition)]
        marks: list[BindParameter[Any]] = [bindparam(f"v{start + number}") for number in range(arity(condition))]
        return compare(condition, _in(condition.column, tables), marks, dialect=self._dialect)

    def _new_table(self, doctype: DocType) -> FromClause:
        return table_of(doctype).alias(self._name("t"))

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"


def _is_selective(expression: Expression) -> bool:
    """Return whether an index finds the few rows that fit, so that starting from them beats a look at each parent."""
    if isinstance(expression, Condition):
        field = expression.column.field
        return expression.operator in _FINDS and (field.search_index or field.unique)
    return isinstance(expression, AllOf) and any(_is_selective(part) for part in expression.parts)


def _in(value: Column, tables: Tables) -> Element:
    return tables[value.source].c[value.field.name]


def _mariadb() -> Dialect:
    """Return the dialect with identifiers in double quotes, as statements have them everywhere."""
    dialect = MySQLDialect(paramstyle="qmark")
    dialect.identifier_preparer = MySQLIdentifierPreparer(dialect, server_ansiquotes=True)
    return dialect


_DIALECTS: Mapping[str, Dialect] = {
    "sqlite": SQLiteDialect(paramstyle="qmark"),
    "postgresql": PGDialect(paramstyle="qmark"),  # type: ignore[no-untyped-call]
    "mariadb": _mariadb(),
}
