"""Telling people of webhooks that were paused and deliveries that failed.

Each alert is a document, Webhook Alert, to which other webhooks may listen. An alert about such a listener is written to
the log and mailed, but is no document: so an alert never brings about another one.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

import structlog

from demitasse.app.mail import MailServer, compose, send
from demitasse.app.people import email_of
from demitasse.app.site import Site
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.delivery.ports import Alert, AlertKind, Sender
from demitasse.documents import building, operations, store
from demitasse.documents.explaining import WEBHOOK
from demitasse.kernel import json
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.ids import webhook_id
from demitasse.transports.model import Outcome, OutgoingRequest, SendResult

ALERT = "Webhook Alert"
_log = structlog.get_logger("demitasse.delivery")
_QUIET_S = 3_600.0
"""How long a webhook's failed deliveries are only documents after its owner was told of one."""
_POST_TIMEOUT_S = 10.0
_OK = range(200, 300)
_SUBJECTS = {
    AlertKind.WEBHOOK_PAUSED: "Webhook {webhook} was paused",
    AlertKind.DELIVERY_FAILED: "A delivery of webhook {webhook} failed for good",
}
_ADVICE = {
    AlertKind.WEBHOOK_PAUSED: (
        "Its events are held, none is lost. Correct the cause, then take the check mark off Paused in the webhook, "
        "or run: demitasse webhook resume"
    ),
    AlertKind.DELIVERY_FAILED: (
        "It is kept. Correct the cause, then send it again: demitasse webhook replay. "
        "Further failures of this webhook within the hour are in the list of Webhook Alerts only."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who is told of a webhook.

    Args:
        is_listener: The webhook itself listens to alerts.
    """

    email: str | None
    url: str | None
    is_listener: bool


class SiteAlerts:
    """Writes alerts down, and passes them on by e-mail and to a URL. Its methods belong to the loop's thread."""

    def __init__(self, site: Site, sender: Sender, *, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._sender = sender
        self._loop = loop
        self._mail = MailServer.of(site.settings.conf)
        self._told_at_s: dict[str, float] = {}

    async def alert(self, alert: Alert) -> None:
        """Write an alert down and pass it on; one way that fails does not keep it from the others."""
        _log.warning(
            "webhook.alert",
            kind=alert.kind.value,
            webhook=alert.webhook,
            delivery=alert.delivery,
            message=alert.message,
        )
        # In a thread: webhooks and apps that listen to alerts may run code that blocks.
        recipient = await self._loop.run_in_executor(None, partial(self._write, alert))
        if not self._is_news(alert):
            return
        if recipient.email and self._mail is not None:
            await self._send_mail(self._mail, recipient.email, alert)
        if recipient.url:
            await self._post(recipient.url, alert)

    def _is_news(self, alert: Alert) -> bool:
        """Return whether people want to hear of it: of failed deliveries the first one in an hour is enough."""
        if alert.kind is AlertKind.WEBHOOK_PAUSED:
            return True
        now_s = monotonic_s()
        if now_s - self._told_at_s.get(alert.webhook, -_QUIET_S) < _QUIET_S:
            return False
        self._told_at_s[alert.webhook] = now_s
        return True

    def _write(self, alert: Alert) -> Recipient:
        tx = self._site.database.write()
        try:
            recipient = _recipient(self._site, tx, alert.webhook)
            if not recipient.is_listener:
                self._insert(tx, alert)
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        return recipient

    def _insert(self, tx: Transaction, alert: Alert) -> None:
        context = self._site.documents
        values = {
            "kind": alert.kind.value,
            "webhook": alert.webhook,
            "delivery": alert.delivery,
            "message": alert.message,
        }
        record = building.new_record(context, context.registry.get(ALERT), values)
        operations.insert(context, tx, record, actor=ADMINISTRATOR_ACTOR)

    async def _send_mail(self, server: MailServer, to: str, alert: Alert) -> None:
        subject = _SUBJECTS[alert.kind].format(webhook=alert.webhook)
        text = f"{subject}.\n\n{alert.message}\n\nDelivery: {alert.delivery}\n\n{_ADVICE[alert.kind]}\n"
        message = compose(sender=server.sender, to=to, subject=subject, text=text)
        try:
            await self._loop.run_in_executor(None, partial(send, server, message))
        except OSError as error:
            _log.warning("alert.not_mailed", webhook=alert.webhook, to=to, error=str(error))

    async def _post(self, url: str, alert: Alert) -> None:
        body = {
            "kind": alert.kind.value,
            "webhook": alert.webhook,
            "delivery": alert.delivery,
            "message": alert.message,
            "site": self._site.settings.host_name,
        }
        try:
            request = OutgoingRequest(
                method="POST",
                url=self._site.references.resolve(url),
                headers=(("Content-Type", "application/json"), ("webhook-id", webhook_id())),
                body=json.encode(body),
                timeout_s=_POST_TIMEOUT_S,
            )
        except DemitasseError as error:  # The reference names a secret that is not there.
            _log.warning("alert.not_posted", webhook=alert.webhook, error=error.message)
            return
        answered: asyncio.Future[SendResult] = self._loop.create_future()
        self._sender.start(request, answered.set_result)
        result = await answered
        if result.outcome is not Outcome.ANSWERED or result.status not in _OK:
            _log.warning("alert.not_posted", webhook=alert.webhook, status=result.status, error=result.error)


def _recipient(site: Site, tx: Transaction, webhook: str) -> Recipient:
    record = store.find(site.documents, tx, site.registry.get(WEBHOOK), webhook)
    if record is None:
        return Recipient(email=None, url=None, is_listener=False)
    owner = record["owner"] or ""
    return Recipient(
        email=record["alert_email"] or (owner if "@" in owner else email_of(site.documents, tx, owner)),
        url=(record["alert_url"] or "").strip() or None,
        is_listener=record["webhook_doctype"] == ALERT,
    )
