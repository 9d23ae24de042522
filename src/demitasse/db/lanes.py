"""The lanes of the event loop on SQLite: inline reads, grouped writes, and one thread for long reads.

A query costs less inline than the hop to a thread. Writes that wait together are savepoints of one transaction with one
fsync, and are answered after its commit. While a thread holds the write turn they wait parked, and reads go on.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from demitasse.db.errors import QueryInterrupted
from demitasse.db.sqlite import Deadline, GroupSource, ReaderSource, SqliteDatabase
from demitasse.db.transaction import Cursor, Mark, Transaction
from demitasse.kernel.clock import monotonic_s

T = TypeVar("T")
Work = Callable[[Transaction], T]
_INLINE_READ_S = 0.005
_GROUP_S = 0.010


class Lanes:
    """Runs the database work of requests that run no app code. Every method belongs to the loop's thread."""

    def __init__(self, database: SqliteDatabase, *, loop: asyncio.AbstractEventLoop) -> None:
        self._database = database
        self._loop = loop
        self._reader = database.reader()
        self._deadline = Deadline(self._reader)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="demitasse-reader")
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._is_scheduled = False

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
        """Run a read inline, or on the reader thread when it is known or found to be long."""
        if not is_long:
            try:
                return self.read_now(work)
            except QueryInterrupted:
                pass
        return await self._loop.run_in_executor(self._thread, self._read_in_thread, work)

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        """Run ``work`` in the next group; the future has its result once it is durable, or what it raised."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append((work, future))
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._take_turn)
        return future

    async def close(self) -> None:
        """Finish the writes that wait, then stop the reader thread."""
        while self._waiting:
            await asyncio.gather(*(future for _, future in self._waiting), return_exceptions=True)
        self._thread.shutdown(wait=True)

    def _read_in_thread(self, work: Work[T]) -> T:
        tx = self._database.read()
        try:
            return work(tx)
        finally:
            if tx.is_open:
                tx.rollback()

    def _take_turn(self) -> None:
        if self._database.turn.try_acquire(self._turn_granted):
            self._run_group()

    def _turn_granted(self) -> None:
        self._loop.call_soon_threadsafe(self._run_group)

    def _run_group(self) -> None:
        self._is_scheduled = False
        batch, self._waiting = self._waiting, []
        finished: list[tuple[asyncio.Future[Any], Transaction, Any]] = []
        try:
            cursor = self._database.begin_writing()
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
