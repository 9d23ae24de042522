"""Trying a webhook: one request for one document, sent now, with nothing queued and nothing logged."""

import asyncio
from dataclasses import dataclass

from demitasse.app.endpoints import load_endpoint
from demitasse.app.site import Site
from demitasse.app.webhooks import load_webhook, reading
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.delivery.classification import judge
from demitasse.delivery.ports import Endpoint
from demitasse.delivery.request import PreparedRequest, RequestMaker
from demitasse.documents import explaining, queries, store
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.events.subscriptions import Request, Subscription
from demitasse.kernel.ids import webhook_id
from demitasse.outbox.model import Message
from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender
from demitasse.transports.model import OutgoingRequest, SendResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was sent, and what came back.

    Args:
        holds: Whether the webhook's condition is true for the document; it was sent anyway.
        outcome: A word, such as ``delivered`` or ``timeout``.
        headers: As JSON, credentials taken out.
    """

    webhook: str
    document: str
    holds: bool | None
    message_id: str
    url: str
    method: str
    headers: str
    body: str
    outcome: str
    status_code: int | None
    duration_ms: int
    response: str
    error: str | None


def probe(site: Site, name: str, *, document: str | None = None) -> Probe:
    """Send what a webhook would send for a document, the latest unless one is named, and return the answer.

    Raises:
        DocumentNotFound: there is no such webhook or document.
        DocumentError: the webhook's body cannot be made.
        MissingSecret: something refers to a secret that is not there.
    """

    def prepare(tx: Transaction) -> tuple[Endpoint | None, Subscription, explaining.Preview, str]:
        webhook = load_webhook(site, tx, name)
        doctype = site.registry.get(webhook["webhook_doctype"])
        record = store.load(site.documents, tx, doctype, document or _latest(site, tx, doctype.name))
        subscription = explaining.subscription_of(webhook)
        seen = explaining.preview(site.documents, record, subscription)
        return load_endpoint(site, tx, name), subscription, seen, record.name

    endpoint, subscription, seen, chosen = reading(site, prepare)
    if seen.request is None or endpoint is None:
        message = f"Webhook {name} has nothing to send for {chosen}: {seen.error}"
        raise DocumentError(message, webhook=name, document=chosen)
    message_id = webhook_id()
    prepared = RequestMaker(endpoint, resolver=site.references).make(
        _message(subscription, seen.request, chosen), message_id=message_id, attempt=1, now=site.clock()
    )
    result = asyncio.run(_send(prepared.request, AllowList.of(site.settings.webhook_allow_hosts)))
    return _told(name, chosen, seen, message_id, prepared, result)


async def _send(request: OutgoingRequest, allow: AllowList) -> SendResult:
    loop = asyncio.get_running_loop()
    sender = HttpSender(allow=allow, loop=loop)
    answered: asyncio.Future[SendResult] = loop.create_future()
    try:
        sender.start(request, answered.set_result)
        return await answered
    finally:
        await sender.close()


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


def _message(subscription: Subscription, request: Request, document: str) -> Message:
    return Message(
        doctype=subscription.doctype,
        document=document,
        event=subscription.event,
        sequence=0,
        url=request.url,
        method=request.method,
        headers=request.headers,
        content_type=request.body.content_type,
        body=request.body.content,
        owner=ADMINISTRATOR_ACTOR.user,
    )


def _told(
    webhook: str,
    document: str,
    seen: explaining.Preview,
    message_id: str,
    prepared: PreparedRequest,
    result: SendResult,
) -> Probe:
    judgement = judge(result)
    return Probe(
        webhook=webhook,
        document=document,
        holds=seen.holds,
        message_id=message_id,
        url=prepared.shown_url,
        method=prepared.request.method,
        headers=prepared.shown_headers,
        body=prepared.request.body.decode(),
        outcome=judgement.outcome,
        status_code=result.status,
        duration_ms=round(result.duration_s * 1000),
        response=result.body.decode("utf-8", "replace"),
        error=judgement.error,
    )
