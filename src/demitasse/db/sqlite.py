"""SQLite as the embedded database: WAL, durable commits, one writer connection, one reader connection per thread."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import structlog

from demitasse.db.errors import DatabaseBusy, DatabaseError, QueryInterrupted, StorageFull, UniqueViolation
from demitasse.db.shared_commit import SharedCommit
from demitasse.db.transaction import BeforeCommit, Cursor, Transaction
from demitasse.db.turn import WriteTurn
from demitasse.kernel.clock import monotonic_s

BUSY_WAIT_S = 10.0
"""How long a write waits for another process that writes."""

SHARE_COMMITS_FOR_S = 0.010
"""How long a thread's work may wait for that of others, so that one commit makes all of it durable."""

BUSY_PAUSE_S = 0.002
"""Between two looks whether it has done: SQLite's own pauses grow to a tenth of a second."""

_STEPS_BETWEEN_CHECKS = 4_000
_WRITER_CACHE_KIB = 16_384
_READER_CACHE_KIB = 4_096
_COMMITS_BETWEEN_CHECKPOINTS = 32
_BACKSTOP_PAGES = 16_384
_log = structlog.get_logger("demitasse.db")


def explain(error: Exception) -> NoReturn:
    """Raise the error of this room that a sqlite3 error stands for."""
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError) and text.startswith("UNIQUE constraint failed: "):
        places = [place.rpartition(".") for place in text.removeprefix("UNIQUE constraint failed: ").split(", ")]
        table, columns = places[0][0], tuple(place[2] for place in places)
        message = f"A row of {table} with the same {', '.join(columns)} is there already"
        raise UniqueViolation(message, table=table, columns=columns) from error
    if text == "interrupted":
        raise QueryInterrupted(text) from error
    if "disk is full" in text or "disk I/O" in text:
        message = "The disk is full; nothing was written. Make room, then try again"
        raise StorageFull(message) from error
    if "locked" in text or "busy" in text:
        message = "Another process is writing to the site; nothing was written, try again"
        raise DatabaseBusy(message) from error
    raise DatabaseError(text) from error


class SqliteSource:
    """What all transactions on SQLite share."""

    dialect = "sqlite"
    driver_errors: tuple[type[Exception], ...] = (sqlite3.Error, sqlite3.Warning)

    def translate(self, sql: str) -> str:
        """Return the statement as it is: SQLite's own style is ours."""
        return sql

    def explain(self, error: Exception) -> NoReturn:
        """Raise the error of this room that a sqlite3 error stands for."""
        explain(error)

    def lock(self, cursor: Cursor, key: str) -> None:
        """Do nothing more: a writable transaction holds the only write turn."""


class TurnSource(SqliteSource):
    """A writing transaction of a thread: it takes the turn at its first statement and gives it back at its end."""

    __slots__ = ("_changes", "_database", "_holds")

    def __init__(self, database: "SqliteDatabase") -> None:
        self._database = database
        self._holds = False
        self._changes = 0

    def open(self) -> Cursor:
        """Wait for the turn, then begin, or go on in the transaction that another thread left open."""
        self._database.turn.acquire()
        try:
            cursor = self._database.begin_part()
        except sqlite3.Error as error:
            explain(error)
        self._holds = True
        self._changes = self._database.writer.total_changes
        return cursor

    def has_changed(self) -> bool:
        """Return whether rows were changed since ``open``."""
        return self._database.writer.total_changes != self._changes

    def commit(self) -> None:
        """Commit durably, perhaps together with other threads, and give the turn back."""
        self._holds = False
        try:
            self._database.shared.finish()
        except sqlite3.Error as error:
            explain(error)

    def rollback(self) -> None:
        """Roll back and give the turn back."""
        if self._holds:
            self._holds = False
            self._database.shared.undo()


class GroupSource(SqliteSource):
    """A transaction inside a group: the group owns the turn, the begin and the commit."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def open(self) -> Cursor:
        """Return the group's cursor."""
        return self._cursor

    def has_changed(self) -> bool:
        """Return true: the group's work is not this one's to end."""
        return True

    def commit(self) -> None:
        """Leave it to the group."""

    def rollback(self) -> None:
        """Leave it to the group."""


class ReaderSource(SqliteSource):
    """A reading transaction: one snapshot from its first statement to its end."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def open(self) -> Cursor:
        """Begin a snapshot."""
        return self._connection.execute("BEGIN")

    def has_changed(self) -> bool:
        """Return false: it only reads."""
        return False

    def commit(self) -> None:
        """End the snapshot."""
        self.rollback()

    def rollback(self) -> None:
        """End the snapshot."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class Deadline:
    """Stops the statements of one connection after a moment that is set before them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._until_s = 0.0
        connection.set_progress_handler(self._is_over, _STEPS_BETWEEN_CHECKS)

    def set(self, allowance_s: float) -> None:
        """Let statements run for this long from now; 0 takes the limit away."""
        self._until_s = monotonic_s() + allowance_s if allowance_s else 0.0

    def _is_over(self) -> int:
        return 1 if self._until_s and monotonic_s() > self._until_s else 0


class Checkpointer:
    """Moves what was committed from the write-ahead log into the file, in a thread of its own.

    A commit then never waits for it. The writer's own checkpoint stays as a backstop, far behind: it finds most of the
    work done, and lets the log start over.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._commits = 0
        self._wanted = threading.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Count a commit; after some of them the thread looks at the log."""
        self._commits += 1
        if self._commits >= _COMMITS_BETWEEN_CHECKPOINTS:
            self._commits = 0
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="demitasse-checkpoint", daemon=True)
                self._thread.start()
            self._wanted.set()

    def close(self) -> None:
        """End the thread."""
        self._is_closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        try:
            while True:
                self._wanted.wait()
                self._wanted.clear()
                if self._is_closed:
                    return
                try:
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                except sqlite3.Error as error:
                    _log.warning("checkpoint.failed", error=str(error))
        finally:
            connection.close()


class SqliteDatabase:
    """The database file of a site.

    Args:
        path: The file; it is made when it is not there.
        before_commit: Called with each writing transaction before it commits.
        share_commits_for_s: See `SHARE_COMMITS_FOR_S`.
    """

    dialect = "sqlite"

    def __init__(
        self,
        path: Path,
        *,
        before_commit: BeforeCommit | None = None,
        share_commits_for_s: float = SHARE_COMMITS_FOR_S,
    ) -> None:
        self.path = path
        self.turn = WriteTurn()
        self.before_commit = before_commit
        self.writer = self._connect(cache_kib=_WRITER_CACHE_KIB)
        self._writing_cursor = self.writer.cursor()
        self.shared = SharedCommit(self.writer, self.turn, commit=self.commit_writing, share_for_s=share_commits_for_s)
        self._data_version = self._read_data_version()
        self.writer.execute("PRAGMA busy_timeout = 0")  # Who may wait does so by itself; the event loop may not.
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self.checkpointer = Checkpointer(self._connect)
        self.on_foreign_write: list[Callable[[], None]] = []

    def write(self) -> Transaction:
        """Return a writing transaction for a thread that may block."""
        return Transaction(TurnSource(self), writable=True, before_commit=self.before_commit)

    def read(self) -> Transaction:
        """Return a reading transaction on this thread's own connection."""
        return Transaction(ReaderSource(self.reader()), writable=False)

    def reader(self) -> sqlite3.Connection:
        """Return this thread's own connection for reading."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            self._readers.append(connection)
        return connection

    def begin_writing(self) -> Cursor:
        """Begin on the writer connection, without waiting; the caller holds the turn.

        Raises:
            DatabaseBusy: another process is writing.
        """
        try:
            self._writing_cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            explain(error)
        self.notice_foreign_writes()
        return self._writing_cursor

    def begin_part(self) -> Cursor:
        """Begin as ``begin_writing``, or join what other threads left open; when that fails the turn is given back."""
        if self.shared.join():
            return self._writing_cursor
        try:
            return self._begin_patiently()
        except BaseException:
            self.shared.undo()
            raise

    def _begin_patiently(self) -> Cursor:
        until_s = monotonic_s() + BUSY_WAIT_S
        while True:
            try:
                return self.begin_writing()
            except DatabaseBusy:
                if monotonic_s() > until_s:
                    raise
            time.sleep(BUSY_PAUSE_S)

    def commit_writing(self) -> None:
        """Commit durably on the writer connection; the caller holds the turn, and translates the driver's errors."""
        self._writing_cursor.execute("COMMIT")
        self.checkpointer.committed()

    def notice_foreign_writes(self) -> None:
        """Tell the listeners when another process has committed to the file since the last look."""
        version = self._read_data_version()
        if version != self._data_version:
            self._data_version = version
            for listener in self.on_foreign_write:
                listener()

    def translate_error(self, error: Exception) -> Exception:
        """Return the error of this room that a driver's error stands for; this room's own as they are."""
        if isinstance(error, DatabaseError):
            return error
        try:
            explain(error)
        except DatabaseError as translated:
            return translated

    def close(self) -> None:
        """Close every connection; the file is then complete in itself."""
        self.checkpointer.close()
        for connection in self._readers:
            connection.close()
        self.writer.close()

    def _read_data_version(self) -> int:
        # Other connections' commits move it, this connection's own do not (SQLite, PRAGMA data_version).
        return int(self.writer.execute("PRAGMA data_version").fetchone()[0])

    def _connect(self, *, cache_kib: int = _READER_CACHE_KIB) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=1024,
            timeout=BUSY_WAIT_S,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_BACKSTOP_PAGES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        return connection
