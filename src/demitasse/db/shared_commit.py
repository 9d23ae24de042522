"""One commit for the work of several threads: what one has written waits for the next one's, and one fsync is for all.

Who holds the write turn owns everything here. With the turn a thread leaves its work to the next thread in line, inside
the open transaction, and waits; the last one commits. Each works in a savepoint, so that it can undo its own part alone.
"""

import sqlite3
import threading
from collections.abc import Callable

from demitasse.db.turn import WriteTurn
from demitasse.kernel.clock import monotonic_s


class _Waiting:
    """Work that is written but not yet durable; ``error`` is why it never will be."""

    __slots__ = ("_gate", "error")

    def __init__(self) -> None:
        # A bare lock, held until the end: it wakes a thread at a fraction of what an Event costs.
        self._gate = threading.Lock()
        self._gate.acquire()
        self.error: Exception | None = None

    def end(self, error: Exception | None) -> None:
        """Let the thread go on."""
        self.error = error
        self._gate.release()

    def wait(self) -> None:
        """Wait for the end."""
        self._gate.acquire()


class SharedCommit:
    """The transaction on the writer's connection, as threads share it.

    Args:
        commit: Commits on the connection.
        share_for_s: How long work may wait for others before it is committed; the one that is under way then is the
            last to join.
    """

    def __init__(
        self, connection: sqlite3.Connection, turn: WriteTurn, *, commit: Callable[[], None], share_for_s: float
    ) -> None:
        self._share_for_s = share_for_s
        self._connection = connection
        self._turn = turn
        self._commit = commit
        self._waiting: list[_Waiting] = []
        self._until_s = 0.0

    def join(self) -> bool:
        """Begin a part of the transaction that is open; false where none is, and one has to begin."""
        if not self._waiting:
            return False
        try:
            self._connection.execute("SAVEPOINT part")
        except sqlite3.Error as error:
            self._end(error)
            raise
        return True

    def finish(self) -> None:
        """Return once what was written is durable, with the turn given on.

        Raises:
            sqlite3.Error: it could not be committed; everything is rolled back.
        """
        own = _Waiting()
        try:
            self._close_part()
        except sqlite3.Error as error:
            self._waiting.append(own)
            self._end(error)
        else:
            if not self._waiting:
                self._until_s = monotonic_s() + self._share_for_s
            self._waiting.append(own)
            self._hand_on()
        own.wait()
        if own.error is not None:
            raise own.error

    def undo(self) -> None:
        """Roll the part back, and give the turn on."""
        if not self._waiting:
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            finally:
                self._turn.release()
            return
        try:
            self._connection.execute("ROLLBACK TO SAVEPOINT part")
            self._close_part()
        except sqlite3.Error as error:
            # A full disk: the database has undone the whole transaction.
            self._end(error)
        else:
            self._hand_on()

    def _close_part(self) -> None:
        if self._waiting:
            self._connection.execute("RELEASE SAVEPOINT part")
        elif not self._connection.in_transaction:
            message = "the database has rolled the transaction back"
            raise sqlite3.OperationalError(message)

    def _hand_on(self) -> None:
        if monotonic_s() >= self._until_s or not self._turn.pass_on():
            self._end()

    def _end(self, error: Exception | None = None) -> None:
        """Commit, or roll back after an error; tell everyone who waits, and release the turn."""
        if error is None:
            try:
                self._commit()
            except sqlite3.Error as refused:
                error = refused
        waiting, self._waiting = self._waiting, []
        try:
            if error is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        finally:
            self._turn.release()
            for each in waiting:
                each.end(error)
