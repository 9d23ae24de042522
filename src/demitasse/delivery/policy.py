"""When to try again."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from demitasse.delivery.errors import InvalidSchedule

Random = Callable[[], float]
"""Returns a number from 0 (included) to 1 (excluded)."""

JITTER = 0.2
"""A delay is multiplied by a random number in 1 ± this, so that what failed together is not retried together."""

MAX_RETRY_AFTER_S = 86_400.0
MAX_WAIT_S = 3_600.0
DEFAULT_WAIT_S = 5.0
MAX_DELAYS = 30
MAX_DELAY_S = 604_800.0
_SECONDS = re.compile(r"[0-9]{1,12}\Z")
_SEPARATOR = re.compile(r"[,\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """The delays between attempts, in seconds; there is one attempt more than there are delays."""

    delays_s: tuple[float, ...]

    @property
    def attempts(self) -> int:
        """How many attempts a delivery has."""
        return len(self.delays_s) + 1


DEFAULT_SCHEDULE = RetrySchedule(delays_s=(5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0))
"""Eight attempts over about 28 hours. Source: the example of the Standard Webhooks specification, cut at ten hours."""


def parse_schedule(text: str | None) -> RetrySchedule | None:
    """Return the schedule that a person wrote as seconds with commas between; ``None`` when there is none.

    Raises:
        InvalidSchedule: a part is not a number of seconds, or there are too many.
    """
    parts = [part for part in _SEPARATOR.split((text or "").strip()) if part]
    if not parts:
        return None
    try:
        delays = tuple(float(part) for part in parts)
    except ValueError as error:
        raise _unreadable(text) from error
    if len(delays) > MAX_DELAYS or not all(math.isfinite(delay) and 0 <= delay <= MAX_DELAY_S for delay in delays):
        raise _unreadable(text)
    return RetrySchedule(delays_s=delays)


def _unreadable(text: str | None) -> InvalidSchedule:
    message = (
        f"The retry schedule {text!r} cannot be used: write seconds with commas between, such as 5, 300, 1800; "
        f"at most {MAX_DELAYS} of them, each at most {MAX_DELAY_S:.0f} (a week)"
    )
    return InvalidSchedule(message, schedule=text)


def retry_delay_s(
    attempts: int, *, schedule: RetrySchedule, random: Random, retry_after_s: float | None = None
) -> float | None:
    """Return how long to wait before the next attempt, ``None`` when the schedule is exhausted.

    Args:
        attempts: Attempts made in this round, at least 1.
        random: Where the jitter comes from.
        retry_after_s: What the receiver asked for; it can lengthen the wait, to at most a day, and never shorten it.

    Raises:
        ValueError: ``attempts`` is below 1.
    """
    if attempts < 1:
        message = "attempts counts those already made"
        raise ValueError(message)
    if attempts > len(schedule.delays_s):
        return None
    delay = schedule.delays_s[attempts - 1] * (1 - JITTER + 2 * JITTER * random())
    return delay if retry_after_s is None else max(delay, min(retry_after_s, MAX_RETRY_AFTER_S))


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, ``None`` when it is missing or makes no sense.

    Source: RFC 9110, section 10.2.3 (a number of seconds, or a date).
    """
    text = (value or "").strip()
    if not text:
        return None
    if _SECONDS.match(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:  # "-0000" and the asctime form; HTTP dates are in UTC
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def wait_s(retry_after_s: float | None) -> float:
    """Return how long nothing is sent to an endpoint that said it is overloaded."""
    return DEFAULT_WAIT_S if retry_after_s is None else max(0.0, min(retry_after_s, MAX_WAIT_S))
