"""Sending many deliveries again, part by part."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.outbox import history
from demitasse.outbox.model import DeliveryState
from demitasse.outbox.operations import enqueue
from demitasse.outbox.replaying import Selection, Step, count, replay_some
from tests.unit.outbox.site import DELIVERY, NOW, new_delivery, rows, writing

LATER = NOW + timedelta(hours=1)


def chosen(**more: Any) -> Selection:
    return Selection(**{"webhook": "crm", "since": NOW - timedelta(days=9), "until": LATER, **more})


def finished(
    tx: Transaction,
    number: int,
    *,
    at: datetime = NOW,
    status: str = "Failed",
    **more: Any,
) -> str:
    """Write a delivery whose attempts are over and return its name."""
    queued = enqueue(tx, new_delivery(number, **more), now=at)
    tx.run('DELETE FROM "outbox" WHERE "id" = ?', (queued.id,))
    tx.run(f'UPDATE "{DELIVERY}" SET "status" = ?, "attempts" = 8 WHERE "name" = ?', (status, queued.name))
    return queued.name


def all_parts(database: SqliteDatabase, selection: Selection, *, limit: int) -> list[Step]:
    found: list[Step] = []
    place = None
    while True:
        with writing(database) as tx:
            found.append(replay_some(tx, selection, after=place, now=LATER, keeps_order=False, limit=limit))
        place = found[-1].place
        if place is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_each_is_queued_once_whatever_the_size_of_the_parts(database: SqliteDatabase, limit: int) -> None:
    with writing(database) as tx:  # Three of one moment, so that the name must decide.
        names = [finished(tx, number, at=NOW + timedelta(seconds=number // 3)) for number in range(5)]
    parts = all_parts(database, chosen(), limit=limit)
    assert sorted(delivery.name for part in parts for delivery in part.queued) == sorted(names)
    assert rows(database, "outbox", "delivery", "retry") == [
        (delivery.name, 1) for part in parts for delivery in part.queued
    ]
    assert {status for (status,) in rows(database, DELIVERY, "status")} == {"Retrying"}


def test_only_the_webhooks_own_of_the_state_and_the_time_are_chosen(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        wanted = finished(tx, 1)
        finished(tx, 2, webhook="other")
        finished(tx, 3, status="Delivered")
        finished(tx, 4, at=NOW - timedelta(days=10))
        enqueue(tx, new_delivery(5), now=NOW)
        assert count(tx, chosen()).sendable == 1
        step = replay_some(tx, chosen(), after=None, now=LATER, keeps_order=False)
    assert [delivery.name for delivery in step.queued] == [wanted]


def test_what_has_no_body_is_counted_and_left_alone(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        finished(tx, 1)
        enqueue(tx, new_delivery(2, body=None, error="no template"), now=NOW)
        found = count(tx, chosen())
        step = replay_some(tx, chosen(), after=None, now=LATER, keeps_order=False)
    assert (found.sendable, found.without_body) == (1, 1)
    assert (len(step.queued), step.without_body) == (1, 1)


def test_a_new_round_begins_where_the_attempts_ended(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        finished(tx, 1)
        step = replay_some(tx, chosen(), after=None, now=LATER, keeps_order=True)
    (delivery,) = step.queued
    assert (delivery.attempts, delivery.round_started_at, delivery.order_key) == (8, 8, "Lead/LEAD-1")


@pytest.mark.parametrize("state", [DeliveryState.QUEUED, DeliveryState.RETRYING, DeliveryState.HELD])
def test_what_waits_cannot_be_chosen(state: DeliveryState) -> None:
    with pytest.raises(ValueError, match="Only Failed and Delivered"):
        chosen(state=state)


@pytest.mark.parametrize("only", [{}, {"webhook": "crm"}, {"status": "Failed"}])
def test_an_export_in_parts_has_every_delivery_once(database: SqliteDatabase, only: dict[str, str]) -> None:
    with writing(database) as tx:
        names = [finished(tx, number, at=NOW + timedelta(seconds=number // 2)) for number in range(7)]
    selection = history.Slice(since=NOW, until=LATER, **only)
    found: list[history.Row] = []
    tx = database.read()
    while part := history.deliveries(tx, selection, after=found[-1] if found else None, limit=2):
        found += part
    tx.rollback()
    assert sorted(row["name"] for row in found) == sorted(names)
    if only:  # Else they come by name, which is by the real time of writing: here all at once.
        assert [row["creation"] for row in found] == sorted(row["creation"] for row in found)
