"""Trying a webhook of a site from a command."""

from demitasse.app.endpoints import load_endpoint
from demitasse.app.site import Site
from demitasse.app.webhooks import load_webhook, reading
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.core.doctype.webhook import probing
from demitasse.core.doctype.webhook.probing import Prepared, Probe
from demitasse.db.transaction import Transaction
from demitasse.documents import queries, store
from demitasse.documents.errors import DocumentNotFound


def probe(site: Site, name: str, *, document: str | None = None) -> Probe:
    """Send what a webhook would send for a document, the latest unless one is named, and return the answer.

    Raises:
        DocumentNotFound: there is no such webhook or document.
        DocumentError: the webhook's body cannot be made.
        MissingSecret: something refers to a secret that is not there.
    """

    def prepare(tx: Transaction) -> Prepared:
        webhook = load_webhook(site, tx, name)
        doctype = site.registry.get(webhook["webhook_doctype"])
        record = store.load(site.documents, tx, doctype, document or _latest(site, tx, doctype.name))
        endpoint = load_endpoint(site, tx, webhook)
        return probing.prepare(
            site.documents, webhook, record, endpoint=endpoint, resolver=site.references, now=site.clock()
        )

    settings = site.settings
    return probing.send(
        reading(site, prepare), allow_hosts=settings.webhook_allow_hosts, proxy_url=settings.webhook_proxy
    )


def _latest(site: Site, tx: Transaction, doctype: str) -> str:
    rows = queries.select(
        site.documents,
        tx,
        site.registry.get(doctype),
        actor=ADMINISTRATOR_ACTOR,
        fields=["name"],
        order_by="creation desc",
        limit=1,
    ).rows
    if not rows:
        message = f"There is no {doctype} yet to try the webhook with: make one first"
        raise DocumentNotFound(message, doctype=doctype)
    name: str = rows[0][0]
    return name
