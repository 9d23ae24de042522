"""A database in a file of its own, with this room's tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.incoming.tables import INCOMING_TABLES


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    found = SqliteDatabase(tmp_path / "site.db")
    tx = found.write()
    ensure_tables(tx, INCOMING_TABLES)
    tx.commit()
    yield found
    found.close()
