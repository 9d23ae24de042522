"""A database in a file of its own, with one table."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.db.schema import ColumnSpec, TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.doctypes.field_types import Storage

NOTES = TableSpec(
    name="notes",
    columns=(
        ColumnSpec(name="id", storage=Storage.INTEGER),
        ColumnSpec(name="text", storage=Storage.SHORT_TEXT),
    ),
    primary_key=("id",),
    autoincrement=True,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    # However slow the machine is, work that waits together is committed together.
    found = SqliteDatabase(tmp_path / "site.db", share_commits_for_s=60)
    tx = found.write()
    ensure_tables(tx, [NOTES])
    tx.commit()
    yield found
    found.close()


def texts(database: SqliteDatabase) -> list[str]:
    """Return what is committed, as another connection sees it."""
    tx = database.read()
    rows = tx.execute('SELECT "text" FROM "notes" ORDER BY "id"')
    tx.rollback()
    return [row[0] for row in rows]
