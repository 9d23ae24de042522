"""The lanes of the event loop: grouped writes, inline reads, the reader thread."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing

import pytest

from demitasse.db.errors import DatabaseBusy, QueryInterrupted, QueryTooSlow
from demitasse.db.lanes import Lanes
from demitasse.db.reader_threads import ReaderThreads
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Row, Transaction
from tests.unit.db.conftest import texts

INSERT = 'INSERT INTO "notes" ("text") VALUES (?)'
ENDLESS = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < 3000000) SELECT count(*) FROM a"


async def longest_turn_of_the_loop(*, turns: int) -> float:
    """Return the longest that the loop was away, over so many short sleeps."""
    longest_s = 0.0
    for _ in range(turns):
        began_s = time.monotonic()
        await asyncio.sleep(0.002)
        longest_s = max(longest_s, time.monotonic() - began_s)
    return longest_s


@pytest.fixture
async def lanes(database: SqliteDatabase) -> AsyncIterator[Lanes]:
    found = Lanes(database, loop=asyncio.get_running_loop())
    yield found
    await found.close()


async def test_writes_that_wait_together_are_one_transaction_and_all_answered(
    lanes: Lanes, database: SqliteDatabase
) -> None:
    def note(number: int) -> Callable[[Transaction], int]:
        return lambda tx: tx.run(INSERT, (str(number),))

    answers = await asyncio.gather(*(lanes.write(note(n)) for n in range(50)))

    assert answers == [1] * 50
    assert texts(database) == [str(n) for n in range(50)]


async def test_one_that_raises_is_undone_alone(lanes: Lanes, database: SqliteDatabase) -> None:
    def fail(tx: Transaction) -> None:
        tx.run(INSERT, ("undone",))
        tx.journal.append("undone")
        raise LookupError

    answers = await asyncio.gather(
        lanes.write(lambda tx: tx.run(INSERT, ("a",))),
        lanes.write(fail),
        lanes.write(lambda tx: tx.run(INSERT, ("b",))),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [int, LookupError, int]
    assert texts(database) == ["a", "b"]


async def test_an_answer_comes_only_after_the_commit(lanes: Lanes, database: SqliteDatabase) -> None:
    seen: list[list[str]] = []
    future = lanes.write(lambda tx: tx.run(INSERT, ("a",)))
    future.add_done_callback(lambda _: seen.append(texts(database)))
    await future
    await asyncio.sleep(0)

    assert seen == [["a"]]


async def test_writes_wait_parked_while_a_thread_has_the_turn_and_reads_go_on(
    lanes: Lanes, database: SqliteDatabase
) -> None:
    holds, lets_go = threading.Event(), threading.Event()

    def hold() -> None:
        tx = database.write()
        tx.run(INSERT, ("thread",))
        holds.set()
        lets_go.wait(10)
        tx.commit()

    thread = threading.Thread(target=hold)
    thread.start()
    await asyncio.to_thread(holds.wait, 10)
    waiting = lanes.write(lambda tx: tx.run(INSERT, ("loop",)))
    for _ in range(5):
        await asyncio.sleep(0)
    read: list[Row] = await lanes.read(lambda tx: tx.execute('SELECT count(*) FROM "notes"'))
    was_parked = not waiting.done()
    lets_go.set()
    await waiting
    thread.join(10)

    assert was_parked
    assert read == [(0,)]
    assert texts(database) == ["thread", "loop"]


async def test_writes_wait_for_another_process_without_holding_up_the_loop(
    lanes: Lanes, database: SqliteDatabase
) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute(INSERT, ("theirs",))
        waiting = lanes.write(lambda tx: tx.run(INSERT, ("ours",)))
        longest_s = await longest_turn_of_the_loop(turns=20)
        read: list[Row] = await lanes.read(lambda tx: tx.execute('SELECT count(*) FROM "notes"'))
        was_waiting = not waiting.done()
        other.execute("COMMIT")
        await waiting

    assert was_waiting
    assert read == [(0,)]
    assert longest_s < 1
    assert texts(database) == ["theirs", "ours"]


async def test_another_process_that_does_not_end_is_told_after_a_while(database: SqliteDatabase) -> None:
    lanes = Lanes(database, loop=asyncio.get_running_loop(), busy_wait_s=0.02)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            await lanes.write(lambda tx: tx.run(INSERT, ("ours",)))
        other.execute("ROLLBACK")
    await lanes.write(lambda tx: tx.run(INSERT, ("later",)))
    await lanes.close()

    assert texts(database) == ["later"]


async def test_a_thread_waits_for_another_process(database: SqliteDatabase) -> None:
    def write() -> None:
        tx = database.write()
        tx.run(INSERT, ("ours",))
        tx.commit()

    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(asyncio.to_thread(write))
        await longest_turn_of_the_loop(turns=5)
        was_waiting = not writing.done()
        other.execute("ROLLBACK")
        await writing

    assert was_waiting
    assert texts(database) == ["ours"]


async def test_a_long_read_is_stopped_inline_and_finished_in_the_reader_thread(lanes: Lanes) -> None:
    with pytest.raises(QueryInterrupted):
        lanes.read_now(lambda tx: tx.execute(ENDLESS))

    assert await lanes.read(lambda tx: tx.execute(ENDLESS)) == [(3000000,)]


async def test_a_quick_read_does_not_wait_for_slow_ones(database: SqliteDatabase) -> None:
    threads = ReaderThreads(database, loop=asyncio.get_running_loop(), quick_s=0.01)
    slow = [asyncio.create_task(threads.read(lambda tx: tx.execute(ENDLESS))) for _ in range(3)]
    quick = await threads.read(lambda tx: tx.execute("SELECT 1"))
    was_running = not any(each.done() for each in slow)
    found = await asyncio.gather(*slow)
    threads.close()

    assert was_running
    assert quick == [(1,)]
    assert found == [[(3000000,)]] * 3


async def test_a_read_without_end_is_ended(database: SqliteDatabase) -> None:
    threads = ReaderThreads(database, loop=asyncio.get_running_loop(), quick_s=0.01, slow_s=0.02)
    with pytest.raises(QueryTooSlow, match="narrow it"):
        await threads.read(lambda tx: tx.execute(ENDLESS))
    after = await threads.read(lambda tx: tx.execute("SELECT 1"))
    threads.close()

    assert after == [(1,)]


async def test_reads_see_one_snapshot(lanes: Lanes, database: SqliteDatabase) -> None:
    def read_twice(tx: Transaction) -> tuple[int, int]:
        first = len(tx.execute('SELECT 1 FROM "notes"'))
        writing = database.write()
        writing.run(INSERT, ("meanwhile",))
        writing.commit()
        return first, len(tx.execute('SELECT 1 FROM "notes"'))

    assert lanes.read_now(read_twice) == (0, 0)
    assert texts(database) == ["meanwhile"]


async def test_a_full_disk_fails_the_group_and_the_next_one_works(lanes: Lanes, database: SqliteDatabase) -> None:
    pages = database.writer.execute("PRAGMA page_count").fetchone()[0]
    database.writer.execute(f"PRAGMA max_page_count = {pages + 1}")
    answers = await asyncio.gather(
        *(lanes.write(lambda tx: tx.run(INSERT, ("x" * 100_000,))) for _ in range(3)),
        return_exceptions=True,
    )
    database.writer.execute("PRAGMA max_page_count = 1000000")
    await lanes.write(lambda tx: tx.run(INSERT, ("small",)))

    assert {getattr(answer, "code", None) for answer in answers} == {"storage_full"}
    assert texts(database) == ["small"]
