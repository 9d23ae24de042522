"""What a process counts of jobs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsSnapshot:
    """What there is to count now.

    Args:
        queues: Jobs that wait or run in each queue, and when the first was due, in microseconds since 1970.
        running: Jobs that this process runs, by queue.
        ended: Runs that ended in this process, by queue and outcome.
        duration_s: How long these took together.
    """

    queues: Mapping[str, tuple[int, int]]
    running: Mapping[str, int]
    ended: Mapping[tuple[str, str], int]
    duration_s: float
