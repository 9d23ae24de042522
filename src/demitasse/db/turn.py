"""The write turn: one writer at a time in a process, first come, first served, for threads and the event loop alike."""

import threading
from collections import deque
from collections.abc import Callable

import structlog

from demitasse.db.errors import DatabaseBusy
from demitasse.kernel.clock import monotonic_s

_log = structlog.get_logger("demitasse.db")
SLOW_HOLD_S = 1.0
DEFAULT_WAIT_S = 30.0


class WriteTurn:
    """A fair lock. Threads wait by blocking; the event loop waits by being called back, and never blocks."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._since_s = 0.0
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def is_held(self) -> bool:
        """Whether somebody holds the turn now."""
        return self._held

    def acquire(self, *, wait_s: float = DEFAULT_WAIT_S) -> None:
        """Block this thread until the turn is its own.

        Raises:
            DatabaseBusy: it did not come within ``wait_s``.
        """
        granted = threading.Event()
        if self.try_acquire(granted.set):
            return
        if granted.wait(wait_s):
            return
        with self._guard:
            if not granted.is_set():
                self._waiting.remove(granted.set)
                message = f"Another call has been writing for more than {wait_s:.0f} s; nothing was written, try again"
                raise DatabaseBusy(message)

    def try_acquire(self, granted: Callable[[], None]) -> bool:
        """Take the turn if it is free; else call ``granted`` (from any thread) once it is the caller's."""
        with self._guard:
            if self._held:
                self._waiting.append(granted)
                return False
            self._held = True
            self._since_s = monotonic_s()
            return True

    def take_if_free(self) -> bool:
        """Take the turn if it is free; else do not wait for it."""
        with self._guard:
            if self._held:
                return False
            self._held = True
            self._since_s = monotonic_s()
            return True

    def release(self) -> None:
        """Hand the turn to the one who has waited longest."""
        held_s = monotonic_s() - self._since_s
        with self._guard:
            if self._waiting:
                self._since_s = monotonic_s()
                self._waiting.popleft()()
            else:
                self._held = False
        if held_s > SLOW_HOLD_S:
            _log.warning("write_turn.held_long", held_ms=round(held_s * 1000))
