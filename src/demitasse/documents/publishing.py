"""From what happened in a transaction to deliveries, in the same transaction, before it commits.

Several changes of a document in one transaction give one delivery per webhook, of the last state. A condition or a
template that fails never harms the documents: the delivery is written as failed, with the reason.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import structlog

from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Happening, Record
from demitasse.events.scope import event_scope
from demitasse.events.subscriptions import Subscription, Subscriptions
from demitasse.events.view import DocumentView
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox.model import NewDelivery, QueuedDelivery, order_key
from demitasse.outbox.operations import enqueue, next_sequence

_log = structlog.get_logger("demitasse.events")
Scope = Mapping[str, object]


OnQueued = Callable[[Sequence[QueuedDelivery]], None]
"""Told of new deliveries once they are durable; from any thread."""


class Publisher:
    """Writes the deliveries of a site's transactions."""

    def __init__(self, context: DocumentContext, subscriptions: Subscriptions) -> None:
        self._context = context
        self._subscriptions = subscriptions
        self.on_queued: OnQueued | None = None

    def publish(self, tx: Transaction) -> None:
        """Write a delivery for each webhook that listens to an event of the journal and whose condition holds."""
        happenings: list[Happening] = tx.journal
        matched: dict[tuple[str, str, str], tuple[Subscription, Happening]] = {}
        for happening in happenings:
            for subscription in self._subscriptions.listening(tx, happening.doctype, happening.event):
                matched[subscription.webhook, happening.doctype, happening.name] = (subscription, happening)
        if not matched:
            return
        now = self._context.clock()
        scopes: dict[tuple[str, str], Scope | None] = {}
        numbers: dict[tuple[str, str], int] = {}
        queued: list[QueuedDelivery] = []
        for (_, doctype, name), (subscription, happening) in matched.items():
            key = (doctype, name)
            if key not in scopes:
                scopes[key] = self._scope(tx, [h for h in happenings if (h.doctype, h.name) == key], now=now)
            scope = scopes[key]
            new = None if scope is None else rendered(subscription, happening, scope)
            if new is not None:
                if key not in numbers:
                    numbers[key] = next_sequence(tx, doctype, name)
                queued.append(enqueue(tx, delivery_for(subscription, happening, numbers[key], **new), now=now))
        self.announce(tx, queued)

    def announce(self, tx: Transaction, queued: Sequence[QueuedDelivery]) -> None:
        """Tell whoever delivers of rows that this transaction queues, once it is durable."""
        on_queued = self.on_queued
        if queued and on_queued is not None:
            tx.after_commit(lambda: on_queued(queued))

    def _scope(self, tx: Transaction, happenings: Sequence[Happening], *, now: datetime) -> Scope | None:
        """Return what templates see of a document as it now is; ``None`` where it is gone."""
        last = happenings[-1]
        record = last.record
        if record is None:
            record = store.find(self._context, tx, self._context.registry.get(last.doctype), last.name)
        if record is None:
            return None
        zone = self._context.zone
        is_new = happenings[0].event == "after_insert"
        before = None if is_new else next((h.before for h in happenings if h.before is not None), None)
        earlier = view_of(before, zone=zone) if before is not None else None
        return event_scope(view_of(record, zone=zone, before=earlier), now=now)


def rendered(subscription: Subscription, happening: Happening, scope: Scope) -> dict[str, Any] | None:
    """Return what goes out, or why it cannot; ``None`` where the condition does not hold."""
    try:
        if not subscription.holds(scope):
            return None
        request = subscription.render(scope)
    except DemitasseError as error:
        _log.warning(
            "webhook.not_rendered",
            webhook=subscription.webhook,
            doctype=happening.doctype,
            document=happening.name,
            error=error.message,
        )
        return {"error": error.message}
    return {
        "url": request.url,
        "headers": request.headers,
        "body": request.body.content,
        "content_type": request.body.content_type,
    }


def view_of(record: Record, *, zone: tzinfo, before: DocumentView | None = None) -> DocumentView:
    """Return a record as conditions and templates see it; Password fields are left out."""
    doctype = record.doctype
    values: dict[str, Any] = record.values
    if doctype.secret_fields or doctype.table_fields:
        values = values.copy()
        for field in doctype.secret_fields:
            values.pop(field.name, None)
        for field in doctype.table_fields:
            values[field.name] = [view_of(row, zone=zone) for row in values.get(field.name) or ()]
    return DocumentView(values, fields=doctype, zone=zone, before=before)


def delivery_for(subscription: Subscription, happening: Happening, sequence: int, **more: Any) -> NewDelivery:
    """Return the delivery of an event to a webhook; ``more`` is what ``rendered`` gave."""
    return NewDelivery(
        webhook=subscription.webhook,
        doctype=happening.doctype,
        document=happening.name,
        event=happening.event,
        sequence=sequence,
        method=subscription.method,
        order_key=order_key(happening.doctype, happening.name) if subscription.keeps_order else None,
        held=subscription.is_held,
        owner=happening.user,
        **more,
    )
