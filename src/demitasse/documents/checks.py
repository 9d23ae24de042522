"""What a document must satisfy before it is written. Each check raises; none changes anything but conversions."""

import re
from datetime import tzinfo
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.doctypes.errors import InvalidValue
from demitasse.doctypes.model import DocType, Field
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import (
    BrokenLink,
    CancelledLink,
    ChangedAfterSubmit,
    DocumentError,
    FixedField,
    InvalidEmail,
    InvalidFieldValue,
    InvalidPhone,
    InvalidUrl,
    MandatoryMissing,
    TextTooLong,
)
from demitasse.documents.model import DocStatus, Record
from demitasse.documents.store import names_of

_EMAIL = re.compile(r"[^\s@<>(),;:\"\[\]\\]{1,64}@[^\s@<>(),;:\"\[\]\\.]+(?:\.[^\s@<>(),;:\"\[\]\\.]+)+\Z")
_PHONE = re.compile(r"[0-9 +_\-,.*#()/]{1,20}\Z")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+\S*\Z", re.IGNORECASE)
_SHOWN_LENGTH = 300


def convert_values(record: Record, *, zone: tzinfo) -> None:
    """Turn every value into its kept form; hooks and app code may have set others.

    Raises:
        InvalidFieldValue: a value does not fit its field.
    """
    values, by_name, texts = record.values, record.doctype.by_name, record.doctype.texts
    for name, value in values.items():
        if value.__class__ is str and value and name in texts:
            continue  # What nearly all are, and stay.
        field = by_name.get(name)
        if value is not None and field is not None and field.type.storage is not None:
            values[name] = convert(record.doctype, field, value, zone=zone)
    for _, row in record.children():
        convert_values(row, zone=zone)


def convert(doctype: DocType, field: Field, value: Any, *, zone: tzinfo) -> Any:
    """Return the kept form of one value.

    Raises:
        InvalidFieldValue: it does not fit the field.
    """
    try:
        return field.type.coerce(value, zone)
    except InvalidValue as error:
        message = f"{field.label}: {'it is not text' if field.type.is_secret else error.message}"
        raise InvalidFieldValue(message, doctype=doctype.name, field=field.name) from error


def check_mandatory(context: DocumentContext, record: Record) -> None:
    """Refuse empty mandatory fields.

    Raises:
        MandatoryMissing: one or more are empty.
    """
    fields, messages = [], []
    for field in context.plan(record.doctype).mandatory:
        if _is_empty(record.values.get(field.name), field):
            fields.append(field.name)
            if field.type.is_table:
                messages.append(f"Error: Data missing in table {field.label}")
            else:
                messages.append(f"Error: Value missing for {record.doctype.name}: {field.label}")
    for _, row in record.children():
        for field in context.plan(row.doctype).mandatory:
            if _is_empty(row.values.get(field.name), field):
                fields.append(field.name)
                messages.append(
                    f"Error: <strong>{row.doctype.name}</strong> Row #{row['idx']}: Value missing for: {field.label}",
                )
    if fields:
        name = record.name
        message = f"[{record.doctype.name}, {name}]: {', '.join(fields)}"
        raise MandatoryMissing(
            message,
            doctype=record.doctype.name,
            name=name,
            fields=fields,
            messages=messages,
        )


def check_values(context: DocumentContext, record: Record) -> None:
    """Refuse options that do not exist, texts that are too long, and malformed addresses, numbers and URLs.

    Raises:
        DocumentError: one of its kinds.
    """
    _check_values(context, record, place="")
    for _, row in record.children():
        _check_values(context, row, place=f"Row #{row['idx']}: ")


def _check_values(context: DocumentContext, record: Record, *, place: str) -> None:
    plan = context.plan(record.doctype)
    values = record.values
    for field, options in plan.selects:
        value = values.get(field.name)
        if value is not None and value not in options:
            listed = ", ".join(f'"{option}"' for option in (field.options or "").split("\n"))
            message = f'{place}{field.label} cannot be "{value}". It should be one of {listed}'
            raise InvalidFieldValue(message, doctype=record.doctype.name, field=field.name)
    limits = plan.limits
    for name, value in values.items():
        limit = limits.get(name)
        if limit is not None and value is not None and len(value) > limit:
            label = record.doctype.by_name[name].label
            message = (
                f"{record.doctype.name} {record.name}: '<strong>{label}</strong>' ({value[:_SHOWN_LENGTH]}) "
                f"will get truncated, as max characters allowed is {limit}"
            )
            raise TextTooLong(message, title="Value too big", doctype=record.doctype.name, field=name, limit=limit)
    for field in plan.checked:
        value = values.get(field.name)
        if value:
            _check_format(record.doctype, field, value)


def _check_format(doctype: DocType, field: Field, value: str) -> None:
    kind = field.fieldtype if field.fieldtype == "Phone" else field.options
    facts = {"doctype": doctype.name, "field": field.name}
    if kind == "Email":
        for part in value.split(","):
            if not _EMAIL.match(part.strip()):
                message = f"{part.strip()} is not a valid Email Address"
                raise InvalidEmail(message, title="Invalid Email", **facts)
    elif kind == "Phone" and not _PHONE.match(value.strip()):
        message = f"{value} is not a valid Phone Number"
        raise InvalidPhone(message, title="Invalid Phone Number", **facts)
    elif kind == "URL" and not _URL.match(value.strip()):
        message = f"{value} is not a valid URL"
        raise InvalidUrl(message, title="Invalid URL", **facts)


def check_links(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Refuse links to documents that are not there or are cancelled.

    Raises:
        BrokenLink: with every link that leads nowhere.
        CancelledLink: a link of a document that is not itself cancelled leads to a cancelled one.
    """
    wanted: dict[str, dict[str, list[str]]] = {}
    _collect_links(context, record, wanted, place="")
    for _, row in record.children():
        _collect_links(context, row, wanted, place=f"Row #{row['idx']}: ")
    broken: list[str] = []
    cancelled: list[str] = []
    for target, names in wanted.items():
        doctype = context.registry.find(target)
        if target == "DocType":
            found = {name: 0 for name in names if context.registry.find(name)}
        else:
            found = names_of(context, tx, doctype, list(names)) if doctype and not doctype.is_single else {}
        for name, places in names.items():
            if name not in found:
                broken.extend(f"{place}: {name}" for place in places)
            elif found[name] == DocStatus.CANCELLED and name != record["amended_from"]:
                cancelled.extend(f"{place}: {name}" for place in places)
    facts = {"doctype": record.doctype.name, "name": record.name}
    if broken:
        message = f"Could not find {', '.join(broken)}"
        raise BrokenLink(message, **facts)
    if cancelled and record.docstatus != DocStatus.CANCELLED:
        message = f"Cannot link cancelled document: {', '.join(cancelled)}"
        raise CancelledLink(message, **facts)


def _collect_links(
    context: DocumentContext,
    record: Record,
    wanted: dict[str, dict[str, list[str]]],
    *,
    place: str,
) -> None:
    plan = context.plan(record.doctype)
    for field in plan.links:
        value = record.values.get(field.name)
        if value and field.options != "[Select]":
            wanted.setdefault(field.options or "", {}).setdefault(value, []).append(f"{place}{field.label}")
    for field in plan.dynamic_links:
        value = record.values.get(field.name)
        if value:
            target = record.values.get(field.options or "")
            if not target:
                label = record.doctype.by_name[field.options or ""].label
                message = f"{place}{label} must be set first, to say what {field.label} links to"
                raise DocumentError(message, doctype=record.doctype.name, field=field.name)
            wanted.setdefault(target, {}).setdefault(value, []).append(f"{place}{field.label}")


def check_fixed_fields(record: Record, before: Record) -> None:
    """Refuse changes of fields that may be set only once, and after submission of fields that it fixes.

    Raises:
        FixedField: a set-once field was changed.
        ChangedAfterSubmit: the document stays submitted and another field than an allowed one was changed.
    """
    for field in record.doctype.fields:
        is_fixed = field.set_only_once and before.values.get(field.name)
        if is_fixed and _comparable(record, field) != _comparable(before, field):
            message = f"Value cannot be changed for {field.label}: it may be set only once"
            raise FixedField(message, doctype=record.doctype.name, field=field.name)
    if record.docstatus == before.docstatus == DocStatus.SUBMITTED:
        _check_after_submit(record, before)


def _check_after_submit(record: Record, before: Record) -> None:
    for field in record.doctype.fields:
        if field.allow_on_submit or (field.type.storage is None and not field.type.is_table):
            continue
        if _comparable(record, field) != _comparable(before, field):
            old, new = before.values.get(field.name), record.values.get(field.name)
            change = "" if field.type.is_table else f" from <strong>{old}</strong> to <strong>{new}</strong>"
            message = f"Not allowed to change <strong>{field.label}</strong> after submission{change}"
            raise ChangedAfterSubmit(
                message,
                title="Cannot Update After Submit",
                doctype=record.doctype.name,
                field=field.name,
            )


def _comparable(record: Record, field: Field) -> Any:
    value = record.values.get(field.name)
    if not field.type.is_table:
        return value if value is not None else field.type.empty
    return [
        [
            row.values.get(f.name) if row.values.get(f.name) is not None else f.type.empty
            for f in row.doctype.data_fields
            if not f.allow_on_submit
        ]
        for row in value or ()
    ]


def _is_empty(value: Any, field: Field) -> bool:
    if field.type.is_table:
        return not value
    if field.type.empty is not None:
        return False
    return value is None or (isinstance(value, str) and not value.strip())
