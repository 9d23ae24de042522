"""The statements that write deliveries, the queue and the log. Reads are in ``queries``, leases in ``leases``."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from demitasse.db.codec import encoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.kernel import json
from demitasse.outbox.model import DeliveryState, Headers, NewDelivery, Settlement, storable

_STORED_MOMENT: dict[str, Callable[[datetime], Any]] = {
    dialect: encoders(dialect)[Storage.DATETIME] for dialect in ("sqlite", "postgresql", "mariadb")
}

_QUEUE = (
    'INSERT INTO "outbox" ("delivery", "channel", "order_key", "held", "retry", "due_at", "attempts", '
    '"round_started_at") VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING "id"'
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
    '"data", "outcome", "status_code", "duration_ms", "response", "error") '
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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
_AT_REST = 'SELECT "id", "delivery", "attempts" FROM "outbox" WHERE "channel" = ? AND "held" = ? ORDER BY "id" LIMIT ?'
_MARK_HELD = 'UPDATE "outbox" SET "held" = ? WHERE "id" = ?'
_SET_STATUS = 'UPDATE "tabWebhook Delivery" SET "status" = ? WHERE "name" = ?'
_GIVE_UP = (
    'UPDATE "tabWebhook Delivery" SET "status" = ?, "error" = ?, "modified" = ?, "next_attempt_at" = NULL, '
    '"finished_at" = ? WHERE "name" = ?'
)
_REMOVE = 'DELETE FROM "outbox" WHERE "id" = ?'
_ASK_AGAIN = (
    'UPDATE "tabWebhook Delivery" SET "status" = ?, "queue_id" = ?, "modified" = ?, "next_attempt_at" = ?, '
    '"finished_at" = NULL WHERE "name" = ?'
)
_HASTEN = 'UPDATE "outbox" SET "due_at" = ?, "lease_until" = 0 WHERE "id" = ? AND "due_at" > ?'
_OLD_LOGS = 'SELECT "name" FROM "tabWebhook Request Log" WHERE "modified" < ? ORDER BY "modified" LIMIT ?'
_OLD_DELIVERIES = (
    'SELECT "name" FROM "tabWebhook Delivery" WHERE "status" = ? AND "creation" < ? ORDER BY "creation" LIMIT ?'
)
_DELETE_LOG = 'DELETE FROM "tabWebhook Request Log" WHERE "name" = ?'
_DELETE_DELIVERY = 'DELETE FROM "tabWebhook Delivery" WHERE "name" = ?'
_NEXT_VALUE = 'INSERT INTO "document_sequence" ("doctype", "name", "value") VALUES (?, ?, 1) '
_SEQUENCE = {
    "sqlite": _NEXT_VALUE + 'ON CONFLICT ("doctype", "name") DO UPDATE SET "value" = "value" + 1 RETURNING "value"',
    "postgresql": _NEXT_VALUE
    + 'ON CONFLICT ("doctype", "name") DO UPDATE SET "value" = "document_sequence"."value" + 1 RETURNING "value"',
    "mariadb": _NEXT_VALUE + 'ON DUPLICATE KEY UPDATE "value" = "value" + 1 RETURNING "value"',
}


def next_sequence_value(tx: Transaction, doctype: str, name: str) -> int:
    """Count one more event of a document; the row is locked until the transaction ends."""
    value: int = tx.execute(_SEQUENCE[tx.dialect], (doctype, name))[0][0]
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
    identifier: int = tx.execute(_QUEUE, row)[0][0]
    return identifier


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
    at = _STORED_MOMENT[tx.dialect](now)
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
    stored = _STORED_MOMENT[tx.dialect]
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
    stored = _STORED_MOMENT[tx.dialect]
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


def hold_some(tx: Transaction, channel: str, *, limit: int) -> int:
    """Hold up to ``limit`` waiting deliveries of a webhook and return how many there were."""
    rows = tx.execute(_AT_REST, (channel, 0, limit))
    tx.run_many(_MARK_HELD, [(1, row[0]) for row in rows])
    tx.run_many(_SET_STATUS, [(DeliveryState.HELD.value, row[1]) for row in rows])
    return len(rows)


def release_some(tx: Transaction, channel: str, *, limit: int) -> int:
    """Let up to ``limit`` held deliveries of a webhook go out again, oldest first, and return how many there were."""
    rows = tx.execute(_AT_REST, (channel, 1, limit))
    tx.run_many(_MARK_HELD, [(0, row[0]) for row in rows])
    tx.run_many(
        _SET_STATUS,
        [((DeliveryState.RETRYING if row[2] else DeliveryState.QUEUED).value, row[1]) for row in rows],
    )
    return len(rows)


def give_up_some(tx: Transaction, channel: str, *, error: str, limit: int, now: datetime) -> int:
    """Make up to ``limit`` deliveries of a webhook Failed without an attempt and return how many there were."""
    at = _STORED_MOMENT[tx.dialect](now)
    rows = [row for held in (0, 1) for row in tx.execute(_AT_REST, (channel, held, limit))][:limit]
    tx.run_many(_GIVE_UP, [(DeliveryState.FAILED.value, error, at, at, row[1]) for row in rows])
    remove(tx, [row[0] for row in rows])
    return len(rows)


def remove(tx: Transaction, identifiers: Sequence[int]) -> None:
    """Take rows out of the queue, whoever has them."""
    tx.run_many(_REMOVE, [(identifier,) for identifier in identifiers])


def ask_again(tx: Transaction, name: str, *, state: DeliveryState, queue_id: int, now: datetime) -> None:
    """Note on a delivery that it is in the queue once more, due at once."""
    at = _STORED_MOMENT[tx.dialect](now)
    tx.run(_ASK_AGAIN, (state.value, queue_id, at, at, name))


def hasten(tx: Transaction, queue_id: int, *, now_us: int) -> None:
    """Make a waiting row due now."""
    tx.run(_HASTEN, (now_us, queue_id, now_us))


def note_failures(tx: Transaction, channel: str, *, since_us: int, failures: int) -> None:
    """Write since when all attempts of an endpoint fail; 0 failures forgets it."""
    tx.run('DELETE FROM "endpoint_failures" WHERE "channel" = ?', (channel,))
    if failures:
        tx.run(
            'INSERT INTO "endpoint_failures" ("channel", "since", "failures") VALUES (?, ?, ?)',
            (channel, since_us, failures),
        )


def delete_old(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` log rows and as many finished deliveries of each kind, and return how many went."""
    at = _STORED_MOMENT[tx.dialect](before)
    logs = tx.execute(_OLD_LOGS, (at, limit))
    deliveries = [
        row
        for state in (DeliveryState.DELIVERED, DeliveryState.FAILED)
        for row in tx.execute(_OLD_DELIVERIES, (state.value, at, limit))
    ]
    tx.run_many(_DELETE_LOG, logs)
    tx.run_many(_DELETE_DELIVERY, deliveries)
    return len(logs) + len(deliveries)


def headers_to_json(headers: Headers) -> str:
    """Return headers as the JSON list of pairs that a delivery keeps."""
    try:
        return json.encode(headers).decode()
    except TypeError:  # half of a surrogate pair, which no UTF-8 has
        return json.encode([(storable(name), storable(value)) for name, value in headers]).decode()
