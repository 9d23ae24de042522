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
_LONG_HOLD_S = 0.1
_WARY_FOR_S = 1.0


class WriteTurn:
    """A fair lock. Threads wait by blocking; the event loop waits by being called back, and never blocks."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._since_s = 0.0
        self._wary_until_s = 0.0
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads: set[Callable[[], None]] = set()

    @property
    def is_held(self) -> bool:
        """Whether somebody holds the turn now."""
        return self._held

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        return len(self._waiting)

    def acquire(self, *, wait_s: float = DEFAULT_WAIT_S) -> None:
        """Block this thread until the turn is its own.

        Raises:
            DatabaseBusy: it did not come within ``wait_s``.
        """
        # A bare lock wakes a thread at a fraction of what an Event costs.
        gate = threading.Lock()
        granted = gate.release
        with self._guard:
            if self._take():
                return
            gate.acquire()
            self._waiting.append(granted)
            self._threads.add(granted)
        if gate.acquire(timeout=wait_s):
            return
        with self._guard:
            if granted in self._threads:
                self._waiting.remove(granted)
                self._threads.remove(granted)
                message = f"Another call has been writing for more than {wait_s:.0f} s; nothing was written, try again"
                raise DatabaseBusy(message)

    def try_acquire(self, granted: Callable[[], None]) -> bool:
        """Take the turn if it is free; else call ``granted`` (from any thread) once it is the caller's."""
        with self._guard:
            if self._take():
                return True
            self._waiting.append(granted)
            return False

    def take_if_free(self) -> bool:
        """Take the turn if it is free; else do not wait for it."""
        with self._guard:
            return self._take()

    def release(self) -> None:
        """Hand the turn to the one who has waited longest."""
        with self._guard:
            held_s = self._note_hold()
            if self._waiting:
                self._hand_over()
            else:
                self._held = False
        if held_s > SLOW_HOLD_S:
            _log.warning("write_turn.held_long", held_ms=round(held_s * 1000))

    def pass_on(self) -> bool:
        """Hand the turn, with what is open under it, to a thread if that has waited longest; else keep it.

        It is also kept for a second after somebody held it long: what is left open would wait for such a one.
        """
        with self._guard:
            now_s = monotonic_s()
            is_wary = now_s < self._wary_until_s or now_s - self._since_s > _LONG_HOLD_S
            if is_wary or not self._waiting or self._waiting[0] not in self._threads:
                return False
            self._note_hold()
            self._hand_over()
            return True

    def _take(self) -> bool:
        if self._held:
            return False
        self._held = True
        self._since_s = monotonic_s()
        return True

    def _note_hold(self) -> float:
        now_s = monotonic_s()
        held_s = now_s - self._since_s
        if held_s > _LONG_HOLD_S:
            self._wary_until_s = now_s + _WARY_FOR_S
        return held_s

    def _hand_over(self) -> None:
        granted = self._waiting.popleft()
        self._threads.discard(granted)
        self._since_s = monotonic_s()
        granted()
