"""Giving a document another name, everywhere it is named, as a part of the caller's transaction."""

from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.errors import UniqueViolation
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Field
from demitasse.documents import store
from demitasse.documents.access import check_record
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError, DocumentNotFound, DuplicateName, InvalidName
from demitasse.documents.model import Happening, Record
from demitasse.documents.naming import check_name
from demitasse.documents.tombstones import bury

EVENTS = ("after_rename", "on_change")
"""What listeners are told of a document that was renamed, under its new name."""


def rename(
    context: DocumentContext, tx: Transaction, record: Record, new: str, *, actor: Actor, merges: bool = False
) -> str:
    """Rename a stored document and return its new name; links to it in other documents follow.

    Args:
        merges: The new name is another document's: links go there, and this document is removed.

    Raises:
        NotPermitted: the actor may not write the document (with ``merges``: delete it, and write the other).
        InvalidName: documents of this kind keep their names, or the new one cannot be a name.
        DuplicateName: the new name is taken, and ``merges`` is not asked for.
        DocumentNotFound: with ``merges``, there is no document of the new name.
    """
    doctype, old = record.doctype, record.name
    new = new.strip()
    _check(doctype, old, new)
    if not record.flags.get("ignore_permissions"):
        check_record(context, tx, record, "write", actor=actor)
    tx.lock(f"{doctype.name}:{new}")
    bury(context, tx, record, actor=actor, renamed_to=new)
    if merges:
        _merge(context, tx, record, new, actor=actor)
    else:
        _move(context, tx, record, new, actor=actor)
    for other in context.registry:
        if not other.is_log:  # a log says what was, under the name it then had; and it may be long
            _relink(context, tx, other, doctype, old, new)
    _tell(context, tx, record, new, old=old, actor=actor)
    return new


def _check(doctype: DocType, old: str, new: str) -> None:
    facts = {"doctype": doctype.name, "name": old}
    if doctype.is_table or doctype.is_single or not doctype.definition.get("allow_rename"):
        message = f"{doctype.name} not allowed to be renamed: its DocType does not set allow_rename"
        raise InvalidName(message, **facts)
    check_name(doctype.name, new)
    if new == old:
        message = f"{doctype.name} {old} has this name already: give another one"
        raise InvalidName(message, **facts)


def _move(context: DocumentContext, tx: Transaction, record: Record, new: str, *, actor: Actor) -> None:
    """Write the new name into the document's own row and into those of its children."""
    doctype, old = record.doctype, record.name
    if store.exists(tx, doctype, new):
        raise _taken(doctype, new)
    changed = {"modified": context.clock(), "modified_by": actor.user}
    named_by = _naming_field(doctype)
    if named_by is not None:
        changed[named_by] = new
    record.before = record.snapshot()
    try:
        store.set_columns(context, tx, doctype, old, {"name": new, **changed})
    except UniqueViolation as error:
        raise _taken(doctype, new) from error
    record.values.update(changed, name=new)
    for field in doctype.table_fields:
        child = context.registry.get(field.options or "")
        tx.run(
            f'UPDATE "{child.table}" SET "parent" = ? WHERE "parent" = ? AND "parenttype" = ?',  # noqa: S608 - the DocType's own table
            (new, old, doctype.name),
        )
    for _, row in record.children():
        row.values["parent"] = new


def _merge(context: DocumentContext, tx: Transaction, record: Record, new: str, *, actor: Actor) -> None:
    """Remove the document in favour of another one."""
    doctype, old = record.doctype, record.name
    into = store.find(context, tx, doctype, new)
    if into is None:
        message = f"{doctype.name} {new} not found: a document is merged into one that is there"
        raise DocumentNotFound(message, doctype=doctype.name, name=new)
    if not record.flags.get("ignore_permissions"):
        check_record(context, tx, into, "write", actor=actor)
        check_record(context, tx, record, "delete", actor=actor)
    if record.docstatus or into.docstatus:
        message = f"{doctype.name} {old} and {new}: only drafts can be merged"
        raise DocumentError(message, doctype=doctype.name, name=old)
    store.delete_row(context, tx, doctype, old)
    for field in doctype.table_fields:
        store.delete_children(tx, context.registry.get(field.options or ""), doctype, old)
    store.set_columns(context, tx, doctype, new, {"modified": context.clock(), "modified_by": actor.user})
    fresh = store.load(context, tx, doctype, new)
    record.before = into
    record.values = fresh.values


def _relink(context: DocumentContext, tx: Transaction, other: DocType, doctype: DocType, old: str, new: str) -> None:
    """Let every link of one DocType that leads to the old name lead to the new one."""
    plan = context.plan(other)
    for field in plan.links:
        if field.options == doctype.name:
            _relink_field(tx, other, field, old, new)
    for field in plan.dynamic_links:
        if other.is_single:
            _relink_dynamic_of_single(tx, other, field, doctype, old, new)
        else:
            tx.run(
                f'UPDATE "{other.table}" SET "{field.name}" = ? WHERE "{field.name}" = ? AND "{field.options}" = ?',  # noqa: S608 - names from the DocType
                (new, old, doctype.name),
            )


def _relink_field(tx: Transaction, other: DocType, field: Field, old: str, new: str) -> None:
    if other.is_single:
        tx.run(
            'UPDATE "tabSingles" SET "value" = ? WHERE "doctype" = ? AND "field" = ? AND "value" = ?',
            (new, other.name, field.name, old),
        )
    else:
        tx.run(
            f'UPDATE "{other.table}" SET "{field.name}" = ? WHERE "{field.name}" = ?',  # noqa: S608 - names from the DocType
            (new, old),
        )


def _relink_dynamic_of_single(
    tx: Transaction, other: DocType, field: Field, doctype: DocType, old: str, new: str
) -> None:
    stored: dict[str, Any] = dict(
        tx.execute('SELECT "field", "value" FROM "tabSingles" WHERE "doctype" = ?', (other.name,))
    )
    if stored.get(field.options or "") == doctype.name and stored.get(field.name) == old:
        _relink_field(tx, other, field, old, new)


def _naming_field(doctype: DocType) -> str | None:
    """Return the field that documents of this kind are named by."""
    kind, _, field = (doctype.autoname or "").partition(":")
    return doctype.canonical(field.strip()) if kind.lower() == "field" else None


def _taken(doctype: DocType, new: str) -> DuplicateName:
    message = f"{doctype.name} <strong>{new}</strong> already exists"
    return DuplicateName(message, title="Duplicate Name", doctype=doctype.name, name=new)


def _tell(context: DocumentContext, tx: Transaction, record: Record, new: str, *, old: str, actor: Actor) -> None:
    for event in EVENTS:
        if context.observers.wants(record.doctype.name, event):
            tx.journal.append(
                Happening(
                    event=event,
                    doctype=record.doctype.name,
                    name=new,
                    record=record.snapshot(),
                    before=record.before,
                    user=actor.user,
                    former_name=old,
                ),
            )
