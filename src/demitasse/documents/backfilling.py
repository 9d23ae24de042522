"""Sending documents that are there already to a webhook: each is a delivery of its own, under a new id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import queries, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError
from demitasse.documents.explaining import has_happened, scope_of, subscription_of
from demitasse.documents.model import Happening, Record
from demitasse.documents.publishing import delivery_for, rendered
from demitasse.events.subscriptions import Subscription
from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.operations import enqueue, next_sequence

CHUNK = 20
"""Documents that one transaction looks at and queues, so that whoever writes beside it hardly waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What became of some documents.

    Args:
        queued: The deliveries; those whose template failed are among them, as Failed.
        not_meant: Documents whose condition is false, for which the event has not come, or that are gone.
    """

    queued: Sequence[QueuedDelivery]
    not_meant: int


def backfillable(webhook: Record) -> Subscription:
    """Return a webhook, compiled, to which documents can be sent that are there already.

    Raises:
        DocumentError: it is switched off, cannot be used, or listens to deletions.
    """
    subscription = subscription_of(webhook)
    if not webhook["enabled"]:
        message = f"Webhook {webhook.name} is switched off: switch Enabled on, then backfill"
        raise DocumentError(message, doctype=webhook.doctype.name, name=webhook.name)
    if subscription.fault is not None:
        message = f"Webhook {webhook.name} cannot be used: {subscription.fault.message}"
        raise DocumentError(message, doctype=webhook.doctype.name, name=webhook.name)
    if subscription.event == "on_trash":
        message = f"Webhook {webhook.name} tells of deletions: documents that are still there have none to tell of"
        raise DocumentError(message, doctype=webhook.doctype.name, name=webhook.name)
    return subscription


def find_documents(
    context: DocumentContext,
    tx: Transaction,
    subscription: Subscription,
    *,
    actor: Actor,
    filters: Any = None,
    limit: int = 0,
    limit_start: int = 0,
) -> list[str]:
    """Return the names of the documents that match and that the actor may read, oldest first.

    Args:
        filters: As in a list of documents.
        limit: Most names; 0 is all.

    Raises:
        NotPermitted: the actor may read none.
        InvalidQuery: the filters cannot be used.
    """
    rows = queries.select(
        context,
        tx,
        context.registry.get(subscription.doctype),
        actor=actor,
        fields=["name"],
        filters=filters,
        order_by="creation asc, name asc",
        limit=limit,
        limit_start=limit_start,
    )
    return [row[0] for row in rows.rows]


def backfill(
    context: DocumentContext,
    tx: Transaction,
    subscription: Subscription,
    names: Sequence[str],
    *,
    actor: Actor,
) -> Filled:
    """Queue a delivery for each of these documents for which the webhook would fire."""
    doctype = context.registry.get(subscription.doctype)
    now = context.clock()
    queued: list[QueuedDelivery] = []
    for name in names:
        record = store.find(context, tx, doctype, name)
        if record is None or has_happened(record, subscription.event) is not None:
            continue
        happening = Happening(
            event=subscription.event, doctype=doctype.name, name=name, record=record, before=None, user=actor.user
        )
        new = rendered(subscription, happening, scope_of(context, record))
        if new is not None:
            sequence = next_sequence(tx, doctype.name, name)
            queued.append(enqueue(tx, delivery_for(subscription, happening, sequence, **new), now=now))
    return Filled(queued=queued, not_meant=len(names) - len(queued))


def count_meant(context: DocumentContext, tx: Transaction, subscription: Subscription, names: Sequence[str]) -> int:
    """Return for how many of these documents the webhook would fire; nothing is written."""
    doctype = context.registry.get(subscription.doctype)
    meant = 0
    for name in names:
        record = store.find(context, tx, doctype, name)
        if record is not None and has_happened(record, subscription.event) is None:
            happening = Happening(
                event=subscription.event, doctype=doctype.name, name=name, record=record, before=None, user=""
            )
            meant += rendered(subscription, happening, scope_of(context, record)) is not None
    return meant
