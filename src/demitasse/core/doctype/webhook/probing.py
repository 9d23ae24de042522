"""Trying a webhook: one request for one document, sent now, with nothing queued and nothing logged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from demitasse.auth.model import ADMINISTRATOR
from demitasse.delivery.classification import judge
from demitasse.delivery.ports import Endpoint, Resolver
from demitasse.delivery.redaction import redact_headers
from demitasse.delivery.request import PreparedRequest, RequestMaker
from demitasse.documents import explaining
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError
from demitasse.documents.model import Record
from demitasse.events.subscriptions import Request, Subscription
from demitasse.kernel.ids import webhook_id
from demitasse.outbox.model import Message
from demitasse.transports.addresses import AllowList
from demitasse.transports.one_off import send_once


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
    response_headers: dict[str, str] = field(default_factory=dict)
    is_response_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request for a document that has not been sent."""

    webhook: str
    document: str
    holds: bool | None
    message_id: str
    made: PreparedRequest


def prepare(
    context: DocumentContext,
    webhook: Record,
    document: Record,
    *,
    endpoint: Endpoint,
    resolver: Resolver,
    now: datetime,
) -> Prepared:
    """Return what a webhook, saved or not, would send for a document.

    Raises:
        DocumentError: the body cannot be made.
        MissingSecret: something refers to a secret that is not there.
        InvalidSigningSecret: the secret cannot be used.
    """
    subscription = explaining.subscription_of(webhook)
    seen = explaining.preview(context, document, subscription)
    name = webhook.values.get("name") or "(not saved)"
    if seen.request is None:
        message = f"Webhook {name} has nothing to send for {document.name}: {seen.error}"
        raise DocumentError(message, webhook=name, document=document.name)
    message_id = webhook_id()
    made = RequestMaker(endpoint, resolver=resolver).make(
        _message(subscription, seen.request, document.name), message_id=message_id, attempt=1, now=now
    )
    return Prepared(webhook=name, document=document.name, holds=seen.holds, message_id=message_id, made=made)


def send(prepared: Prepared, *, allow_hosts: Sequence[str], proxy_url: str | None) -> Probe:
    """Send a request now and return the answer; it takes as long as the webhook's timeout, so in a thread."""
    result = send_once(prepared.made.request, allow=AllowList.of(allow_hosts), proxy_url=proxy_url)
    judgement = judge(result)
    return Probe(
        webhook=prepared.webhook,
        document=prepared.document,
        holds=prepared.holds,
        message_id=prepared.message_id,
        url=prepared.made.shown_url,
        method=prepared.made.request.method,
        headers=prepared.made.shown_headers,
        body=prepared.made.request.body.decode(),
        outcome=judgement.outcome,
        status_code=result.status,
        duration_ms=round(result.duration_s * 1000),
        response=result.body.decode("utf-8", "replace"),
        error=judgement.error,
        response_headers=redact_headers(result.headers),
        is_response_cut=result.truncated,
    )


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
        owner=ADMINISTRATOR,
    )
