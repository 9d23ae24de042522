"""What people see of a sync: rows that were parked, and conflicts. Written in the transaction of what they tell of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demitasse.auth.model import ADMINISTRATOR
from demitasse.db.transaction import Transaction
from demitasse.documents import queries, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.ids import random_name
from demitasse.sync.model import Rule

PARKED = "Sync Parked Row"
CONFLICT = "Sync Conflict"
STAMP = "__sync"
"""Under this key a parked document keeps what it needs beside its values to be applied without its source."""
DOCUMENT, DELETION = "Document", "Deletion"
BOTH_CHANGED = "Changed on Both Sides"
DELETED_THERE = "Deleted There"
DELETED_HERE = "Deleted Here"
CANNOT_CHANGE = "Cannot Be Changed"
_FIRST_RETRY_S = 30
_LONGEST_RETRY_S = 6 * 3600
_SHOWN_ERROR = 2_000


def retry_after(attempts: int) -> timedelta:
    """Return how long a parked row waits for its next attempt: twice as long each time, at most six hours."""
    return timedelta(seconds=min(_FIRST_RETRY_S * 2.0 ** min(attempts - 1, 20), _LONGEST_RETRY_S))


def parked(context: DocumentContext, tx: Transaction, site: str, doctype: str, names: Sequence[str]) -> dict[str, str]:
    """Return the parked rows of documents, by their names at the source."""
    return _rows_of(context, tx, PARKED, names, remote_site=site, remote_doctype=doctype)


def open_conflicts(
    context: DocumentContext, tx: Transaction, site: str, doctype: str, names: Sequence[str]
) -> dict[str, str]:
    """Return the conflicts of documents that nobody has resolved, by their names at the source."""
    return _rows_of(context, tx, CONFLICT, names, remote_site=site, remote_doctype=doctype, status="Open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """A document that cannot be applied, and why.

    Args:
        name: At the source.
        data: The document as it came.
    """

    rule: Rule
    name: str
    error: Exception
    data: Mapping[str, Any] | None = None
    kind: str = DOCUMENT


def park(context: DocumentContext, tx: Transaction, parking: Parking, *, present: str | None) -> str:
    """Keep a document that cannot be applied with the reason, to be tried again; return its row.

    Args:
        present: The row that there is already.
    """
    now = context.clock()
    rule, error = parking.rule, parking.error
    attempts = 1 + ((_value(context, tx, PARKED, present, "attempts") or 0) if present else 0)
    values: dict[str, Any] = {
        "sync_rule": rule.name,
        "remote_site": rule.site,
        "remote_doctype": rule.doctype,
        "remote_name": parking.name,
        "kind": parking.kind,
        "error_type": type(error).__name__,
        "error": (error.message if isinstance(error, DemitasseError) else str(error))[:_SHOWN_ERROR],
        "attempts": attempts,
        "next_attempt_at": now + retry_after(attempts),
        "data": json.encode(dict(parking.data)).decode() if parking.data is not None else None,
    }
    return _put(context, tx, PARKED, present, values, now=now)


def unpark(context: DocumentContext, tx: Transaction, row: str) -> None:
    """Forget a parked row: what it was about is done, or gone."""
    store.delete_row(context, tx, context.registry.get(PARKED), row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A document whose two versions a person must decide between.

    Args:
        local: Ours, ``None`` where it is gone.
        remote: The values that came; empty where it was deleted there.
        stamp: What is needed beside them to apply that version later.
    """

    rule: Rule
    kind: str
    local: Record | None
    local_name: str
    remote_name: str
    remote: Mapping[str, Any]
    remote_modified: str
    stamp: Mapping[str, Any]


def report_conflict(context: DocumentContext, tx: Transaction, dispute: Dispute, *, present: str | None) -> str:
    """Keep both versions of a document for a person to decide; return the conflict's name.

    Args:
        present: The open conflict that there is already: it gets the newer versions.
    """
    rule, local = dispute.rule, dispute.local
    values: dict[str, Any] = {
        "status": "Open",
        "sync_rule": rule.name,
        "remote_site": rule.site,
        "document_type": rule.local_doctype,
        "document": dispute.local_name,
        "remote_doctype": rule.doctype,
        "remote_name": dispute.remote_name,
        "kind": dispute.kind,
        "local_version": json.encode(shown(local)).decode() if local is not None else None,
        "remote_version": json.encode(dict(dispute.remote)).decode() if dispute.remote else None,
        "remote_modified": dispute.remote_modified,
        "remote_stamp": json.encode(dict(dispute.stamp)).decode(),
    }
    return _put(context, tx, CONFLICT, present, values, now=context.clock())


def settle(context: DocumentContext, tx: Transaction, conflict: str, resolution: str, *, user: str) -> None:
    """Note how a conflict ended."""
    now = context.clock()
    values = {"status": "Resolved", "resolution": resolution, "resolved_by": user, "resolved_at": now, "modified": now}
    store.set_columns(context, tx, context.registry.get(CONFLICT), conflict, values)


def shown(record: Record) -> dict[str, Any]:
    """Return a document as its versions are shown: own fields and rows, without secrets."""
    values: dict[str, Any] = {"name": record.name, "docstatus": record.docstatus, "modified": record.modified}
    for field in record.doctype.data_fields:
        if not field.type.is_secret:
            values[field.name] = record.values.get(field.name)
    for field in record.doctype.table_fields:
        values[field.name] = [
            {"name": row.name, **{f.name: row[f.name] for f in row.doctype.data_fields if not f.type.is_secret}}
            for row in record.rows(field.name)
        ]
    return values


def _rows_of(
    context: DocumentContext, tx: Transaction, kind: str, names: Sequence[str], **where: str
) -> dict[str, str]:
    doctype = context.registry.get(kind)
    found = queries.select(
        context,
        tx,
        doctype,
        actor=None,
        fields=["remote_name", "name"],
        filters=[*([key, "=", value] for key, value in where.items()), ["remote_name", "in", list(names)]],
        limit=0,
    )
    return {row[0]: row[1] for row in found.rows}


def _value(context: DocumentContext, tx: Transaction, kind: str, name: str, field: str) -> Any:
    record = store.find(context, tx, context.registry.get(kind), name)
    return record[field] if record is not None else None


def _put(
    context: DocumentContext, tx: Transaction, kind: str, present: str | None, values: dict[str, Any], *, now: datetime
) -> str:
    doctype = context.registry.get(kind)
    if present is not None:
        store.set_columns(context, tx, doctype, present, {**values, "modified": now})
        return present
    name = random_name()
    standard = {
        "name": name,
        "owner": ADMINISTRATOR,
        "modified_by": ADMINISTRATOR,
        "creation": now,
        "modified": now,
        "docstatus": 0,
    }
    store.insert_row(context, tx, Record(doctype, {**standard, **values}, is_new=True))
    return name
