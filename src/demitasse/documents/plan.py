"""What is worked out once for a DocType: its statements, conversions and checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from demitasse.db.codec import decoders, encoders
from demitasse.doctypes.model import DocType, Field

Convert = Callable[[Any], Any]
_MAX_STATEMENTS = 256
_DYNAMIC_WORDS = frozenset({"today", "__today", "now", "__user", "user"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The compiled form of a DocType for one database.

    Args:
        columns: Column names in the order of ``select_sql``.
        encode: For each column its name, its conversion and what stands for an empty value.
        fetched: Fields with ``fetch_from``: the field, the link, the name of the source.
        decode: Index and conversion of the columns whose stored form is not the kept one.
        repeated: Lists that were asked for, by their shape.
    """

    doctype: DocType
    columns: tuple[str, ...]
    select_sql: str
    select_children_sql: str
    delete_sql: str
    encode: tuple[tuple[str, Convert | None, Any], ...]
    encoders: Mapping[str, Convert | None]
    insert_sqls: dict[tuple[str, ...], str]
    decode: tuple[tuple[int, Convert], ...]
    mandatory: tuple[Field, ...]
    selects: tuple[tuple[Field, frozenset[str]], ...]
    exists_sql: str
    links: tuple[Field, ...]
    dynamic_links: tuple[Field, ...]
    fetched: tuple[tuple[Field, Field, str], ...]
    limits: Mapping[str, int]
    zeros: tuple[tuple[str, int | float], ...]
    checked: tuple[Field, ...]
    fixed_defaults: tuple[tuple[str, Any], ...]
    dynamic_defaults: tuple[Field, ...]
    repeated: dict[tuple[Any, ...], Any]

    def insertion(self, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Return the statement that inserts kept values, and its parameters; empty columns keep their defaults."""
        encoders = self.encoders
        names, row = [], []
        for name, value in values.items():
            if value is not None and name in encoders:
                convert = encoders[name]
                names.append(name)
                row.append(convert(value) if convert else value)
        key = tuple(names)
        sql = self.insert_sqls.get(key)
        if sql is None:
            sql = self._make_insert(key)
        return sql, row

    def _make_insert(self, names: tuple[str, ...]) -> str:
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" * len(names))
        sql = f'INSERT INTO "{self.doctype.table}" ({quoted}) VALUES ({marks})'  # noqa: S608 - names from the DocType
        if len(self.insert_sqls) >= _MAX_STATEMENTS:
            self.insert_sqls.clear()
        self.insert_sqls[names] = sql
        return sql

    def values(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the kept values of a row of ``select_sql``."""
        values = dict(zip(self.columns, row, strict=True))
        for index, convert in self.decode:
            if row[index] is not None:
                values[self.columns[index]] = convert(row[index])
        return values


def make_plan(doctype: DocType, *, dialect: str) -> Plan:
    """Return the plan of a DocType."""
    to_column, from_column = encoders(dialect), decoders(dialect)
    columns = tuple(field.name for field in doctype.columns)
    quoted = ", ".join(f'"{name}"' for name in columns)
    storages = [field.type.storage for field in doctype.columns]
    table = f'"{doctype.table}"'
    children = '"parent" = ? AND "parenttype" = ? AND "parentfield" = ? ORDER BY "idx"'
    encode = tuple(
        (field.name, to_column.get(storage) if storage else None, field.type.empty)
        for field, storage in zip(doctype.columns, storages, strict=True)
    )
    return Plan(
        doctype=doctype,
        columns=columns,
        select_sql=f'SELECT {quoted} FROM {table} WHERE "name" = ?',  # noqa: S608 - names from the DocType
        select_children_sql=f"SELECT {quoted} FROM {table} WHERE {children}",  # noqa: S608 - names from the DocType
        delete_sql=f'DELETE FROM {table} WHERE "name" = ?',  # noqa: S608 - names from the DocType
        encode=encode,
        encoders={name: convert for name, convert, _ in encode},
        insert_sqls={},
        decode=tuple((i, from_column[s]) for i, s in enumerate(storages) if s is not None and s in from_column),
        exists_sql=f'SELECT "docstatus" FROM {table} WHERE "name" = ?',  # noqa: S608 - names from the DocType
        mandatory=tuple(f for f in doctype.fields if f.required),
        selects=tuple((f, _options(f)) for f in doctype.data_fields if f.fieldtype == "Select" and f.options),
        links=tuple(f for f in doctype.data_fields if f.fieldtype == "Link" and f.options),
        dynamic_links=tuple(f for f in doctype.data_fields if f.fieldtype == "Dynamic Link" and f.options),
        fetched=tuple(_fetched(doctype)),
        zeros=tuple((f.name, f.type.empty) for f in doctype.data_fields if f.type.empty is not None),
        limits={f.name: f.max_length for f in doctype.data_fields if f.max_length},
        checked=tuple(f for f in doctype.data_fields if _has_format(f)),
        fixed_defaults=tuple((f.name, fixed_default(f)) for f in doctype.data_fields if fixed_default(f) is not None),
        dynamic_defaults=tuple(f for f in doctype.data_fields if _is_dynamic(f)),
        repeated={},
    )


def _fetched(doctype: DocType) -> Iterator[tuple[Field, Field, str]]:
    """Yield each field with ``fetch_from``, the link that it is fetched over, and the name of its source."""
    for field in doctype.data_fields:
        link, dot, source = (field.fetch_from or "").partition(".")
        over = doctype.by_name.get(link.strip())
        if dot and over is not None and over.fieldtype == "Link" and over.options:
            yield field, over, source.strip()


def _options(field: Field) -> frozenset[str]:
    return frozenset(option.strip() for option in (field.options or "").split("\n"))


def _has_format(field: Field) -> bool:
    return field.fieldtype == "Phone" or (
        field.fieldtype == "Data" and field.options in {"Email", "Phone", "URL", "Name"}
    )


def _is_dynamic(field: Field) -> bool:
    """Return whether a default means something else at each moment, or for each user."""
    if not isinstance(field.default, str):
        return False
    return field.default.startswith(":") or field.default.strip().lower() in _DYNAMIC_WORDS


def fixed_default(field: Field) -> Any:
    """Return the kept form of a default; a Select without one starts at its first option.

    Raises:
        InvalidValue: the DocType's default does not fit the field.
    """
    if _is_dynamic(field):
        return None
    if field.default not in (None, ""):
        return field.type.coerce(field.default, UTC)
    if field.fieldtype == "Select" and field.options:
        return field.options.split("\n", 1)[0].strip() or None
    return None
