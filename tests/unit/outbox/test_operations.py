"""Deliveries in the caller's transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from demitasse.db.sqlite import SqliteDatabase
from demitasse.outbox import queries
from demitasse.outbox.errors import NothingToSend, UnknownDelivery
from demitasse.outbox.model import (
    Attempt,
    DeliveryState,
    QueuedDelivery,
    Settlement,
    order_key,
    to_microseconds,
)
from demitasse.outbox.operations import (
    enqueue,
    forget,
    give_up,
    hold,
    next_sequence,
    note_failures,
    purge,
    release,
    replay,
    settle,
)
from tests.unit.outbox.site import DELIVERY, LOG, NOW, new_delivery, rows, writing

NOW_US = to_microseconds(NOW)


def queued(database: SqliteDatabase, number: int = 1, **more: Any) -> QueuedDelivery:
    with writing(database) as tx:
        return enqueue(tx, new_delivery(number, **more), now=NOW)


def settlement(delivery: QueuedDelivery, state: DeliveryState, **more: Any) -> Settlement:
    attempt = Attempt(
        number=delivery.attempts + 1,
        at=NOW,
        url="https://crm.example.com/leads",
        method="POST",
        headers="{}",
        data='{"n":1}',
        response="ok",
        outcome="delivered" if state is DeliveryState.DELIVERED else "server_error",
        status_code=200 if state is DeliveryState.DELIVERED else 500,
        duration_ms=12,
        error=None if state is DeliveryState.DELIVERED else "it failed",
    )
    values: dict[str, Any] = {
        "delivery": delivery,
        "state": state,
        "now": NOW,
        "attempt": attempt,
        "doctype": "Lead",
        "document": "LEAD-1",
        "owner": "anna@example.com",
    }
    return Settlement(**{**values, **more})


def settled(database: SqliteDatabase, batch: Sequence[Settlement], *, is_leased: bool = False) -> None:
    with writing(database) as tx:
        settle(tx, batch, is_leased=is_leased, now_us=NOW_US)


def test_a_delivery_is_a_document_and_a_row_of_the_queue(database: SqliteDatabase) -> None:
    delivery = queued(database)

    assert delivery.state is DeliveryState.QUEUED
    assert delivery.name.startswith("msg_")
    assert rows(database, "outbox", "id", "delivery", "channel", "due_at") == [
        (delivery.id, delivery.name, "crm", NOW_US)
    ]
    assert rows(database, DELIVERY, "name", "status", "owner", "creation", "reference_document", "data", "headers") == [
        (
            delivery.name,
            "Queued",
            "anna@example.com",
            "2026-03-01 12:00:00.000000",
            "LEAD-1",
            '{"n":1}',
            '[["X-Source","erp"]]',
        )
    ]


def test_a_delivery_that_was_rolled_back_leaves_nothing(database: SqliteDatabase) -> None:
    tx = database.write()
    enqueue(tx, new_delivery(), now=NOW)
    tx.rollback()

    assert rows(database, "outbox", "id") == []
    assert rows(database, DELIVERY, "name") == []


def test_what_is_read_back_is_what_was_handed_in(database: SqliteDatabase) -> None:
    body = '{"name":"Zoë \U0001f600 \\u2028","q":"\\""}'.encode()
    delivery = queued(database, body=body, url="https://x.example/é", order_key="Lead/LEAD-1")

    tx = database.read()
    (found,) = queries.walk(tx, "crm", is_retry=False, after=(0, 0), until_us=None, limit=10)
    tx.rollback()

    assert found == delivery
    assert found.message is not None
    assert found.message.body == body


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"body": None, "error": "Line 3: leed_name is unknown"}, "Line 3: leed_name is unknown"),
        ({"body": None}, "The body could not be made"),
        ({"body": b"{}", "error": "the URL is empty"}, "the URL is empty"),
        ({"body": b"\xff"}, "The body is not UTF-8"),
        ({"body": b"a\x00b"}, "NUL"),
    ],
)
def test_a_delivery_that_could_not_be_rendered_is_failed_and_not_queued(
    database: SqliteDatabase, given: dict[str, Any], error: str
) -> None:
    delivery = queued(database, **given)

    assert delivery.state is DeliveryState.FAILED
    assert not delivery.is_due
    assert rows(database, "outbox", "id") == []
    ((status, reason, finished_at),) = rows(database, DELIVERY, "status", "error", "finished_at")
    assert status == "Failed"
    assert error in reason
    assert finished_at is not None


def test_text_that_no_database_keeps_does_not_harm_the_transaction(database: SqliteDatabase) -> None:
    delivery = queued(database, headers=(("X-A", "half \ud83d"),), url="http://x/\ud83d\x00")

    tx = database.read()
    message = queries.message_of(tx, delivery.name)
    tx.rollback()
    assert message is not None
    assert message.headers == (("X-A", "half ?"),)
    assert message.url == "http://x/?\ufffd"


def test_a_delivery_of_a_paused_webhook_is_held(database: SqliteDatabase) -> None:
    delivery = queued(database, held=True)

    assert delivery.state is DeliveryState.HELD
    assert rows(database, "outbox", "held") == [(1,)]
    assert rows(database, DELIVERY, "status") == [("Held",)]


def test_sequences_count_per_document_and_a_rollback_takes_the_number_back(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        first = [next_sequence(tx, "Lead", "A"), next_sequence(tx, "Lead", "A"), next_sequence(tx, "Lead", "B")]
    tx = database.write()
    next_sequence(tx, "Lead", "A")
    tx.rollback()
    with writing(database) as tx:
        after = next_sequence(tx, "Lead", "A")

    assert first == [1, 2, 1]
    assert after == 3


def test_ids_are_not_used_again(database: SqliteDatabase) -> None:
    first = queued(database)
    settled(database, [settlement(first, DeliveryState.DELIVERED)])

    assert queued(database, 2).id > first.id


def test_a_delivered_one_leaves_the_queue_and_has_a_log_row(database: SqliteDatabase) -> None:
    delivery = queued(database)
    settled(database, [settlement(delivery, DeliveryState.DELIVERED)])

    assert rows(database, "outbox", "id") == []
    assert rows(database, DELIVERY, "status", "attempts", "status_code", "finished_at") == [
        ("Delivered", 1, 200, "2026-03-01 12:00:00.000000")
    ]
    assert rows(database, LOG, "name", "delivery", "attempt", "outcome", "status_code", "duration_ms", "user") == [
        (f"{delivery.name}-1", delivery.name, 1, "delivered", 200, 12, "anna@example.com")
    ]


def test_one_that_is_tried_again_stays_with_its_new_time(database: SqliteDatabase) -> None:
    delivery = queued(database)
    settled(
        database,
        [settlement(delivery, DeliveryState.RETRYING, retry_after_us=5_000_000, failing_since_us=NOW_US)],
    )

    assert rows(database, "outbox", "retry", "due_at", "attempts", "failing_since", "held") == [
        (1, NOW_US + 5_000_000, 1, NOW_US, 0)
    ]
    assert rows(database, DELIVERY, "status", "next_attempt_at", "finished_at", "error") == [
        ("Retrying", "2026-03-01 12:00:05.000000", None, "it failed")
    ]


def test_a_log_row_that_the_database_refuses_changes_no_result(database: SqliteDatabase) -> None:
    first, second = queued(database, 1), queued(database, 2)
    bad = settlement(first, DeliveryState.DELIVERED)
    bad = replace(bad, attempt=replace(bad.attempt, response="half \ud83d"))
    settled(database, [bad, settlement(second, DeliveryState.DELIVERED)])

    assert rows(database, DELIVERY, "status") == [("Delivered",), ("Delivered",)]
    assert rows(database, "outbox", "id") == []
    assert rows(database, LOG, "delivery") == [(second.name,)]


def test_a_settle_without_the_lease_changes_nothing_but_the_log(database: SqliteDatabase) -> None:
    mine, lost = queued(database, 1), queued(database, 2)
    with writing(database) as tx:
        tx.run('UPDATE "outbox" SET "lease_token" = 7')
    settled(
        database,
        [
            settlement(replace(mine, lease_token=7), DeliveryState.DELIVERED),
            settlement(replace(lost, lease_token=6), DeliveryState.FAILED),
        ],
        is_leased=True,
    )

    assert rows(database, "outbox", "id", "lease_token") == [(lost.id, 7)]
    assert rows(database, DELIVERY, "status") == [("Delivered",), ("Queued",)]
    assert rows(database, LOG, "delivery") == [(mine.name,), (lost.name,)]


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.FAILED])
def test_a_replay_queues_a_finished_delivery_again_under_its_id(database: SqliteDatabase, state: DeliveryState) -> None:
    delivery = queued(database)
    settled(database, [settlement(delivery, state)])
    later = NOW + timedelta(hours=1)
    with writing(database) as tx:
        again = replay(tx, delivery.name, now=later, keeps_order=True)

    assert again.name == delivery.name
    assert again.state is DeliveryState.RETRYING
    assert again.id > delivery.id
    assert (again.attempts, again.round_started_at) == (1, 1)
    assert rows(database, "outbox", "delivery", "due_at", "attempts", "round_started_at", "order_key") == [
        (delivery.name, to_microseconds(later), 1, 1, order_key("Lead", "LEAD-1"))
    ]
    assert rows(database, DELIVERY, "status", "finished_at", "queue_id") == [("Retrying", None, again.id)]


def test_a_replay_of_one_that_waits_makes_it_due_now(database: SqliteDatabase) -> None:
    delivery = queued(database)
    settled(database, [settlement(delivery, DeliveryState.RETRYING, retry_after_us=3_600_000_000)])
    with writing(database) as tx:
        again = replay(tx, delivery.name, now=NOW)

    assert again.id == delivery.id
    assert rows(database, "outbox", "id", "due_at") == [(delivery.id, NOW_US)]


def test_a_replay_needs_a_delivery_with_a_body(database: SqliteDatabase) -> None:
    failed = queued(database, body=None, error="no")
    with writing(database) as tx:
        with pytest.raises(NothingToSend, match="template"):
            replay(tx, failed.name, now=NOW)
        with pytest.raises(UnknownDelivery, match="msg_0"):
            replay(tx, "msg_0", now=NOW)


def test_holding_and_letting_out_goes_in_chunks_and_keeps_what_was_tried(database: SqliteDatabase) -> None:
    first, _, _ = (queued(database, number) for number in (1, 2, 3))
    queued(database, 4, webhook="other")
    settled(database, [settlement(first, DeliveryState.RETRYING, retry_after_us=1)])

    with writing(database) as tx:
        held = [hold(tx, "crm", limit=2), hold(tx, "crm", limit=2), hold(tx, "crm", limit=2)]
    states_held = rows(database, DELIVERY, "status")
    with writing(database) as tx:
        let_out = [release(tx, "crm", limit=2), release(tx, "crm", limit=2), release(tx, "crm", limit=2)]

    assert held == let_out == [2, 1, 0]
    assert states_held == [("Held",), ("Held",), ("Held",), ("Queued",)]
    assert rows(database, DELIVERY, "status") == [("Retrying",), ("Queued",), ("Queued",), ("Queued",)]
    assert rows(database, "outbox", "held") == [(0,), (0,), (0,), (0,)]


def test_deliveries_of_a_deleted_webhook_are_kept_as_failed(database: SqliteDatabase) -> None:
    queued(database, 1)
    queued(database, 2, held=True)
    with writing(database) as tx:
        counts = [give_up(tx, "crm", error="The webhook crm was deleted", now=NOW) for _ in range(2)]

    assert counts == [2, 0]
    assert rows(database, "outbox", "id") == []
    assert rows(database, DELIVERY, "status", "error") == [("Failed", "The webhook crm was deleted")] * 2


def test_a_row_whose_delivery_was_deleted_is_found_and_can_be_forgotten(database: SqliteDatabase) -> None:
    delivery = queued(database)
    with writing(database) as tx:
        tx.run(f'DELETE FROM "{DELIVERY}"')
        (orphan,) = queries.walk(tx, "crm", is_retry=False, after=(0, 0), until_us=None, limit=10)
        forget(tx, [orphan.id])

    assert orphan.id == delivery.id
    assert not orphan.is_due
    assert rows(database, "outbox", "id") == []


def test_only_what_is_old_and_finished_is_purged(database: SqliteDatabase) -> None:
    done, waiting, fresh = (queued(database, number) for number in (1, 2, 3))
    settled(database, [settlement(done, DeliveryState.DELIVERED)])
    with writing(database) as tx:
        tx.run(f'UPDATE "{DELIVERY}" SET "creation" = ? WHERE "name" = ?', ("2026-03-01 11:00:00", done.name))
        tx.run(f'UPDATE "{DELIVERY}" SET "creation" = ? WHERE "name" = ?', ("2026-03-01 11:00:00", waiting.name))
        tx.run(f'UPDATE "{LOG}" SET "modified" = ?', ("2026-03-01 11:00:00",))
        counts = [purge(tx, before=NOW - timedelta(minutes=30)) for _ in range(2)]

    assert counts == [2, 0]
    assert rows(database, DELIVERY, "name") == [(waiting.name,), (fresh.name,)]
    assert rows(database, LOG, "name") == []


def test_failures_of_an_endpoint_are_kept_until_it_works(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        before = queries.failures_of(tx, "crm")
        note_failures(tx, "crm", since_us=5, failures=2)
        note_failures(tx, "crm", since_us=5, failures=3)
        during = queries.failures_of(tx, "crm")
        note_failures(tx, "crm", since_us=0, failures=0)
        after = queries.failures_of(tx, "crm")

    assert (before, during, after) == ((0, 0), (5, 3), (0, 0))
