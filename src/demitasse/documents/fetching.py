"""``fetch_from``: fields that take their value from the document that a link leads to."""

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import Field
from demitasse.documents import store
from demitasse.documents.building import rows_of
from demitasse.documents.checks import convert
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import DocStatus, Record


def fetch_values(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Set every field that is fetched over a link, of the document and of its rows.

    A field whose link is empty is left alone, and so is one with ``fetch_if_empty`` that has a value, or one that
    submission has fixed. A link that leads nowhere is left to the check of links.
    """
    is_submitted = record.before is not None and record.before.docstatus == DocStatus.SUBMITTED
    linked: dict[tuple[str, str], Record | None] = {}
    for row in rows_of(record):
        for field, link, source in context.plan(row.doctype).fetched:
            name = row.values.get(link.name)
            is_kept = (field.fetch_if_empty and row.values.get(field.name)) or (
                is_submitted and not field.allow_on_submit
            )
            if not name or is_kept:
                continue
            key = (link.options or "", str(name))
            if key not in linked:
                doctype = context.registry.find(key[0])
                linked[key] = store.find(context, tx, doctype, key[1]) if doctype and not doctype.is_single else None
            target = linked[key]
            if target is not None:
                _fetch(context, row, field, target, source)


def _fetch(context: DocumentContext, row: Record, field: Field, target: Record, source: str) -> None:
    found = target.doctype.by_name.get(target.doctype.canonical(source) or "")
    if found is None or found.type.is_table or found.type.is_secret:
        return  # what is not there, or not to be shown, is not fetched
    value = target.values.get(found.name)
    row.values[field.name] = None if value is None else convert(row.doctype, field, value, zone=context.zone)
