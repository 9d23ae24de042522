"""What delivery counts; plain numbers, for whoever shows them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from demitasse.outbox.queries import QueueDepth

LATENCY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Histogram:
    """Counts durations by upper bound; the last count is of what is longer than all bounds."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.total_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(LATENCY_BOUNDS_S, duration_s)] += 1
        self.total_s += duration_s


class Counters:
    """What the attempts of this process came to."""

    __slots__ = ("attempts", "finished", "latency", "settle_failures")

    def __init__(self) -> None:
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.finished: Counter[tuple[str, str]] = Counter()
        self.latency = Histogram()
        self.settle_failures = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """One endpoint now, as this process sees it."""

    breaker: str
    in_flight: int
    concurrency: int
    in_memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Delivery at a moment.

    Args:
        queues: What waits, by webhook.
        attempts: By webhook and outcome, since the process started.
        finished: By webhook and final state, since the process started.
        latency_counts: One more than ``LATENCY_BOUNDS_S``; not cumulative.
        unsettled: Results that are not durable yet.
    """

    queues: Mapping[str, QueueDepth]
    endpoints: Mapping[str, EndpointView]
    attempts: Mapping[tuple[str, str], int]
    finished: Mapping[tuple[str, str], int]
    latency_counts: tuple[int, ...]
    latency_total_s: float
    in_flight: int
    unsettled: int
    settle_failures: int
