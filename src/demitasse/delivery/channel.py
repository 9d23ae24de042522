"""One endpoint as the dispatcher sees it: what waits in memory, and whether a request may go now. No I/O."""

from collections import deque
from enum import Enum

from demitasse.delivery.breaker import Breaker
from demitasse.delivery.fairness import Pace, TokenBucket
from demitasse.delivery.health import FailureRun
from demitasse.delivery.ordering import HoldClock
from demitasse.delivery.policy import Random
from demitasse.delivery.ports import Endpoint, Resolver
from demitasse.delivery.request import RequestMaker
from demitasse.outbox.model import QueuedDelivery

NEVER_S = float("inf")


class Standing(Enum):
    """Whether a webhook's deliveries go out.

    From ``NEW`` on; ``OPENING`` lets out what is held, ``CLOSING`` holds what waits, so that order is kept.
    """

    NEW = "new"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Channel:
    """The deliveries of one webhook on their way.

    Args:
        name: The webhook.
        random: Where jitter comes from.
    """

    __slots__ = (
        "_requests",
        "breaker",
        "bucket",
        "endpoint",
        "failures",
        "firsts",
        "has_newcomers",
        "hold",
        "in_flight",
        "is_taking",
        "name",
        "pace",
        "retries",
        "shut_until_s",
        "standing",
        "waits_until_s",
        "wakes_at_s",
    )

    def __init__(self, name: str, *, random: Random) -> None:
        self.name = name
        self.endpoint: Endpoint | None = None
        self.standing = Standing.NEW
        self.firsts: deque[QueuedDelivery] = deque()
        self.retries: deque[QueuedDelivery] = deque()
        self.in_flight = 0
        self.breaker = Breaker(random=random)
        self.bucket = TokenBucket()
        self.pace = Pace()
        self.hold = HoldClock()
        self.failures: FailureRun | None = None
        self.waits_until_s = 0.0
        self.shut_until_s = 0.0
        self.wakes_at_s = NEVER_S
        self.has_newcomers = False
        self.is_taking = False
        self._requests: RequestMaker | None = None

    def configure(self, endpoint: Endpoint, *, resolver: Resolver, now_s: float) -> None:
        """Take over the webhook's settings."""
        self.endpoint = endpoint
        self.pace.ceiling = max(1, endpoint.max_concurrency)
        self.bucket.set_rate(endpoint.rate_per_s, now_s=now_s)
        self._requests = RequestMaker(endpoint, resolver=resolver)

    @property
    def requests(self) -> RequestMaker:
        """What makes this endpoint's requests.

        Raises:
            LookupError: it has not been configured.
        """
        if self._requests is None:
            raise LookupError(self.name)
        return self._requests

    def blocked_until_s(self, now_s: float) -> float | None:
        """Return when a request may go, ``None`` when one may go now, infinity when that depends on one under way."""
        if self.in_flight >= self.pace.limit:
            return NEVER_S
        if self.waits_until_s > now_s:
            return self.waits_until_s
        return self.breaker.blocked_until_s(now_s) or self.bucket.empty_until_s(now_s)

    def started(self) -> None:
        """Count a request that goes out."""
        self.in_flight += 1
        self.breaker.started()
        self.bucket.take()

    def wait(self, until_s: float) -> None:
        """Send nothing before a moment: the endpoint asked for it."""
        self.waits_until_s = max(self.waits_until_s, until_s)

    def keep_hold_clock(self, *, now_s: float, now_us: int) -> None:
        """Let the time for which failures keep others back stand still while nothing can be sent anyway."""
        if self.waits_until_s > now_s or self.breaker.blocked_until_s(now_s) is not None:
            self.hold.pause(now_us)
        else:
            self.hold.resume(now_us)

    def keep(self, row: QueuedDelivery, *, now_s: float) -> None:
        """Keep a row until its turn; one that a person has asked for goes next where the breaker kept all waiting."""
        if row.is_asked_for and self.breaker.hurry(now_s):
            self.firsts.appendleft(row)
        else:
            (self.firsts if row.is_first_attempt else self.retries).append(row)

    def hurry(self, row: QueuedDelivery, *, now_s: float) -> None:
        """Have a row that waits here go next, as a person has asked for it, where the breaker kept all waiting."""
        waiting = next((each for each in self.retries if each.id == row.id), None)
        if waiting is not None and self.breaker.hurry(now_s):
            self.retries.remove(waiting)
            self.firsts.appendleft(waiting)

    def empty(self) -> list[QueuedDelivery]:
        """Return what waits in memory, and keep nothing of it."""
        rows = [*self.firsts, *self.retries]
        self.firsts.clear()
        self.retries.clear()
        return rows
