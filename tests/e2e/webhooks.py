"""Making webhooks over REST, and reading what became of their deliveries."""

import base64
import hashlib
import hmac
import itertools
import json
from typing import Any

from tests.e2e.receiver import Arrived
from tests.e2e.site import Client
from tests.e2e.waiting import wait_for

SECRET = "a secret, as typed: ü"
_SERIAL = itertools.count(1)


def unique(word: str) -> str:
    """Return a word that no other test of this run uses."""
    return f"{word}-{next(_SERIAL)}"


def add_webhook(admin: Client, url: str, **values: Any) -> str:
    """Save a webhook for new Leads, unless told otherwise, and return its name."""
    body = {"webhook_doctype": "Lead", "webhook_docevent": "after_insert", "request_url": url, **values}
    answer = admin.post("/api/resource/Webhook", body)
    assert answer.status == 200, answer.text
    name: str = answer.data["name"]
    return name


def add_lead(admin: Client, **values: Any) -> dict[str, Any]:
    """Save a Lead and return it as it was answered."""
    answer = admin.post("/api/resource/Lead", values)
    assert answer.status == 200, answer.text
    lead: dict[str, Any] = answer.data
    return lead


def rows(admin: Client, doctype: str, *, fields: str = "*", **filters: Any) -> list[dict[str, Any]]:
    """Return all documents that match, oldest first."""
    params = {
        "fields": json.dumps([fields]),
        "filters": json.dumps(filters),
        "order_by": "creation asc",
        "limit_page_length": "0",
    }
    answer = admin.get(f"/api/resource/{doctype}", params=params)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.data
    return found


def deliveries(admin: Client, webhook: str, **filters: Any) -> list[dict[str, Any]]:
    """Return the deliveries of a webhook, oldest first."""
    return rows(admin, "Webhook Delivery", webhook=webhook, **filters)


def attempts(admin: Client, delivery: str) -> list[dict[str, Any]]:
    """Return the attempts of a delivery, oldest first."""
    return rows(admin, "Webhook Request Log", delivery=delivery)


def wait_for_status(admin: Client, webhook: str, status: str, *, within_s: float = 10.0) -> dict[str, Any]:
    """Return the only delivery of a webhook once it has this status."""

    def look() -> dict[str, Any] | None:
        found = deliveries(admin, webhook)
        assert len(found) <= 1, found
        return found[0] if found and found[0]["status"] == status else None

    return wait_for(f"a delivery of {webhook} that is {status}", look, within_s=within_s)


def frappe_signature(body: bytes, *, secret: str = SECRET) -> str:
    """Return what X-Frappe-Webhook-Signature must be, worked out as a receiver does."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def is_signed(arrived: Arrived, *, secret: str = SECRET) -> bool:
    """Return whether a receiver that knows the secret would take the request."""
    return hmac.compare_digest(
        arrived.headers.get("x-frappe-webhook-signature", ""), frappe_signature(arrived.body, secret=secret)
    )
