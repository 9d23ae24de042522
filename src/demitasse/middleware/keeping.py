"""The store, asked from the event loop without stopping it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from demitasse.middleware.store import Store

T = TypeVar("T")


class Keeping:
    """Runs the store's calls one after the other in a thread of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="middleware-store")

    async def do(self, call: Callable[[Store], T]) -> T:
        """Return what a call of the store returns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, self._store)

    def close(self) -> None:
        """Finish what was asked, and close the store."""
        self._thread.shutdown()
        self._store.close()
