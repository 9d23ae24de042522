"""Deliveries by the million: written straight into the tables of a site that nobody serves."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.payloads import posted_body

AGE: Final = timedelta(days=400)
"""How long ago the first finished delivery was: older than any ``log_retention_days``."""

_BODY: Final = posted_body(0).decode().partition("bench-000000000@")
_CACHE_KIB: Final = 1_000_000
_NUMBERS: Final = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
_DELIVERIES: Final = """
INSERT INTO "tabWebhook Delivery" ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", "webhook",
    "status", "reference_doctype", "reference_document", "event", "sequence", "request_method", "headers",
    "content_type", "data", "queue_id", "attempts", "status_code", "finished_at")
{numbers}
SELECT printf('msg_%012x%020x', :began_ms + i / 10, i), 'Administrator', moment, moment, 'Administrator', 0, 0, :webhook,
    :status, 'Lead', printf('CRM-LEAD-2026-%09d', i), 'after_insert', 1, 'POST',
    '[["X-Source","erpnext-franchise"]]', 'application/json', :before || printf('bench-%09d@', i) || :after, i,
    :attempts, :attempts * 200, iif(:attempts, moment, NULL)
FROM (SELECT i, strftime('%Y-%m-%d %H:%M:%f000', (:began_ms + i / 10) / 1000.0, 'unixepoch') AS moment FROM n)
"""
_LOGS: Final = """
INSERT INTO "tabWebhook Request Log" ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx",
    "webhook", "delivery", "attempt", "reference_doctype", "reference_document", "user", "request_method", "url",
    "headers", "data", "outcome", "status_code", "duration_ms", "response")
SELECT "name" || '-1', "owner", "creation", "modified", "owner", 0, 0, "webhook", "name", 1, "reference_doctype",
    "reference_document", "owner", 'POST', 'http://127.0.0.1/hook', "headers", "data", 'ok', 200, 2, 'ok'
FROM "tabWebhook Delivery" WHERE "queue_id" >= :first AND "status" = 'Delivered' ORDER BY "name"
"""
_QUEUE: Final = """
INSERT INTO "outbox" ("id", "delivery", "channel", "held", "retry", "due_at", "attempts", "round_started_at")
SELECT "queue_id", "name", :webhook, 0, 0, :due_at + "queue_id", 0, 0
FROM "tabWebhook Delivery" WHERE "webhook" = :webhook AND "status" = 'Queued' AND "queue_id" >= :first ORDER BY "name"
"""


class Rows:
    """The delivery tables of a site, to fill. Numbers must be new with each call."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def finish(self, webhook: str, *, first: int, count: int) -> None:
        """Write deliveries that arrived long ago, with a log row each."""
        began = datetime.now(UTC) - AGE
        self._deliver(webhook, first=first, count=count, began=began, status="Delivered", attempts=1)
        self._connection.execute(_LOGS, {"first": first})

    def clear_queue(self) -> None:
        """Forget all that waits."""
        self._connection.execute('DELETE FROM "outbox"')
        self._connection.execute(
            "UPDATE \"tabWebhook Delivery\" SET \"status\" = 'Failed' WHERE \"status\" IN ('Queued', 'Retrying')"
        )

    def queue(self, webhook: str, *, first: int, count: int) -> None:
        """Write deliveries that wait for their first attempt."""
        self._deliver(webhook, first=first, count=count, began=datetime.now(UTC), status="Queued", attempts=0)
        self._connection.execute(
            _QUEUE, {"webhook": webhook, "first": first, "due_at": time.time_ns() // 1000 - first - count}
        )

    def _deliver(self, webhook: str, *, first: int, count: int, began: datetime, status: str, attempts: int) -> None:
        before, _, after = _BODY
        numbers = _NUMBERS.format(first=first, last=first + count - 1)
        facts = {
            "began_ms": int(began.timestamp() * 1000) - first // 10,
            "webhook": webhook,
            "status": status,
            "before": before,
            "after": after,
            "attempts": attempts,
        }
        self._connection.execute(_DELIVERIES.format(numbers=numbers), facts)


@contextlib.contextmanager
def rows_of(database: Path) -> Iterator[Rows]:
    """Open the tables of a site that nobody serves, for much at once; at the end all of it is on the disk."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("BEGIN")
        yield Rows(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    with database.open("rb") as file:  # Or the kernel writes while something else is measured.
        os.fsync(file.fileno())


def is_any_waiting(database: Path) -> bool:
    """Return whether any delivery waits, also while the site is served."""
    return bool(_ask(database, 'SELECT EXISTS (SELECT 1 FROM "outbox")'))


def finished(database: Path) -> int:
    """Return how many deliveries and log rows are there, also while the site is served."""
    return _ask(
        database,
        'SELECT (SELECT count(*) FROM "tabWebhook Delivery") + (SELECT count(*) FROM "tabWebhook Request Log")',
    )


def _ask(database: Path, sql: str) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        value: int = connection.execute(sql).fetchone()[0]
        return value
    finally:
        connection.close()
