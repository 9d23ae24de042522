"""A database with the tables of the queue and of the webhook documents."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import demitasse.core.doctype
from demitasse.db.schema import TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.tables import table_of
from demitasse.outbox.model import NewDelivery
from demitasse.outbox.tables import OUTBOX_TABLES

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DELIVERY = "tabWebhook Delivery"
LOG = "tabWebhook Request Log"


def queue_tables() -> list[TableSpec]:
    """Return the tables that deliveries need, the documents as their DocTypes say."""
    folder = Path(demitasse.core.doctype.__path__[0])
    sources = (folder / kind / f"{kind}.json" for kind in ("webhook_delivery", "webhook_request_log"))
    documents = [table_of(parse_doctype(json.loads(source.read_text()), app="core")) for source in sources]
    return [*OUTBOX_TABLES, *documents]


def open_database(path: Path) -> SqliteDatabase:
    """Open a database file and make its tables if they are missing."""
    database = SqliteDatabase(path)
    database.writer.execute("PRAGMA synchronous = OFF")  # Crashes here are the process's, not the machine's.
    tx = database.write()
    ensure_tables(tx, queue_tables())
    tx.commit()
    return database


@contextmanager
def writing(database: SqliteDatabase) -> Iterator[Transaction]:
    """Commit what the block does."""
    tx = database.write()
    try:
        yield tx
    except BaseException:
        tx.rollback()
        raise
    tx.commit()


def rows(database: SqliteDatabase, table: str, *columns: str, order: str = "rowid") -> list[tuple[Any, ...]]:
    """Return what is committed."""
    tx = database.read()
    listed = ", ".join(f'"{column}"' for column in columns)
    found = tx.execute(f'SELECT {listed} FROM "{table}" ORDER BY {order}')
    tx.rollback()
    return found


def new_delivery(number: int = 1, **more: Any) -> NewDelivery:
    """Return a delivery of a Lead to the webhook ``crm``."""
    values: dict[str, Any] = {
        "webhook": "crm",
        "doctype": "Lead",
        "document": f"LEAD-{number}",
        "event": "on_update",
        "sequence": number,
        "headers": (("X-Source", "erp"),),
        "body": b'{"n":%d}' % number,
        "owner": "anna@example.com",
    }
    return NewDelivery(**{**values, **more})
