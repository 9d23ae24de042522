"""Why a webhook fires for a document or not, and what it would send. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.documents import queries, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import DocStatus, Record
from demitasse.documents.publishing import Scope, view_of
from demitasse.events.scope import event_scope
from demitasse.events.subscriptions import Request, Subscription, compile_subscription
from demitasse.kernel.errors import DemitasseError

WEBHOOK = "Webhook"
_NEEDED_STATUS = {
    "on_submit": (DocStatus.SUBMITTED, "has not been submitted"),
    "on_update_after_submit": (DocStatus.SUBMITTED, "is not submitted"),
    "on_cancel": (DocStatus.CANCELLED, "has not been cancelled"),
}


class Reason(Enum):
    """What a webhook does with an event of a document; the value is for machines."""

    FIRES = "fires"
    HELD = "held"
    DISABLED = "disabled"
    OTHER_EVENT = "other_event"
    EVENT_NOT_YET = "event_not_yet"
    CONDITION_FALSE = "condition_false"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What one webhook does with a document, as both are now; ``message`` says what to do."""

    webhook: str
    event: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a webhook would send for a document now.

    Args:
        holds: Whether its condition is true; ``None`` where that cannot be worked out.
        request: ``None`` where it cannot be rendered; ``error`` then says why.
    """

    holds: bool | None
    request: Request | None
    error: str | None


def subscription_of(record: Record) -> Subscription:
    """Return a webhook's document, compiled; also of one that is switched off."""
    return compile_subscription(subscription_row(record))


def subscription_row(record: Record) -> dict[str, Any]:
    """Return a webhook's document as the row that is compiled."""
    return {
        **record.values,
        "headers": [(row["key"] or "", row["value"] or "") for row in record.rows("webhook_headers")],
        "data": [(row["fieldname"] or "", row["key"]) for row in record.rows("webhook_data")],
    }


def scope_of(context: DocumentContext, record: Record) -> Scope:
    """Return what conditions and templates see of a document that is stored."""
    return event_scope(view_of(record, zone=context.zone), now=context.clock())


def webhooks_on(context: DocumentContext, tx: Transaction, doctype: str) -> Sequence[Record]:
    """Return all webhooks on a DocType, also those that are switched off, by name."""
    webhook = context.registry.get(WEBHOOK)
    asked = {"filters": {"webhook_doctype": doctype}, "order_by": "name asc", "limit": 0}
    found = queries.select(context, tx, webhook, actor=None, fields=["name"], **asked)
    return [store.load(context, tx, webhook, row[0]) for row in found.rows]


def explain(context: DocumentContext, record: Record, webhook: Record, *, event: str | None = None) -> Explanation:
    """Return what a webhook does with an event of a document, and why.

    The condition is worked out on the document as it is now; at the event it may have been another.

    Args:
        event: The event in question; ``None``: the one that the webhook listens to.
    """
    subscription = subscription_of(webhook)
    reason, message = _judge(context, record, webhook, subscription, event or subscription.event)
    return Explanation(webhook=webhook.name, event=subscription.event, reason=reason, message=message)


def preview(context: DocumentContext, record: Record, subscription: Subscription) -> Preview:
    """Return what a webhook would send for a document now, whether or not its condition is true."""
    scope = scope_of(context, record)
    holds: bool | None = None
    error: str | None = None
    try:
        holds = subscription.holds(scope)
    except DemitasseError as fault:
        error = fault.message
    try:
        return Preview(holds=holds, request=subscription.render(scope), error=error)
    except DemitasseError as fault:
        return Preview(holds=holds, request=None, error=fault.message)


def has_happened(record: Record, event: str) -> str | None:
    """Return ``None`` where the event may have happened to a document, else what says that it has not."""
    if event in {"on_trash", "after_delete"}:
        return "has not been deleted"
    needed = _NEEDED_STATUS.get(event)
    return needed[1] if needed is not None and record.docstatus != needed[0] else None


def _judge(  # noqa: PLR0911 - one line for each reason
    context: DocumentContext, record: Record, webhook: Record, subscription: Subscription, event: str
) -> tuple[Reason, str]:
    name = f"{record.doctype.name} {record.name}"
    if not webhook["enabled"]:
        return (
            Reason.DISABLED,
            "It is switched off, so events are not taken. Switch Enabled on, then backfill what is missing",
        )
    if event != subscription.event:
        return Reason.OTHER_EVENT, f"It listens to {subscription.event}, not to {event}"
    missing = has_happened(record, event)
    if missing is not None:
        return Reason.EVENT_NOT_YET, f"{event} has not come: {name} {missing}"
    if subscription.fault is not None:
        return Reason.FAULT, f"It cannot be used: {subscription.fault.message}"
    seen = preview(context, record, subscription)
    if seen.holds is False:
        return Reason.CONDITION_FALSE, f"Its condition is false now: {_condition_of(webhook)}"
    if seen.request is None or seen.holds is None:
        return Reason.FAULT, f"Its delivery fails: {seen.error}"
    if webhook["paused"]:
        why = webhook["paused_reason"] or "a person paused it"
        return Reason.HELD, f"Its events are held and go out when it is resumed. It is paused: {why}"
    return Reason.FIRES, f"It fires: the next {event} of {name} is delivered"


def _condition_of(webhook: Record) -> Any:
    return (webhook["condition"] or "").strip()
