"""Messages that come again."""

from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.incoming import operations
from demitasse.incoming.allowance import Allowance
from demitasse.incoming.model import PRESETS, Verdict

NOW = 1_773_057_600
WITH_ID = Verdict(scheme="standard_webhooks", message_id="msg_1", sent_at_s=NOW, replay_id="msg_1")
WITH_TIME = Verdict(scheme="slack", sent_at_s=NOW, replay_id="00" * 32)
PLAIN = Verdict(scheme="hmac_hex")


def take(tx: Transaction, verdict: Verdict, *, source: str = "app.api.hear", now_s: int = NOW) -> bool:
    return operations.take_once(tx, PRESETS[verdict.scheme], verdict, source=source, now_s=now_s)


def test_a_message_is_taken_once_by_each_endpoint(database: SqliteDatabase) -> None:
    tx = database.write()
    for verdict in (WITH_ID, WITH_TIME):
        assert take(tx, verdict)
        assert not take(tx, verdict)
        assert take(tx, verdict, source="app.api.other")
    tx.rollback()


def test_a_message_whose_work_was_rolled_back_may_come_again(database: SqliteDatabase) -> None:
    tx = database.write()
    assert take(tx, WITH_ID)
    tx.rollback()
    assert take(tx, WITH_ID)
    tx.rollback()


def test_a_message_with_neither_id_nor_time_is_always_the_first(database: SqliteDatabase) -> None:
    tx = database.write()
    assert take(tx, PLAIN)
    assert take(tx, PLAIN)
    assert not tx.is_open
    tx.rollback()


def test_an_id_is_remembered_for_a_week_and_a_time_for_as_long_as_it_is_accepted(database: SqliteDatabase) -> None:
    tx = database.write()
    take(tx, WITH_ID)
    take(tx, WITH_TIME)
    assert not take(tx, WITH_TIME, now_s=NOW + 600)
    assert take(tx, WITH_TIME, now_s=NOW + 601)
    assert not take(tx, WITH_ID, now_s=NOW + 7 * 86400 - 1)
    assert take(tx, WITH_ID, now_s=NOW + 7 * 86400)
    tx.rollback()


def test_what_has_done_its_time_is_deleted_in_chunks(database: SqliteDatabase) -> None:
    tx = database.write()
    for number in range(50):
        take(tx, Verdict(scheme="slack", replay_id=str(number)))
    later = NOW + 10_000
    for expected in (31, 12, 3):
        take(tx, Verdict(scheme="slack", replay_id=f"later {expected}"), now_s=later)
        assert tx.execute('SELECT count(*) FROM "incoming_seen"') == [(expected,)]
    tx.rollback()


def test_a_very_long_id_is_told_from_another(database: SqliteDatabase) -> None:
    tx = database.write()
    assert take(tx, Verdict(scheme="standard_webhooks", message_id="m" * 256, replay_id="m" * 256))
    assert take(tx, Verdict(scheme="standard_webhooks", message_id="m" * 255 + "n", replay_id="m" * 255 + "n"))
    assert not take(tx, Verdict(scheme="standard_webhooks", message_id="m" * 256, replay_id="m" * 256))
    tx.rollback()


def test_an_allowance_is_for_each_minute() -> None:
    allowance = Allowance(2)
    assert [allowance.take(now_s=60) for _ in range(3)] == [True, True, False]
    assert not allowance.take(now_s=119)
    assert allowance.take(now_s=120)
