"""The life of a job: queued with its caller's transaction, claimed, ended with its own."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo

from demitasse.db.transaction import Transaction
from demitasse.jobs import schedule, store
from demitasse.jobs.errors import JobTakenOver, UnknownJob, UnknownQueue
from demitasse.jobs.model import MAX_ATTEMPTS, QUEUES, ClaimedJob, JobState, NewJob
from demitasse.jobs.tables import MAX_KEY_LENGTH
from demitasse.kernel.ids import random_name
from demitasse.outbox.model import to_microseconds

LEASE = timedelta(seconds=60)
KEPT_FINISHED = timedelta(days=1)
_TOKEN_BITS = 62
_MAX_ERROR_LENGTH = 100_000
_MAX_TIMEOUT_S = 24 * 3600
_CUT_OFF = f"The process that ran it ended {MAX_ATTEMPTS} times before the job did. Look for what ends it, then retry."


def enqueue(tx: Transaction, new: NewJob, *, now: datetime) -> str | None:
    """Put a job into the queue and return its name; ``None`` when it is unique and another waits or runs.

    It is there for others once the transaction commits, and not at all when that is rolled back.

    Raises:
        UnknownQueue: there is no such queue.
    """
    queue = QUEUES.get(new.queue)
    if queue is None:
        message = f"There is no queue {new.queue!r}: use {', '.join(sorted(QUEUES))}"
        raise UnknownQueue(message, queue=new.queue)
    name = random_name()
    due_at_us = 0 if new.is_urgent else to_microseconds(new.due_at or now)
    key = _unique_key(new)
    if not store.queue(tx, job=name, queue=new.queue, unique_key=key, due_at_us=due_at_us):
        return None
    timeout_s = min(_MAX_TIMEOUT_S, max(1, new.timeout_s or queue.timeout_s))
    store.insert_job(tx, new, name=name, timeout_s=timeout_s, now=now)
    return name


def claim(tx: Transaction, room: Mapping[str, int], *, owner: str, now: datetime) -> list[ClaimedJob]:
    """Take jobs that are due, up to so many of each queue; those whose process ended too often are failed instead.

    Args:
        owner: Who runs them; see `forget_owner`.
    """
    now_us = store.now_us(tx, now)
    claimed: list[ClaimedJob] = []
    for queue, limit in room.items():
        for identifier in store.free_ids(tx, queue, until_us=now_us, limit=limit) if limit > 0 else ():
            claimed += _take(tx, identifier, owner=owner, now_us=now_us, now=now)
    return claimed


def claim_one(tx: Transaction, name: str, *, owner: str, now: datetime) -> ClaimedJob:
    """Take one job, due or not.

    Raises:
        UnknownJob: it does not wait.
    """
    now_us = store.now_us(tx, now)
    identifier = store.free_id(tx, name, until_us=now_us)
    taken = [] if identifier is None else _take(tx, identifier, owner=owner, now_us=now_us, now=now)
    if not taken:
        raise _unknown(tx, name, "waits")
    return taken[0]


def renew(tx: Transaction, jobs: Iterable[ClaimedJob], *, now: datetime) -> None:
    """Prolong the leases of jobs that run."""
    store.renew(tx, jobs, until_us=store.now_us(tx, now) + _lease_us())


def give_back(tx: Transaction, jobs: Iterable[ClaimedJob]) -> None:
    """Let jobs wait again as if they had not been begun: the process stops in order."""
    store.give_back(tx, jobs)


def forget_owner(tx: Transaction, owner: str) -> int:
    """Free the jobs of an owner that is certainly gone, and return how many there were."""
    return store.end_leases(tx, owner)


def finish(tx: Transaction, job: ClaimedJob, *, now: datetime) -> None:
    """End a job well; in the transaction of its own work, so that both are done or neither.

    Raises:
        JobTakenOver: it is no longer ours.
    """
    if not store.unqueue(tx, job):
        raise _taken_over(job)
    _note_end(tx, job, JobState.FINISHED, error=None, now=now)


def fail(tx: Transaction, job: ClaimedJob, *, error: str, again_at: datetime | None, now: datetime) -> None:
    """End a job that failed, or let it wait to run again.

    Raises:
        JobTakenOver: it is no longer ours.
    """
    if again_at is None:
        if not store.unqueue(tx, job):
            raise _taken_over(job)
        _note_end(tx, job, JobState.FAILED, error=error, now=now)
        return
    if not store.postpone(tx, job, due_at_us=to_microseconds(again_at)):
        raise _taken_over(job)
    state = JobState.QUEUED
    store.set_ended(tx, job.name, state, ended_at=None, error=_cut(error), now=now)


def retry(tx: Transaction, name: str, *, now: datetime) -> None:
    """Put a job that failed, or was cancelled, into the queue again.

    Raises:
        UnknownJob: it is none of them.
    """
    queue = store.queue_of_ended(tx, name)
    if queue is None:
        raise _unknown(tx, name, "has failed")
    store.queue(tx, job=name, queue=queue, unique_key=None, due_at_us=to_microseconds(now))
    store.set_ended(tx, name, JobState.QUEUED, ended_at=None, error=None, now=now)


def cancel(tx: Transaction, name: str, *, now: datetime) -> None:
    """Take a job out of the queue that has not begun.

    Raises:
        UnknownJob: it does not wait.
    """
    if not store.remove_waiting(tx, name, now_us=store.now_us(tx, now)):
        raise _unknown(tx, name, "waits")
    store.set_ended(tx, name, JobState.CANCELED, ended_at=now, error=None, now=now)


def hand_out(tx: Transaction, *, now: datetime, zone: tzinfo, user: str) -> int:
    """Queue a run of each schedule that is due, and return how many; what was missed meanwhile is one run.

    A schedule whose last run still waits or runs is left out this time.
    """
    count = 0
    for name, method, frequency, cron_format in store.due_types(tx, now):
        new = NewJob(
            method=method,
            user=user,
            queue=schedule.queue_of(frequency),
            job_id=f"scheduled_job::{name}",
            is_unique=True,
            scheduled_job_type=name,
        )
        count += enqueue(tx, new, now=now) is not None
        next_at = schedule.next_run(frequency, cron_format, after=now, zone=zone)
        store.note_handed_out(tx, name, now=now, next_at=next_at)
    return count


def purge(tx: Transaction, *, now: datetime, failed_before: datetime | None, limit: int) -> int:
    """Delete some jobs that ended: finished ones after a day, others before a moment; return how many went."""
    gone = store.delete_old(tx, JobState.FINISHED, before=now - KEPT_FINISHED, limit=limit)
    if failed_before is not None:
        for state in (JobState.FAILED, JobState.CANCELED):
            gone += store.delete_old(tx, state, before=failed_before, limit=limit)
    return gone


def _take(tx: Transaction, identifier: int, *, owner: str, now_us: int, now: datetime) -> list[ClaimedJob]:
    token = secrets.randbits(_TOKEN_BITS) | 1
    job = store.lease(tx, identifier, until_us=now_us + _lease_us(), token=token, owner=owner, now=now)
    if job is None:
        return []
    if not job.has_attempts_left:
        fail(tx, job, error=_CUT_OFF, again_at=None, now=now)
        return []
    return [job]


def _note_end(tx: Transaction, job: ClaimedJob, state: JobState, *, error: str | None, now: datetime) -> None:
    taken_s = max(0.0, (now - job.started_at).total_seconds())
    store.set_ended(tx, job.name, state, ended_at=now, time_taken_s=taken_s, error=_cut(error), now=now)
    if job.scheduled_job_type is None:
        return
    settings = store.log_settings(tx, job.scheduled_job_type)
    is_logged = settings is not None and settings[0] and settings[1] != schedule.ALL
    if error is not None or is_logged:
        store.insert_log(
            tx,
            name=random_name(),
            type_name=job.scheduled_job_type,
            status="Complete" if error is None else "Failed",
            details=_cut(error),
            user=job.user,
            now=now,
        )


def _unique_key(new: NewJob) -> str | None:
    if not new.is_unique:
        return None
    key = new.job_id or ""
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        message = f"A job that is to be deduplicated needs a job_id of up to {MAX_KEY_LENGTH} characters"
        raise UnknownJob(message, job=key)
    return key


def _unknown(tx: Transaction, name: str, what: str) -> UnknownJob:
    status = store.status_of(tx, name)
    message = f"No job {name} {what}: it is {status}" if status else f"There is no job {name}"
    return UnknownJob(message, job=name)


def _taken_over(job: ClaimedJob) -> JobTakenOver:
    message = f"Job {job.name} is no longer this process's: it was given up, or taken by another"
    return JobTakenOver(message, job=job.name)


def _cut(error: str | None) -> str | None:
    return error if error is None else error[-_MAX_ERROR_LENGTH:]


def _lease_us() -> int:
    return int(LEASE.total_seconds() * 1_000_000)
