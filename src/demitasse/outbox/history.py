"""What was delivered and attempted, for people and for other programs. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demitasse.db.codec import decoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.outbox.store import STORED_MOMENT

_DELIVERY = (
    "name",
    "webhook",
    "status",
    "reference_doctype",
    "reference_document",
    "event",
    "sequence",
    "request_method",
    "url",
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
    "creation",
    "webhook",
    "delivery",
    "attempt",
    "reference_doctype",
    "reference_document",
    "request_method",
    "url",
    "outcome",
    "status_code",
    "duration_ms",
    "error",
)
_MOMENTS = frozenset({"creation", "next_attempt_at", "finished_at"})
_BRIEF = ("name", "webhook", "event", "status", "attempts", "status_code", "error", "creation")


def listed(columns: Sequence[str]) -> str:
    """Return columns as a statement names them."""
    return ", ".join(f'"{column}"' for column in columns)


_BETWEEN = f'SELECT {listed(_DELIVERY)} FROM "tabWebhook Delivery" WHERE "creation" >= ? AND "creation" <= ?'  # noqa: S608 - constants
# What is chosen by webhook or status has an index that ends in creation; all of them are read in the order of their
# names, which begin with the time. Either way a part costs the same wherever it lies.
_BY_CREATION = ' AND ("creation" > ? OR "name" > ?)'
_BY_NAME = ' AND "name" > ?'
_ATTEMPTS = f'SELECT {listed(_ATTEMPT)} FROM "tabWebhook Request Log"'  # noqa: S608 - constants
_OF_ALL = ' WHERE "modified" >= ? ORDER BY "modified" DESC, "name" DESC LIMIT ?'  # Written once: as creation.
_OF_ONE = ' WHERE "creation" >= ? AND "webhook" = ? ORDER BY "creation" DESC, "name" DESC LIMIT ?'
_LOOKED_AT = 20_000
_OF_DOCUMENT = (
    f"SELECT {listed(_BRIEF)} FROM (SELECT {listed((*_BRIEF, 'reference_doctype', 'reference_document'))} "  # noqa: S608 - constants
    f'FROM "tabWebhook Delivery" WHERE "webhook" = ? ORDER BY "creation" DESC LIMIT {_LOOKED_AT}) latest '
    'WHERE "reference_doctype" = ? AND "reference_document" = ? ORDER BY "creation" DESC LIMIT ?'
)
_STATES = (
    'SELECT "status", count(*) FROM "tabWebhook Delivery" WHERE "webhook" = ? AND "creation" >= ? GROUP BY "status"'
)

Row = Mapping[str, Any]
"""Columns by name; moments are aware, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Deliveries of a stretch of time; ``None`` is any."""

    since: datetime
    until: datetime
    webhook: str | None = None
    status: str | None = None


def deliveries(tx: Transaction, chosen: Slice, *, after: Row | None, limit: int) -> list[Row]:
    """Return the next deliveries with their bodies, oldest first.

    Args:
        after: The last row of the call before, ``None`` to begin.
    """
    stored = STORED_MOMENT[tx.dialect]
    at = stored(chosen.since if after is None else after["creation"])
    last = "" if after is None else after["name"]
    if chosen.webhook is None and chosen.status is None:
        params: list[Any] = [stored(chosen.since), stored(chosen.until), last]
        sql, order = _BETWEEN + _BY_NAME, '"name"'
    else:
        params = [at, stored(chosen.until), at, last]
        sql, order = _BETWEEN + _BY_CREATION, '"creation", "name"'
    for column, value in (("webhook", chosen.webhook), ("status", chosen.status)):
        if value is not None:
            sql += f' AND "{column}" = ?'
            params.append(value)
    return to_rows(tx, _DELIVERY, tx.execute(f"{sql} ORDER BY {order} LIMIT ?", (*params, limit)))


def attempts(tx: Transaction, *, since: datetime, webhook: str | None = None, limit: int) -> list[Row]:
    """Return the last attempts that were made since a moment, oldest first."""
    at = STORED_MOMENT[tx.dialect](since)
    if webhook is None:
        rows = tx.execute(_ATTEMPTS + _OF_ALL, (at, limit))
    else:
        rows = tx.execute(_ATTEMPTS + _OF_ONE, (at, webhook, limit))
    return to_rows(tx, _ATTEMPT, reversed(rows))


def of_document(tx: Transaction, webhook: str, doctype: str, name: str, *, limit: int = 5) -> list[Row]:
    """Return the last deliveries of a document to a webhook, newest first, among the webhook's latest."""
    return to_rows(tx, _BRIEF, tx.execute(_OF_DOCUMENT, (webhook, doctype, name, limit)))


def states(tx: Transaction, webhook: str, *, since: datetime) -> dict[str, int]:
    """Return how many deliveries of a webhook, of events since a moment, are in which state."""
    rows = tx.execute(_STATES, (webhook, STORED_MOMENT[tx.dialect](since)))
    return {row[0]: row[1] for row in rows}


def to_rows(tx: Transaction, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Return what a statement gave as rows by column."""
    decode = decoders(tx.dialect)[Storage.DATETIME]
    found: list[Row] = []
    for values in rows:
        row = dict(zip(columns, values, strict=True))
        for column in _MOMENTS & row.keys():
            if row[column] is not None:
                row[column] = decode(row[column])
        found.append(row)
    return found
