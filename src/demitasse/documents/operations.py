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
from demitasse.documents.building import place_children, rows_of, set_defaults, stamp_new
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
    StaleDocument,
)
from demitasse.documents.fetching import fetch_values
from demitasse.documents.lifecycle import (
    check_amended,
    check_transition,
    note_event,
    run_and_note_events,
    run_hooks,
    save_events,
)
from demitasse.documents.model import DocStatus, Happening, Record
from demitasse.documents.naming import set_name
from demitasse.documents.ports import DIRECT_WRITE
from demitasse.documents.refusals import duplicate_error, refuse_child_or_single, refuse_linked
from demitasse.documents.tombstones import bury


def insert(context: DocumentContext, tx: Transaction, record: Record, *, actor: Actor) -> Record:
    """Write a new document; with ``docstatus`` 1 it is submitted in the same step.

    The record's flags ``ignore_permissions``, ``ignore_mandatory``, ``ignore_links`` and ``name_set`` are honoured.

    Raises:
        NotPermitted: the actor may not create (or submit) it.
        DocumentError: it is not valid, or its name is taken.
    """
    doctype = record.doctype
    refuse_child_or_single(doctype)
    now = context.clock()
    if not record.flags.get("ignore_permissions"):
        keep_levels(record, actor=actor)
    for row in rows_of(record):
        set_defaults(context, row, actor=actor, now=now)
    stamp_new(record, actor=actor, now=now)
    status = record.docstatus
    if status:
        check_transition(record, old=DocStatus.DRAFT, new=status)
    _permit(context, tx, record, "create", actor=actor)
    check_amended(context, tx, record)
    if status == DocStatus.SUBMITTED:
        _permit(context, tx, record, "submit", actor=actor)
    run_hooks(context, tx, record, "before_insert", actor=actor)
    run_hooks(context, tx, record, "autoname", actor=actor)
    set_name(context, tx, record, wanted=record.values.get("name"))
    place_children(record, actor=actor, now=now)
    _before_write(context, tx, record, status_event="before_submit" if status else None, actor=actor, now=now)
    try:
        store.insert_row(context, tx, record)
        for _, row in record.children():
            store.insert_row(context, tx, row)
    except UniqueViolation as error:
        raise duplicate_error(record, error) from error
    store.mask_secrets(record)
    record.is_new = False
    for _, row in record.children():
        row.is_new = False
    run_and_note_events(
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
    check_transition(record, old=old, new=new)
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
    place_children(record, actor=actor, now=now)
    if old == new == DocStatus.SUBMITTED:
        status_event: str | None = "before_update_after_submit"
    else:
        status_event = {1: "before_submit", 2: "before_cancel"}.get(new)
    _before_write(context, tx, record, status_event=status_event, actor=actor, now=now)
    try:
        (store.update_single if is_single else store.update_row)(context, tx, record)
        _write_children(context, tx, record, before)
    except UniqueViolation as error:
        raise duplicate_error(record, error) from error
    store.mask_secrets(record)
    run_and_note_events(context, tx, record, save_events(old, new), actor=actor)
    return record


def delete(context: DocumentContext, tx: Transaction, record: Record, *, actor: Actor) -> None:
    """Remove a document with its child rows; a Deleted Document keeps what it was.

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
    run_hooks(context, tx, record, "on_trash", actor=actor)
    if not record.flags.get("ignore_links"):
        refuse_linked(context, tx, record)
    store.delete_row(context, tx, doctype, record.name)
    for field in doctype.table_fields:
        store.delete_children(tx, context.registry.get(field.options or ""), doctype, record.name)
    bury(context, tx, record, actor=actor)
    note_event(context, tx, record, "on_trash", actor=actor)
    run_hooks(context, tx, record, "after_delete", actor=actor)


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
    run_hooks(context, tx, Record(doctype, {"name": name}, is_new=False), DIRECT_WRITE, actor=actor)
    if context.observers.wants(doctype.name, "on_change"):
        tx.journal.append(
            Happening(event="on_change", doctype=doctype.name, name=name, record=None, before=None, user=actor.user),
        )


def remove_row(context: DocumentContext, tx: Transaction, doctype: DocType, name: str, *, actor: Actor) -> None:
    """Remove a row without the checks, hooks and events of its document; its child rows stay."""
    store.delete_row(context, tx, doctype, name)
    run_hooks(context, tx, Record(doctype, {"name": name}, is_new=False), DIRECT_WRITE, actor=actor)


def _permit(context: DocumentContext, tx: Transaction, record: Record, action: str, *, actor: Actor) -> None:
    if not record.flags.get("ignore_permissions"):
        check_record(context, tx, record, action, actor=actor)


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
        place_children(record, actor=actor, now=now)
        convert_values(record, zone=context.zone)
    if record.docstatus != DocStatus.CANCELLED:
        if not record.flags.get("ignore_mandatory"):
            check_mandatory(context, record)
        check_values(context, record)
        if not record.flags.get("ignore_links"):
            check_links(context, tx, record)
    if record.before is not None:
        check_fixed_fields(record, record.before)


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
