"""How long a failing delivery keeps back the later ones of its document."""

from collections import deque

HOLD_US = 60_000_000
_KEPT_PAUSES = 64


class HoldClock:
    """Tells which failing rows still keep others back: those that first failed after the floor.

    Time in which nothing could be sent to the endpoint anyway (its breaker was open, it asked to be left alone) does not
    count. All moments are microseconds of one clock.
    """

    __slots__ = ("_paused_since_us", "_pauses")

    def __init__(self) -> None:
        self._pauses: deque[tuple[int, int]] = deque(maxlen=_KEPT_PAUSES)
        self._paused_since_us: int | None = None

    def pause(self, now_us: int) -> None:
        """Stop counting; doing so twice is once."""
        if self._paused_since_us is None:
            self._paused_since_us = now_us

    def resume(self, now_us: int) -> None:
        """Count again."""
        if self._paused_since_us is not None:
            if now_us > self._paused_since_us:
                self._pauses.append((self._paused_since_us, now_us))
            self._paused_since_us = None

    @property
    def is_paused(self) -> bool:
        """Whether time stands still."""
        return self._paused_since_us is not None

    def floor_us(self, now_us: int) -> int:
        """Return the latest moment since which a full hold has been counted."""
        end = now_us if self._paused_since_us is None else min(now_us, self._paused_since_us)
        left = HOLD_US
        for start, stop in reversed(self._pauses):
            if end - stop >= left:
                break
            left -= max(0, end - stop)
            end = min(end, start)
        return end - left

    def passes_at_us(self, failing_since_us: int, *, now_us: int) -> int | None:
        """Return when a row that first failed then no longer keeps others back, ``None`` while time stands still."""
        if self._paused_since_us is not None:
            return None
        return now_us + max(0, failing_since_us - self.floor_us(now_us))
