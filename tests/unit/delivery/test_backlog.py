"""What the owner of the queue knows of a webhook's part: planned reads, findings, claims."""

from typing import Any

import pytest

from demitasse.delivery import backlog as module
from demitasse.delivery.backlog import Backlog
from demitasse.delivery.ports import Want
from demitasse.delivery.reading import Found, Plan
from demitasse.outbox.model import DeliveryState, Message, QueuedDelivery

SECOND = 1_000_000
MESSAGE = Message(
    doctype="Lead",
    document="A",
    event="on_update",
    sequence=1,
    url=None,
    method="POST",
    headers=(),
    content_type="application/json",
    body=b"{}",
    owner="a",
)


def row(number: int, *, key: str | None = None, retry: bool = False, **more: Any) -> QueuedDelivery:
    values: dict[str, Any] = {
        "id": number,
        "name": f"msg_{number}",
        "webhook": "crm",
        "state": DeliveryState.RETRYING if retry else DeliveryState.QUEUED,
        "order_key": key,
        "due_at_us": number,
        "message": MESSAGE,
    }
    return QueuedDelivery(**{**values, **more})


def want(now_us: int = 100, *, first: int = 10, retries: int = 10, floor_us: int = -1) -> Want:
    return Want(first=first, retries=retries, now_us=now_us, hold_floor_us=floor_us, lease_s=0.0)


def take(backlog: Backlog, found: Found, **wanted: Any) -> list[int]:
    taken = backlog.take_in(backlog.plan(want(**wanted)), found)
    return [delivery.id for delivery in (*taken.deliveries, *taken.orphans)]


@pytest.fixture
def walked() -> Backlog:
    """A webhook whose queue was found empty."""
    backlog = Backlog()
    take(backlog, Found())
    return backlog


def more(backlog: Backlog, *, firsts: bool = True, retries: bool = True, now_us: int = 100, floor_us: int = -1) -> bool:
    return backlog.has_more(firsts=firsts, retries=retries, now_us=now_us, hold_floor_us=floor_us)


def test_at_first_nothing_is_known_so_a_read_is_wanted() -> None:
    assert more(Backlog())


def test_an_empty_queue_needs_no_more_reads(walked: Backlog) -> None:
    assert not more(walked)
    assert walked.plan(want()).is_empty


def test_a_new_row_is_claimed_without_a_read_when_all_before_it_is_known(walked: Backlog) -> None:
    assert walked.offered(row(1), has_room=True)
    assert not more(walked)


def test_without_room_it_stays_in_the_queue_and_so_do_all_after_it(walked: Backlog) -> None:
    assert not walked.offered(row(1), has_room=False)
    assert not walked.offered(row(2), has_room=True)
    assert take(walked, Found(firsts=[row(1), row(2)])) == [1, 2]


def test_a_row_is_handed_out_once(walked: Backlog) -> None:
    walked.offered(row(1), has_room=True)
    walked.restart()

    assert take(walked, Found(firsts=[row(1), row(2)])) == [2]


def test_what_was_offered_while_a_read_was_under_way_is_not_taken_for_seen() -> None:
    backlog = Backlog()
    plan = backlog.plan(want())
    backlog.offered(row(5), has_room=True)
    backlog.take_in(plan, Found())

    assert more(backlog)


def test_what_commits_later_with_an_earlier_time_is_not_walked_past() -> None:
    backlog = Backlog()
    take(backlog, Found(firsts=[row(2, due_at_us=90)]), first=1)
    backlog.offered(row(3, due_at_us=80), has_room=True)

    assert backlog.plan(want()).first_after < (80, 3)


def test_what_commits_while_a_read_is_under_way_with_an_earlier_time_is_not_walked_past() -> None:
    backlog = Backlog()
    plan = backlog.plan(want())
    backlog.offered(row(3, due_at_us=80), has_room=True)
    backlog.take_in(plan, Found(firsts=[row(2, due_at_us=90)]))

    assert backlog.plan(want()).first_after < (80, 3)


def test_a_replay_while_a_read_is_under_way_is_not_walked_past(walked: Backlog) -> None:
    walked.restart()
    plan = walked.plan(want())
    walked.offered(row(3, retry=True, due_at_us=80), has_room=True)
    walked.take_in(plan, Found(retries=[row(2, retry=True, due_at_us=90)]))

    assert more(walked)
    assert walked.plan(want()).retry_after < (80, 3)


def test_what_ended_while_a_read_was_under_way_is_not_handed_out_again(walked: Backlog) -> None:
    first = row(1)
    walked.offered(first, has_room=True)
    walked.restart()
    plan = walked.plan(want())
    walked.ended(first)

    assert walked.take_in(plan, Found(firsts=[first])).deliveries == []


def test_a_retry_is_expected_when_it_is_due(walked: Backlog) -> None:
    first = row(1)
    walked.offered(first, has_room=True)
    walked.postponed(first, due_at_us=500, failing_since_us=100)

    assert walked.retry_due_us == 500
    assert not more(walked, now_us=499)
    assert more(walked, now_us=500)
    assert not more(walked, now_us=500, retries=False)


def test_a_retry_that_is_learnt_of_while_a_read_is_under_way_is_not_forgotten(walked: Backlog) -> None:
    first, second = row(1), row(2)
    walked.offered(first, has_room=True)
    walked.offered(second, has_room=True)
    walked.postponed(first, due_at_us=500, failing_since_us=100)
    plan = walked.plan(want(now_us=500))
    walked.postponed(second, due_at_us=600, failing_since_us=100)
    walked.take_in(plan, Found(retries=[row(1, retry=True, due_at_us=500)], next_due_us=900))

    assert walked.retry_due_us == 600


def test_more_retries_than_were_wanted_are_read_next(walked: Backlog) -> None:
    walked.restart()
    found = Found(retries=[row(number, retry=True) for number in (1, 2)], next_due_us=900)

    assert take(walked, found, retries=2) == [1, 2]
    assert more(walked)


def test_a_failed_read_is_planned_again(walked: Backlog) -> None:
    walked.offered(row(1, key="A"), has_room=True)
    walked.restart()
    plan = walked.plan(want())
    walked.give_up(plan)
    again = walked.plan(want())

    assert again.keys == plan.keys == ["A"]
    assert again.retries == plan.retries


def test_a_clock_that_goes_back_loses_no_retry(walked: Backlog) -> None:
    first = row(1)
    walked.offered(first, has_room=True)
    walked.restart()
    take(walked, Found(retries=[row(9, retry=True, due_at_us=90)]))
    walked.postponed(first, due_at_us=50, failing_since_us=40)

    assert walked.plan(want()).retry_after < (50, 1)


def keyed(backlog: Backlog, *numbers: int) -> list[int]:
    """Walk over first attempts of one document."""
    backlog.restart()
    rows = [row(number, key="A") for number in numbers]
    return take(backlog, Found(firsts=rows, heads={"A": rows[0]}))


def test_of_a_document_one_is_handed_out_and_the_next_when_it_has_ended(walked: Backlog) -> None:
    first = row(1, key="A")

    assert keyed(walked, 1, 2, 3) == [1]
    assert not more(walked)
    assert walked.is_awaited(first)
    walked.ended(first)
    assert walked.plan(want()).keys == ["A"]


def test_a_single_delivery_of_a_document_is_awaited_by_nobody(walked: Backlog) -> None:
    keyed(walked, 1)

    assert not walked.is_awaited(row(1, key="A"))
    walked.ended(row(1, key="A"))
    assert not more(walked)


def test_one_that_failed_keeps_the_others_back_until_the_floor_has_passed_it(walked: Backlog) -> None:
    keyed(walked, 1, 2)
    walked.postponed(row(1, key="A"), due_at_us=10_000, failing_since_us=200)

    assert walked.holding_since_us == 200
    assert not more(walked, now_us=300, floor_us=199)
    assert more(walked, now_us=300, floor_us=200)
    assert walked.plan(want(now_us=300, floor_us=200)).keys == ["A"]


def test_its_own_retry_goes_while_it_keeps_the_others_back(walked: Backlog) -> None:
    keyed(walked, 1, 2)
    walked.postponed(row(1, key="A"), due_at_us=500, failing_since_us=200)

    assert take(walked, Found(retries=[row(1, key="A", retry=True, due_at_us=500)]), now_us=500) == [1]


def test_a_hold_that_was_renewed_is_not_ended_by_the_old_one(walked: Backlog) -> None:
    keyed(walked, 1, 2)
    walked.postponed(row(1, key="A"), due_at_us=300, failing_since_us=200)
    take(walked, Found(retries=[row(1, key="A", retry=True, due_at_us=300)]), now_us=300)
    walked.ended(row(1, key="A", retry=True))
    take(walked, Found(heads={"A": row(2, key="A")}), now_us=300)
    walked.postponed(row(2, key="A"), due_at_us=9_000, failing_since_us=400)
    walked.offered(row(3, key="A"), has_room=True)

    assert walked.plan(want(now_us=500, floor_us=250)).keys == []
    walked.take_in(walked.plan(want(now_us=500, floor_us=250)), Found())
    assert walked.plan(want(now_us=500, floor_us=400)).keys == ["A"]


def test_an_older_one_that_was_passed_over_waits_while_a_later_one_is_on_its_way(walked: Backlog) -> None:
    keyed(walked, 2)
    walked.restart()
    older = row(1, key="A", retry=True, due_at_us=50)

    assert take(walked, Found(retries=[older])) == []
    walked.ended(row(2, key="A"))
    assert walked.plan(want()).keys == ["A"]


def test_a_key_whose_head_is_not_due_is_kept_back_by_it(walked: Backlog) -> None:
    walked.restart()
    failing = row(1, key="A", retry=True, due_at_us=9_000, failing_since_us=90)

    assert take(walked, Found(firsts=[row(2, key="A")], heads={"A": failing})) == []
    assert walked.holding_since_us == 90
    assert walked.plan(want(floor_us=90)).keys == ["A"]


def test_rows_that_are_given_back_can_be_claimed_again(walked: Backlog) -> None:
    keyed(walked, 1)
    walked.offered(row(7), has_room=True)
    walked.give_back([row(1, key="A"), row(7)])

    assert walked.claimed == 0
    assert take(walked, Found(firsts=[row(1, key="A"), row(7)], heads={"A": row(1, key="A")})) == [1, 7]


def test_a_row_without_its_delivery_is_an_orphan(walked: Backlog) -> None:
    walked.restart()
    lost = row(1, state=DeliveryState.FAILED, message=None)
    taken = walked.take_in(walked.plan(want()), Found(firsts=[lost, row(2)]))

    assert [delivery.id for delivery in taken.deliveries] == [2]
    assert [delivery.id for delivery in taken.orphans] == [1]


def test_with_too_many_documents_that_fail_no_new_ones_are_read(
    walked: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_GATES", 2)
    walked.restart()
    rows = [row(number, key=str(number)) for number in (1, 2)]
    take(walked, Found(firsts=rows, heads={str(number): rows[number - 1] for number in (1, 2)}), first=2)
    for each in rows:
        walked.postponed(each, due_at_us=10_000, failing_since_us=100)
    plan: Plan = walked.plan(want(floor_us=50))

    assert plan.firsts == 0
    walked.give_up(plan)
    assert walked.plan(want(floor_us=100)).firsts == 10
