"""What can be done with a document. Each operation is a part of the caller's transaction and commits nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.errors import UniqueViolation
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import store
from demitasse.documents.access import check_record, keep_levels
from demitasse.documents.building import rows_of, set_defaults
from demitasse.documents.checks import (
    check_fixed_fields,
    check_links,
    check_mandatory,
    check_values,
    convert,
    convert_values,
)
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import (
    DocumentError,
    DocumentNotFound,
    DuplicateName,
    DuplicateValue,
    InvalidTransition,
    LinkedElsewhere,
    StaleDocument,
)
from demitasse.documents.fetching import fetch_values
from demitasse.documents.model import DocStatus, Happening, Record
from demitasse.documents.naming import set_name
from demitasse.documents.ports import DIRECT_WRITE
from demitasse.kernel.ids import random_name

_STATUS_WORDS = {0: "Draft", 1: "Submitted", 2: "Cancelled"}


def insert(context: DocumentContext, tx: Transaction, record: Record, *, actor: Actor) -> Record:
    """Write a new document; with ``docstatus`` 1 it is submitted in the same step.

    The record's flags ``ignore_permissions``, ``ignore_mandatory``, ``ignore_links`` and ``name_set`` are honoured.

    Raises:
        NotPermitted: the actor may not create (or submit) it.
        DocumentError: it is not valid, or its name is taken.
    """
    doctype = record.doctype
    _refuse_child_or_single(doctype)
    now = context.clock()
    if not record.flags.get("ignore_permissions"):
        keep_levels(record, actor=actor)
    for row in rows_of(record):
        set_defaults(context, row, actor=actor, now=now)
    _stamp_new(record, actor=actor, now=now)
    status = record.docstatus
    if status:
        _check_transition(record, old=DocStatus.DRAFT, new=status)
    _permit(context, tx, record, "create", actor=actor)
    _check_amended(context, tx, record)
    if status == DocStatus.SUBMITTED:
        _permit(context, tx, record, "submit", actor=actor)
    _run(context, tx, record, "before_insert", actor=actor)
    _run(context, tx, record, "autoname", actor=actor)
    set_name(context, tx, record, wanted=record.values.get("name"))
    _place_children(record, actor=actor, now=now)
    _before_write(context, tx, record, status_event="before_submit" if status else None, actor=actor, now=now)
    try:
        store.insert_row(context, tx, record)
        for _, row in record.children():
            store.insert_row(context, tx, row)
    except UniqueViolation as error:
        raise _duplicate(record, error) from error
    store.mask_secrets(record)
    record.is_new = False
    for _, row in record.children():
        row.is_new = False
    _after_write(
        context,
        tx,
        record,
        ("after_insert", "on_update", *(("on_submit",) if status else ()), "on_change"),
        actor=actor,
    )
    return record


def save(context: DocumentContext, tx: Transaction, record: Record, *, actor: Actor) -> Record:
    """Write a changed document; its ``docstatus`` says whether it is saved, submitted, or cancelled.

    Raises:
        NotPermitted: the actor may not do that.
        StaleDocument: the record carries another ``modified`` than the stored document.
        DocumentError: it is not valid.
    """
    is_single = record.doctype.is_single
    before = (
        store.load_single(context, tx, record.doctype)
        if is_single
        else store.load(context, tx, record.doctype, record.name)
    )
    record.before = before
    modified = record.values.get("modified")
    if (modified is None and not is_single) or modified != before.modified:
        message = (
            f"Error: {record.name} ({record.doctype.name}) has been modified after you have opened it "
            f"({before.modified:%Y-%m-%d %H:%M:%S.%f}, {modified:%Y-%m-%d %H:%M:%S.%f}). "
            if modified
            else f"Error: {record.name} ({record.doctype.name}) has been modified after you have opened it. "
        ) + "Please refresh to get the latest document."
        raise StaleDocument(message, doctype=record.doctype.name, name=record.name, modified=str(before.modified))
    old, new = before.docstatus, record.docstatus
    _check_transition(record, old=old, new=new)
    _permit(context, tx, record, "write", actor=actor)
    if new != DocStatus.DRAFT:  # a save writes whatever was sent, so these are asked for beside ``write``
        _permit(context, tx, record, "cancel" if new == DocStatus.CANCELLED else "submit", actor=actor)
    if not record.flags.get("ignore_permissions"):
        keep_levels(record, actor=actor)
    now = context.clock()
    for name in ("owner", "creation"):
        record.values[name] = before.values.get(name)
    record.values["modified"], record.values["modified_by"] = now, actor.user
    for _, row in record.children():
        if row.is_new:
            set_defaults(context, row, actor=actor, now=now)
    _place_children(record, actor=actor, now=now)
    if old == new == DocStatus.SUBMITTED:
        status_event: str | None = "before_update_after_submit"
    else:
        status_event = {1: "before_submit", 2: "before_cancel"}.get(new)
    _before_write(context, tx, record, status_event=status_event, actor=actor, now=now)
    try:
        (store.update_single if is_single else store.update_row)(context, tx, record)
        _write_children(context, tx, record, before)
    except UniqueViolation as error:
        raise _duplicate(record, error) from error
    store.mask_secrets(record)
    _after_write(context, tx, record, _save_events(old, new), actor=actor)
    return record


def delete(context: DocumentContext, tx: Transaction, record: Record, *, actor: Actor) -> None:
    """Remove a document with its child rows.

    Raises:
        NotPermitted: the actor may not delete it.
        LinkedElsewhere: another document links to it.
        DocumentError: it is submitted.
    """
    doctype = record.doctype
    _permit(context, tx, record, "delete", actor=actor)
    if doctype.is_single:
        message = f"{doctype.name} is a single: it is always there, so empty its fields instead"
        raise DocumentError(message, doctype=doctype.name)
    if record.docstatus == DocStatus.SUBMITTED:
        message = f"{doctype.name} {record.name}: Submitted Record cannot be deleted. You must cancel it first."
        raise DocumentError(message, doctype=doctype.name, name=record.name)
    _run(context, tx, record, "on_trash", actor=actor)
    if not record.flags.get("ignore_links"):
        _refuse_linked(context, tx, record)
    store.delete_row(context, tx, doctype, record.name)
    for field in doctype.table_fields:
        store.delete_children(tx, context.registry.get(field.options or ""), doctype, record.name)
    _tell(context, tx, record, "on_trash", actor=actor)
    _run(context, tx, record, "after_delete", actor=actor)


def set_values(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    name: str,
    values: Mapping[str, Any],
    *,
    actor: Actor,
    moves_modified: bool = True,
) -> None:
    """Write columns of one document without its checks and hooks; ``on_change`` is told.

    Raises:
        DocumentError: a name is no column of the DocType, or a value does not fit.
        DocumentNotFound: there is no such document.
    """
    columns: dict[str, Any] = {}
    for key, value in values.items():
        field = doctype.by_name.get(doctype.canonical(key) or "")
        if field is None or field.type.storage is None or field.name == "name":
            message = f"{doctype.name} has no column {key} that can be set"
            raise DocumentError(message, doctype=doctype.name, field=key)
        kept = convert(doctype, field, value, zone=context.zone)
        if field.type.is_secret and kept:
            kept = context.vault.encrypt(kept, place=f"{doctype.name}.{field.name}")
        columns[field.name] = kept
    if moves_modified:
        columns.setdefault("modified", context.clock())
        columns.setdefault("modified_by", actor.user)
    if not store.set_columns(context, tx, doctype, name, columns):
        message = f"{doctype.name} {name} not found"
        raise DocumentNotFound(message, doctype=doctype.name, name=name)
    _run(context, tx, Record(doctype, {"name": name}, is_new=False), DIRECT_WRITE, actor=actor)
    if context.observers.wants(doctype.name, "on_change"):
        tx.journal.append(
            Happening(event="on_change", doctype=doctype.name, name=name, record=None, before=None, user=actor.user),
        )


def remove_row(context: DocumentContext, tx: Transaction, doctype: DocType, name: str, *, actor: Actor) -> None:
    """Remove a row without the checks, hooks and events of its document; its child rows stay."""
    store.delete_row(context, tx, doctype, name)
    _run(context, tx, Record(doctype, {"name": name}, is_new=False), DIRECT_WRITE, actor=actor)


def _permit(context: DocumentContext, tx: Transaction, record: Record, action: str, *, actor: Actor) -> None:
    if not record.flags.get("ignore_permissions"):
        check_record(context, tx, record, action, actor=actor)


def _stamp_new(record: Record, *, actor: Actor, now: datetime) -> None:
    values = record.values
    values["owner"] = values["modified_by"] = actor.user
    values["creation"] = values["modified"] = now
    values["docstatus"] = values.get("docstatus") or 0
    values["idx"] = 0


def _place_children(record: Record, *, actor: Actor, now: datetime) -> None:
    for field in record.doctype.table_fields:
        for number, row in enumerate(record.rows(field.name), start=1):
            values = row.values
            if not values.get("name"):
                values["name"] = random_name()
            values["parent"], values["parenttype"], values["parentfield"] = record.name, record.doctype.name, field.name
            values["idx"], values["docstatus"] = number, record.docstatus
            values["modified"], values["modified_by"] = now, actor.user
            values["creation"] = values.get("creation") or now
            values["owner"] = values.get("owner") or actor.user


def _before_write(
    context: DocumentContext,
    tx: Transaction,
    record: Record,
    *,
    status_event: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    fetch_values(context, tx, record)
    handlers = context.hooks.handlers(record.doctype)
    if handlers:
        events: tuple[str, ...] = ("before_validate", "validate", "before_save")
        if status_event == "before_submit":
            events = ("before_validate", "validate", "before_submit")
        elif status_event:
            events = (status_event,)
        for event in events:
            if event in handlers:
                handlers[event](record, tx, actor)
        _place_children(record, actor=actor, now=now)
        convert_values(record, zone=context.zone)
    if record.docstatus != DocStatus.CANCELLED:
        if not record.flags.get("ignore_mandatory"):
            check_mandatory(context, record)
        check_values(context, record)
        if not record.flags.get("ignore_links"):
            check_links(context, tx, record)
    if record.before is not None:
        check_fixed_fields(record, record.before)


def _save_events(old: int, new: int) -> tuple[str, ...]:
    if new == DocStatus.CANCELLED:
        return ("on_cancel", "on_change")
    if old == DocStatus.SUBMITTED:
        return ("on_update_after_submit", "on_change")
    if new == DocStatus.SUBMITTED:
        return ("on_update", "on_submit", "on_change")
    return ("on_update", "on_change")


def _after_write(
    context: DocumentContext, tx: Transaction, record: Record, events: tuple[str, ...], *, actor: Actor
) -> None:
    for event in events:
        _run(context, tx, record, event, actor=actor)
        _tell(context, tx, record, event, actor=actor)


def _run(context: DocumentContext, tx: Transaction, record: Record, event: str, *, actor: Actor) -> None:
    handler = context.hooks.handlers(record.doctype).get(event)
    if handler is not None:
        handler(record, tx, actor)


def _tell(context: DocumentContext, tx: Transaction, record: Record, event: str, *, actor: Actor) -> None:
    if context.observers.wants(record.doctype.name, event):
        tx.journal.append(
            Happening(
                event=event,
                doctype=record.doctype.name,
                name=record.name,
                record=record.snapshot(),
                before=record.before,
                user=actor.user,
            ),
        )


def _write_children(context: DocumentContext, tx: Transaction, record: Record, before: Record) -> None:
    for field in record.doctype.table_fields:
        child = context.registry.get(field.options or "")
        present = {row.name for row in before.rows(field.name)}
        kept = set()
        for row in record.rows(field.name):
            if row.name in present:
                kept.add(row.name)
                store.update_row(context, tx, row)
            else:
                store.insert_row(context, tx, row)
            row.is_new = False
        for name in present - kept:
            store.delete_row(context, tx, child, name)


def _refuse_child_or_single(doctype: DocType) -> None:
    if doctype.is_table:
        message = f"{doctype.name} is a child table: save its rows with the document they belong to"
        raise DocumentError(message, doctype=doctype.name)
    if doctype.is_single:
        message = f"{doctype.name} is a single: it is always there; save it instead"
        raise DocumentError(message, doctype=doctype.name)


def _check_transition(record: Record, *, old: int, new: int) -> None:
    facts = {"doctype": record.doctype.name, "name": record.name}
    if new not in _STATUS_WORDS:
        message = f"docstatus must be 0, 1 or 2, not {new}"
        raise InvalidTransition(message, **facts)
    if new and not record.doctype.is_submittable:
        message = f"{record.doctype.name} cannot be submitted: it is not a submittable DocType"
        raise InvalidTransition(message, **facts)
    if old == DocStatus.CANCELLED:
        message = "Cannot edit cancelled document"
        raise DocumentError(message, **facts)
    if (old, new) not in {(0, 0), (0, 1), (1, 1), (1, 2)}:
        message = f"Cannot change docstatus from {old} ({_STATUS_WORDS[old]}) to {new} ({_STATUS_WORDS[new]})"
        raise InvalidTransition(message, **facts)


def _check_amended(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Refuse to amend what is still in force; a document that is not there is left to the check of links."""
    original = record["amended_from"]
    if not original or not record.doctype.is_submittable:
        return
    found = store.names_of(context, tx, record.doctype, [str(original)])
    if found.get(str(original), DocStatus.CANCELLED) != DocStatus.CANCELLED:
        message = f"{record.doctype.name} {original} cannot be amended because it is not cancelled: cancel it first"
        raise InvalidTransition(message, doctype=record.doctype.name, name=original)


def _duplicate(record: Record, error: UniqueViolation) -> DocumentError:
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


def _refuse_linked(context: DocumentContext, tx: Transaction, record: Record) -> None:
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
