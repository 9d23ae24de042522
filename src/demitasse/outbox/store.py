"""The statements of a delivery's life: queued, attempted, settled, logged. Reads are in ``queries``."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from demitasse.db.codec import encoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.kernel import json
from demitasse.outbox.model import DeliveryState, Headers, NewDelivery, Settlement, storable

STORED_MOMENT: Mapping[str, Callable[[datetime], Any]] = {
    dialect: encoders(dialect)[Storage.DATETIME] for dialect in ("sqlite", "postgresql", "mariadb")
}

_QUEUE = (
    'INSERT INTO "outbox" ("delivery", "channel", "order_key", "held", "retry", "due_at", "attempts", '
    '"round_started_at") VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
)
_DELIVERY = (
    'INSERT INTO "tabWebhook Delivery" ("name", "owner", "creation", "modified", "modified_by", "webhook", "status", '
    '"reference_doctype", "reference_document", "event", "sequence", "request_method", "url", "headers", '
    '"content_type", "data", "queue_id", "error", "finished_at") '
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LOG = (
    'INSERT INTO "tabWebhook Request Log" ("name", "owner", "creation", "modified", "modified_by", "webhook", '
    '"delivery", "attempt", "reference_doctype", "reference_document", "user", "request_method", "url", "headers", '
    '"data", "outcome", "status_code", "duration_ms", "response", "error", "response_headers", "response_truncated") '
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ATTEMPTED = (
    'UPDATE "tabWebhook Delivery" SET "status" = ?, "attempts" = ?, "status_code" = ?, "error" = ?, "modified" = ?, '
    '"next_attempt_at" = ?, "finished_at" = ? WHERE "name" = ?'
)
_UNQUEUE = 'DELETE FROM "outbox" WHERE "id" = ? AND "lease_token" = ?'
_POSTPONE = (
    'UPDATE "outbox" SET "retry" = 1, "held" = ?, "due_at" = ?, "attempts" = ?, "failing_since" = ?, '
    '"lease_until" = 0, "lease_token" = 0 WHERE "id" = ? AND "lease_token" = ?'
)
_FIRST_VALUE = {
    "sqlite": 'INSERT INTO "document_sequence" ("doctype", "name", "value") VALUES (?, ?, 1) ON CONFLICT DO NOTHING',
    "postgresql": 'INSERT INTO "document_sequence" ("doctype", "name", "value") VALUES (?, ?, 1) ON CONFLICT DO NOTHING',
    "mariadb": 'INSERT IGNORE INTO "document_sequence" ("doctype", "name", "value") VALUES (?, ?, 1)',
}
_NEXT_VALUE = 'UPDATE "document_sequence" SET "value" = "value" + 1 WHERE "doctype" = ? AND "name" = ?'
_VALUE = 'SELECT "value" FROM "document_sequence" WHERE "doctype" = ? AND "name" = ?'


def next_sequence_value(tx: Transaction, doctype: str, name: str) -> int:
    """Count one more event of a document; the row is locked until the transaction ends."""
    key = (doctype, name)
    if tx.run(_FIRST_VALUE[tx.dialect], key):  # Most documents that have events are new.
        return 1
    tx.run(_NEXT_VALUE, key)
    value: int = tx.execute(_VALUE, key)[0][0]
    return value


def queue(  # noqa: PLR0913 - the columns of a row
    tx: Transaction,
    *,
    name: str,
    channel: str,
    order_key: str | None,
    is_held: bool,
    is_retry: bool,
    due_at_us: int,
    attempts: int = 0,
) -> int:
    """Add a row to the queue and return its id."""
    row = (name, channel, order_key, int(is_held), int(is_retry), due_at_us, attempts, attempts)
    return tx.add(_QUEUE, row)


def insert_delivery(  # noqa: PLR0913 - the columns of a row
    tx: Transaction,
    new: NewDelivery,
    *,
    name: str,
    state: DeliveryState,
    queue_id: int,
    body: str | None,
    error: str | None,
    now: datetime,
) -> None:
    """Write the document of a delivery."""
    at = STORED_MOMENT[tx.dialect](now)
    tx.run(
        _DELIVERY,
        (
            name,
            new.owner,
            at,
            at,
            new.owner,
            new.webhook,
            state.value,
            new.doctype,
            new.document,
            new.event,
            new.sequence,
            new.method,
            new.url if new.url is None else storable(new.url),
            headers_to_json(new.headers),
            storable(new.content_type),
            body,
            queue_id,
            error if error is None else storable(error),
            at if state is DeliveryState.FAILED else None,
        ),
    )


def insert_log(tx: Transaction, batch: Iterable[Settlement]) -> None:
    """Write the log rows of attempts; the name says which, so that none can be written twice."""
    stored = STORED_MOMENT[tx.dialect]
    rows = []
    for settled in batch:
        attempt = settled.attempt
        at = stored(attempt.at)
        rows.append(
            (
                f"{settled.delivery.name}-{attempt.number}",
                settled.owner,
                at,
                at,
                settled.owner,
                settled.delivery.webhook,
                settled.delivery.name,
                attempt.number,
                settled.doctype,
                settled.document,
                settled.owner,
                attempt.method,
                attempt.url,
                attempt.headers,
                attempt.data,
                attempt.outcome,
                attempt.status_code,
                attempt.duration_ms,
                attempt.response,
                attempt.error,
                attempt.response_headers,
                int(attempt.is_response_cut),
            )
        )
    tx.run_many(_LOG, rows)


def unqueue(tx: Transaction, batch: Iterable[Settlement]) -> None:
    """Take finished deliveries out of the queue."""
    tx.run_many(_UNQUEUE, [(settled.delivery.id, settled.delivery.lease_token) for settled in batch])


def postpone(tx: Transaction, batch: Iterable[Settlement], *, now_us: int) -> None:
    """Set when unfinished deliveries are due again."""
    tx.run_many(_POSTPONE, [_postponed(settled, now_us) for settled in batch])


def unqueue_leased(tx: Transaction, settled: Settlement) -> bool:
    """Take a finished delivery out of the queue, and return whether the lease was still ours."""
    return tx.run(_UNQUEUE, (settled.delivery.id, settled.delivery.lease_token)) == 1


def postpone_leased(tx: Transaction, settled: Settlement, *, now_us: int) -> bool:
    """Set when an unfinished delivery is due again, and return whether the lease was still ours."""
    return tx.run(_POSTPONE, _postponed(settled, now_us)) == 1


def _postponed(settled: Settlement, now_us: int) -> tuple[int, ...]:
    return (
        int(settled.state is DeliveryState.HELD),
        now_us + settled.retry_after_us,
        settled.attempt.number,
        settled.failing_since_us,
        settled.delivery.id,
        settled.delivery.lease_token,
    )


def update_deliveries(tx: Transaction, rows: Iterable[tuple[Settlement, datetime | None]]) -> None:
    """Write what attempts made of their deliveries, each with the moment of its next attempt."""
    stored = STORED_MOMENT[tx.dialect]
    params = []
    for settled, next_at in rows:
        attempt = settled.attempt
        at = stored(settled.now)
        params.append(
            (
                settled.state.value,
                attempt.number,
                attempt.status_code,
                attempt.error,
                at,
                None if next_at is None else stored(next_at),
                at if settled.is_final else None,
                settled.delivery.name,
            )
        )
    tx.run_many(_ATTEMPTED, params)


def note_failures(tx: Transaction, channel: str, *, since_us: int, failures: int) -> None:
    """Write since when all attempts of an endpoint fail; 0 failures forgets it."""
    tx.run('DELETE FROM "endpoint_failures" WHERE "channel" = ?', (channel,))
    if failures:
        tx.run(
            'INSERT INTO "endpoint_failures" ("channel", "since", "failures") VALUES (?, ?, ?)',
            (channel, since_us, failures),
        )


def headers_to_json(headers: Headers) -> str:
    """Return headers as the JSON list of pairs that a delivery keeps."""
    try:
        return json.encode(headers).decode()
    except TypeError:  # half of a surrogate pair, which no UTF-8 has
        return json.encode([(storable(name), storable(value)) for name, value in headers]).decode()
