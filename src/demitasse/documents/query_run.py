"""Running list queries: the statement of a shape is compiled once and kept, values are bound, rows are decoded.

A shape is a query without its values. Columns and selections are compared by identity, so a new version of a DocType has
new shapes, and what was compiled for the old one ages out of the cache.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from demitasse.db.codec import decoders, encoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.documents.compile import Statement, compile_count, compile_list
from demitasse.documents.compile_condition import LIKE_ESCAPE
from demitasse.documents.query import (
    AllOf,
    Column,
    Condition,
    Expression,
    Function,
    ListQuery,
    Operator,
    Output,
    arity,
    conditions_of,
)
from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.recent import Recent

_PLANS_KEPT = 2048
_MAX_SHAPE = 2400
_MAX_VALUES = 30_000
_LIKE = frozenset({Operator.LIKE, Operator.NOT_LIKE})
Convert = Callable[[Any], Any]
Conversions = tuple[tuple[int, Convert], ...]
"""Indexes, and what is done with the values there that are not ``None``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is worked out once for a shape of query on one database."""

    statement: Statement
    names: tuple[str, ...]
    outputs: tuple[Output, ...]
    encode: Conversions
    decode: Conversions
    shown: dict[tzinfo, Conversions]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A query as SQL with its parameters."""

    sql: str
    parameters: tuple[Any, ...]
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows that a query found."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each row by name."""
        names = self.names
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def run_query(tx: Transaction, query: ListQuery) -> Rows:
    """Return the rows with kept values: dates, aware moments in UTC, times of day as spans; secrets as a mask."""
    compiled = compile_query(query, dialect=tx.dialect)
    rows = tx.execute(compiled.sql, compiled.parameters)
    return Rows(names=compiled.plan.names, rows=_converted(rows, compiled.plan.decode))


def run_plan(tx: Transaction, plan: Plan, values: list[Any], *, limit: int | None, offset: int) -> Rows:
    """Return the rows that a plan finds with other values, as ``run_query`` does.

    Args:
        values: Those of the conditions in their order, lists padded as ``arity`` has it; they are used up.
    """
    rows = tx.execute(plan.statement.sql, _bound(plan, values, limit=limit, offset=offset))
    return Rows(names=plan.names, rows=_converted(rows, plan.decode))


def run_query_wire(tx: Transaction, query: ListQuery, *, zone: tzinfo) -> Rows:
    """Return the rows as the API shows them: moments as naive text in the zone, dates and times of day as text."""
    compiled = compile_query(query, dialect=tx.dialect)
    plan = compiled.plan
    conversions = plan.shown.get(zone)
    if conversions is None:
        conversions = plan.shown[zone] = _wire_conversions(plan.outputs, tx.dialect, zone)
    rows = tx.execute(compiled.sql, compiled.parameters)
    return Rows(names=plan.names, rows=_converted(rows, conversions))


def count_query(tx: Transaction, query: ListQuery, *, most: int | None = None) -> int:
    """Return for how many documents the conditions hold; fields, groups and limits of the query do not matter.

    Args:
        most: The database stops counting there.
    """
    compiled = _compiled(replace(query, limit=most, offset=0), tx.dialect, query.selection.main, compile_count)
    return int(tx.execute(compiled.sql, compiled.parameters)[0][0])


def compile_query(query: ListQuery, *, dialect: str) -> Compiled:
    """Return the SQL of a query for a database, with its parameters in order.

    Raises:
        InvalidQuery: it has more conditions or values than a database takes.
    """
    return _compiled(query, dialect, query.selection, compile_list)


# Keys hold the columns and selections that they name, so an identity is never used twice while it is one.
_PLANS: Recent[tuple[Any, ...], Plan] = Recent(_PLANS_KEPT)


def _compiled(query: ListQuery, dialect: str, subject: object, compile_: Callable[..., Statement]) -> Compiled:
    shape: list[Any] = [subject, dialect, query.limit is None, not query.offset]
    values: list[Any] = []
    if query.where is not None:
        _trace(query.where, shape, values)
    if query.restriction is not None:
        shape.append("and")
        _trace(query.restriction, shape, values)
    key = tuple(shape)
    plan = _PLANS.get(key)
    if plan is None:
        _check_size(shape, values)
        plan = _make_plan(query, dialect, compile_)
        _PLANS.put(key, plan)
    parameters = _bound(plan, values, limit=query.limit, offset=query.offset)
    return Compiled(sql=plan.statement.sql, parameters=parameters, plan=plan)


def _bound(plan: Plan, values: list[Any], *, limit: int | None, offset: int) -> tuple[Any, ...]:
    for index, convert in plan.encode:
        values[index] = convert(values[index])
    values.extend(plan.statement.constants)
    values.append(limit)
    values.append(offset)
    return tuple([values[slot] for slot in plan.statement.slots])


def _trace(expression: Expression, shape: list[Any], values: list[Any]) -> None:
    """Append the shape of an expression, in a form that no two expressions share, and its values."""
    if not isinstance(expression, Condition):
        shape.append(AllOf if isinstance(expression, AllOf) else None)
        shape.append(len(expression.parts))
        for part in expression.parts:
            _trace(part, shape, values)
        return
    size = arity(expression)
    shape.append(expression.column)
    shape.append(expression.operator)
    shape.append(size)
    shape.append(expression.tree)
    values.extend(expression.values)
    missing = size - len(expression.values)
    if missing:
        values.extend(expression.values[-1:] * missing)


def _check_size(shape: list[Any], values: list[Any]) -> None:
    if len(shape) > _MAX_SHAPE or len(values) > _MAX_VALUES:
        message = f"The query has too many filters, or more than {_MAX_VALUES} values: ask in several steps"
        raise InvalidQuery(message, limit=_MAX_VALUES)


def _make_plan(query: ListQuery, dialect: str, compile_: Callable[..., Statement]) -> Plan:
    outputs = query.selection.outputs if compile_ is compile_list else ()
    return Plan(
        statement=compile_(query, dialect=dialect),
        names=tuple(output.name for output in outputs),
        outputs=outputs,
        encode=tuple(_encoding(query, dialect)),
        decode=_conversions(outputs, dialect, decoders(dialect)),
        shown={},
    )


def _encoding(query: ListQuery, dialect: str) -> Iterable[tuple[int, Convert]]:
    """Yield the values that a column does not hold as they are."""
    by_storage = encoders(dialect)
    index = 0
    for condition in (*conditions_of(query.where), *conditions_of(query.restriction)):
        storage = condition.column.field.type.storage
        convert = by_storage.get(storage) if storage is not None else None
        if condition.operator in _LIKE:
            convert = _escaped if dialect != "sqlite" else None
        for number in range(arity(condition)):
            if convert is not None:
                yield index + number, convert
        index += arity(condition)


def _escaped(pattern: str) -> str:
    return pattern.replace(LIKE_ESCAPE, LIKE_ESCAPE * 2)


def _conversions(
    outputs: Sequence[Output],
    dialect: str,
    by_storage: Mapping[Storage, Convert],
) -> Conversions:
    found = []
    for index, output in enumerate(outputs):
        convert: Convert | None
        if isinstance(output.value, Column) or output.value.function in {Function.MIN, Function.MAX}:
            column = output.value if isinstance(output.value, Column) else output.value.column
            storage = column.field.type.storage if column is not None else None
            convert = by_storage.get(storage) if storage is not None else None
        else:
            convert = _NUMBERS.get(output.value.function) if dialect != "sqlite" else None
        if convert is not None:
            found.append((index, convert))
    return tuple(found)


def _sum(value: Any) -> float:
    """Return a sum as a number; the servers add integers up to a decimal."""
    return value if isinstance(value, float) else int(value)


_NUMBERS: Mapping[Function, Convert] = {Function.SUM: _sum, Function.AVG: float}


def _wire_conversions(outputs: Sequence[Output], dialect: str, zone: tzinfo) -> Conversions:
    kept = decoders(dialect)
    moment, time = kept[Storage.DATETIME], kept[Storage.TIME]
    by_storage: dict[Storage, Convert] = {Storage.TIME: lambda value: str(time(value))}
    if dialect != "sqlite":
        by_storage[Storage.DATE] = date.isoformat
    if dialect != "sqlite" or not (zone is UTC or getattr(zone, "key", "") == "UTC"):
        by_storage[Storage.DATETIME] = lambda value: _naive_text(moment(value), zone)
    return _conversions(outputs, dialect, by_storage)


def _naive_text(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).replace(tzinfo=None).isoformat(" ", "microseconds")


def _converted(rows: list[tuple[Any, ...]], conversions: Conversions) -> list[tuple[Any, ...]]:
    if not conversions:
        return rows
    found = []
    for row in rows:
        values = list(row)
        for index, convert in conversions:
            if values[index] is not None:
                values[index] = convert(values[index])
        found.append(tuple(values))
    return found
