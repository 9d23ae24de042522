"""What is left of documents that were deleted or renamed, in the same transaction. Source: Frappe's Deleted Document."""

from datetime import datetime, tzinfo
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.kernel import json
from demitasse.kernel.ids import random_name

DOCTYPE = "Deleted Document"
ORIGIN_FLAG = "sync_origin"
"""Of a record: the site whose deletion or change is being applied."""


def bury(
    context: DocumentContext, tx: Transaction, record: Record, *, actor: Actor, renamed_to: str | None = None
) -> None:
    """Keep what a document was; of a renamed one its old name and the new one.

    A renamed document counts as restored: it is there, under its new name, so nobody can restore it once more.
    """
    doctype = context.registry.find(DOCTYPE)
    if doctype is None or record.doctype.name == DOCTYPE:
        return
    now = context.clock()
    values: dict[str, Any] = {
        "name": random_name(),
        "owner": actor.user,
        "modified_by": actor.user,
        "creation": now,
        "modified": now,
        "docstatus": 0,
        "deleted_name": record.name,
        "deleted_doctype": record.doctype.name,
        "restored": int(renamed_to is not None),
        "new_name": renamed_to,
        "data": None if renamed_to else json.encode(_shown(record, zone=context.zone)).decode(),
        "sync_origin": record.flags.get(ORIGIN_FLAG),
    }
    store.insert_row(context, tx, Record(doctype, values, is_new=True))


def _shown(record: Record, *, zone: tzinfo) -> dict[str, Any]:
    """Return a document as the API shows it, without its secrets."""
    doctype = record.doctype
    shown: dict[str, Any] = {"doctype": doctype.name}
    for field in doctype.columns:
        value = record.values.get(field.name)
        if value is not None and not field.type.is_secret:
            shown[field.name] = value.astimezone(zone) if isinstance(value, datetime) else value
    for field in doctype.table_fields:
        shown[field.name] = [_shown(row, zone=zone) for row in record.rows(field.name)]
    return shown
