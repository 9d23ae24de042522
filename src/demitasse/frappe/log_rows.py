"""Rows of logs: written as they are, without hooks and checks, so that writing one can neither fail nor be slow."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from demitasse.db.codec import encoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.documents import store
from demitasse.documents.model import Record
from demitasse.frappe.context import Call
from demitasse.kernel.ids import random_name

INTEGRATION_REQUEST = "Integration Request"
ERROR_LOG = "Error Log"
SHORT_TEXT_LENGTH = 140
_CUT = "…"


def new_row(call: Call, doctype: str, values: Mapping[str, Any]) -> Record:
    """Return a new row of a log, owned by the running call's user.

    Args:
        values: Kept values by field name.
    """
    now, user = call.site.documents.clock(), call.actor.user
    row = {
        "name": random_name(),
        "owner": user,
        "modified_by": user,
        "creation": now,
        "modified": now,
        "docstatus": 0,
        "idx": 0,
        **values,
    }
    return Record(call.site.documents.registry.get(doctype), row, is_new=True)


def write_now(call: Call, tx: Transaction, record: Record) -> None:
    """Write a row as part of a transaction; when that fails only the row is undone."""
    with tx.savepoint():
        store.insert_row(call.site.documents, tx, record)


def write_after(call: Call, record: Record) -> None:
    """Write a row once the call has ended, whether well or not."""
    call.after_call.append(partial(_insert, call, record))


def _insert(call: Call, record: Record, tx: Transaction) -> None:
    store.insert_row(call.site.documents, tx, record)


def delete_old(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` rows of each of these logs that were last changed before a moment; return how many went."""
    gone = 0
    for doctype in (INTEGRATION_REQUEST, ERROR_LOG):
        rows = tx.execute(
            f'SELECT "name" FROM "tab{doctype}" WHERE "modified" < ? ORDER BY "modified" LIMIT ?',  # noqa: S608 - two constants
            (encoders(tx.dialect)[Storage.DATETIME](before), limit),
        )
        if rows:
            tx.run_many(f'DELETE FROM "tab{doctype}" WHERE "name" = ?', rows)  # noqa: S608 - two constants
        gone += len(rows)
    return gone


def cut(text: str, length: int = SHORT_TEXT_LENGTH) -> str:
    """Return a text of at most ``length`` characters that every database can store."""
    if "\x00" in text:
        text = text.replace("\x00", "�")
    return text if len(text) <= length else text[: length - 1] + _CUT
