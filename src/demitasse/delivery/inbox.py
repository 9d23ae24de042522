"""Handing new deliveries over to the event loop, from any thread."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from demitasse.outbox.model import QueuedDelivery


class Inbox:
    """Collects deliveries, and calls ``on_mail`` on the loop for as many as have come together.

    Made on the loop's thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, on_mail: Callable[[Iterator[QueuedDelivery]], None]) -> None:
        self._loop = loop
        self._on_mail = on_mail
        self._thread = threading.get_ident()
        self._waiting: deque[QueuedDelivery] = deque()
        self._is_told = False

    def put(self, deliveries: Sequence[QueuedDelivery]) -> None:
        """Hand deliveries over; from any thread."""
        self._waiting.extend(deliveries)
        if self._is_told:
            return
        self._is_told = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._open)
        else:
            with contextlib.suppress(RuntimeError):  # The loop is closed: they are delivered after the next start.
                self._loop.call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._is_told = False  # Before the first is taken: what comes from now on is told again.
        self._on_mail(self._take())

    def _take(self) -> Iterator[QueuedDelivery]:
        while self._waiting:
            yield self._waiting.popleft()
