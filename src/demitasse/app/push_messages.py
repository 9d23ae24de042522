"""What live push says of a site's documents and deliveries."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from demitasse.documents.noticing import Change, Kind
from demitasse.live.model import Message, make_message
from demitasse.outbox.model import QueuedDelivery, Settlement

DELIVERIES = "deliveries"


def notices_of(change: Change, *, zone: tzinfo, has_rules: bool) -> list[Message]:
    """Return what is said of a changed document: to those who watch its DocType, and to those who watch it.

    Args:
        zone: Of the moments that clients read.
        has_rules: Apps have rules about who may read what, so that roles alone do not tell.
    """
    payload: dict[str, Any] = {
        "doctype": change.doctype,
        "name": change.name,
        "change": change.kind.value,
        "docstatus": change.docstatus,
        "modified": change.modified.astimezone(zone) if change.modified is not None else None,
        "user": change.user,
    }
    names = [change.name]
    if change.former_name is not None:
        payload["former_name"] = change.former_name
        names.append(change.former_name)
    about: dict[str, Any] = {"doctype": change.doctype, "name": change.name, "owner": change.owner}
    if has_rules and change.kind is not Kind.DELETE:
        about["has_rules"] = True
    return [
        make_message(f"doctype:{change.doctype}", "list_update", payload, key=change.name, about=about),
        *(
            make_message(f"doc:{change.doctype}/{name}", "doc_update", payload, key=change.name, about=about)
            for name in names
        ),
    ]


def doctype_of(topic: str) -> str | None:
    """Return the DocType whose documents a topic is about, if it is about any."""
    kind, _, rest = topic.partition(":")
    return rest.partition("/")[0] if kind in {"doctype", "doc"} else None


def queued(delivery: QueuedDelivery) -> Message:
    """Return what is said of a new delivery."""
    return _delivery(delivery.name, {"webhook": delivery.webhook, "state": delivery.state.value})


def settled(settlement: Settlement) -> Message:
    """Return what is said of an attempt."""
    delivery, attempt = settlement.delivery, settlement.attempt
    return _delivery(
        delivery.name,
        {
            "webhook": delivery.webhook,
            "state": settlement.state.value,
            "reference_doctype": settlement.doctype,
            "reference_name": settlement.document,
            "attempt": attempt.number,
            "outcome": attempt.outcome,
            "status_code": attempt.status_code,
            "duration_ms": attempt.duration_ms,
        },
    )


def _delivery(name: str, facts: Mapping[str, Any]) -> Message:
    return make_message(DELIVERIES, "delivery_update", {"delivery": name, **facts}, key=name)
