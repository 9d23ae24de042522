"""Why a document is refused for what stands beside it: another with its name, others that link to it, its kind."""

from demitasse.db.errors import UniqueViolation
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError, DuplicateName, DuplicateValue, LinkedElsewhere
from demitasse.documents.model import Record


def refuse_child_or_single(doctype: DocType) -> None:
    """Refuse to insert what is not a document of its own.

    Raises:
        DocumentError: it is a child table or a single.
    """
    if doctype.is_table:
        message = f"{doctype.name} is a child table: save its rows with the document they belong to"
        raise DocumentError(message, doctype=doctype.name)
    if doctype.is_single:
        message = f"{doctype.name} is a single: it is always there; save it instead"
        raise DocumentError(message, doctype=doctype.name)


def duplicate_error(record: Record, error: UniqueViolation) -> DocumentError:
    """Return what to raise when another row has the name or a unique value of this one."""
    doctype = record.doctype
    columns: tuple[str, ...] = error.data.get("columns") or ()
    names_it = columns == ("name",) or (doctype.autoname or "") == f"field:{columns[0] if columns else ''}"
    if error.data.get("table") not in {None, doctype.table} or names_it:
        message = f"{doctype.name} <strong>{record.name}</strong> already exists"
        return DuplicateName(message, title="Duplicate Name", doctype=doctype.name, name=record.name)
    field = doctype.by_name.get(columns[0]) if columns else None
    label = field.label if field else ", ".join(columns)
    message = f"{label} must be unique: another {doctype.name} has the same value"
    return DuplicateValue(message, title="Duplicate Value", doctype=doctype.name, field=columns[0] if columns else None)


def refuse_linked(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Refuse to remove what another document links to.

    Raises:
        LinkedElsewhere: with the first that does.
    """
    for doctype in context.registry:
        if doctype.is_single or doctype.is_log:
            continue
        for field in context.plan(doctype).links:
            if field.options != record.doctype.name:
                continue
            found = store.linking_name(tx, doctype, field.name, record.name)
            if found and (doctype.name, found[0]) != (record.doctype.name, record.name):
                by = f"{doctype.name} {found[1] or found[0]}"
                message = f"Cannot delete or cancel because {record.doctype.name} {record.name} is linked with {by}"
                raise LinkedElsewhere(
                    message, doctype=record.doctype.name, name=record.name, by_doctype=doctype.name, by_name=found[0]
                )
