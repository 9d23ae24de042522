"""A webhook as a form holds it, before it is saved: what it would send, and what is wrong with which field."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from demitasse.auth.model import Actor
from demitasse.core.doctype.webhook.webhook import check_address, check_event, check_headers, check_schedule
from demitasse.db.transaction import Transaction
from demitasse.documents import access, building, explaining, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError
from demitasse.documents.model import Record
from demitasse.events.parts import Fault, Parts, look

_NEEDED = (("webhook_doctype", "DocType"), ("webhook_docevent", "Doc Event"), ("request_url", "Request URL"))


def draft(context: DocumentContext, tx: Transaction, values: Mapping[str, Any], *, actor: Actor) -> Record:
    """Return a webhook with what was typed: the stored one with changes where its name is given, else a new one.

    Secrets that were not typed again are those of the stored one.

    Raises:
        NotPermitted: the actor may not write this webhook, or make one.
        DocumentNotFound: there is none of this name.
        InvalidFieldValue: a value does not fit its field.
    """
    doctype = context.registry.get(explaining.WEBHOOK)
    name = values.get("name")
    if name and store.exists(tx, doctype, str(name)):
        record = store.load(context, tx, doctype, str(name))
        access.check_record(context, tx, record, "write", actor=actor)
        building.assign(context, record, values)
        return record
    access.check_doctype(doctype, "create", actor)
    record = building.new_record(context, doctype, values)
    building.set_defaults(context, record, actor=actor, now=context.clock())
    return record


def examine(context: DocumentContext, webhook: Record, document: Record | None) -> tuple[Parts, list[Fault]]:
    """Return what the parts of a draft give for a document, and all that is wrong with it."""
    scope = None if document is None else explaining.scope_of(context, document)
    parts = look(explaining.subscription_row(webhook), scope)
    return parts, [*_faults(context, webhook), *parts.faults]


def _faults(context: DocumentContext, webhook: Record) -> Iterator[Fault]:
    for field, label in _NEEDED:
        if not (webhook[field] or "").strip():
            yield Fault(field=field, message=f"{label} is needed")
    if webhook["enable_security"] and not webhook["webhook_secret"]:
        yield Fault(field="webhook_secret", message="A secret is needed to sign: type one, or switch security off")
    checks: dict[str, Callable[[], None]] = {
        "webhook_docevent": lambda: check_event(webhook, context.registry),
        "request_url": lambda: check_address(webhook),
        "webhook_headers": lambda: check_headers(webhook),
        "retry_schedule": lambda: check_schedule(webhook),
    }
    for field, check in checks.items():
        try:
            check()
        except DocumentError as error:
            named = str(error.data.get("field"))
            yield Fault(field=named if named in webhook.doctype.by_name else field, message=error.message)
