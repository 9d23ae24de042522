"""One delivery whole."""

from datetime import timedelta
from typing import Any

from demitasse.db.sqlite import SqliteDatabase
from demitasse.outbox import detail
from demitasse.outbox.model import Attempt, DeliveryState, QueuedDelivery, Settlement, to_microseconds
from demitasse.outbox.operations import enqueue, settle
from tests.unit.outbox.site import NOW, new_delivery, writing

NOW_US = to_microseconds(NOW)


def failed(delivery: QueuedDelivery, number: int, **more: Any) -> Settlement:
    attempt = Attempt(
        number=number,
        at=NOW + timedelta(seconds=number),
        url="https://crm.example.com/hook",
        method="POST",
        headers='{"X-Source":"erp"}',
        data="{}",
        response="no",
        outcome="server_error",
        status_code=500,
        duration_ms=10 * number,
        error="The receiver answered 500",
        response_headers='{"Server":"x"}',
        is_response_cut=True,
    )
    return Settlement(
        delivery=delivery,
        state=DeliveryState.RETRYING,
        now=NOW,
        attempt=attempt,
        doctype="Lead",
        document="LEAD-1",
        owner="anna@example.com",
        retry_after_us=5_000_000,
    )


def test_it_has_its_attempts_oldest_first_with_their_answers(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        made = enqueue(tx, new_delivery(1), now=NOW)
        for number in (1, 2):
            settle(tx, [failed(made, number)], is_leased=False, now_us=NOW_US)
        found = detail.find(tx, made.name)
        took = detail.durations(tx, [found.row] if found else [])
    assert found is not None
    assert [(row["attempt"], row["status_code"]) for row in found.attempts] == [(1, 500), (2, 500)]
    assert (found.attempts[0]["response_headers"], found.attempts[0]["response_truncated"]) == ('{"Server":"x"}', 1)
    assert (found.row["data"], found.headers) == ('{"n":1}', (("X-Source", "erp"),))
    assert took == {made.name: 20}


def test_it_says_when_it_is_sent_next(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        made = enqueue(tx, new_delivery(1), now=NOW)
        first = detail.find(tx, made.name)
        settle(tx, [failed(made, 1)], is_leased=False, now_us=NOW_US)
        second = detail.find(tx, made.name)
    assert first is not None
    assert second is not None
    assert (first.due_at, second.due_at) == (NOW, NOW + timedelta(seconds=5))


def test_there_is_none_of_another_name(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        assert detail.find(tx, "msg_none") is None
        assert detail.durations(tx, []) == {}
