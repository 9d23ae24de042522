"""Transactions: commit, rollback, savepoints, and the journal that honours them."""

import threading
from collections.abc import Callable

import pytest

from demitasse.db.errors import ReadOnlyTransaction, UniqueViolation
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from tests.unit.db.conftest import texts

INSERT = 'INSERT INTO "notes" ("text") VALUES (?)'


def test_nothing_is_seen_before_the_commit_and_all_after_it(database: SqliteDatabase) -> None:
    tx = database.write()
    tx.run(INSERT, ("a",))
    before = texts(database)
    tx.commit()

    assert (before, texts(database)) == ([], ["a"])


def test_a_rollback_forgets_rows_journal_and_callbacks(database: SqliteDatabase) -> None:
    called: list[str] = []
    tx = database.write()
    tx.run(INSERT, ("a",))
    tx.journal.append("event")
    tx.after_commit(lambda: called.append("a"))
    tx.rollback()
    tx.run(INSERT, ("b",))
    tx.commit()

    assert (texts(database), tx.journal, called) == (["b"], [], [])


def test_a_savepoint_that_raises_takes_only_its_own_work_with_it(database: SqliteDatabase) -> None:
    called: list[str] = []
    tx = database.write()
    tx.run(INSERT, ("kept",))
    tx.journal.append("kept")

    def fail() -> None:
        with tx.savepoint():
            tx.run(INSERT, ("undone",))
            tx.journal.append("undone")
            tx.after_commit(lambda: called.append("undone"))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    journal = list(tx.journal)
    tx.commit()

    assert (texts(database), journal, called) == (["kept"], ["kept"], [])


def test_nested_savepoints_end_in_order(database: SqliteDatabase) -> None:
    tx = database.write()
    with tx.savepoint():
        tx.run(INSERT, ("outer",))
        mark = tx.begin_savepoint()
        tx.run(INSERT, ("inner",))
        tx.rollback_to(mark)
        with tx.savepoint():
            tx.run(INSERT, ("second",))
    tx.commit()

    assert texts(database) == ["outer", "second"]


def test_what_before_commit_raises_undoes_the_transaction(database: SqliteDatabase) -> None:
    def refuse(tx: Transaction) -> None:
        raise LookupError

    database.before_commit = refuse
    tx = database.write()
    tx.run(INSERT, ("a",))
    tx.journal.append("event")

    with pytest.raises(LookupError):
        tx.commit()

    assert texts(database) == []
    assert not database.turn.is_held


def test_before_commit_can_write_in_the_same_transaction(database: SqliteDatabase) -> None:
    def note(tx: Transaction) -> None:
        tx.run(INSERT, (f"{len(tx.journal)} events",))

    database.before_commit = note
    tx = database.write()
    tx.journal.append("event")
    tx.run(INSERT, ("a",))
    tx.commit()

    assert texts(database) == ["a", "1 events"]


def test_callbacks_run_after_the_commit_and_one_that_fails_harms_nobody(database: SqliteDatabase) -> None:
    seen: list[list[str]] = []

    def fail() -> None:
        raise LookupError

    tx = database.write()
    tx.run(INSERT, ("a",))
    tx.after_commit(fail)
    tx.after_commit(lambda: seen.append(texts(database)))
    tx.commit()

    assert seen == [["a"]]


def test_a_reading_transaction_refuses_to_write(database: SqliteDatabase) -> None:
    with pytest.raises(ReadOnlyTransaction, match="GET"):
        database.read().run(INSERT, ("a",))


def test_a_key_that_is_there_already_is_named(database: SqliteDatabase) -> None:
    tx = database.write()
    tx.run('INSERT INTO "notes" ("id") VALUES (1)')

    with pytest.raises(UniqueViolation) as caught:
        tx.run('INSERT INTO "notes" ("id") VALUES (1)')
    tx.rollback()

    assert caught.value.data == {"table": "notes", "columns": ("id",)}


def test_the_turn_is_taken_at_the_first_statement_and_given_back_at_the_end(database: SqliteDatabase) -> None:
    tx = database.write()
    before = database.turn.is_held
    tx.run(INSERT, ("a",))
    during = database.turn.is_held
    tx.commit()

    assert (before, during, database.turn.is_held) == (False, True, False)


def test_threads_write_one_after_another_and_none_is_lost(database: SqliteDatabase) -> None:
    def work(number: int) -> None:
        for step in range(20):
            tx = database.write()
            tx.run(INSERT, (f"{number}-{step}",))
            tx.commit()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(texts(database)) == sorted(f"{n}-{s}" for n in range(8) for s in range(20))


def test_another_process_s_commit_is_noticed(database: SqliteDatabase) -> None:
    noticed: list[bool] = []
    database.on_foreign_write.append(lambda: noticed.append(True))
    other = SqliteDatabase(database.path)
    tx = other.write()
    tx.run(INSERT, ("from outside",))
    tx.commit()
    other.close()

    own = database.write()
    own.run(INSERT, ("a",))
    own.commit()
    again = database.write()
    again.run(INSERT, ("b",))
    again.commit()

    assert noticed == [True]


def test_what_has_only_read_steps_aside_and_sees_what_is_new_afterwards(database: SqliteDatabase) -> None:
    tx = database.write()
    tx.execute('SELECT "text" FROM "notes"')
    stepped_aside, was_held = tx.step_aside(), database.turn.is_held
    other = database.write()
    other.run(INSERT, ("from another thread",))
    other.commit()

    assert (stepped_aside, was_held) == (True, False)
    assert tx.execute('SELECT "text" FROM "notes"') == [("from another thread",)]
    tx.rollback()


def test_what_has_changed_something_stays_open(database: SqliteDatabase) -> None:
    def promise(tx: Transaction) -> None:
        tx.execute('SELECT "id" FROM "notes"')
        tx.after_commit(lambda: None)

    changes: list[Callable[[Transaction], object]] = [
        lambda tx: tx.run(INSERT, ("a",)),
        lambda tx: tx.execute(f'{INSERT} RETURNING "id"', ("a",)),
        lambda tx: tx.run_many(INSERT, [("a",)]),
        lambda tx: tx.lock("a key"),
        lambda tx: tx.begin_savepoint(),
        promise,
    ]
    for change in changes:
        tx = database.write()
        change(tx)
        assert not tx.step_aside()
        assert database.turn.is_held
        tx.rollback()
        assert tx.step_aside()


def test_a_reader_lets_go_of_its_snapshot(database: SqliteDatabase) -> None:
    reader = database.read()
    before = reader.execute('SELECT "text" FROM "notes"')
    writer = database.write()
    writer.run(INSERT, ("new",))
    writer.commit()
    old = reader.execute('SELECT "text" FROM "notes"')
    stepped_aside = reader.step_aside()

    assert (before, old, stepped_aside) == ([], [], True)
    assert reader.execute('SELECT "text" FROM "notes"') == [("new",)]
    reader.rollback()
