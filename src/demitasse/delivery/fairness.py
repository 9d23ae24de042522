"""How many requests an endpoint gets, at a time and per second, so that none takes what belongs to others."""

FIRST_CONCURRENCY = 4
DEFAULT_CONCURRENCY = 16


class TokenBucket:
    """A rate limit: ``rate_per_s`` on average, and up to a second's worth at once. 0 is no limit."""

    __slots__ = ("_filled_at_s", "_tokens", "rate_per_s")

    def __init__(self) -> None:
        self.rate_per_s = 0.0
        self._tokens = 0.0
        self._filled_at_s = 0.0

    def set_rate(self, rate_per_s: float, *, now_s: float) -> None:
        """Change the limit; the bucket starts full."""
        if rate_per_s != self.rate_per_s:
            self.rate_per_s = max(0.0, rate_per_s)
            self._tokens = max(1.0, self.rate_per_s)
            self._filled_at_s = now_s

    def empty_until_s(self, now_s: float) -> float | None:
        """Return when there is a token again, ``None`` when there is one."""
        if not self.rate_per_s:
            return None
        grown = self._tokens + (now_s - self._filled_at_s) * self.rate_per_s
        self._tokens = min(max(1.0, self.rate_per_s), grown)
        self._filled_at_s = now_s
        return None if self._tokens >= 1 else now_s + (1 - self._tokens) / self.rate_per_s

    def take(self) -> None:
        """Spend a token."""
        if self.rate_per_s:
            self._tokens -= 1


class Pace:
    """How many requests at a time an endpoint has shown to bear.

    A few at first, one more with each success, half as many when it does not keep up.
    """

    __slots__ = ("_limit", "ceiling")

    def __init__(self) -> None:
        self.ceiling = DEFAULT_CONCURRENCY
        self._limit = float(FIRST_CONCURRENCY)

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return max(1, min(int(self._limit), self.ceiling))

    def kept_up(self) -> None:
        """Allow one more at a time."""
        if self._limit < self.ceiling:
            self._limit += 1

    def fell_behind(self) -> None:
        """Allow half as many."""
        self._limit = max(1.0, min(self._limit, float(self.ceiling)) / 2)


def fair_share(free: int) -> int:
    """Return how many of all slots one endpoint may hold while ``free`` are left.

    A part of what is free: the fewer are left, the less one may hold, so that something is left for the next one.
    """
    return max(1, free // 4)
