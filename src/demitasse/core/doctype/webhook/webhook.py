"""Webhooks: a name where none is given, and what is refused when one is saved."""

import re
from collections.abc import Mapping

from demitasse.auth.model import Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.delivery.errors import InvalidSchedule
from demitasse.delivery.policy import parse_schedule
from demitasse.doctypes.model import Registry
from demitasse.documents.errors import DocumentError, InvalidFieldValue
from demitasse.documents.explaining import subscription_of
from demitasse.documents.model import Record
from demitasse.documents.ports import DIRECT_WRITE, Handler
from demitasse.documents.store import exists
from demitasse.vault.references import is_reference

_SUBMIT_EVENTS = frozenset({"on_submit", "on_cancel", "on_update_after_submit"})
_UNHEARD = frozenset({"Webhook Delivery", "Webhook Request Log"})
_URL = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_OWN_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "x-frappe-webhook-signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    },
)


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Webhook do."""

    def validate(record: Record, tx: Transaction, actor: Actor) -> None:
        check_event(record, services.registry)
        check_address(record)
        check_headers(record)
        check_content(record)
        check_schedule(record)

    def forget(record: Record, tx: Transaction, actor: Actor) -> None:
        services.forget_webhooks()
        tx.after_commit(services.forget_webhooks)

    return {
        "before_insert": set_free_name,
        "validate": validate,
        "on_update": forget,
        "on_change": forget,
        "after_delete": forget,
        DIRECT_WRITE: forget,
    }


def set_free_name(record: Record, tx: Transaction, actor: Actor) -> None:
    """Name a webhook ``{doctype}-{event}-{n}`` when nobody else has named it."""
    if record.name:
        return
    number = 1
    base = f"{record['webhook_doctype']}-{record['webhook_docevent']}"
    while exists(tx, record.doctype, f"{base}-{number}"):
        number += 1
    record["name"] = f"{base}-{number}"


def check_event(record: Record, registry: Registry) -> None:
    """Refuse events that would never come."""
    name = record["webhook_doctype"]
    doctype = registry.find(name or "")
    if doctype is None:
        return  # the check of links names it
    if doctype.is_table:
        message = f"{name} is a child table: choose the DocType that its rows belong to"
        raise InvalidFieldValue(message, doctype="Webhook", field="webhook_doctype")
    if name in _UNHEARD:
        message = f"{name} is written by webhooks themselves, so none can listen to it"
        raise InvalidFieldValue(message, doctype="Webhook", field="webhook_doctype")
    if record["webhook_docevent"] in _SUBMIT_EVENTS and not doctype.is_submittable:
        message = f"{name} is never submitted, so {record['webhook_docevent']} would never come: choose another event"
        raise InvalidFieldValue(message, doctype="Webhook", field="webhook_docevent")


def check_address(record: Record) -> None:
    """Refuse what can never be a URL; that a host answers is seen when it is sent."""
    url = (record["request_url"] or "").strip()
    if is_reference(url) or record["is_dynamic_url"] or not url:
        return
    if not _URL.match(url):
        message = f"{url!r} is not a URL that can be called: write http:// or https:// and a host, or conf:key"
        raise InvalidFieldValue(message, doctype="Webhook", field="request_url")


def check_headers(record: Record) -> None:
    """Refuse headers that are not ours to let others set, or that no header can be."""
    for row in record.rows("webhook_headers"):
        key, value = row["key"] or "", row["value"] or ""
        if not _TOKEN.match(key):
            message = f"Row #{row['idx']}: {key!r} cannot be the name of a header"
            raise InvalidFieldValue(message, doctype="Webhook Header", field="key")
        if key.lower() in _OWN_HEADERS:
            message = f"Row #{row['idx']}: {key} is set by the server and cannot be set by hand"
            raise InvalidFieldValue(message, doctype="Webhook Header", field="key")
        if "\r" in value or "\n" in value:
            message = f"Row #{row['idx']}: the value of {key} holds a line break"
            raise InvalidFieldValue(message, doctype="Webhook Header", field="value")


def check_schedule(record: Record) -> None:
    """Refuse a retry schedule that cannot be read: deliveries would wait for it."""
    try:
        parse_schedule(record["retry_schedule"])
    except InvalidSchedule as error:
        raise InvalidFieldValue(error.message, doctype="Webhook", field="retry_schedule") from error


def check_content(record: Record) -> None:
    """Refuse conditions and templates that cannot be compiled, and signing without a secret."""
    if record["enable_security"] and not record["webhook_secret"]:
        message = "Webhook Secret is needed to sign: set one, or switch Enable Security off"
        raise DocumentError(message, doctype="Webhook", field="webhook_secret")
    fault = subscription_of(record).fault
    if fault is not None:
        raise DocumentError(fault.message, doctype="Webhook", name=record.name)
