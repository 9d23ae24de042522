"""The statements of jobs. Claims lock their rows, so that no two processes take the same."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from demitasse.db.codec import decoders, encoders
from demitasse.db.transaction import Row, Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.jobs.model import ClaimedJob, JobState, NewJob
from demitasse.outbox.leases import database_now_us
from demitasse.outbox.model import to_microseconds

_QUEUE_VALUES = 'INTO "job_queue" ("job", "queue", "unique_key", "due_at") VALUES (?, ?, ?, ?)'
_QUEUE = {
    "sqlite": f"INSERT {_QUEUE_VALUES} ON CONFLICT DO NOTHING",
    "postgresql": f"INSERT {_QUEUE_VALUES} ON CONFLICT DO NOTHING",
    "mariadb": f"INSERT IGNORE {_QUEUE_VALUES}",
}
_JOB = (
    'INSERT INTO "tabRQ Job" ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", "job_name", '
    '"status", "queue", "method", "arguments", "job_id", "user", "scheduled_job_type", "timeout", "attempts") '
    "VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
)
_SKIP_LOCKED = {"sqlite": "", "postgresql": " FOR UPDATE SKIP LOCKED", "mariadb": " FOR UPDATE SKIP LOCKED"}
_FREE = 'SELECT "id" FROM "job_queue" WHERE "queue" = ? AND "due_at" <= ? AND "lease_until" <= ? ORDER BY "due_at", "id" LIMIT ?'
_FREE_ONE = 'SELECT "id" FROM "job_queue" WHERE "job" = ? AND "lease_until" <= ?'
_LEASE = (
    'UPDATE "job_queue" SET "lease_until" = ?, "lease_token" = ?, "lease_owner" = ?, "attempts" = "attempts" + 1 '
    'WHERE "id" = ?'
)
_CLAIMED = (
    'SELECT q."id", q."job", q."lease_token", j."method", j."arguments", j."user", q."queue", j."timeout", q."attempts", '
    'j."scheduled_job_type" FROM "job_queue" q JOIN "tabRQ Job" j ON j."name" = q."job" WHERE q."id" = ?'
)
_STARTED = 'UPDATE "tabRQ Job" SET "status" = ?, "attempts" = ?, "started_at" = ?, "modified" = ? WHERE "name" = ?'
_UNQUEUE = 'DELETE FROM "job_queue" WHERE "id" = ? AND "lease_token" = ?'
_POSTPONE = (
    'UPDATE "job_queue" SET "due_at" = ?, "lease_until" = 0, "lease_token" = 0, "lease_owner" = NULL '
    'WHERE "id" = ? AND "lease_token" = ?'
)
_GIVE_BACK = (
    'UPDATE "job_queue" SET "attempts" = "attempts" - 1, "lease_until" = 0, "lease_token" = 0, "lease_owner" = NULL '
    'WHERE "id" = ? AND "lease_token" = ?'
)
_RENEW = 'UPDATE "job_queue" SET "lease_until" = ? WHERE "id" = ? AND "lease_token" = ?'
_END_LEASES = (
    'UPDATE "job_queue" SET "lease_until" = 0, "lease_token" = 0, "lease_owner" = NULL WHERE "lease_owner" = ?'
)
_ENDED = 'UPDATE "tabRQ Job" SET "status" = ?, "ended_at" = ?, "time_taken" = ?, "exc_info" = ?, "modified" = ? WHERE "name" = ?'
_CANCEL = 'DELETE FROM "job_queue" WHERE "job" = ? AND "lease_until" <= ?'
_NEXT_DUE = 'SELECT MIN(CASE WHEN "lease_until" > "due_at" THEN "lease_until" ELSE "due_at" END) FROM "job_queue"'
_DEPTHS = 'SELECT "queue", COUNT(*), MIN("due_at") FROM "job_queue" GROUP BY "queue"'
_IS_QUEUED = (
    'SELECT 1 FROM "job_queue" q JOIN "tabRQ Job" j ON j."name" = q."job" WHERE j."job_id" = ? OR j."name" = ? LIMIT 1'
)
_STATUS = 'SELECT "status" FROM "tabRQ Job" WHERE "name" = ?'
_WAITING_AGAIN = 'SELECT "queue", "job_id" FROM "tabRQ Job" WHERE "name" = ? AND "status" IN (\'failed\', \'canceled\')'
_FAILED = 'SELECT "name" FROM "tabRQ Job" WHERE "status" = \'failed\' ORDER BY "creation", "name"'
_DUE_TYPES = (
    'SELECT "name", "method", "frequency", "cron_format" FROM "tabScheduled Job Type" '
    'WHERE "stopped" = 0 AND "next_execution" <= ? ORDER BY "next_execution", "name"'
)
_HANDED_OUT = 'UPDATE "tabScheduled Job Type" SET "last_execution" = ?, "next_execution" = ? WHERE "name" = ?'
_NEXT_TYPE = 'SELECT MIN("next_execution") FROM "tabScheduled Job Type" WHERE "stopped" = 0'
_TYPES = 'SELECT "name", "method", "frequency", "cron_format" FROM "tabScheduled Job Type"'
_DELETE_TYPE = 'DELETE FROM "tabScheduled Job Type" WHERE "name" = ?'
_LOGS = 'SELECT "create_log", "frequency" FROM "tabScheduled Job Type" WHERE "name" = ?'
_LOG = (
    'INSERT INTO "tabScheduled Job Log" ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx", '
    '"scheduled_job_type", "status", "details") VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, ?)'
)
_OLD = 'SELECT "name" FROM "tabRQ Job" WHERE "status" = ? AND "ended_at" < ? LIMIT ?'
_DELETE = 'DELETE FROM "tabRQ Job" WHERE "name" = ?'


def moment(tx: Transaction, at: datetime) -> Any:
    """Return a moment as the database keeps it in documents."""
    return encoders(tx.dialect)[Storage.DATETIME](at)


def now_us(tx: Transaction, now: datetime) -> int:
    """Return the present: where several machines share a database, its clock is the one that counts."""
    return to_microseconds(now) if tx.dialect == "sqlite" else database_now_us(tx)


def queue(tx: Transaction, *, job: str, queue: str, unique_key: str | None, due_at_us: int) -> bool:
    """Add a row to the queue; return whether its key was free."""
    return tx.run(_QUEUE[tx.dialect], (job, queue, unique_key, due_at_us)) == 1


def insert_job(tx: Transaction, new: NewJob, *, name: str, timeout_s: int, now: datetime) -> None:
    """Write the document of a job."""
    at = moment(tx, now)
    row = (name, new.user, at, at, new.user, (new.job_name or new.method)[:140], JobState.QUEUED.value, new.queue)
    tx.run(_JOB, (*row, new.method, new.arguments, new.job_id, new.user, new.scheduled_job_type, timeout_s))


def free_ids(tx: Transaction, queue: str, *, until_us: int, limit: int) -> list[int]:
    """Return rows that are due and that nobody has, and lock them."""
    return [row[0] for row in tx.execute(_FREE + _SKIP_LOCKED[tx.dialect], (queue, until_us, until_us, limit))]


def free_id(tx: Transaction, job: str, *, until_us: int) -> int | None:
    """Return the row of one job, due or not, unless somebody has it, and lock it."""
    rows = tx.execute(_FREE_ONE + _SKIP_LOCKED[tx.dialect], (job, until_us))
    return rows[0][0] if rows else None


def lease(
    tx: Transaction, identifier: int, *, until_us: int, token: int, owner: str, now: datetime
) -> ClaimedJob | None:
    """Take a row and return its job; ``None`` where the job's document was deleted."""
    tx.run(_LEASE, (until_us, token, owner, identifier))
    rows = tx.execute(_CLAIMED, (identifier,))
    if not rows:
        tx.run(_UNQUEUE, (identifier, token))
        return None
    found, name, token, method, arguments, user, of, timeout_s, attempts, type_name = rows[0]
    tx.run(_STARTED, (JobState.STARTED.value, attempts, moment(tx, now), moment(tx, now), name))
    return ClaimedJob(
        id=found,
        name=name,
        token=token,
        method=method,
        arguments=arguments,
        user=user,
        queue=of,
        timeout_s=timeout_s,
        attempts=attempts,
        started_at=now,
        scheduled_job_type=type_name,
    )


def unqueue(tx: Transaction, job: ClaimedJob) -> bool:
    """Take a job out of the queue; return whether it was still ours."""
    return tx.run(_UNQUEUE, (job.id, job.token)) == 1


def postpone(tx: Transaction, job: ClaimedJob, *, due_at_us: int) -> bool:
    """Let a job wait again; return whether it was still ours."""
    return tx.run(_POSTPONE, (due_at_us, job.id, job.token)) == 1


def give_back(tx: Transaction, jobs: Iterable[ClaimedJob]) -> None:
    """Let others take jobs, as if they had not been begun."""
    for job in jobs:
        if tx.run(_GIVE_BACK, (job.id, job.token)):
            set_ended(tx, job.name, JobState.QUEUED, ended_at=None, error=None, now=job.started_at)


def renew(tx: Transaction, jobs: Iterable[ClaimedJob], *, until_us: int) -> None:
    """Prolong leases."""
    tx.run_many(_RENEW, [(until_us, job.id, job.token) for job in jobs])


def end_leases(tx: Transaction, owner: str) -> int:
    """Free the rows of an owner that is gone."""
    return tx.run(_END_LEASES, (owner,))


def set_ended(
    tx: Transaction,
    name: str,
    state: JobState,
    *,
    ended_at: datetime | None,
    error: str | None,
    now: datetime,
    time_taken_s: float = 0,
) -> None:
    """Write what became of a job."""
    ended = None if ended_at is None else moment(tx, ended_at)
    tx.run(_ENDED, (state.value, ended, time_taken_s, error, moment(tx, now), name))


def remove_waiting(tx: Transaction, name: str, *, now_us: int) -> bool:
    """Take a job out of the queue that nobody runs."""
    return tx.run(_CANCEL, (name, now_us)) == 1


def next_due_us(tx: Transaction) -> int | None:
    """Return when the next row is due, or its lease is over."""
    found: int | None = tx.execute(_NEXT_DUE)[0][0]
    return found


def depths(tx: Transaction) -> Mapping[str, tuple[int, int]]:
    """Return how many jobs wait or run in each queue, and when the first of them was due."""
    return {queue: (count, oldest) for queue, count, oldest in tx.execute(_DEPTHS)}


def is_queued(tx: Transaction, job_id: str) -> bool:
    """Return whether a job of this id (or name) waits or runs."""
    return bool(tx.execute(_IS_QUEUED, (job_id, job_id)))


def status_of(tx: Transaction, name: str) -> str | None:
    """Return the status of a job."""
    rows = tx.execute(_STATUS, (name,))
    return rows[0][0] if rows else None


def queue_of_ended(tx: Transaction, name: str) -> str | None:
    """Return the queue of a job that failed or was cancelled."""
    rows = tx.execute(_WAITING_AGAIN, (name,))
    return rows[0][0] if rows else None


def failed_names(tx: Transaction) -> list[str]:
    """Return the jobs that failed, oldest first."""
    return [row[0] for row in tx.execute(_FAILED)]


def due_types(tx: Transaction, now: datetime) -> Sequence[Row]:
    """Return name, method, frequency and expression of schedules that are due, and lock them."""
    return tx.execute(_DUE_TYPES + _SKIP_LOCKED[tx.dialect], (moment(tx, now),))


def types(tx: Transaction) -> Mapping[str, tuple[str, str, str | None]]:
    """Return method, frequency and expression of all schedules by name."""
    return {row[0]: (row[1], row[2], row[3]) for row in tx.execute(_TYPES)}


def delete_type(tx: Transaction, name: str) -> None:
    """Take a schedule away."""
    tx.run(_DELETE_TYPE, (name,))


def note_handed_out(tx: Transaction, name: str, *, now: datetime, next_at: datetime) -> None:
    """Write when a schedule was due last, and when it is next."""
    tx.run(_HANDED_OUT, (moment(tx, now), moment(tx, next_at), name))


def next_type_us(tx: Transaction) -> int | None:
    """Return when the next schedule is due."""
    found = tx.execute(_NEXT_TYPE)[0][0]
    return None if found is None else to_microseconds(decoders(tx.dialect)[Storage.DATETIME](found))


def log_settings(tx: Transaction, name: str) -> tuple[bool, str] | None:
    """Return whether runs of a schedule are logged, and its frequency."""
    rows = tx.execute(_LOGS, (name,))
    return (bool(rows[0][0]), rows[0][1]) if rows else None


def insert_log(
    tx: Transaction, *, name: str, type_name: str, status: str, details: str | None, user: str, now: datetime
) -> None:
    """Write the log of a run."""
    at = moment(tx, now)
    tx.run(_LOG, (name, user, at, at, user, type_name, status, details))


def delete_old(tx: Transaction, state: JobState, *, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` jobs that ended in a state before a moment; return how many went."""
    rows = tx.execute(_OLD, (state.value, moment(tx, before), limit))
    if rows:
        tx.run_many(_DELETE, rows)
    return len(rows)
