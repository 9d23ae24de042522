"""How far a rule has come: one Sync Checkpoint for each rule, written with what it covers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demitasse.auth.model import ADMINISTRATOR
from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.sync.model import START, Position

CHECKPOINT = "Sync Checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a rule stands.

    Args:
        seen: The watermark: everything up to it has been read.
        deleted: As ``seen``, for deletions.
        is_complete: All that was there at the start has been read.
        source_now: The source's time at the last look.
        compare_reason: Why the keys of both sides must be compared; empty where they need not.
    """

    seen: Position = START
    deleted: Position = START
    is_complete: bool = False
    source_now: str = ""
    looked_at: datetime | None = None
    reconciled_at: datetime | None = None
    compare_reason: str = ""
    lag_s: float = 0.0
    failures: int = 0
    last_error: str = ""


def load(context: DocumentContext, tx: Transaction, rule: str) -> Checkpoint:
    """Return where a rule stands; one that never ran stands at the start."""
    record = store.find(context, tx, context.registry.get(CHECKPOINT), rule)
    if record is None:
        return Checkpoint()
    return Checkpoint(
        seen=Position(record["seen_modified"] or "", record["seen_name"] or ""),
        deleted=Position(record["deleted_modified"] or "", record["deleted_name"] or ""),
        is_complete=bool(record["is_complete"]),
        source_now=record["source_now"] or "",
        looked_at=record["looked_at"],
        reconciled_at=record["reconciled_at"],
        compare_reason=record["compare_reason"] or "",
        lag_s=float(record["lag_s"] or 0),
        failures=int(record["failures"] or 0),
        last_error=record["last_error"] or "",
    )


def save(context: DocumentContext, tx: Transaction, rule: str, checkpoint: Checkpoint) -> None:
    """Write where a rule stands, as part of the caller's transaction."""
    now = context.clock()
    doctype = context.registry.get(CHECKPOINT)
    values: dict[str, Any] = {
        "seen_modified": checkpoint.seen.modified or None,
        "seen_name": checkpoint.seen.name or None,
        "deleted_modified": checkpoint.deleted.modified or None,
        "deleted_name": checkpoint.deleted.name or None,
        "is_complete": int(checkpoint.is_complete),
        "source_now": checkpoint.source_now or None,
        "looked_at": checkpoint.looked_at,
        "reconciled_at": checkpoint.reconciled_at,
        "compare_reason": checkpoint.compare_reason or None,
        "lag_s": checkpoint.lag_s,
        "failures": checkpoint.failures,
        "last_error": checkpoint.last_error or None,
        "modified": now,
    }
    if store.set_columns(context, tx, doctype, rule, values):
        return
    standard = {
        "name": rule,
        "sync_rule": rule,
        "owner": ADMINISTRATOR,
        "modified_by": ADMINISTRATOR,
        "creation": now,
        "docstatus": 0,
    }
    store.insert_row(context, tx, Record(doctype, {**standard, **values}, is_new=True))
