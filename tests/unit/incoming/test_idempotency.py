"""Keys: decided, reserved, answered, freed, and forgotten."""

import pytest

from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.incoming import operations
from demitasse.incoming.idempotency import (
    RESERVATION_S,
    RETENTION_S,
    Decision,
    Entry,
    Step,
    StoredAnswer,
    combine,
    decide,
    hash_request,
    is_kept,
    is_usable_key,
    scope_of,
)

NOW = 1_773_057_600
ANSWER = StoredAnswer(status=200, content='{"result":"first"}')


def entry(*, request_hash: str = "a", answer: StoredAnswer | None = None, age_s: int = 0) -> Entry:
    return Entry(request_hash=request_hash, answer=answer, created_at_s=NOW - age_s)


@pytest.mark.parametrize(
    ("found", "is_only_process", "step"),
    [
        (None, True, Step.RUN),
        (entry(answer=ANSWER), True, Step.ANSWER_AGAIN),
        (entry(answer=ANSWER, age_s=RETENTION_S - 1), True, Step.ANSWER_AGAIN),
        (entry(answer=ANSWER, age_s=RETENTION_S), True, Step.RUN),
        (entry(request_hash="b", answer=ANSWER), True, Step.CHANGED),
        (entry(request_hash="b"), False, Step.CHANGED),
        (entry(), False, Step.IN_PROGRESS),
        (entry(age_s=RESERVATION_S - 1), False, Step.IN_PROGRESS),
        (entry(age_s=RESERVATION_S), False, Step.RUN),
        (entry(), True, Step.RUN),
    ],
)
def test_what_comes_next_follows_from_what_is_stored(found: Entry | None, is_only_process: bool, step: Step) -> None:
    decision = decide(found, request_hash="a", now_s=NOW, is_only_process=is_only_process)
    assert decision.step is step
    assert (decision.answer is ANSWER) == (step is Step.ANSWER_AGAIN)


def test_of_several_keys_a_refusal_counts_before_an_answer_and_an_answer_before_a_run() -> None:
    run, again = Decision(step=Step.RUN), Decision(step=Step.ANSWER_AGAIN, answer=ANSWER)
    progress, changed = Decision(step=Step.IN_PROGRESS), Decision(step=Step.CHANGED)
    assert combine([]).step is Step.RUN
    assert combine([run, again]) is again
    assert combine([again, progress]) is progress
    assert combine([progress, again, changed, run]) is changed


@pytest.mark.parametrize(
    ("key", "usable"),
    [
        ("a", True),
        ("order 7", True),
        ("k" * 250, True),
        ("k" * 251, False),
        ("", False),
        (" a", False),
        ("a\n", False),
        ("é", False),
        ("a\x00", False),
        ("\x7f", False),
    ],
)
def test_only_visible_ascii_of_a_bounded_length_is_a_key(key: str, usable: bool) -> None:
    assert is_usable_key(key) is usable


def test_only_answers_that_are_no_errors_are_kept() -> None:
    assert [is_kept(status) for status in (200, 201, 204, 302, 400, 409, 500, 503)] == [True] * 4 + [False] * 4


def test_method_query_and_body_make_a_request_what_it_is() -> None:
    same = hash_request("POST", b"body", query=b"q")
    assert same == hash_request("POST", b"body", query=b"q")
    assert same not in {
        hash_request("PUT", b"body", query=b"q"),
        hash_request("POST", b"body2", query=b"q"),
        hash_request("POST", b"body", query=b"q2"),
        hash_request("POST", b"qbody", query=b""),
    }


def test_a_scope_fits_its_column_and_tells_callers_apart() -> None:
    assert scope_of("app.api.pay", who="user:a@example.com") == "app.api.pay user:a@example.com"
    long = {scope_of("app.api.pay", who="x" * 200), scope_of("app.api.pay", who="x" * 201)}
    assert len(long) == 2
    assert all(len(scope) <= 140 for scope in long)


def begin(tx: Transaction, *keys: str, request_hash: str = "a", now_s: int = NOW, is_only: bool = True) -> Decision:
    return operations.begin(tx, "scope", keys, request_hash=request_hash, now_s=now_s, is_only_process=is_only)


def finish(tx: Transaction, *keys: str, answer: StoredAnswer = ANSWER) -> None:
    operations.finish(tx, "scope", keys, answer, request_hash="a", now_s=NOW)


def count(database: SqliteDatabase, table: str = "idempotency") -> int:
    tx = database.read()
    rows = tx.execute(f'SELECT count(*) FROM "{table}"')
    tx.rollback()
    return int(rows[0][0])


def test_a_key_that_was_answered_gives_its_answer_to_the_same_request_only(database: SqliteDatabase) -> None:
    tx = database.write()
    assert begin(tx, "k").step is Step.RUN
    finish(tx, "k")
    tx.commit()
    assert begin(tx, "k").answer == ANSWER
    assert begin(tx, "k", request_hash="b").step is Step.CHANGED
    assert operations.begin(tx, "other", ["k"], request_hash="b", now_s=NOW, is_only_process=True).step is Step.RUN
    tx.rollback()


def test_a_rollback_leaves_nothing_of_the_key(database: SqliteDatabase) -> None:
    tx = database.write()
    begin(tx, "k")
    tx.rollback()
    assert count(database) == 0
    assert begin(tx, "k").step is Step.RUN
    tx.rollback()


def test_an_error_leaves_the_key_free(database: SqliteDatabase) -> None:
    tx = database.write()
    begin(tx, "k", "l")
    finish(tx, "k", "l", answer=StoredAnswer(status=422, content="{}"))
    tx.commit()
    assert count(database) == 0


def test_either_of_two_keys_is_enough_to_be_answered_again(database: SqliteDatabase) -> None:
    tx = database.write()
    begin(tx, "k", "l")
    finish(tx, "k", "l")
    tx.commit()
    assert begin(tx, "l", "new").answer == ANSWER
    tx.commit()
    assert count(database) == 2  # The new key was not kept: its request did not run.


def test_a_reservation_that_a_crash_left_is_taken_over_on_sqlite_and_waits_on_servers(database: SqliteDatabase) -> None:
    tx = database.write()
    begin(tx, "k")
    tx.commit()
    assert begin(tx, "k", is_only=False).step is Step.IN_PROGRESS
    assert begin(tx, "k", is_only=False, now_s=NOW + RESERVATION_S).step is Step.RUN
    assert begin(tx, "k", is_only=True).step is Step.RUN
    finish(tx, "k")
    assert begin(tx, "k").answer == ANSWER
    tx.rollback()


def test_the_answer_of_a_request_that_rolled_itself_back_is_stored_all_the_same(database: SqliteDatabase) -> None:
    tx = database.write()
    begin(tx, "k")
    tx.rollback()
    finish(tx, "k")
    tx.commit()
    assert begin(tx, "k").answer == ANSWER
    tx.rollback()


def test_a_key_is_forgotten_after_a_day_in_chunks(database: SqliteDatabase) -> None:
    tx = database.write()
    begin(tx, *(f"k{number}" for number in range(50)))
    finish(tx, *(f"k{number}" for number in range(50)))
    tx.commit()
    for expected in (31, 11, 1):
        assert begin(tx, "new", now_s=NOW + RETENTION_S).step is Step.RUN
        tx.commit()
        assert count(database) == expected


def test_two_requests_at_once_are_told_so_without_the_database() -> None:
    flights = operations.InFlight()
    with flights.working("site", "scope", ["k", "l"], request_hash="a") as first:
        assert first.step is Step.RUN
        with flights.working("site", "scope", ["l"], request_hash="a") as second:
            assert second.step is Step.IN_PROGRESS
        with flights.working("site", "scope", ["l"], request_hash="b") as second:
            assert second.step is Step.CHANGED
        with flights.working("site", "other", ["l"], request_hash="b") as second:
            assert second.step is Step.RUN
        with flights.working("elsewhere", "scope", ["l"], request_hash="b") as second:
            assert second.step is Step.RUN
    with flights.working("site", "scope", ["l"], request_hash="b") as third:
        assert third.step is Step.RUN


def test_a_request_that_fails_is_no_longer_at_work() -> None:
    flights = operations.InFlight()
    with pytest.raises(RuntimeError), flights.working("site", "scope", ["k"], request_hash="a"):
        raise RuntimeError
    with flights.working("site", "scope", ["k"], request_hash="b") as decision:
        assert decision.step is Step.RUN
