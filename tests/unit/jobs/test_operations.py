"""A job's life on SQLite: queued with its caller, taken by one, ended once."""

from datetime import UTC, timedelta
from itertools import pairwise

import pytest

from demitasse.db.sqlite import SqliteDatabase
from demitasse.jobs import operations, store
from demitasse.jobs.errors import JobTakenOver, UnknownJob, UnknownQueue
from demitasse.jobs.model import MAX_ATTEMPTS, JobState, NewJob, retry_at
from tests.unit.jobs.site import NOW, add_type, claim, enqueue, later, status
from tests.unit.outbox.site import rows, writing

LEASE_S = operations.LEASE.total_seconds()


def test_a_job_of_a_transaction_that_is_rolled_back_never_was(database: SqliteDatabase) -> None:
    tx = database.write()
    operations.enqueue(tx, NewJob(method="app.run", user="a"), now=NOW)
    tx.rollback()

    assert rows(database, "job_queue", "id") == rows(database, "tabRQ Job", "name") == []


def test_jobs_are_taken_in_order_and_urgent_ones_first(database: SqliteDatabase) -> None:
    first, second, urgent = (enqueue(database, is_urgent=urgent) for urgent in (False, False, True))

    assert [job.name for job in claim(database)] == [urgent, first, second]


def test_a_job_is_taken_once(database: SqliteDatabase) -> None:
    name = enqueue(database)

    assert [job.name for job in claim(database)] == [name]
    assert claim(database) == []
    assert status(database, name) == "started"


def test_no_more_are_taken_than_there_is_room_for_in_a_queue(database: SqliteDatabase) -> None:
    for _ in range(3):
        enqueue(database, queue="long")
    enqueue(database, queue="short")

    assert [job.queue for job in claim(database, long=2, short=2, default=2)] == ["long", "long", "short"]


def test_what_is_due_later_waits(database: SqliteDatabase) -> None:
    enqueue(database, due_at=later(10))

    assert claim(database, after_s=9) == []
    assert len(claim(database, after_s=10)) == 1


def test_a_job_whose_lease_is_over_is_taken_by_another(database: SqliteDatabase) -> None:
    enqueue(database)
    (first,) = claim(database)
    (second,) = claim(database, after_s=LEASE_S)

    assert (first.attempts, second.attempts) == (1, 2)
    with pytest.raises(JobTakenOver), writing(database) as tx:
        operations.finish(tx, first, now=later(LEASE_S))
    with writing(database) as tx:
        operations.finish(tx, second, now=later(LEASE_S))
    assert status(database, second.name) == "finished"


def test_a_renewed_lease_holds(database: SqliteDatabase) -> None:
    enqueue(database)
    jobs = claim(database)
    with writing(database) as tx:
        operations.renew(tx, jobs, now=later(LEASE_S - 1))

    assert claim(database, after_s=LEASE_S + 1) == []


def test_what_a_process_that_is_gone_ran_is_free_at_once(database: SqliteDatabase) -> None:
    enqueue(database)
    claim(database)
    with writing(database) as tx:
        assert operations.forget_owner(tx, "server") == 1

    assert len(claim(database)) == 1


def test_a_job_that_ends_its_process_each_time_is_given_up(database: SqliteDatabase) -> None:
    name = enqueue(database)
    for attempt in range(MAX_ATTEMPTS):
        assert len(claim(database, after_s=attempt * LEASE_S)) == 1

    assert claim(database, after_s=MAX_ATTEMPTS * LEASE_S) == []
    assert status(database, name) == "failed"
    assert rows(database, "job_queue", "id") == []


def test_a_failed_job_is_kept_with_its_error_and_can_be_retried(database: SqliteDatabase) -> None:
    name = enqueue(database)
    (job,) = claim(database)
    with writing(database) as tx:
        operations.fail(tx, job, error="Traceback: no", again_at=None, now=later(3))

    assert rows(database, "tabRQ Job", "status", "exc_info", "time_taken") == [("failed", "Traceback: no", 3.0)]
    with writing(database) as tx:
        operations.retry(tx, str(name), now=NOW)
    assert [job.attempts for job in claim(database)] == [1]


def test_a_job_that_asks_for_it_runs_again_later(database: SqliteDatabase) -> None:
    enqueue(database)
    (job,) = claim(database)
    with writing(database) as tx:
        operations.fail(tx, job, error="not yet", again_at=later(5), now=NOW)

    assert status(database, job.name) == "queued"
    assert claim(database, after_s=4) == []
    assert [again.attempts for again in claim(database, after_s=5)] == [2]


def test_attempts_are_bounded() -> None:
    moments = [retry_at(made, now=NOW) for made in range(1, MAX_ATTEMPTS)]

    assert all(earlier and late and earlier < late for earlier, late in pairwise(moments))
    assert retry_at(MAX_ATTEMPTS, now=NOW) is None


def test_a_unique_job_is_not_queued_beside_another(database: SqliteDatabase) -> None:
    first = enqueue(database, job_id="sync", is_unique=True)

    assert enqueue(database, job_id="sync", is_unique=True) is None
    assert enqueue(database, job_id="other", is_unique=True) is not None
    assert enqueue(database, job_id="sync") is not None
    job = next(each for each in claim(database) if each.name == first)
    assert enqueue(database, job_id="sync", is_unique=True) is None
    with writing(database) as tx:
        operations.finish(tx, job, now=NOW)
    assert enqueue(database, job_id="sync", is_unique=True) is not None


def test_a_job_id_says_whether_one_waits(database: SqliteDatabase) -> None:
    enqueue(database, job_id="sync")
    tx = database.read()

    assert store.is_queued(tx, "sync")
    assert not store.is_queued(tx, "other")
    tx.rollback()


def test_what_waits_can_be_cancelled_and_what_runs_not(database: SqliteDatabase) -> None:
    running = enqueue(database)
    claim(database)
    waiting = enqueue(database)
    with writing(database) as tx:
        operations.cancel(tx, str(waiting), now=NOW)
    with pytest.raises(UnknownJob), writing(database) as tx:
        operations.cancel(tx, str(running), now=NOW)

    assert status(database, waiting) == "canceled"
    assert claim(database) == []


def test_what_is_given_back_in_order_counts_no_attempt(database: SqliteDatabase) -> None:
    enqueue(database)
    with writing(database) as tx:
        operations.give_back(tx, operations.claim(tx, {"default": 1}, owner="server", now=NOW))

    assert [job.attempts for job in claim(database)] == [1]


def test_a_job_whose_document_was_deleted_is_gone(database: SqliteDatabase) -> None:
    enqueue(database)
    with writing(database) as tx:
        tx.run('DELETE FROM "tabRQ Job"')

    assert claim(database) == []
    assert rows(database, "job_queue", "id") == []


def test_an_unknown_queue_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(UnknownQueue):
        enqueue(database, queue="slow")


def test_a_schedule_that_is_due_is_queued_once(database: SqliteDatabase) -> None:
    add_type(database, "app.run", frequency="Hourly", next_at=NOW)
    counts = []
    for _ in range(2):
        with writing(database) as tx:
            counts.append(operations.hand_out(tx, now=NOW, zone=UTC, user="Administrator"))

    assert counts == [1, 0]
    assert rows(database, "tabScheduled Job Type", "last_execution", "next_execution") == [
        ("2026-03-01 12:00:00.000000", "2026-03-01 13:00:00.000000")
    ]


def test_what_was_missed_is_one_run(database: SqliteDatabase) -> None:
    add_type(database, "app.run", frequency="Hourly", next_at=NOW - timedelta(days=3))
    with writing(database) as tx:
        operations.hand_out(tx, now=NOW, zone=UTC, user="Administrator")

    assert len(claim(database)) == 1


def test_a_run_that_is_not_done_is_not_queued_again(database: SqliteDatabase) -> None:
    add_type(database, "app.run", frequency="Hourly", next_at=NOW)
    for hours in (0, 1):
        with writing(database) as tx:
            operations.hand_out(tx, now=NOW + timedelta(hours=hours), zone=UTC, user="Administrator")

    assert len(rows(database, "tabRQ Job", "name")) == 1


def test_a_stopped_schedule_rests(database: SqliteDatabase) -> None:
    add_type(database, "app.run", frequency="Hourly", next_at=NOW, stopped=1)
    with writing(database) as tx:
        assert operations.hand_out(tx, now=NOW, zone=UTC, user="Administrator") == 0


@pytest.mark.parametrize(
    ("frequency", "create_log", "error", "expected"),
    [
        ("Hourly", 1, None, ["Complete"]),
        ("Hourly", 0, None, []),
        ("All", 1, None, []),
        ("All", 0, "no", ["Failed"]),
    ],
)
def test_runs_of_schedules_are_logged(
    database: SqliteDatabase, frequency: str, create_log: int, error: str | None, expected: list[str]
) -> None:
    add_type(database, "app.run", frequency=frequency, next_at=NOW, create_log=create_log)
    with writing(database) as tx:
        operations.hand_out(tx, now=NOW, zone=UTC, user="Administrator")
    (job,) = claim(database)
    with writing(database) as tx:
        if error is None:
            operations.finish(tx, job, now=NOW)
        else:
            operations.fail(tx, job, error=error, again_at=None, now=NOW)

    assert [row[0] for row in rows(database, "tabScheduled Job Log", "status")] == expected


def test_old_jobs_go_and_waiting_ones_stay(database: SqliteDatabase) -> None:
    for _ in range(2):
        enqueue(database)
    done, failed = claim(database)
    with writing(database) as tx:
        operations.finish(tx, done, now=NOW)
        operations.fail(tx, failed, error="no", again_at=None, now=NOW)
    waiting = enqueue(database)
    much_later = NOW + timedelta(days=2)

    with writing(database) as tx:
        assert operations.purge(tx, now=much_later, failed_before=None, limit=10) == 1
        assert operations.purge(tx, now=much_later, failed_before=much_later, limit=10) == 1
    assert rows(database, "tabRQ Job", "name", "status") == [(waiting, JobState.QUEUED.value)]
