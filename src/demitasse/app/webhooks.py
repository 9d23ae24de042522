"""What operators ask of the webhooks of a site, beside the process that serves it or without one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from demitasse.app.site import Site
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.delivery.redaction import redact_headers, redact_url
from demitasse.documents import explaining, operations, queries, store
from demitasse.documents.errors import DocumentNotFound
from demitasse.documents.explaining import WEBHOOK, Explanation
from demitasse.documents.model import Record
from demitasse.outbox import history
from demitasse.outbox.history import Row, Slice
from demitasse.outbox.queries import QueueDepth, depths, failures_of

T = TypeVar("T")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_A_DAY = timedelta(days=1)
_EXPORT_CHUNK = 500
_NOTHING_WAITS = QueueDepth(waiting=0, held=0, oldest_due_at_us=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLine:
    """A webhook at a glance.

    Args:
        state: ``enabled``, ``paused`` or ``disabled``.
        last_day: Deliveries of the events of the last 24 hours, by status.
    """

    name: str
    doctype: str
    event: str
    state: str
    url: str
    waiting: int
    held: int
    last_day: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    """A webhook in full; credentials are left out.

    Args:
        settings: Its fields as they are stored, those that are set.
        failures: Attempts that failed since the last success.
        attempts: The last ones, newest last.
    """

    line: WebhookLine
    settings: Mapping[str, Any]
    paused_reason: str | None
    failures: int
    attempts: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What one webhook does with a document, and what it has done."""

    explanation: Explanation
    deliveries: Sequence[Row]


def reading(site: Site, work: Callable[[Transaction], T]) -> T:
    """Run a read in one snapshot."""
    tx = site.database.read()
    try:
        return work(tx)
    finally:
        tx.rollback()


def writing(site: Site, work: Callable[[Transaction], T]) -> T:
    """Run a write and commit it; the process that serves the site notices it within half a second."""
    tx = site.database.write()
    try:
        result = work(tx)
        tx.commit()
    except BaseException:
        tx.rollback()
        raise
    return result


def load_webhook(site: Site, tx: Transaction, name: str) -> Record:
    """Return a webhook's document.

    Raises:
        DocumentNotFound: there is none of this name; the message names those that there are.
    """
    record = store.find(site.documents, tx, site.registry.get(WEBHOOK), name)
    if record is None:
        known = ", ".join(_names(site, tx)[:20]) or "none yet"
        message = f"There is no webhook {name}. There are: {known}"
        raise DocumentNotFound(message, doctype=WEBHOOK, name=name)
    return record


def list_webhooks(site: Site) -> list[WebhookLine]:
    """Return all webhooks by name, with what waits for each."""

    def work(tx: Transaction) -> list[WebhookLine]:
        waiting = depths(tx)
        since = site.clock() - _A_DAY
        return [_line(load_webhook(site, tx, name), waiting, tx, since=since) for name in _names(site, tx)]

    return reading(site, work)


def show_webhook(site: Site, name: str, *, attempts: int = 10) -> WebhookView:
    """Return one webhook in full.

    Raises:
        DocumentNotFound: there is none of this name.
    """

    def work(tx: Transaction) -> WebhookView:
        record = load_webhook(site, tx, name)
        return WebhookView(
            line=_line(record, depths(tx), tx, since=site.clock() - _A_DAY),
            settings=_settings(record),
            paused_reason=record["paused_reason"] if record["paused"] else None,
            failures=failures_of(tx, name)[1],
            attempts=history.attempts(tx, since=LONG_AGO, webhook=name, limit=attempts),
        )

    return reading(site, work)


def set_paused(site: Site, name: str, *, paused: bool, reason: str = "") -> None:
    """Pause or resume a webhook: while it is paused its events are held.

    Raises:
        DocumentNotFound: there is none of this name.
    """

    def work(tx: Transaction) -> None:
        record = load_webhook(site, tx, name)
        values = {"paused": int(paused), "paused_reason": reason if paused else ""}
        operations.set_values(site.documents, tx, record.doctype, name, values, actor=ADMINISTRATOR_ACTOR)
        tx.after_commit(site.webhooks_changed)

    writing(site, work)


def why(
    site: Site, doctype: str, document: str, *, webhook: str | None = None, event: str | None = None
) -> Sequence[Why]:
    """Tell what each webhook on a DocType (or this one) does with a document, and what it has done.

    Raises:
        DocumentNotFound: there is no such document, or no such webhook.
        UnknownDocType: there is no such DocType.
    """

    def work(tx: Transaction) -> list[Why]:
        record = store.load(site.documents, tx, site.registry.get(doctype), document)
        if webhook is None:
            found = explaining.webhooks_on(site.documents, tx, doctype)
        else:
            found = [load_webhook(site, tx, webhook)]
            _check_listens(found[0], doctype)
        return [
            Why(
                explanation=explaining.explain(site.documents, record, each, event=event),
                deliveries=history.of_document(tx, each.name, doctype, document),
            )
            for each in found
        ]

    return reading(site, work)


def attempts(site: Site, *, since: datetime, webhook: str | None = None, limit: int) -> Sequence[Row]:
    """Return the last attempts that were made since a moment, oldest first."""
    return reading(site, lambda tx: history.attempts(tx, since=since, webhook=webhook, limit=limit))


def export(site: Site, chosen: Slice) -> Iterator[Row]:
    """Yield deliveries with their bodies, oldest first, in reads of a bounded size."""
    last: Row | None = None
    while True:
        after = last
        rows = reading(site, lambda tx: history.deliveries(tx, chosen, after=after, limit=_EXPORT_CHUNK))  # noqa: B023 - run at once
        yield from rows
        if len(rows) < _EXPORT_CHUNK:
            return
        last = rows[-1]


def _names(site: Site, tx: Transaction) -> list[str]:
    doctype = site.registry.get(WEBHOOK)
    found = queries.select(site.documents, tx, doctype, actor=None, fields=["name"], order_by="name asc", limit=0)
    return [row[0] for row in found.rows]


def _check_listens(webhook: Record, doctype: str) -> None:
    if webhook["webhook_doctype"] != doctype:
        message = f"Webhook {webhook.name} listens to {webhook['webhook_doctype']}, not to {doctype}"
        raise DocumentNotFound(message, doctype=WEBHOOK, name=webhook.name)


def _line(record: Record, waiting: Mapping[str, QueueDepth], tx: Transaction, *, since: datetime) -> WebhookLine:
    depth = waiting.get(record.name, _NOTHING_WAITS)
    return WebhookLine(
        name=record.name,
        doctype=record["webhook_doctype"],
        event=record["webhook_docevent"],
        state="disabled" if not record["enabled"] else "paused" if record["paused"] else "enabled",
        url=redact_url(record["request_url"] or ""),
        waiting=depth.waiting,
        held=depth.held,
        last_day=history.states(tx, record.name, since=since),
    )


def _settings(record: Record) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in record.doctype.columns:
        value = record[field.name]
        if value not in {None, "", 0} and not field.type.is_secret:
            shown[field.name] = value
    shown["request_url"] = redact_url(record["request_url"] or "")
    headers = [(row["key"] or "", row["value"] or "") for row in record.rows("webhook_headers")]
    if headers:
        shown["webhook_headers"] = redact_headers(headers)
    fields = {row["key"] or row["fieldname"]: row["fieldname"] for row in record.rows("webhook_data")}
    if fields:
        shown["webhook_data"] = fields
    return shown
