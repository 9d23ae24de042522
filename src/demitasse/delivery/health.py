"""Since when an endpoint only fails, and when that is long enough to leave it alone."""

from dataclasses import dataclass

PAUSE_AFTER_US = 5 * 86_400 * 1_000_000
MIN_FAILURES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRun:
    """Attempts that failed with no success between them; ``since_us`` is the first one's time, 0 without any."""

    since_us: int = 0
    failures: int = 0

    def failed(self, now_us: int) -> "FailureRun":
        """Return the run with one failure more."""
        return FailureRun(since_us=self.since_us or now_us, failures=self.failures + 1)

    def is_hopeless(self, now_us: int) -> bool:
        """Return whether everything has failed for five days, and not only a few times."""
        return self.failures >= MIN_FAILURES and now_us - self.since_us >= PAUSE_AFTER_US


HEALTHY = FailureRun()
