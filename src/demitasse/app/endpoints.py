"""Webhooks as delivery sees them, read from their documents and kept until one changes."""

from demitasse.app.site import Site
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.core.doctype.webhook.endpoint import endpoint_of, stored_secrets
from demitasse.db.lanes import Lanes
from demitasse.db.transaction import Transaction
from demitasse.delivery.policy import parse_schedule
from demitasse.delivery.ports import Endpoint
from demitasse.documents import operations, store
from demitasse.documents.model import Record


class SiteEndpoints:
    """The webhooks of a site. Every method belongs to the loop's thread."""

    def __init__(self, site: Site, lanes: Lanes) -> None:
        self._site = site
        self._lanes = lanes
        self._found: dict[str, Endpoint | None] = {}

    def get(self, webhook: str) -> Endpoint | None:
        """Return a webhook, also one that is switched off; ``None`` when there is none of this name."""
        if webhook not in self._found:
            self._found[webhook] = self._lanes.read_now(lambda tx: self._load(tx, webhook))
        return self._found[webhook]

    def _load(self, tx: Transaction, webhook: str) -> Endpoint | None:
        record = store.find(self._site.documents, tx, self._site.registry.get("Webhook"), webhook)
        return None if record is None else load_endpoint(self._site, tx, record)

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


def load_endpoint(site: Site, tx: Transaction, webhook: Record) -> Endpoint:
    """Return a webhook's document as delivery sees it."""
    settings = site.settings
    delays = settings.webhook_retry_schedule
    return endpoint_of(
        webhook,
        secrets=stored_secrets(site.documents, tx, webhook),
        dynamic_hosts=(*settings.webhook_dynamic_hosts, *settings.webhook_allow_hosts),
        site_schedule=None if delays is None else parse_schedule(", ".join(map(str, delays))),
    )
