"""A transaction: statements, savepoints, a journal that honours them, and what to do after commit."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import structlog

from demitasse.db.errors import ReadOnlyTransaction

_log = structlog.get_logger("demitasse.db")
Row = tuple[Any, ...]
Params = Sequence[Any]


class Cursor(Protocol):
    """What a driver's cursor offers (DB-API 2, PEP 249)."""

    @property
    def rowcount(self) -> int:
        """Rows that the last statement changed."""

    @property
    def lastrowid(self) -> int | None:
        """The counted key of the row that was inserted last; drivers of PostgreSQL have none."""

    def execute(self, sql: str, params: Params, /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, rows: Iterable[Params], /) -> Any:
        """Run one statement for each row of parameters."""

    def fetchall(self) -> list[Any]:
        """Return the rows of the last statement."""


class Source(Protocol):
    """Where a transaction gets its connection, and how it ends. One source serves one transaction."""

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql`` or ``mariadb``."""

    def open(self) -> Cursor:
        """Begin on the database; called at the first statement."""

    def commit(self) -> None:
        """Make durable what was done since ``open``."""

    def rollback(self) -> None:
        """Undo what was done since ``open``."""

    def lock(self, cursor: Cursor, key: str) -> None:
        """Hold ``key`` until the end of the transaction."""

    def translate(self, sql: str) -> str:
        """Return the statement in the driver's own parameter style."""

    def explain(self, error: Exception) -> NoReturn:
        """Raise the error of this room that a driver's error stands for."""

    def has_changed(self) -> bool:
        """Return whether the statements since ``open`` have changed rows, or may have."""

    @property
    def driver_errors(self) -> tuple[type[Exception], ...]:
        """The driver's exceptions."""


BeforeCommit = Callable[["Transaction"], None]
Mark = tuple[int, int, int, int]
"""A savepoint: its depth, how long journal and callbacks were, and how often the transaction had ended."""


class Transaction:
    """Everything that is done on the database between a begin and a commit, on one connection.

    The database is touched at the first statement, not before. After a commit or a rollback the next statement begins
    anew. Statements use ``?`` marks and double-quoted identifiers on every database.

    Args:
        source: Where the connection comes from.
        writable: Whether statements may change rows.
        before_commit: Called with the transaction before each commit; what it raises makes the commit fail.
    """

    __slots__ = (
        "_after_commit",
        "_before_commit",
        "_cursor",
        "_depth",
        "_ended",
        "_is_bound",
        "_source",
        "dialect",
        "journal",
        "writable",
    )

    def __init__(self, source: Source, *, writable: bool, before_commit: BeforeCommit | None = None) -> None:
        self._source = source
        self._cursor: Cursor | None = None
        self._before_commit = before_commit
        self._after_commit: list[Callable[[], None]] = []
        self._depth = 0
        self._ended = 0
        self._is_bound = False
        self.dialect = source.dialect
        self.writable = writable
        self.journal: list[Any] = []

    @property
    def is_open(self) -> bool:
        """Whether a statement has been run since the last commit or rollback."""
        return self._cursor is not None

    def execute(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one statement and return its rows.

        Raises:
            DatabaseError: the database refused it; unique keys are ``UniqueViolation``.
        """
        cursor = self._cursor or self._open()
        try:
            cursor.execute(self._source.translate(sql), params)
            return cursor.fetchall()
        except self._source.driver_errors as error:
            self._source.explain(error)

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement that changes rows and return how many it changed."""
        cursor = self._writing()
        self._is_bound = True
        try:
            cursor.execute(self._source.translate(sql), params)
        except self._source.driver_errors as error:
            self._source.explain(error)
        return cursor.rowcount

    def add(self, sql: str, params: Params) -> int:
        """Run one INSERT into a table that counts its key ``id``, and return the new row's."""
        if self.dialect == "postgresql":
            key: int = self.execute(f'{sql} RETURNING "id"', params)[0][0]
            return key
        self.run(sql, params)
        return self._writing().lastrowid or 0

    def run_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each row of parameters."""
        cursor = self._writing()
        self._is_bound = True
        try:
            cursor.executemany(self._source.translate(sql), rows)
        except self._source.driver_errors as error:
            self._source.explain(error)

    def lock(self, key: str) -> None:
        """Wait until no other transaction holds ``key``, and hold it until the end; the key need not exist anywhere."""
        self._source.lock(self._writing(), key)
        self._is_bound = True

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once the work is durable; a rollback forgets it, also one to a savepoint."""
        self._after_commit.append(callback)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo all that the block did, with its journal entries and callbacks, when it raises."""
        mark = self.begin_savepoint()
        try:
            yield
        except BaseException:
            self.rollback_to(mark)
            raise
        self.release(mark)

    def begin_savepoint(self) -> Mark:
        """Open a savepoint and return its mark, for ``rollback_to`` or ``release``."""
        cursor = self._writing()
        self._is_bound = True
        self._depth += 1
        cursor.execute(f"SAVEPOINT sp{self._depth}", ())
        return self._depth, len(self.journal), len(self._after_commit), self._ended

    def release(self, mark: Mark) -> None:
        """Keep what was done since the mark; a commit or a rollback in between has ended the savepoint already."""
        if mark[3] != self._ended:
            return
        self._writing().execute(f"RELEASE SAVEPOINT sp{mark[0]}", ())
        self._depth = mark[0] - 1

    def rollback_to(self, mark: Mark) -> None:
        """Undo what was done since the mark, or since a commit that came after it."""
        depth, entries, callbacks, ended = mark
        if ended != self._ended:
            if self._cursor is not None:
                self.rollback()
            return
        cursor = self._writing()
        cursor.execute(f"ROLLBACK TO SAVEPOINT sp{depth}", ())
        cursor.execute(f"RELEASE SAVEPOINT sp{depth}", ())
        self._depth = depth - 1
        del self.journal[entries:]
        del self._after_commit[callbacks:]

    def step_aside(self) -> bool:
        """End early what has only read, so that nobody waits for it, and return whether nothing is open now.

        For who is about to wait for something else than the database. The next statement begins anew, and sees what
        others have committed meanwhile. What has changed rows, holds a lock or stands in a savepoint stays open.
        """
        if self._cursor is None:
            return True
        if self._is_bound or self.journal or self._after_commit or self._source.has_changed():
            return False
        self.rollback()
        return True

    def prepare(self) -> None:
        """Do what must be in the transaction before it commits (the events of the journal become deliveries)."""
        if self._before_commit is not None and self.journal:
            self._before_commit(self)
            self.journal.clear()

    def commit(self) -> None:
        """Make everything durable, then run the callbacks.

        Raises:
            DatabaseError: the commit failed; everything is rolled back.
        """
        if self._cursor is None:
            self._finished()
            return
        try:
            self.prepare()
            self._cursor = None
            self._source.commit()
        except BaseException:
            self.rollback()
            raise
        self._finished()

    def rollback(self) -> None:
        """Undo everything since the last commit, with its journal and callbacks."""
        self._cursor = None
        self._is_bound = False
        self._depth = 0
        self._ended += 1
        self.journal.clear()
        self._after_commit.clear()
        self._source.rollback()

    def _finished(self) -> None:
        self._is_bound = False
        self._depth = 0
        self._ended += 1
        callbacks, self._after_commit = self._after_commit, []
        for callback in callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - the work is durable: a fault here must not make the caller think it failed
                _log.exception("after_commit.failed")

    def _open(self) -> Cursor:
        self._cursor = self._source.open()
        return self._cursor

    def _writing(self) -> Cursor:
        if not self.writable:
            message = "This call may only read: a GET request changes nothing. Use POST, PUT or DELETE to write"
            raise ReadOnlyTransaction(message)
        return self._cursor or self._open()
