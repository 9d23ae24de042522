"""What a webhook's form asks while it is filled in: ``/api/method/frappe.integrations.doctype.webhook.form.<name>``.

Who may make (or write) a webhook may try it, on documents that he may read. ``webhook`` is the form: the fields of a
Webhook as an object, with its name where it has been saved; secrets that are not typed again are the stored ones.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from demitasse.core.doctype.webhook import probing
from demitasse.core.doctype.webhook import recipes as written
from demitasse.core.doctype.webhook.drafting import draft, examine
from demitasse.core.doctype.webhook.endpoint import endpoint_of, stored_secrets
from demitasse.delivery import wording
from demitasse.delivery.pretty import pretty
from demitasse.delivery.redaction import redact_headers, redact_url
from demitasse.documents import access, store
from demitasse.documents.errors import DocumentError, InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.events.parts import Parts
from demitasse.frappe.context import Call, current
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.kernel.json import MalformedJson


@whitelist(methods=["POST"])
def check(webhook: Any, document: str | None = None) -> dict[str, Any]:
    """Return what a webhook would send for a document, and all that is wrong with the form; nothing is sent or saved.

    Returns:
        ``faults`` (each with ``field``, ``message`` and, where one is to blame, ``line``); with a document also
        ``condition`` (true, false, or null where it has a fault), ``method``, ``url``, ``headers``, ``content_type``,
        ``body`` and ``pretty_body``.
    """
    call = current()
    draft_, record = _asked(call, webhook, document)
    parts, faults = examine(call.site.documents, draft_, record)
    body = parts.body
    text = body.content.decode() if body else None
    return {
        "document": record and record.name,
        "faults": [asdict(fault) for fault in faults],
        "condition": parts.holds,
        "method": draft_["request_method"] or "POST",
        "url": parts.url and redact_url(parts.url),
        "headers": redact_headers(_with_type(parts)),
        "content_type": body and body.content_type,
        "body": text,
        "pretty_body": None if body is None or text is None else pretty(text, content_type=body.content_type),
    }


@whitelist(methods=["POST"])
def test(webhook: Any, document: str) -> dict[str, Any]:
    """Send one request for a document now, and return it with its answer. Nothing is queued, logged or saved."""
    call = current()
    draft_, record = _asked(call, webhook, document)
    if record is None:
        message = "Choose a document to send"
        raise InvalidFieldValue(message, doctype="Webhook", field="document")
    _, faults = examine(call.site.documents, draft_, record)
    if faults:
        raise DocumentError("; ".join(fault.message for fault in faults), doctype="Webhook", field=faults[0].field)
    settings = call.site.settings
    endpoint = endpoint_of(
        draft_,
        secrets=stored_secrets(call.site.documents, call.tx, draft_),
        dynamic_hosts=(*settings.webhook_dynamic_hosts, *settings.webhook_allow_hosts),
    )
    prepared = probing.prepare(
        call.site.documents,
        draft_,
        record,
        endpoint=endpoint,
        resolver=call.site.references,
        now=call.site.documents.clock(),
    )
    call.tx.rollback()  # It may take as long as the timeout: nobody waits for our turn to write meanwhile.
    done = probing.send(prepared, allow_hosts=settings.webhook_allow_hosts, proxy_url=settings.webhook_proxy)
    kind = next((value for name, value in done.response_headers.items() if name.lower() == "content-type"), "")
    return {
        **asdict(done),
        "headers": json.decode(done.headers),
        "headline": wording.headline(done.outcome, done.status_code or 0),
        "pretty_body": pretty(done.body, content_type=str(json.decode(done.headers).get("Content-Type", ""))),
        "pretty_response": pretty(done.response, content_type=kind),
    }


@whitelist(methods=["GET", "POST"])
def recipes() -> dict[str, str]:
    """Return how a receiver verifies signatures, by language."""
    return written.recipes()


@whitelist(methods=["GET", "POST"])
def fields(webhook_doctype: str) -> list[dict[str, str]]:
    """Return the fields of a DocType that a body may hold, for those who may read its documents."""
    call = current()
    doctype = call.site.documents.registry.get(webhook_doctype)
    access.check_doctype(doctype, "read", call.actor)
    named = [{"fieldname": "name", "label": "ID", "fieldtype": "Data"}]
    return named + [
        {"fieldname": field.name, "label": field.label or field.name, "fieldtype": field.fieldtype}
        for field in doctype.fields
        if (field.type.storage is not None or field.type.is_table) and not field.type.is_secret
    ]


def _with_type(parts: Parts) -> tuple[tuple[str, str], ...]:
    if parts.body is None or any(name.lower() == "content-type" for name, _ in parts.headers):
        return parts.headers
    return (("Content-Type", parts.body.content_type), *parts.headers)


def _asked(call: Call, webhook: Any, document: str | None) -> tuple[Record, Record | None]:
    context = call.site.documents
    found = draft(context, call.tx, _values(webhook), actor=call.actor)
    if not document or not found["webhook_doctype"]:
        return found, None
    doctype = context.registry.get(found["webhook_doctype"])
    access.check_doctype(doctype, "read", call.actor)
    record = store.load(context, call.tx, doctype, document)
    access.check_record(context, call.tx, record, "read", actor=call.actor)
    return found, access.hide_levels(record, actor=call.actor)


def _values(webhook: Any) -> Mapping[str, Any]:
    try:
        found = json.decode(webhook) if isinstance(webhook, str) else webhook
    except MalformedJson as error:
        message = f"webhook must be the form as an object: {error.message}"
        raise InvalidFieldValue(message, doctype="Webhook", field="name") from error
    if not isinstance(found, Mapping):
        message = "webhook must be the form as an object: the fields of a Webhook by name"
        raise InvalidFieldValue(message, doctype="Webhook", field="name")
    return found
