"""Threads that wait for each other share a commit: durable together, undone alone."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from demitasse.db.errors import DatabaseError
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from tests.unit.db.conftest import texts

WAIT_S = 10.0
Work = Callable[[Transaction], object]


class Line:
    """Threads that stand in line for the write turn, in a known order."""

    def __init__(self, database: SqliteDatabase, pool: ThreadPoolExecutor) -> None:
        self.database = database
        self.commits: list[str] = []
        self._pool = pool
        database.writer.set_trace_callback(lambda sql: self.commits.append(sql) if sql == "COMMIT" else None)

    def add(self, work: Work) -> Future[list[str]]:
        """Put a thread at the end of the line; it returns what is durable when its commit returns."""
        before = self.database.turn.waiting

        def run() -> list[str]:
            tx = self.database.write()
            try:
                work(tx)
                tx.commit()
            except BaseException:
                tx.rollback()
                raise
            return texts(self.database)

        future = self._pool.submit(run)
        pause = threading.Event()
        for _ in range(1000):
            if self.database.turn.waiting > before:
                return future
            pause.wait(0.002)
        message = "the thread did not come to the turn"
        raise AssertionError(message)


@pytest.fixture
def line(database: SqliteDatabase) -> Iterator[Line]:
    with ThreadPoolExecutor(8) as pool:
        yield Line(database, pool)


def note(text: str) -> Work:
    return lambda tx: tx.run('INSERT INTO "notes" ("text") VALUES (?)', (text,))


def note_then_fail(text: str) -> Work:
    def work(tx: Transaction) -> None:
        note(text)(tx)
        raise LookupError(text)

    return work


def test_what_waits_together_is_committed_once_and_then_durable_for_all(line: Line) -> None:
    first = line.database.write()
    note("first")(first)
    others = [line.add(note(f"other {number}")) for number in range(3)]
    first.commit()
    everything = ["first", "other 0", "other 1", "other 2"]
    assert texts(line.database) == everything
    assert [other.result(WAIT_S) for other in others] == [everything] * 3
    assert line.commits == ["COMMIT"]
    assert not line.database.turn.is_held


def test_who_is_alone_commits_at_once(line: Line) -> None:
    for text in ("a", "b"):
        tx = line.database.write()
        note(text)(tx)
        tx.commit()
    assert line.commits == ["COMMIT", "COMMIT"]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_one_that_fails_takes_only_its_own_work_along(line: Line, failing: int) -> None:
    first = line.database.write()
    note("first")(first)
    works = [note_then_fail(f"{n}") if n == failing else note(f"{n}") for n in range(3)]
    others = [line.add(work) for work in works]
    first.commit()
    kept = ["first", *(f"{number}" for number in range(3) if number != failing)]
    for number, other in enumerate(others):
        if number == failing:
            with pytest.raises(LookupError):
                other.result(WAIT_S)
        else:
            assert other.result(WAIT_S) == kept
    assert texts(line.database) == kept
    assert not line.database.turn.is_held


def test_a_first_that_fails_leaves_the_others_a_transaction_of_their_own(line: Line) -> None:
    first = line.database.write()
    note("first")(first)
    other = line.add(note("other"))
    first.rollback()
    assert other.result(WAIT_S) == ["other"]


def test_a_commit_that_fails_is_told_to_everyone_and_keeps_nothing(line: Line) -> None:
    writer = line.database.writer
    writer.execute("PRAGMA foreign_keys = ON")
    writer.execute('CREATE TABLE "owners" ("id" INTEGER PRIMARY KEY)')
    writer.execute('CREATE TABLE "owned" ("owner" INTEGER REFERENCES "owners" DEFERRABLE INITIALLY DEFERRED)')
    first = line.database.write()
    note("first")(first)
    good = line.add(note("good"))
    bad = line.add(lambda tx: tx.run('INSERT INTO "owned" VALUES (7)'))
    with pytest.raises(DatabaseError, match="FOREIGN KEY"):
        first.commit()
    for other in (good, bad):
        with pytest.raises(DatabaseError, match="FOREIGN KEY"):
            other.result(WAIT_S)
    assert texts(line.database) == []
    assert not line.database.turn.is_held
    again = line.database.write()
    note("again")(again)
    again.commit()
    assert texts(line.database) == ["again"]


def test_a_transaction_that_the_database_undid_is_told_to_everyone(line: Line) -> None:
    first = line.database.write()
    note("first")(first)

    def work(tx: Transaction) -> None:
        note("other")(tx)
        line.database.writer.execute("ROLLBACK")  # what SQLite does by itself when the disk is full

    other = line.add(work)
    with pytest.raises(DatabaseError):
        first.commit()
    with pytest.raises(DatabaseError):
        other.result(WAIT_S)
    assert texts(line.database) == []
    assert not line.database.turn.is_held


def test_what_is_lost_before_its_commit_is_not_handed_on(line: Line) -> None:
    first = line.database.write()
    note("first")(first)
    line.database.writer.execute("ROLLBACK")
    other = line.add(note("other"))
    with pytest.raises(DatabaseError, match="rolled the transaction back"):
        first.commit()
    assert other.result(WAIT_S) == ["other"]


def test_the_event_loop_never_gets_what_is_still_open(line: Line) -> None:
    granted: list[list[str]] = []
    first = line.database.write()
    note("first")(first)
    line.database.turn.try_acquire(lambda: granted.append([*line.commits]))
    last = line.add(note("last"))
    first.commit()
    assert granted == [["COMMIT"]]
    line.database.turn.release()
    assert last.result(WAIT_S) == ["first", "last"]
    assert line.commits == ["COMMIT", "COMMIT"]


def test_callbacks_and_savepoints_of_each_stay_its_own(line: Line) -> None:
    told: list[str] = []

    def work(tx: Transaction) -> None:
        tx.after_commit(lambda: told.append("kept"))
        note("kept")(tx)
        mark = tx.begin_savepoint()
        tx.after_commit(lambda: told.append("undone"))
        note("undone")(tx)
        tx.rollback_to(mark)

    first = line.database.write()
    note("first")(first)
    other = line.add(work)
    first.commit()
    assert other.result(WAIT_S) == ["first", "kept"]
    assert told == ["kept"]
