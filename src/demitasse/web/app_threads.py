"""The thread lane: app code runs here, so that what sleeps or blocks stops nobody else.

Each function has a number of places; what finds none waits for a while, then is told to come back.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from demitasse.web.errors import TooBusy

T = TypeVar("T")
MAX_THREADS = 64
PLACES_PER_FUNCTION = 16
WAITING_PER_FUNCTION = 512
_WAIT_S = 20.0
_RETRY_AFTER_S = 2


class AppThreads:
    """Runs functions in threads, with a cap for each name. Every method belongs to the loop's thread."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pool = ThreadPoolExecutor(max_workers=MAX_THREADS, thread_name_prefix="demitasse-app")
        self._places: dict[str, _Places] = {}

    async def run(self, name: str, work: Callable[[], T], *, places: int = PLACES_PER_FUNCTION) -> T:
        """Run ``work`` in a thread, within the places of ``name``.

        Raises:
            TooBusy: too many calls wait already, or no place came free in time.
        """
        taken = self._places.get(name)
        if taken is None:
            taken = self._places[name] = _Places(places)
        if taken.waiting >= WAITING_PER_FUNCTION:
            raise _too_busy(name)
        taken.waiting += 1
        try:
            async with asyncio.timeout(_WAIT_S):
                await taken.free.acquire()
        except TimeoutError as error:
            raise _too_busy(name) from error
        finally:
            taken.waiting -= 1
        # The place is given back when the thread ends, not when the client goes away.
        future = self._loop.run_in_executor(self._pool, work)
        future.add_done_callback(lambda _: taken.free.release())
        return await asyncio.shield(future)

    def close(self) -> None:
        """Take no more work; threads that run end with their call."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Places:
    __slots__ = ("free", "waiting")

    def __init__(self, number: int) -> None:
        self.free = asyncio.Semaphore(number)
        self.waiting = 0


def _too_busy(name: str) -> TooBusy:
    message = f"{name} is busy: all its places are taken. Try again in a moment"
    return TooBusy(message, retry_after_s=_RETRY_AFTER_S)
