"""Claims by lease, where several processes share the queue (PostgreSQL, MariaDB).

A claim locks the rows (``FOR UPDATE SKIP LOCKED``, so that nobody waits for anybody), marks them with a token and an end
by the database's clock, and commits. A settle must show the token. A row whose lease is over may be claimed again.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from demitasse.db.transaction import Transaction
from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.queries import by_id, channels

_NOW = {
    "postgresql": "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    "mariadb": "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)",
}
_FREE = 'o."channel" = ? AND o."held" = 0 AND o."retry" = ? AND o."due_at" <= ? AND o."lease_until" <= ?'
# Nothing older of the same document waits, is on its way, or failed less than a hold ago.
_IS_HEAD = (
    '(o."order_key" IS NULL OR NOT EXISTS (SELECT 1 FROM "outbox" e WHERE e."channel" = o."channel" '
    'AND e."order_key" = o."order_key" AND e."held" = 0 AND e."id" < o."id" '
    'AND (e."retry" = 0 OR e."due_at" <= ? OR e."failing_since" > ? OR e."lease_until" > ?)))'
)
_TAKE = (
    f'SELECT o."id" FROM "outbox" o WHERE {_FREE} AND {_IS_HEAD} '  # noqa: S608 - constants
    'ORDER BY o."due_at", o."id" LIMIT ? FOR UPDATE SKIP LOCKED'
)
_IS_ANY_FREE = f'SELECT 1 FROM "outbox" o WHERE {_FREE} LIMIT 1'  # noqa: S608 - constants
_NEXT = 'SELECT MIN("due_at") FROM "outbox" WHERE "channel" = ? AND "held" = 0 AND "retry" = 1 AND "due_at" > ?'
_LEASE = 'UPDATE "outbox" SET "lease_until" = ?, "lease_token" = ? WHERE "id" = ?'
_END_LEASE = 'UPDATE "outbox" SET "lease_until" = 0, "lease_token" = 0 WHERE "id" = ? AND "lease_token" = ?'
_TOKEN_BITS = 62
_END_OF_TIME_US = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """Rows that are ours until the lease ends; ``next_due_us`` is when the next retry is due."""

    rows: Sequence[QueuedDelivery]
    now_us: int
    next_due_us: int | None


def database_now_us(tx: Transaction) -> int:
    """Return the present on the database's clock: the one clock that all its processes share."""
    now: int = tx.execute(_NOW[tx.dialect])[0][0]
    return now


def free_channels(tx: Transaction) -> list[str]:
    """Return the webhooks that have rows which are due and which nobody has."""
    now_us = database_now_us(tx)
    return [
        channel
        for channel in channels(tx)
        if any(tx.execute(_IS_ANY_FREE, (channel, retry, _due_until_us(retry, now_us), now_us)) for retry in (0, 1))
    ]


def lease(tx: Transaction, channel: str, *, firsts: int, retries: int, lease_us: int, hold_us: int) -> Leased:
    """Claim rows of a webhook: up to ``firsts`` first attempts, then up to ``retries`` retries.

    Args:
        lease_us: How long they are ours; longer than sending them may take.
        hold_us: How long before now a row must have failed first, so that later ones of its document may pass it.
    """
    now_us = database_now_us(tx)
    found: list[int] = []
    for retry, limit in ((0, firsts), (1, retries)):
        if limit:
            params = (channel, retry, _due_until_us(retry, now_us), now_us, now_us, now_us - hold_us, now_us, limit)
            found += [row[0] for row in tx.execute(_TAKE, params)]
    token = secrets.randbits(_TOKEN_BITS) | 1
    tx.run_many(_LEASE, [(now_us + lease_us, token, identifier) for identifier in found])
    rows = sorted(by_id(tx, found), key=lambda row: found.index(row.id))
    next_due = tx.execute(_NEXT, (channel, now_us))[0][0]
    return Leased(rows=rows, now_us=now_us, next_due_us=next_due)


def end_leases(tx: Transaction, rows: Sequence[QueuedDelivery]) -> None:
    """Let others claim rows that were not sent."""
    tx.run_many(_END_LEASE, [(row.id, row.lease_token) for row in rows])


def _due_until_us(retry: int, now_us: int) -> int:
    """Return until when rows count as due: first attempts always, also where the clock of their writer is ahead."""
    return now_us if retry else _END_OF_TIME_US
