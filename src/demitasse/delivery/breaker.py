"""The circuit breaker of an endpoint: it stops the hammering of what is down, and notices when it is up again."""

from collections.abc import Callable
from enum import Enum

from demitasse.delivery.policy import JITTER

FAILURES_TO_OPEN = 5
FIRST_OPEN_S = 15.0
MAX_OPEN_S = 300.0
HURRY_EVERY_S = 5.0


class BreakerState(Enum):
    """Closed lets everything through, open nothing, half-open one probe at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after failures in a row, for a time that doubles with each probe that fails; one success closes it.

    A person may have it probe at once; such a probe that fails does not make the time longer. It knows no clock: every call
    says what time it is, in seconds of any clock that does not go back.
    """

    __slots__ = (
        "_failures",
        "_hurried_at_s",
        "_is_hurried",
        "_open_for_s",
        "_opens_again_at_s",
        "_probe_is_out",
        "_random",
        "_state",
    )

    def __init__(self, *, random: Callable[[], float]) -> None:
        self._random = random
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._open_for_s = 0.0
        self._opens_again_at_s = 0.0
        self._probe_is_out = False
        self._is_hurried = False
        self._hurried_at_s = float("-inf")

    @property
    def state(self) -> BreakerState:
        """Where it stands; an open one becomes half-open only when somebody asks to send."""
        return self._state

    def blocked_until_s(self, now_s: float) -> float | None:
        """Return when to ask again, ``None`` when a request may go now.

        Infinity: when the probe that is under way has its result.
        """
        if self._state is BreakerState.CLOSED:
            return None
        if self._state is BreakerState.OPEN:
            return None if now_s >= self._opens_again_at_s else self._opens_again_at_s
        return float("inf") if self._probe_is_out else None

    def hurry(self, now_s: float) -> bool:
        """Let the next request be a probe now, and return whether it had been kept waiting; not often, nor beside one."""
        is_kept_waiting = self._state is BreakerState.OPEN and now_s < self._opens_again_at_s
        if not is_kept_waiting or now_s < self._hurried_at_s + HURRY_EVERY_S:
            return False
        self._opens_again_at_s = self._hurried_at_s = now_s
        self._is_hurried = True
        return True

    def started(self) -> None:
        """Note that a request goes out; it is a probe unless the breaker is closed."""
        if self._state is not BreakerState.CLOSED:
            self._state = BreakerState.HALF_OPEN
            self._probe_is_out = True

    def abandoned(self) -> None:
        """Note that the request that went out says nothing of the endpoint."""
        self._probe_is_out = False

    def succeeded(self) -> None:
        """Close: the endpoint works."""
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._open_for_s = 0.0
        self._probe_is_out = self._is_hurried = False

    def failed(self, now_s: float) -> None:
        """Count a failure; enough in a row open it, and so does a probe's."""
        self._failures += 1
        if self._state is BreakerState.OPEN:
            return  # An older request ends: it tells nothing new.
        if self._state is BreakerState.HALF_OPEN or self._failures >= FAILURES_TO_OPEN:
            self._open(now_s)

    def _open(self, now_s: float) -> None:
        self._state = BreakerState.OPEN
        if not self._is_hurried:
            self._open_for_s = min(MAX_OPEN_S, self._open_for_s * 2 or FIRST_OPEN_S)
        self._opens_again_at_s = now_s + self._open_for_s * (1 - JITTER + 2 * JITTER * self._random())
        self._probe_is_out = self._is_hurried = False
