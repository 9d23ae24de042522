"""What can go wrong with jobs."""

from demitasse.kernel.errors import DemitasseError


class InvalidSchedule(DemitasseError):
    """A frequency or cron expression cannot be used; ``data`` has ``entry``."""

    code = "invalid_schedule"


class UnknownJob(DemitasseError):
    """There is no such job, or it is not in a state for what is asked; ``data`` has ``job``."""

    code = "unknown_job"


class UnknownQueue(DemitasseError):
    """There is no such queue; ``data`` has ``queue``."""

    code = "unknown_queue"


class JobTakenOver(DemitasseError):
    """The job is no longer this process's: its lease ended, or it was given up; nothing of this run is kept."""

    code = "job_taken_over"


class JobTimedOut(DemitasseError):
    """The job took longer than its timeout."""

    code = "job_timed_out"

    def __init__(self, message: str = "The job took longer than its timeout") -> None:
        super().__init__(message)


class RetryJob(DemitasseError):
    """Raised by a job that wants to run again a little later."""

    code = "retry_job"
