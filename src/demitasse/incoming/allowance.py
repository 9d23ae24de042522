"""How many refused calls are logged: strangers must not be able to fill the disk."""

_WINDOW_S = 60


class Allowance:
    """So many in each minute. What a race between threads lets through beyond that does no harm.

    Args:
        per_minute: How many.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._window = 0
        self._taken = 0

    def take(self, *, now_s: int) -> bool:
        """Take one if there is one left in this minute."""
        window = now_s // _WINDOW_S
        if window != self._window:
            self._window, self._taken = window, 0
        self._taken += 1
        return self._taken <= self._per_minute
