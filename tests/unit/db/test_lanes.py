"""The lanes of the event loop: grouped writes, inline reads, the reader thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from demitasse.db.errors import QueryInterrupted
from demitasse.db.lanes import Lanes
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Row, Transaction
from tests.unit.db.conftest import texts

INSERT = 'INSERT INTO "notes" ("text") VALUES (?)'
ENDLESS = "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < 3000000) SELECT count(*) FROM a"


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


async def test_a_long_read_is_stopped_inline_and_finished_in_the_reader_thread(lanes: Lanes) -> None:
    with pytest.raises(QueryInterrupted):
        lanes.read_now(lambda tx: tx.execute(ENDLESS))

    assert await lanes.read(lambda tx: tx.execute(ENDLESS)) == [(3000000,)]


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
