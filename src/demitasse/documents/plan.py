"""What is worked out once for a DocType: its statements, conversions and checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.db.codec import decoders, encoders
from demitasse.doctypes.model import DocType, Field

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The compiled form of a DocType for one database.

    Args:
        columns: Column names in the order of ``insert_sql`` and ``select_sql``.
        encode: For each column its name, its conversion and what stands for an empty value.
        decode: Index and conversion of the columns whose stored form is not the kept one.
    """

    doctype: DocType
    columns: tuple[str, ...]
    insert_sql: str
    select_sql: str
    select_children_sql: str
    delete_sql: str
    encode: tuple[tuple[str, Convert | None, Any], ...]
    decode: tuple[tuple[int, Convert], ...]
    mandatory: tuple[Field, ...]
    selects: tuple[tuple[Field, frozenset[str]], ...]
    links: tuple[Field, ...]
    dynamic_links: tuple[Field, ...]
    limited: tuple[tuple[str, int], ...]
    checked: tuple[Field, ...]
    defaults: tuple[tuple[str, Any], ...]

    def row(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the parameters of ``insert_sql`` for kept values."""
        row = []
        for name, convert, empty in self.encode:
            value = values.get(name)
            if value is None:
                row.append(empty)
            else:
                row.append(convert(value) if convert else value)
        return row

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
    marks = ", ".join("?" * len(columns))
    storages = [field.type.storage for field in doctype.columns]
    table = f'"{doctype.table}"'
    children = '"parent" = ? AND "parenttype" = ? AND "parentfield" = ? ORDER BY "idx"'
    return Plan(
        doctype=doctype,
        columns=columns,
        insert_sql=f"INSERT INTO {table} ({quoted}) VALUES ({marks})",  # noqa: S608 - names from the DocType
        select_sql=f'SELECT {quoted} FROM {table} WHERE "name" = ?',  # noqa: S608 - names from the DocType
        select_children_sql=f"SELECT {quoted} FROM {table} WHERE {children}",  # noqa: S608 - names from the DocType
        delete_sql=f'DELETE FROM {table} WHERE "name" = ?',  # noqa: S608 - names from the DocType
        encode=tuple(
            (field.name, to_column.get(storage) if storage else None, field.type.empty)
            for field, storage in zip(doctype.columns, storages, strict=True)
        ),
        decode=tuple((i, from_column[s]) for i, s in enumerate(storages) if s is not None and s in from_column),
        mandatory=tuple(f for f in doctype.fields if f.required),
        selects=tuple((f, _options(f)) for f in doctype.data_fields if f.fieldtype == "Select" and f.options),
        links=tuple(f for f in doctype.data_fields if f.fieldtype == "Link" and f.options),
        dynamic_links=tuple(f for f in doctype.data_fields if f.fieldtype == "Dynamic Link" and f.options),
        limited=tuple((f.name, f.max_length) for f in doctype.data_fields if f.max_length),
        checked=tuple(f for f in doctype.data_fields if _has_format(f)),
        defaults=tuple((f.name, _default(f)) for f in doctype.data_fields if _default(f) is not None),
    )


def _options(field: Field) -> frozenset[str]:
    return frozenset(option.strip() for option in (field.options or "").split("\n"))


def _has_format(field: Field) -> bool:
    return field.fieldtype == "Phone" or (
        field.fieldtype == "Data" and field.options in {"Email", "Phone", "URL", "Name"}
    )


def _default(field: Field) -> Any:
    """Return the default as the DocType has it; a Select without one starts at its first option."""
    if field.default not in (None, ""):
        return field.default
    if field.fieldtype == "Select" and field.options:
        return field.options.split("\n", 1)[0].strip() or None
    return None
