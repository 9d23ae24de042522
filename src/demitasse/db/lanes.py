"""The lanes of the event loop on SQLite: inline reads, grouped writes, and threads for long reads.

A query costs less inline than the hop to a thread. Writes that wait together are savepoints of one transaction with one
fsync, and are answered after its commit. While a thread holds the write turn, or another process writes, they wait parked,
and reads go on.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from demitasse.db.errors import DatabaseBusy, QueryInterrupted
from demitasse.db.reader_threads import ReaderThreads
from demitasse.db.sqlite import BUSY_PAUSE_S, BUSY_WAIT_S, Deadline, GroupSource, ReaderSource, SqliteDatabase
from demitasse.db.transaction import Cursor, Mark, Transaction
from demitasse.kernel.clock import monotonic_s

T = TypeVar("T")
Work = Callable[[Transaction], T]
_INLINE_READ_S = 0.005
_GROUP_S = 0.010


class Lanes:
    """Runs the database work of requests that run no app code. Every method belongs to the loop's thread.

    Args:
        busy_wait_s: How long writes wait for another process that writes.
    """

    def __init__(
        self, database: SqliteDatabase, *, loop: asyncio.AbstractEventLoop, busy_wait_s: float = BUSY_WAIT_S
    ) -> None:
        self._database = database
        self._loop = loop
        self._reader = database.reader()
        self._deadline = Deadline(self._reader)
        self._threads = ReaderThreads(database, loop=loop)
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._is_scheduled = False
        self._busy_wait_s = busy_wait_s
        self._busy_since_s: float | None = None

    @property
    def waiting_writes(self) -> int:
        """Writes that wait for the next group."""
        return len(self._waiting)

    def read_now(self, work: Work[T]) -> T:
        """Run a short read on the loop's own connection, in one snapshot.

        Raises:
            QueryInterrupted: it took longer than about 5 ms.
        """
        self._deadline.set(_INLINE_READ_S)
        tx = Transaction(ReaderSource(self._reader), writable=False)
        try:
            return work(tx)
        finally:
            if tx.is_open:
                tx.rollback()
            self._deadline.set(0)

    async def read(self, work: Work[T], *, is_long: bool = False) -> T:
        """Run a read inline, or on a reader thread when it is known or found to be long.

        Raises:
            QueryTooSlow: it took longer than 30 s.
        """
        if not is_long:
            try:
                return self.read_now(work)
            except QueryInterrupted:
                pass
        return await self._threads.read(work)

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work`` in the next group; the future has its result once it is durable, or what it raised."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append((work, future))
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._take_turn)
        return future

    async def close(self) -> None:
        """Finish the writes that wait, then stop the reader threads."""
        while self._waiting:
            await asyncio.gather(*(future for _, future in self._waiting), return_exceptions=True)
        self._threads.close()

    def _take_turn(self) -> None:
        if self._database.turn.try_acquire(self._turn_granted):
            self._run_group()

    def _turn_granted(self) -> None:
        self._loop.call_soon_threadsafe(self._run_group)

    def _run_group(self) -> None:
        try:
            cursor = self._database.begin_writing()
        except DatabaseBusy as error:
            self._database.turn.release()
            self._wait_for_other_process(error)
            return
        except Exception as error:  # noqa: BLE001 - told to everyone in the group
            self._fail_group(error, self._take_waiting())
            self._database.turn.release()
            return
        batch = self._take_waiting()
        finished: list[tuple[asyncio.Future[Any], Transaction, Any]] = []
        try:
            self._run_batch(cursor, batch, finished)
            self._database.commit_writing()
        except Exception as error:  # noqa: BLE001 - told to everyone in the group
            self._fail_group(error, batch)
            return
        finally:
            self._database.turn.release()
        for future, tx, result in finished:
            tx.commit()
            if not future.done():
                future.set_result(result)

    def _take_waiting(self) -> list[tuple[Work[Any], asyncio.Future[Any]]]:
        self._is_scheduled = False
        self._busy_since_s = None
        batch, self._waiting = self._waiting, []
        return batch

    def _wait_for_other_process(self, error: DatabaseBusy) -> None:
        """Come back in a moment, as often as a thread would wait; the loop goes on meanwhile."""
        now_s = monotonic_s()
        if self._busy_since_s is None:
            self._busy_since_s = now_s
        if now_s - self._busy_since_s > self._busy_wait_s:
            self._fail_group(error, self._take_waiting())
        else:
            self._loop.call_later(BUSY_PAUSE_S, self._take_turn)

    def _run_batch(
        self,
        cursor: Cursor,
        batch: list[tuple[Work[Any], asyncio.Future[Any]]],
        finished: list[tuple[asyncio.Future[Any], Transaction, Any]],
    ) -> None:
        """Run each work in a savepoint of its own; what there is no time for waits for the next group."""
        until_s = monotonic_s() + _GROUP_S
        source = GroupSource(cursor)
        for position, (work, future) in enumerate(batch):
            if position and monotonic_s() > until_s:
                self._put_back(batch[position:])
                del batch[position:]
                return
            tx = Transaction(source, writable=True, before_commit=self._database.before_commit)
            mark = tx.begin_savepoint()
            try:
                result = work(tx)
                tx.prepare()
                tx.release(mark)
            except Exception as error:  # noqa: BLE001 - told to the one who asked
                if not future.done():
                    future.set_exception(error)
                self._undo(tx, mark, error)
            else:
                finished.append((future, tx, result))

    def _undo(self, tx: Transaction, mark: Mark, error: Exception) -> None:
        """Roll one work back; where that fails (a full disk) the database has undone the whole group."""
        try:
            tx.rollback_to(mark)
        except Exception:  # noqa: BLE001 - what made it fail is the error to tell
            raise error from None

    def _put_back(self, rest: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        self._waiting = rest + self._waiting
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._take_turn)

    def _fail_group(self, error: Exception, batch: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        if self._database.writer.in_transaction:
            self._database.writer.execute("ROLLBACK")
        for _, future in batch:
            if not future.done():
                future.set_exception(self._database.translate_error(error))
