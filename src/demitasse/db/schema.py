"""Tables from metadata: made when missing, extended when they lack a column or an index, never narrowed.

Three kinds of statement are enough for that (docs/decisions/0002-additive-schema.md), so they are written here and not
by a migration tool.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage

KEY_LENGTH = 140
_MAX_IDENTIFIER = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """A column; ``default`` is what rows that are there already get (and rows that name no value)."""

    name: str
    storage: Storage
    length: int | None = None
    nullable: bool = True
    default: int | float | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """An index over columns, in order.

    Args:
        where_set: It holds only rows in which this column is set; databases that cannot do that leave none out.
    """

    columns: tuple[str, ...]
    unique: bool = False
    where_set: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """A table.

    Args:
        autoincrement: The key is one integer column, counted by the database and never used twice.
        is_small: Its rows are little more than their key: they are kept in the key's own tree, where there is a choice.
    """

    name: str
    columns: tuple[ColumnSpec, ...]
    primary_key: tuple[str, ...]
    autoincrement: bool = False
    is_small: bool = False
    indexes: tuple[IndexSpec, ...] = ()


def ensure_tables(tx: Transaction, specs: Iterable[TableSpec]) -> list[str]:
    """Make what is missing and return one line for each change.

    Args:
        tx: A writing transaction; on SQLite and PostgreSQL the changes are part of it.
        specs: The tables as they must be; columns and tables that are not named are left alone.
    """
    dialect = _DIALECTS[tx.dialect]
    changes: list[str] = []
    for spec in specs:
        table = _table(spec, tx.dialect)
        present = _present_columns(tx, spec.name)
        if not present:
            tx.run(str(CreateTable(table).compile(dialect=dialect)))
            changes.append(f"made table {spec.name}")
        else:
            for column in table.columns:
                if column.name not in present:
                    definition = CreateColumn(column).compile(dialect=dialect)
                    tx.run(f'ALTER TABLE "{spec.name}" ADD COLUMN {definition}')
                    changes.append(f"added column {spec.name}.{column.name}")
        indexes = _present_indexes(tx, spec.name)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.name not in indexes:
                tx.run(str(CreateIndex(index).compile(dialect=dialect)))
                changes.append(f"added index {index.name}")
    return changes


def _sqlite_dialect() -> Dialect:
    return sqlite.dialect()  # type: ignore[no-untyped-call,no-any-return,unused-ignore]


_DIALECTS: dict[str, Dialect] = {
    "sqlite": _sqlite_dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call,unused-ignore]
    "mariadb": mysql.dialect(),  # type: ignore[no-untyped-call,unused-ignore]
}


def _type(column: ColumnSpec, dialect: str) -> TypeEngine[Any]:  # noqa: PLR0911 - one line for each storage
    """Return the column type; SQLite keeps moments as text that sorts, the servers in their own types."""
    match column.storage:
        case Storage.SHORT_TEXT:
            return String(column.length or KEY_LENGTH)
        case Storage.LONG_TEXT:
            return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
        case Storage.INTEGER:
            return Integer() if dialect == "sqlite" else BigInteger()
        case Storage.SMALL_INTEGER:
            return SmallInteger()
        case Storage.FLOAT:
            return Double()
        case Storage.DATE:
            return Text() if dialect == "sqlite" else Date()
        case Storage.DATETIME:
            return Text() if dialect == "sqlite" else DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
        case Storage.TIME:
            return String(20)


def _table(spec: TableSpec, dialect: str) -> Table:
    columns: list[Column[object]] = []
    for column in spec.columns:
        is_key = column.name in spec.primary_key
        columns.append(
            Column(
                column.name,
                _type(column, dialect),
                primary_key=is_key,
                autoincrement=spec.autoincrement and is_key,
                nullable=column.nullable and not is_key,
                server_default=None if column.default is None else str(column.default),
            ),
        )
    table = Table(
        spec.name,
        MetaData(),
        *columns,
        sqlite_autoincrement=spec.autoincrement,
        sqlite_with_rowid=not spec.is_small,
        mysql_collate="utf8mb4_nopad_bin",
    )
    for index in spec.indexes:
        _index(table, index)
    return table


def _index(table: Table, spec: IndexSpec) -> Index:
    name = f"{table.name}_{'_'.join(spec.columns)}_{'key' if spec.unique else 'index'}".replace(" ", "_")
    if len(name) > _MAX_IDENTIFIER:
        name = name[: _MAX_IDENTIFIER - 9] + "_" + sha256(name.encode()).hexdigest()[:8]
    kept = None if spec.where_set is None else table.c[spec.where_set].is_not(None)
    columns = (table.c[column] for column in spec.columns)
    return Index(name, *columns, unique=spec.unique, sqlite_where=kept, postgresql_where=kept)


def _present_columns(tx: Transaction, table: str) -> set[str]:
    if tx.dialect == "sqlite":
        return {row[1] for row in tx.execute(f'PRAGMA table_info("{table}")')}
    schema = "current_schema()" if tx.dialect == "postgresql" else "database()"
    rows = tx.execute(
        f"SELECT column_name FROM information_schema.columns WHERE table_schema = {schema} AND table_name = ?",  # noqa: S608 - two constants
        (table,),
    )
    return {row[0] for row in rows}


def _present_indexes(tx: Transaction, table: str) -> set[str]:
    if tx.dialect == "sqlite":
        return {row[1] for row in tx.execute(f'PRAGMA index_list("{table}")')}
    if tx.dialect == "postgresql":
        rows = tx.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ?", (table,)
        )
    else:
        rows = tx.execute(
            "SELECT index_name FROM information_schema.statistics WHERE table_schema = database() AND table_name = ?",
            (table,),
        )
    return {row[0] for row in rows}
