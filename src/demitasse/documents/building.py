"""Records from values that come from outside, and their defaults."""

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from demitasse.auth.model import Actor
from demitasse.doctypes.model import STANDARD_NAMES, DocType, Field
from demitasse.documents.checks import convert
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.kernel.ids import random_name

_ASSIGNED = frozenset({"owner", "creation", "modified_by", "idx"})
_IGNORED = frozenset({"doctype", "__islocal", "__unsaved", "__onload", "__last_sync_on", "__run_link_triggers"})
_MAX_ROWS = 10_000


def new_record(context: DocumentContext, doctype: DocType, values: Mapping[str, Any]) -> Record:
    """Return a new record with these values; names that are no field are kept in ``unknown`` and otherwise dropped.

    Args:
        values: By field name or alias; child tables as lists of mappings.

    Raises:
        InvalidFieldValue: a value does not fit its field.
    """
    record = Record(doctype, {}, is_new=True)
    assign(context, record, values)
    return record


def assign(context: DocumentContext, record: Record, values: Mapping[str, Any]) -> None:
    """Set values on a record; what the server sets itself (owner, creation, ...) cannot be set this way.

    Raises:
        InvalidFieldValue: a value does not fit its field.
    """
    unknown: list[str] = []
    doctype = record.doctype
    for key, value in values.items():
        name = doctype.canonical(key)
        if name is None:
            if key not in _IGNORED:
                unknown.append(key)
        elif name in STANDARD_NAMES:
            _assign_standard(record, name, value, zone=context.zone)
        else:
            field = doctype.by_name[name]
            if field.type.is_table:
                record.values[name] = _rows(context, record, field, value)
            else:
                record.values[name] = convert(doctype, field, value, zone=context.zone)
    record.unknown = (*record.unknown, *unknown)


def _assign_standard(record: Record, name: str, value: Any, *, zone: tzinfo) -> None:
    if name in _ASSIGNED:
        return
    if name == "name":
        if record.is_new and value is not None:
            record.values["name"] = str(value)
    else:
        field = record.doctype.by_name[name]
        record.values[name] = convert(record.doctype, field, value, zone=zone)


def _rows(context: DocumentContext, record: Record, field: Field, value: Any) -> list[Record]:
    if value is None or value == "":
        return []
    if not isinstance(value, list) or len(value) > _MAX_ROWS:
        message = f"{field.label} must be a list of rows, at most {_MAX_ROWS}"
        raise InvalidFieldValue(message, doctype=record.doctype.name, field=field.name)
    child = context.registry.get(field.options or "")
    present = {row.name: row for row in record.rows(field.name)}
    return [_row(context, child, field, item, present, number) for number, item in enumerate(value, start=1)]


def _row(
    context: DocumentContext,
    child: DocType,
    field: Field,
    item: Any,
    present: Mapping[str, Record],
    number: int,
) -> Record:
    if isinstance(item, Record):
        item.values["idx"] = number
        return item
    if not isinstance(item, Mapping):
        message = f"Row #{number} of {field.label} must be an object"
        raise InvalidFieldValue(message, doctype=child.name, field=field.name)
    known = present.get(str(item.get("name") or ""))
    row = Record(child, {}, is_new=known is None)
    if known is not None:
        row.before = known
        for name in ("name", "owner", "creation"):
            row.values[name] = known.values.get(name)
    try:
        assign(context, row, item)
    except InvalidFieldValue as error:
        message = f"Row #{number}: {error.message}"
        raise InvalidFieldValue(message, **error.data) from error
    if known is None:
        row.values.pop("name", None)
    row.values["idx"] = number
    return row


def set_defaults(context: DocumentContext, record: Record, *, actor: Actor, now: datetime) -> None:
    """Fill the empty fields of a new record with their defaults."""
    values = record.values
    plan = context.plan(record.doctype)
    for name, fixed in plan.fixed_defaults:
        if values.get(name) is None:
            values[name] = fixed
    for field in plan.dynamic_defaults:
        if values.get(field.name) is None:
            value = dynamic_default(field.default, field=field, actor=actor, now=now.astimezone(context.zone))
            if value is not None:
                values[field.name] = convert(record.doctype, field, value, zone=context.zone)


def dynamic_default(default: str, *, field: Field, actor: Actor, now: datetime) -> Any:
    """Return what a default such as ``Today``, ``Now`` or ``__user`` stands for now; ``None`` for nothing.

    Args:
        now: The moment in the site's zone.
    """
    word = default.strip().lower()
    if word in {"today", "__today"} and field.fieldtype in {"Date", "Datetime"}:
        return now.date()
    if word == "now":
        return now.timetz().isoformat()[:15] if field.fieldtype == "Time" else now
    if word in {"__user", "user"} and field.options == "User":
        return actor.user
    return None


def stamp_new(record: Record, *, actor: Actor, now: datetime) -> None:
    """Write into a new record who makes it, and when."""
    values = record.values
    values["owner"] = values["modified_by"] = actor.user
    values["creation"] = values["modified"] = now
    values["docstatus"] = values.get("docstatus") or 0
    values["idx"] = 0


def place_children(record: Record, *, actor: Actor, now: datetime) -> None:
    """Name and number the child rows, and write into each where it belongs."""
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


def rows_of(record: Record) -> Iterable[Record]:
    """Yield the record and its child rows."""
    yield record
    for _, row in record.children():
        yield row
