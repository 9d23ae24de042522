"""Being woken for a channel at a moment: one timer for all of them."""

import heapq
from collections.abc import Callable

from demitasse.delivery.channel import NEVER_S, Channel
from demitasse.delivery.ports import Cancellable, Time

_MAX_SLEEP_S = 60.0
"""Due times are on the wall clock, which may be set: look now and then, whatever was planned."""


class Alarms:
    """Rings for a channel at the earliest moment that was set for it."""

    def __init__(self, *, time: Time, on_ring: Callable[[Channel], None]) -> None:
        self._time = time
        self._on_ring = on_ring
        self._waiting: list[tuple[float, int, Channel]] = []
        self._set = 0
        self._timer: Cancellable | None = None
        self._timer_at_s = NEVER_S

    def set(self, channel: Channel, at_s: float) -> None:
        """Ring for a channel at a moment of the monotonic clock, unless it is woken before."""
        now_s = self._time.monotonic_s()
        at_s = min(at_s, now_s + _MAX_SLEEP_S)
        if at_s < channel.wakes_at_s:
            channel.wakes_at_s = at_s
            self._set += 1
            heapq.heappush(self._waiting, (at_s, self._set, channel))
            self._arm(now_s)

    def stop(self) -> None:
        """Ring no more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, now_s: float) -> None:
        if self._waiting and self._waiting[0][0] < self._timer_at_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at_s = self._waiting[0][0]
            self._timer = self._time.call_later(max(0.0, self._timer_at_s - now_s), self._ring)

    def _ring(self) -> None:
        self._timer, self._timer_at_s = None, NEVER_S
        now_s = self._time.monotonic_s()
        due: list[Channel] = []
        while self._waiting and self._waiting[0][0] <= now_s:
            at_s, _, channel = heapq.heappop(self._waiting)
            if channel.wakes_at_s == at_s:  # Else it was set anew.
                channel.wakes_at_s = NEVER_S
                due.append(channel)
        for channel in due:
            self._on_ring(channel)
        self._arm(now_s)
