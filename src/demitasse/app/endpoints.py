"""Webhooks as delivery sees them, read from their documents and kept until one changes."""

from datetime import datetime
from typing import Any

from demitasse.app.site import Site
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.lanes import Lanes
from demitasse.db.transaction import Transaction
from demitasse.delivery.policy import parse_schedule
from demitasse.delivery.ports import Endpoint
from demitasse.documents import operations, store
from demitasse.documents.model import Record

_DEFAULT_TIMEOUT_S = 5


class SiteEndpoints:
    """The webhooks of a site. Every method belongs to the loop's thread."""

    def __init__(self, site: Site, lanes: Lanes) -> None:
        self._site = site
        self._lanes = lanes
        self._found: dict[str, Endpoint | None] = {}

    def get(self, webhook: str) -> Endpoint | None:
        """Return a webhook, also one that is switched off; ``None`` when there is none of this name."""
        if webhook not in self._found:
            self._found[webhook] = self._lanes.read_now(lambda tx: load_endpoint(self._site, tx, webhook))
        return self._found[webhook]

    def forget(self) -> None:
        """Read webhooks anew: one has changed."""
        self._found.clear()

    async def disable(self, webhook: str, *, reason: str) -> None:
        """Pause a webhook by itself: its events are held until a person resumes it."""

        def pause(tx: Transaction) -> None:
            operations.set_values(
                self._site.documents,
                tx,
                self._site.registry.get("Webhook"),
                webhook,
                {"paused": 1, "paused_reason": reason},
                actor=ADMINISTRATOR_ACTOR,
            )
            tx.after_commit(self._site.webhooks_changed)

        await self._lanes.write(pause)


def load_endpoint(site: Site, tx: Transaction, webhook: str) -> Endpoint | None:
    """Read a webhook as delivery sees it; ``None`` when there is none of this name."""
    record = store.find(site.documents, tx, site.registry.get("Webhook"), webhook)
    if record is None:
        return None
    schedule = _schedule(site, record)
    until: datetime | None = record["previous_secret_until"]
    return Endpoint(
        url=(record["request_url"] or "").strip(),
        timeout_s=float(record["timeout"] or _DEFAULT_TIMEOUT_S),
        is_active=bool(record["enabled"]) and not record["paused"],
        secret=_secret(site, tx, record, "webhook_secret"),
        previous_secret=_secret(site, tx, record, "previous_secret"),
        previous_secret_until=until,
        signs_for_frappe=bool(record["enable_security"]),
        rate_per_s=record["rate_limit_per_second"] or 0.0,
        ca_certificate=record["ca_certificate"],
        client_certificate=record["client_certificate"],
        client_key=_secret(site, tx, record, "client_key"),
        **({"schedule": schedule} if schedule is not None else {}),
        **({"max_concurrency": record["max_concurrency"]} if record["max_concurrency"] else {}),
    )


def _schedule(site: Site, record: Record) -> Any:
    if record["retry_schedule"]:
        return parse_schedule(record["retry_schedule"])
    delays = site.settings.webhook_retry_schedule
    return None if delays is None else parse_schedule(", ".join(map(str, delays)))


def _secret(site: Site, tx: Transaction, record: Record, field: str) -> str | None:
    if not record[field]:
        return None
    return store.read_secret(site.documents, tx, record.doctype, record.name, field)
