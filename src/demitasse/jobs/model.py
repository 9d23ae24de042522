"""Values of jobs, and the rules of queues and attempts: pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

MAX_ATTEMPTS = 5
_RETRY_DELAYS_S = (1, 5, 30, 120)


class JobState(Enum):
    """Where a job is; the values are those of Frappe's RQ Job."""

    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Jobs of one kind of length.

    Args:
        places: Jobs of it that one process runs at a time.
        timeout_s: For one attempt, unless the job says else.
    """

    places: int
    timeout_s: int


QUEUES = {
    "short": Queue(places=4, timeout_s=300),
    "default": Queue(places=4, timeout_s=300),
    "long": Queue(places=2, timeout_s=1500),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to put into the queue.

    Args:
        method: Dotted path of the function.
        arguments: A JSON object.
        user: In whose name it runs.
        job_id: The caller's name for it.
        is_unique: Not taken while another of the same ``job_id`` that is unique waits or runs.
        is_urgent: Before those that wait already.
        due_at: Not before; at once unless given.
        scheduled_job_type: Of which it is a run.
    """

    method: str
    arguments: str = "{}"
    user: str
    queue: str = "default"
    timeout_s: int | None = None
    job_name: str | None = None
    job_id: str | None = None
    is_unique: bool = False
    is_urgent: bool = False
    due_at: datetime | None = None
    scheduled_job_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    """A job that is ours to run until the lease ends.

    Args:
        id: Of its row in the queue.
        name: Of its document.
        token: Of the lease.
        attempts: This one included.
    """

    id: int
    name: str
    token: int
    method: str
    arguments: str
    user: str
    queue: str
    timeout_s: int
    attempts: int
    started_at: datetime
    scheduled_job_type: str | None = None

    @property
    def has_attempts_left(self) -> bool:
        """Whether it may run now: each run before it was cut off by the end of its process, or asked to run again."""
        return self.attempts <= MAX_ATTEMPTS


def retry_at(attempts: int, *, now: datetime) -> datetime | None:
    """Return when a job that asked to run again does so; ``None`` when it has done so often enough.

    Args:
        attempts: Made already, at least 1.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + timedelta(seconds=_RETRY_DELAYS_S[attempts - 1])
