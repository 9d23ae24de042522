"""One delivery whole: what it sends, where it stands, and each attempt with its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from demitasse.db.transaction import Transaction
from demitasse.kernel import json
from demitasse.outbox.history import Row, listed, to_rows
from demitasse.outbox.model import Headers, from_microseconds

_DELIVERY = (
    "name",
    "owner",
    "webhook",
    "status",
    "reference_doctype",
    "reference_document",
    "event",
    "sequence",
    "request_method",
    "url",
    "headers",
    "content_type",
    "data",
    "attempts",
    "status_code",
    "error",
    "creation",
    "next_attempt_at",
    "finished_at",
)
_ATTEMPT = (
    "name",
    "attempt",
    "creation",
    "request_method",
    "url",
    "headers",
    "outcome",
    "status_code",
    "duration_ms",
    "response_headers",
    "response",
    "response_truncated",
    "error",
)
MOST_ATTEMPTS = 100
"""Replays may add up; the latest are shown."""


_ONE = f'SELECT {listed(_DELIVERY)} FROM "tabWebhook Delivery" WHERE "name" = ?'  # noqa: S608 - constants
_ATTEMPTS = (
    f'SELECT {listed(_ATTEMPT)} FROM "tabWebhook Request Log" WHERE "delivery" = ? '  # noqa: S608 - constants
    'ORDER BY "attempt" DESC LIMIT ?'
)
_DUE = 'SELECT "due_at" FROM "outbox" WHERE "delivery" = ? AND "id" = ?'
_DURATIONS = 'SELECT "delivery", "duration_ms" FROM "tabWebhook Request Log" WHERE "name" IN '


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery with its attempts, oldest first.

    Args:
        row: Its document.
        headers: The webhook's own, as they were before secrets were looked up.
        due_at: When it may be sent next; ``None`` where nothing is to be sent.
    """

    row: Row
    headers: Headers
    attempts: Sequence[Row]
    due_at: datetime | None


def find(tx: Transaction, name: str) -> Delivery | None:
    """Return a delivery; ``None`` when there is none of this name."""
    rows = to_rows(tx, _DELIVERY, tx.execute(_ONE, (name,)))
    if not rows:
        return None
    attempts = to_rows(tx, _ATTEMPT, reversed(tx.execute(_ATTEMPTS, (name, MOST_ATTEMPTS))))
    return Delivery(
        row=rows[0],
        headers=tuple((key, value) for key, value in json.decode(rows[0]["headers"] or "[]")),
        attempts=attempts,
        due_at=_due_at(tx, name),
    )


def durations(tx: Transaction, deliveries: Sequence[Row]) -> dict[str, int]:
    """Return how long the last attempt of each delivery took, in milliseconds, where there was one."""
    names = [f"{row['name']}-{row['attempts']}" for row in deliveries if row["attempts"]]
    if not names:
        return {}
    return dict(tx.execute(f"{_DURATIONS}({', '.join('?' * len(names))})", names))


def _due_at(tx: Transaction, name: str) -> datetime | None:
    queued = tx.execute('SELECT "queue_id" FROM "tabWebhook Delivery" WHERE "name" = ?', (name,))[0][0]
    due = tx.execute(_DUE, (name, queued))
    return from_microseconds(due[0][0]) if due else None
