"""Copying an SQLite database while others write to it (SQLite's backup API), and checking that a copy is sound."""

import sqlite3
from contextlib import closing
from pathlib import Path

from demitasse.db.errors import DatabaseError
from demitasse.db.sqlite import explain

_BUSY_WAIT_S = 10.0


def copy_database(source: Path, target: Path) -> None:
    """Copy all that is committed now into a new file; writers go on meanwhile, as the copy reads one snapshot.

    Raises:
        DatabaseError: the source cannot be read, or the target not written.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_WAIT_S)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing, pages=-1)
            writing.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        explain(error)


def check_database(path: Path) -> None:
    """Read all of a database file and make sure that it is sound.

    Raises:
        DatabaseError: it is no database, or a damaged one.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        explain(error)
    if found != "ok":
        message = f"The database is damaged: {found}"
        raise DatabaseError(message)
