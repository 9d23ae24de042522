"""The statements that hold, let out, give up, ask again for and delete deliveries, some rows at a time."""

from collections.abc import Sequence
from datetime import datetime

from demitasse.db.transaction import Transaction
from demitasse.outbox.model import DeliveryState
from demitasse.outbox.store import STORED_MOMENT

_AT_REST = (
    'SELECT "id", "delivery", "attempts" FROM "outbox" WHERE "channel" = ? AND "held" = ? '
    'ORDER BY "retry", "due_at", "id" LIMIT ?'
)
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
_HASTEN = 'UPDATE "outbox" SET "due_at" = ?, "round_started_at" = "attempts", "lease_until" = 0 WHERE "id" = ? AND "due_at" > ?'
_OLD_LOGS = 'SELECT "name" FROM "tabWebhook Request Log" WHERE "modified" < ? ORDER BY "modified" LIMIT ?'
_OLD_DELIVERIES = (
    'SELECT "name" FROM "tabWebhook Delivery" WHERE "status" = ? AND "creation" < ? ORDER BY "creation" LIMIT ?'
)
_DELETE_LOG = 'DELETE FROM "tabWebhook Request Log" WHERE "name" = ?'
_DELETE_DELIVERY = 'DELETE FROM "tabWebhook Delivery" WHERE "name" = ?'


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
    at = STORED_MOMENT[tx.dialect](now)
    rows = [row for held in (0, 1) for row in tx.execute(_AT_REST, (channel, held, limit))][:limit]
    tx.run_many(_GIVE_UP, [(DeliveryState.FAILED.value, error, at, at, row[1]) for row in rows])
    remove(tx, [row[0] for row in rows])
    return len(rows)


def remove(tx: Transaction, identifiers: Sequence[int]) -> None:
    """Take rows out of the queue, whoever has them."""
    tx.run_many(_REMOVE, [(identifier,) for identifier in identifiers])


def ask_again(tx: Transaction, name: str, *, state: DeliveryState, queue_id: int, now: datetime) -> None:
    """Note on a delivery that it is in the queue once more, due at once."""
    at = STORED_MOMENT[tx.dialect](now)
    tx.run(_ASK_AGAIN, (state.value, queue_id, at, at, name))


def hasten(tx: Transaction, queue_id: int, *, now_us: int) -> None:
    """Make a waiting row due now, with a new round of the schedule."""
    tx.run(_HASTEN, (now_us, queue_id, now_us))


def delete_old(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` log rows and as many finished deliveries of each kind, and return how many went."""
    at = STORED_MOMENT[tx.dialect](before)
    logs = tx.execute(_OLD_LOGS, (at, limit))
    deliveries = [
        row
        for state in (DeliveryState.DELIVERED, DeliveryState.FAILED)
        for row in tx.execute(_OLD_DELIVERIES, (state.value, at, limit))
    ]
    tx.run_many(_DELETE_LOG, logs)
    tx.run_many(_DELETE_DELIVERY, deliveries)
    return len(logs) + len(deliveries)
