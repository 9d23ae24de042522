"""A database with the tables of jobs, and a clock that only the test moves."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import demitasse.core.doctype
from demitasse.db.codec import encoders
from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.tables import table_of
from demitasse.jobs import operations
from demitasse.jobs.model import QUEUES, ClaimedJob, NewJob
from demitasse.jobs.tables import JOB_TABLES
from tests.unit.outbox.site import rows, writing

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EVERYWHERE = dict.fromkeys(QUEUES, 10)
_KINDS = ("rq_job", "scheduled_job_type", "scheduled_job_log")


def open_database(path: Path) -> SqliteDatabase:
    """Open a database file and make its tables."""
    folder = Path(demitasse.core.doctype.__path__[0])
    documents = [
        table_of(parse_doctype(json.loads((folder / k / f"{k}.json").read_text()), app="core")) for k in _KINDS
    ]
    database = SqliteDatabase(path)
    database.writer.execute("PRAGMA synchronous = OFF")
    with writing(database) as tx:
        ensure_tables(tx, [*JOB_TABLES, *documents])
    return database


def enqueue(database: SqliteDatabase, *, at: datetime = NOW, **more: Any) -> str | None:
    """Queue a job and commit."""
    with writing(database) as tx:
        return operations.enqueue(tx, NewJob(**{"method": "app.run", "user": "Administrator", **more}), now=at)


def claim(database: SqliteDatabase, *, after_s: float = 0, **room: int) -> list[ClaimedJob]:
    """Take what is due so long after NOW."""
    with writing(database) as tx:
        return operations.claim(tx, room or EVERYWHERE, owner="server", now=later(after_s))


def status(database: SqliteDatabase, name: str | None) -> str:
    """Return what is committed of a job."""
    return next(str(row[1]) for row in rows(database, "tabRQ Job", "name", "status") if row[0] == name)


def add_type(database: SqliteDatabase, name: str, *, frequency: str, next_at: datetime, **more: Any) -> None:
    """Write a Scheduled Job Type."""
    stored = encoders("sqlite")[Storage.DATETIME]
    values = {
        "name": name,
        "owner": "Administrator",
        "creation": stored(NOW),
        "modified": stored(NOW),
        "modified_by": "Administrator",
        "method": "app.run",
        "frequency": frequency,
        "next_execution": stored(next_at),
        "stopped": 0,
        "create_log": 1,
        **more,
    }
    columns = ", ".join(f'"{key}"' for key in values)
    marks = ", ".join("?" for _ in values)
    with writing(database) as tx:
        tx.run(f'INSERT INTO "tabScheduled Job Type" ({columns}) VALUES ({marks})', tuple(values.values()))


def later(seconds: float) -> datetime:
    """Return a moment after NOW."""
    return NOW + timedelta(seconds=seconds)
