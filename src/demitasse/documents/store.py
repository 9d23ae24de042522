"""The statements that read and write single documents."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from demitasse.db.codec import decoders, encoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentNotFound
from demitasse.documents.model import Record

_NEXT_IN_SERIES = (
    'INSERT INTO "tabSeries" ("name", "current") VALUES (?, 1) '
    'ON CONFLICT ("name") DO UPDATE SET "current" = "tabSeries"."current" + 1 RETURNING "current"'
)
_NEXT_IN_SERIES_MARIADB = (
    'INSERT INTO "tabSeries" ("name", "current") VALUES (?, LAST_INSERT_ID(1)) '
    'ON DUPLICATE KEY UPDATE "current" = LAST_INSERT_ID("current" + 1)'
)
MASK = "*" * 8


def load(context: DocumentContext, tx: Transaction, doctype: DocType, name: str) -> Record:
    """Return a document with its child rows.

    Raises:
        DocumentNotFound: there is none with exactly this name.
    """
    record = find(context, tx, doctype, name)
    if record is None:
        message = f"{doctype.name} {name} not found"
        raise DocumentNotFound(message, doctype=doctype.name, name=name)
    return record


def find(context: DocumentContext, tx: Transaction, doctype: DocType, name: str) -> Record | None:
    """Return a document with its child rows, or ``None``."""
    plan = context.plan(doctype)
    rows = tx.execute(plan.select_sql, (name,))
    if not rows:
        return None
    record = Record(doctype, plan.values(rows[0]), is_new=False)
    for field in doctype.table_fields:
        child = context.registry.get(field.options or "")
        child_plan = context.plan(child)
        found = tx.execute(child_plan.select_children_sql, (name, doctype.name, field.name))
        record.values[field.name] = [_masked(Record(child, child_plan.values(row), is_new=False)) for row in found]
    return _masked(record)


def load_single(context: DocumentContext, tx: Transaction, doctype: DocType) -> Record:
    """Return a single; what was never saved has its default."""
    stored = {
        row[0]: row[1]
        for row in tx.execute('SELECT "field", "value" FROM "tabSingles" WHERE "doctype" = ?', (doctype.name,))
    }
    values: dict[str, Any] = {"name": doctype.name, "docstatus": 0, "idx": 0, "owner": "Administrator"}
    for field in doctype.columns:
        text = stored.get(field.name, field.default)
        if text is not None:
            values[field.name] = field.type.coerce(text, UTC)
    for field in doctype.table_fields:
        child = context.registry.get(field.options or "")
        plan = context.plan(child)
        found = tx.execute(plan.select_children_sql, (doctype.name, doctype.name, field.name))
        values[field.name] = [_masked(Record(child, plan.values(row), is_new=False)) for row in found]
    return _masked(Record(doctype, values, is_new=False))


def update_single(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Write all values of a single."""
    doctype = record.doctype
    values = _sealed(context, tx, record)
    rows = [
        (doctype.name, field.name, _single_text(values[field.name]))
        for field in doctype.columns
        if values.get(field.name) is not None
    ]
    tx.run('DELETE FROM "tabSingles" WHERE "doctype" = ?', (doctype.name,))
    tx.run_many('INSERT INTO "tabSingles" ("doctype", "field", "value") VALUES (?, ?, ?)', rows)


def _single_text(value: Any) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ") if isinstance(value, datetime) else str(value)


def exists(tx: Transaction, doctype: DocType, name: str) -> bool:
    """Return whether there is a document with exactly this name."""
    return bool(tx.execute(f'SELECT 1 FROM "{doctype.table}" WHERE "name" = ?', (name,)))  # noqa: S608 - the DocType's own table


def insert_row(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Write the row of a new document or child row.

    Raises:
        UniqueViolation: the name, or the value of a unique field, is there already.
    """
    plan = context.plan(record.doctype)
    sql, row = plan.insertion(_sealed(context, tx, record))
    tx.run(sql, row)
    for name, zero in plan.zeros:
        if record.values.get(name) is None:
            record.values[name] = zero


def update_row(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Write all columns of a row that is there."""
    plan = context.plan(record.doctype)
    values = _sealed(context, tx, record)
    columns = [name for name in plan.columns if name != "name"]
    set_columns(context, tx, record.doctype, record.name, {name: values.get(name) for name in columns})


def set_columns(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    name: str,
    values: dict[str, Any],
) -> int:
    """Write some columns of one row and return how many rows there were (0 or 1)."""
    plan = context.plan(doctype)
    assignments, params = [], []
    for column, convert, empty in plan.encode:
        if column in values:
            value = values[column]
            assignments.append(f'"{column}" = ?')
            params.append(empty if value is None else convert(value) if convert else value)
    sql = f'UPDATE "{doctype.table}" SET {", ".join(assignments)} WHERE "name" = ?'  # noqa: S608 - names from the DocType
    return tx.run(sql, (*params, name))


def delete_row(context: DocumentContext, tx: Transaction, doctype: DocType, name: str) -> None:
    """Remove a row."""
    tx.run(context.plan(doctype).delete_sql, (name,))


def delete_older(tx: Transaction, doctype: DocType, *, before: datetime, limit: int) -> int:
    """Remove up to ``limit`` rows of a log that were last changed before a moment, and return how many there were."""
    at = encoders(tx.dialect)[Storage.DATETIME](before)
    sql = f'SELECT "name" FROM "{doctype.table}" WHERE "modified" < ? ORDER BY "modified" LIMIT ?'  # noqa: S608 - the DocType's own table
    rows = tx.execute(sql, (at, limit))
    tx.run_many(f'DELETE FROM "{doctype.table}" WHERE "name" = ?', rows)  # noqa: S608 - as above
    return len(rows)


def changed_since(tx: Transaction, doctype: DocType, moment: datetime, *, limit: int) -> list[Record]:
    """Return the documents that were changed after a moment, oldest change first; of each its standard columns."""
    encode, decode = encoders(tx.dialect)[Storage.DATETIME], decoders(tx.dialect)[Storage.DATETIME]
    sql = (
        f'SELECT "name", "owner", "creation", "modified", "modified_by", "docstatus" FROM "{doctype.table}" '  # noqa: S608 - the DocType's own table
        'WHERE "modified" > ? ORDER BY "modified" LIMIT ?'
    )
    names = ("name", "owner", "creation", "modified", "modified_by", "docstatus")
    found = []
    for row in tx.execute(sql, (encode(moment), limit)):
        values = dict(zip(names, row, strict=True))
        values.update({name: decode(values[name]) for name in ("creation", "modified")})
        found.append(Record(doctype, values, is_new=False))
    return found


def delete_children(tx: Transaction, child: DocType, parent: DocType, name: str) -> None:
    """Remove all child rows of one DocType that a document has."""
    tx.run(f'DELETE FROM "{child.table}" WHERE "parent" = ? AND "parenttype" = ?', (name, parent.name))  # noqa: S608 - the DocType's own table


def linking_name(tx: Transaction, doctype: DocType, column: str, name: str) -> tuple[str, str | None] | None:
    """Return name and, for a child row, parent of one row of ``doctype`` that is not cancelled and links to ``name``."""
    parent = '"parent"' if doctype.is_table else "NULL"
    rows = tx.execute(
        f'SELECT "name", {parent} FROM "{doctype.table}" WHERE "{column}" = ? AND "docstatus" < 2 LIMIT 1',  # noqa: S608 - names from the DocType
        (name,),
    )
    return (rows[0][0], rows[0][1]) if rows else None


def names_of(context: DocumentContext, tx: Transaction, doctype: DocType, names: Sequence[str]) -> dict[str, int]:
    """Return those of the names that exist, with their docstatus."""
    if len(names) == 1:
        found = tx.execute(context.plan(doctype).exists_sql, names)
        return {names[0]: found[0][0]} if found else {}
    marks = ", ".join("?" * len(names))
    rows = tx.execute(f'SELECT "name", "docstatus" FROM "{doctype.table}" WHERE "name" IN ({marks})', names)  # noqa: S608 - marks
    return {row[0]: row[1] for row in rows}


def next_in_series(tx: Transaction, prefix: str) -> int:
    """Return the next number of a naming series; a rolled back transaction gives it back."""
    if tx.dialect == "mariadb":
        tx.run(_NEXT_IN_SERIES_MARIADB, (prefix,))
        return int(tx.execute("SELECT LAST_INSERT_ID()")[0][0])
    return int(tx.execute(_NEXT_IN_SERIES, (prefix,))[0][0])


def read_secret(context: DocumentContext, tx: Transaction, doctype: DocType, name: str, field: str) -> str | None:
    """Return a Password field in clear, ``None`` when it is empty."""
    ciphertext = _ciphertext(tx, doctype, name, field)
    return context.vault.decrypt(ciphertext, place=f"{doctype.name}.{field}") if ciphertext else None


def mask_secrets(record: Record) -> None:
    """Hide what was just written to Password fields, of the document and of its rows."""
    _masked(record)
    for _, row in record.children():
        _masked(row)


def _masked(record: Record) -> Record:
    for field in record.doctype.secret_fields:
        if record.values.get(field.name):
            record.values[field.name] = MASK
    return record


def _sealed(context: DocumentContext, tx: Transaction, record: Record) -> dict[str, Any]:
    """Return the values with Password fields as ciphertext; a mask means: as it was."""
    if not record.doctype.secret_fields:
        return record.values
    values = record.values.copy()
    for field in record.doctype.secret_fields:
        text = values.get(field.name)
        if text and not text.strip("*"):
            values[field.name] = None if record.is_new else _ciphertext(tx, record.doctype, record.name, field.name)
        elif text:
            values[field.name] = context.vault.encrypt(text, place=f"{record.doctype.name}.{field.name}")
    return values


def _ciphertext(tx: Transaction, doctype: DocType, name: str, field: str) -> str | None:
    if doctype.is_single:
        rows = tx.execute('SELECT "value" FROM "tabSingles" WHERE "doctype" = ? AND "field" = ?', (doctype.name, field))
        return rows[0][0] if rows else None
    rows = tx.execute(f'SELECT "{field}" FROM "{doctype.table}" WHERE "name" = ?', (name,))  # noqa: S608 - names from the DocType
    return rows[0][0] if rows else None
