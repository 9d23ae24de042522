"""Threads for reads that the event loop cannot spare, so that quick ones do not wait for slow ones."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from demitasse.db.errors import QueryInterrupted, QueryTooSlow
from demitasse.db.sqlite import Deadline, SqliteDatabase
from demitasse.db.transaction import Transaction

T = TypeVar("T")
QUICK_S = 0.25
"""How long the first thread gives a read, before it is run again among the slow ones."""

SLOW_S = 30.0
_SLOW_THREADS = 2


class ReaderThreads:
    """One thread for most reads, and two for those that it could not finish soon.

    Few, as SQLite in many threads is slower than in one. Every method belongs to the loop's thread.

    Args:
        quick_s: How long a read may take before it goes to the slow ones.
        slow_s: How long a slow one may take.
    """

    def __init__(
        self,
        database: SqliteDatabase,
        *,
        loop: asyncio.AbstractEventLoop,
        quick_s: float = QUICK_S,
        slow_s: float = SLOW_S,
    ) -> None:
        self._database = database
        self._loop = loop
        self._quick_s = quick_s
        self._slow_s = slow_s
        self._quick = ThreadPoolExecutor(max_workers=1, thread_name_prefix="demitasse-reader")
        self._slow = ThreadPoolExecutor(max_workers=_SLOW_THREADS, thread_name_prefix="demitasse-slow-reader")
        self._local = threading.local()

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a read in one snapshot; it may be run twice.

        Raises:
            QueryTooSlow: it took longer than the slow ones may.
        """
        try:
            return await self._loop.run_in_executor(self._quick, self._read, work, self._quick_s)
        except QueryInterrupted:
            pass
        try:
            return await self._loop.run_in_executor(self._slow, self._read, work, self._slow_s)
        except QueryInterrupted as error:
            message = f"This takes longer than {self._slow_s:g} s: narrow it with filters, or ask for fewer rows"
            raise QueryTooSlow(message, limit_s=self._slow_s) from error

    def close(self) -> None:
        """Wait for what runs, and end the threads."""
        self._quick.shutdown(wait=True)
        self._slow.shutdown(wait=True)

    def _read(self, work: Callable[[Transaction], Any], allowance_s: float) -> Any:
        deadline = self._deadline()
        tx = self._database.read()
        deadline.set(allowance_s)
        try:
            return work(tx)
        finally:
            deadline.set(0)
            if tx.is_open:
                tx.rollback()

    def _deadline(self) -> Deadline:
        found: Deadline | None = getattr(self._local, "deadline", None)
        if found is None:
            found = self._local.deadline = Deadline(self._database.reader())
        return found
