"""Reading the queue."""

from datetime import timedelta

import pytest

from demitasse.db.sqlite import SqliteDatabase
from demitasse.outbox import queries
from demitasse.outbox.model import DeliveryState, from_microseconds, to_microseconds
from demitasse.outbox.operations import enqueue, hold
from tests.unit.outbox.site import DELIVERY, NOW, new_delivery, writing

NOW_US = to_microseconds(NOW)


def test_a_walk_goes_on_where_the_last_one_ended(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        made = [enqueue(tx, new_delivery(number), now=NOW) for number in range(5)]
        seen = []
        after = (0, 0)
        while found := queries.walk(tx, "crm", is_retry=False, after=after, until_us=None, limit=2):
            seen += [row.id for row in found]
            after = (found[-1].due_at_us, found[-1].id)

    assert seen == [row.id for row in made]


def test_a_walk_leaves_out_what_is_held_retried_later_or_another_webhooks(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        enqueue(tx, new_delivery(1), now=NOW)
        hold(tx, "crm")
        enqueue(tx, new_delivery(2, webhook="other"), now=NOW)
        late = enqueue(tx, new_delivery(3), now=NOW)
        tx.run('UPDATE "outbox" SET "retry" = 1, "due_at" = ? WHERE "id" = ?', (NOW_US + 10, late.id))

        firsts = queries.walk(tx, "crm", is_retry=False, after=(0, 0), until_us=None, limit=10)
        not_yet = queries.walk(tx, "crm", is_retry=True, after=(0, 0), until_us=NOW_US + 9, limit=10)
        now = queries.walk(tx, "crm", is_retry=True, after=(0, 0), until_us=NOW_US + 10, limit=10)

        assert queries.next_due_us(tx, "crm", after_us=NOW_US) == NOW_US + 10
        assert queries.next_due_us(tx, "crm", after_us=NOW_US + 10) is None
    assert (firsts, not_yet, [row.id for row in now]) == ([], [], [late.id])
    assert now[0].state is DeliveryState.RETRYING


def test_a_large_body_is_read_when_it_is_sent(database: SqliteDatabase) -> None:
    body = b'"' + b"x" * queries.INLINE_BYTES + b'"'
    with writing(database) as tx:
        delivery = enqueue(tx, new_delivery(body=body), now=NOW)
        (row,) = queries.walk(tx, "crm", is_retry=False, after=(0, 0), until_us=None, limit=1)
        message = queries.message_of(tx, delivery.name)

    assert row.is_due
    assert row.message is None
    assert message is not None
    assert message.body == body


@pytest.mark.parametrize(
    ("failing_since_us", "due_in_us", "expected"),
    [
        (0, 0, "older"),
        (NOW_US - 10, 5_000_000, "older"),
        (NOW_US - 100, 5_000_000, "newer"),
        (NOW_US - 100, 0, "older"),
    ],
)
def test_the_head_of_a_key_is_the_oldest_that_may_go_or_still_holds(
    database: SqliteDatabase, failing_since_us: int, due_in_us: int, expected: str
) -> None:
    with writing(database) as tx:
        older, newer = (enqueue(tx, new_delivery(n, order_key="Lead/A"), now=NOW) for n in (1, 2))
        if failing_since_us:
            tx.run(
                'UPDATE "outbox" SET "retry" = 1, "failing_since" = ?, "due_at" = ? WHERE "id" = ?',
                (failing_since_us, NOW_US + due_in_us, older.id),
            )
        head = queries.head(tx, "crm", "Lead/A", now_us=NOW_US, hold_floor_us=NOW_US - 60)

    assert head is not None
    assert head.id == {"older": older.id, "newer": newer.id}[expected]


def test_channels_are_those_with_anything_in_the_queue(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        for number, webhook in enumerate(("b", "a", "b", "é")):
            enqueue(tx, new_delivery(number, webhook=webhook), now=NOW)
        hold(tx, "a")

        assert queries.channels(tx) == ["a", "b", "é"]
        assert queries.has_rows(tx, channel="a", held=True)
        assert not queries.has_rows(tx, channel="a", held=False)


def test_depths_tell_what_waits_and_since_when(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        for number in range(3):
            enqueue(tx, new_delivery(number), now=NOW + timedelta(seconds=number))
        enqueue(tx, new_delivery(9, webhook="off", held=True), now=NOW)
        found = queries.depths(tx)

    assert found["crm"] == queries.QueueDepth(waiting=3, held=0, oldest_due_at_us=NOW_US)
    assert found["off"] == queries.QueueDepth(waiting=0, held=1, oldest_due_at_us=None)


def test_a_recent_success_is_found(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        enqueue(tx, new_delivery(), now=NOW)
        before = queries.was_delivered_since(tx, "crm", NOW - timedelta(days=1))
        tx.run(f'UPDATE "{DELIVERY}" SET "status" = ?, "finished_at" = ?', ("Delivered", "2026-03-01 12:30:00.000000"))

        assert not before
        assert queries.was_delivered_since(tx, "crm", NOW)
        assert not queries.was_delivered_since(tx, "crm", NOW + timedelta(hours=1))


def test_moments_go_to_microseconds_and_back() -> None:
    moment = NOW + timedelta(microseconds=123_457)

    assert from_microseconds(to_microseconds(moment)) == moment
