"""Operating webhooks over HTTP: ``/api/method/frappe.integrations.doctype.webhook.webhook.<name>``.

Who may write a Webhook may replay and backfill it, who may read it may preview it and ask why. One call does a bounded
part and says where to go on; moments are naive site time or carry a zone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from demitasse.delivery.redaction import redact_headers, redact_url
from demitasse.documents import access, backfilling, explaining, store
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.frappe.context import Call, current
from demitasse.frappe.integrations.arguments import at_most, in_zone, is_true, moment, whole
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.outbox import history, operations, replaying
from demitasse.outbox.errors import UnknownDelivery
from demitasse.outbox.model import DeliveryState
from demitasse.outbox.queries import stored_delivery

_MOST_REPLAYED = 500
_MOST_BACKFILLED = 200
_PLACE_PARTS = 2
_DELIVERY = "Webhook Delivery"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@whitelist(methods=["POST"])
def replay(
    webhook: str | None = None,
    deliveries: Any = None,
    since: Any = None,
    until: Any = None,
    status: str = "Failed",
    dry_run: Any = False,
    limit: Any = _MOST_REPLAYED,
    after: Any = None,
) -> dict[str, Any]:
    """Send deliveries again, each under the id that it has.

    Args:
        webhook: All its deliveries of this status, by the time of their events; or
        deliveries: one name, or a list of names.
        dry_run: Only say how many there are.
        after: ``next`` of the call before, when there was more than one call may do.

    Returns:
        ``replayed`` (names), ``without_body`` (their template failed: backfill them), ``next`` where more is left.
    """
    call = current()
    is_dry = is_true(dry_run)
    if deliveries:
        return _replay_named(call, _names(deliveries), is_dry=is_dry)
    found = _webhook(call, webhook, "write")
    now = call.site.documents.clock()
    chosen = replaying.Selection(
        webhook=found.name,
        since=moment(call, since, doctype=_DELIVERY, field="since") or _LONG_AGO,
        until=moment(call, until, doctype=_DELIVERY, field="until") or now + timedelta(days=1),
        state=_final_state(status),
    )
    if is_dry:
        count = replaying.count(call.tx, chosen)
        return {"would_replay": count.sendable, "without_body": count.without_body}
    done = replaying.replay_some(
        call.tx,
        chosen,
        after=_place(after),
        now=now,
        keeps_order=_keeps_order(found),
        limit=at_most(limit, _MOST_REPLAYED),
    )
    call.site.publisher.announce(call.tx, done.queued)
    return {
        "replayed": [delivery.name for delivery in done.queued],
        "without_body": done.without_body,
        "next": list(done.place) if done.place else None,
    }


@whitelist(methods=["POST"])
def backfill(
    webhook: str,
    filters: Any = None,
    dry_run: Any = False,
    limit: Any = _MOST_BACKFILLED,
    limit_start: Any = 0,
) -> dict[str, Any]:
    """Send documents that are there already, oldest first, each as a new delivery where the condition is true.

    Args:
        filters: As in a list of documents; only such as the caller may read.
        dry_run: Only say how many of these documents would be sent.

    Returns:
        ``looked_at``, ``queued`` (names of deliveries), ``not_meant``, and ``next``, the ``limit_start`` to go on with.
    """
    call = current()
    found = _webhook(call, webhook, "write")
    context = call.site.documents
    subscription = backfilling.backfillable(found)
    most, start = at_most(limit, _MOST_BACKFILLED), whole(limit_start)
    names = backfilling.find_documents(
        context, call.tx, subscription, actor=call.actor, filters=filters, limit=most, limit_start=start
    )
    following = start + most if len(names) == most else None
    if is_true(dry_run):
        meant = backfilling.count_meant(context, call.tx, subscription, names)
        return {"looked_at": len(names), "would_queue": meant, "next": following}
    filled = backfilling.backfill(context, call.tx, subscription, names, actor=call.actor)
    call.site.publisher.announce(call.tx, filled.queued)
    return {
        "looked_at": len(names),
        "queued": [delivery.name for delivery in filled.queued],
        "not_meant": filled.not_meant,
        "next": following,
    }


@whitelist(methods=["GET", "POST"])
def preview(webhook: str, document: str) -> dict[str, Any]:
    """Return what a webhook would send for a document now, and whether its condition is true. Nothing is sent."""
    call = current()
    found = _webhook(call, webhook, "read")
    record = _document(call, found["webhook_doctype"], document)
    subscription = explaining.subscription_of(found)
    seen = explaining.preview(call.site.documents, record, subscription)
    request = seen.request
    return {
        "condition": seen.holds,
        "error": seen.error,
        "request": request
        and {
            "method": request.method,
            "url": redact_url(request.url or found["request_url"] or ""),
            "headers": redact_headers(request.headers),
            "body": request.body.content.decode(),
        },
    }


@whitelist(methods=["GET", "POST"])
def why(doctype: str, document: str, webhook: str | None = None, event: str | None = None) -> dict[str, Any]:
    """Tell for each webhook on a DocType whether it fires for a document, and if not, why.

    Returns:
        ``webhooks``: each with ``reason`` (a word), ``message`` (what to do) and its last ``deliveries`` of the document.
    """
    call = current()
    context = call.site.documents
    access.check_doctype(context.registry.get(explaining.WEBHOOK), "read", call.actor)
    record = _document(call, doctype, document)
    found = [each for each in explaining.webhooks_on(context, call.tx, doctype) if webhook in {None, "", each.name}]
    rows = []
    for each in found:
        told = explaining.explain(context, record, each, event=event or None)
        last = [in_zone(call, row) for row in history.of_document(call.tx, each.name, doctype, document)]
        rows.append(
            {
                "webhook": told.webhook,
                "event": told.event,
                "reason": told.reason.value,
                "message": told.message,
                "deliveries": last,
            }
        )
    message = None if rows else f"No webhook{f' {webhook}' if webhook else ''} is on {doctype}: make one"
    return {"doctype": doctype, "document": document, "webhooks": rows, "message": message}


def _replay_named(call: Call, names: Sequence[str], *, is_dry: bool) -> dict[str, Any]:
    now = call.site.documents.clock()
    queued = []
    for name in names:
        stored = stored_delivery(call.tx, name)
        if stored is None:
            message = f"There is no Webhook Delivery {name}: it may have been deleted by the retention of logs"
            raise UnknownDelivery(message, delivery=name)
        found = _webhook(call, stored.webhook, "write")
        if not is_dry:
            queued.append(operations.replay(call.tx, name, now=now, keeps_order=_keeps_order(found)))
    if is_dry:
        return {"would_replay": len(names), "without_body": 0}
    call.site.publisher.announce(call.tx, queued)
    return {"replayed": [delivery.name for delivery in queued], "without_body": 0, "next": None}


def _webhook(call: Call, name: str | None, action: str) -> Record:
    context = call.site.documents
    doctype = context.registry.get(explaining.WEBHOOK)
    access.check_doctype(doctype, action, call.actor)
    if not name:
        message = "Say which webhook, or which deliveries"
        raise InvalidFieldValue(message, doctype=doctype.name, field="webhook")
    record = store.load(context, call.tx, doctype, name)
    access.check_record(context, call.tx, record, action, actor=call.actor)
    return record


def _document(call: Call, doctype: str, name: str) -> Record:
    context = call.site.documents
    kind = context.registry.get(doctype)
    access.check_doctype(kind, "read", call.actor)
    record = store.load(context, call.tx, kind, name)
    access.check_record(context, call.tx, record, "read", actor=call.actor)
    return access.hide_levels(record, actor=call.actor)


def _keeps_order(webhook: Record) -> bool:
    return bool(webhook["ordering"] == "Per Document")


def _final_state(status: str) -> DeliveryState:
    if status not in {DeliveryState.FAILED.value, DeliveryState.DELIVERED.value}:
        message = f"Deliveries that are {status} are sent anyway: ask for Failed or Delivered"
        raise InvalidFieldValue(message, doctype="Webhook Delivery", field="status")
    return DeliveryState(status)


def _names(value: Any) -> list[str]:
    found = json.decode(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list) or len(names) > _MOST_REPLAYED or not all(isinstance(name, str) for name in names):
        message = f"deliveries must be a name, or a list of at most {_MOST_REPLAYED} names"
        raise InvalidFieldValue(message, doctype="Webhook Delivery", field="name")
    return names


def _place(value: Any) -> replaying.Place | None:
    if not value:
        return None
    found = json.decode(value) if isinstance(value, str) else value
    if isinstance(found, list) and len(found) == _PLACE_PARTS and all(isinstance(part, str) for part in found):
        return found[0], found[1]
    message = "after must be what `next` of the call before was"
    raise InvalidFieldValue(message, doctype="Webhook Delivery", field="creation")
