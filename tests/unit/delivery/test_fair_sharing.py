"""Which request goes next: fairly, in order where that is asked, and not to what is down."""

from collections import Counter

import pytest

from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.operations import replay
from demitasse.transports.model import Outcome
from tests.unit.delivery.kit import Kit, Sending
from tests.unit.outbox.site import DELIVERY


def documents(sendings: list[Sending]) -> list[int]:
    """Return the numbers of the documents that were sent."""
    return [int(sending.request.body[5:-1]) for sending in sendings]


async def test_endpoints_that_do_not_answer_any_more_slow_nobody_else(kit: Kit) -> None:
    names = [f"shop{number}" for number in range(20)]
    for name in names:
        kit.endpoints.set(name, url=f"https://{name}.example.com/")
    await kit.start()
    kit.sender.respond = Sending.answer
    for name in names * 16:
        await kit.queue(webhook=name)
    await kit.pass_time(1)
    kit.sender.respond = None
    for name in names * 20:
        await kit.queue(webhook=name)
    hanging = len(kit.sender.waiting)
    await kit.queue()

    assert 128 < hanging < 256
    assert kit.sender.waiting[-1].request.url == "https://crm.example.com/leads"


async def test_an_endpoint_gets_a_few_requests_at_a_time_and_more_as_it_keeps_up(kit: Kit) -> None:
    kit.endpoints.set(max_concurrency=6)
    await kit.start()
    for _ in range(40):
        await kit.queue()
    at_first = len(kit.sender.waiting)
    for sending in kit.sender.take_all():
        sending.answer()
    await kit.quiet()
    then = len(kit.sender.waiting)
    for sending in kit.sender.take_all():
        sending.fail(Outcome.TIMEOUT)
    await kit.pass_time(100)

    assert (at_first, then) == (4, 6)
    assert len(kit.sender.waiting) == 1


async def test_the_rate_of_an_endpoint_is_limited(kit: Kit) -> None:
    kit.endpoints.set(rate_per_s=2.0)
    kit.sender.respond = Sending.answer
    await kit.start()
    for _ in range(30):
        await kit.queue()
    at_once = len(kit.sender.sent)
    await kit.pass_time(5)

    assert at_once == 2
    assert len(kit.sender.sent) in {11, 12}


async def test_first_attempts_go_before_retries_which_still_go(kit: Kit) -> None:
    kit.max_in_flight = 1
    await kit.restart()
    kit.endpoints.set("flaky", url="https://flaky.example.com/")
    for _ in range(4):
        await kit.queue(webhook="flaky", told=False)
    kit.sender.respond = lambda sending: sending.answer(400)
    kit.dispatcher.look_again()
    await kit.pass_time(1)
    kit.sender.respond = None
    for _ in range(60):
        await kit.queue()
    await kit.pass_time(10)
    kit.sender.sent.clear()
    for _ in range(24):
        kit.sender.waiting.pop(0).answer()
        await kit.quiet()
    hosts = Counter(sending.request.url.split("/")[2].split(".")[0] for sending in kit.sender.sent)

    assert hosts == {"crm": 21, "flaky": 3}


async def test_endpoints_take_turns(kit: Kit) -> None:
    kit.max_in_flight = 4
    await kit.restart()
    kit.endpoints.set("erp", url="https://erp.example.com/")
    for webhook in ("crm", "erp"):
        for _ in range(50):
            await kit.queue(webhook=webhook, told=False)
    kit.dispatcher.look_again()
    await kit.quiet()
    for _ in range(40):
        kit.sender.waiting.pop(0).answer()
        await kit.quiet()
    hosts = Counter(sending.request.url for sending in kit.sender.sent)

    assert max(hosts.values()) - min(hosts.values()) <= 4


async def test_a_breaker_opens_keeps_the_rows_and_lets_one_probe_through(kit: Kit) -> None:
    await kit.start()
    for _ in range(10):
        await kit.queue()
    while kit.sender.waiting:
        for sending in kit.sender.take_all():
            sending.fail(Outcome.REFUSED)
        await kit.quiet()
    attempts_before = sum(row[0] for row in kit.rows(DELIVERY, "attempts"))
    await kit.pass_time(14)
    assert not kit.sender.waiting
    await kit.pass_time(2)
    probe = kit.sender.take()
    probe.fail(Outcome.REFUSED)
    await kit.pass_time(28)
    assert not kit.sender.waiting
    await kit.pass_time(4)
    kit.sender.take().answer(200)
    await kit.quiet()
    snapshot = await kit.dispatcher.snapshot()
    kit.sender.respond = Sending.answer
    for sending in kit.sender.take_all():
        sending.answer(200)
    await kit.pass_time(301)

    assert attempts_before < 10
    assert snapshot.endpoints["crm"].breaker == "closed"
    assert set(kit.rows(DELIVERY, "status")) == {("Delivered",)}


async def replayed(kit: Kit, delivery: QueuedDelivery) -> QueuedDelivery:
    """Replay a delivery, without telling the dispatcher."""
    return await kit.write(lambda tx: replay(tx, delivery.name, now=kit.time.utc_now()))


async def opened_breaker(kit: Kit) -> list[QueuedDelivery]:
    """Have a breaker open, with more in the queue; nothing is under way."""
    await kit.start()
    queued = [await kit.queue() for _ in range(10)]
    while kit.sender.waiting:
        for sending in kit.sender.take_all():
            sending.fail(Outcome.REFUSED)
        await kit.quiet()
    await kit.pass_time(1)
    return queued


@pytest.mark.parametrize("is_due", [False, True], ids=["waits for its time", "waits for the breaker"])
async def test_a_replay_is_tried_at_once_although_the_breaker_is_open(kit: Kit, is_due: bool) -> None:
    queued = await opened_breaker(kit)
    await kit.pass_time(13 if is_due else 1)
    kit.dispatcher.offer([await replayed(kit, queued[0])])
    await kit.quiet()
    probe = kit.sender.take()
    assert dict(probe.request.headers)["webhook-id"] == queued[0].name
    kit.sender.respond = Sending.answer
    probe.answer(200)
    await kit.pass_time(400)

    assert set(kit.rows(DELIVERY, "status")) == {("Delivered",)}


async def test_a_replay_by_a_command_is_tried_at_once_although_the_breaker_is_open(kit: Kit) -> None:
    queued = await opened_breaker(kit)
    await replayed(kit, queued[3])
    kit.dispatcher.look_again()
    await kit.quiet()
    probe = kit.sender.take()

    assert dict(probe.request.headers)["webhook-id"] == queued[3].name


async def test_many_replays_do_not_hammer_what_is_down(kit: Kit) -> None:
    queued = await opened_breaker(kit)
    for delivery in queued:
        kit.dispatcher.offer([await replayed(kit, delivery)])
        await kit.quiet()
    kit.sender.take().fail(Outcome.REFUSED)
    await kit.quiet()

    assert not kit.sender.waiting


async def test_deliveries_of_a_document_go_one_after_the_other(kit: Kit) -> None:
    await kit.start()
    for number in (1, 1, 1, 2):
        await kit.queue(number=number, ordered=True)
    in_flight = documents(kit.sender.waiting)
    first, other = kit.sender.take_all()
    first.answer()
    await kit.quiet()
    second = kit.sender.take()
    second.answer()
    await kit.quiet()
    third = kit.sender.take()

    assert in_flight == [1, 2]
    assert [sending.headers["X-Demitasse-Sequence"] for sending in (first, second, third)] == ["1", "2", "3"]
    assert other.headers["X-Demitasse-Sequence"] == "1"


async def test_one_that_fails_holds_the_later_ones_of_its_document_for_a_minute(kit: Kit) -> None:
    await kit.start()
    await kit.queue(number=1, ordered=True)
    kit.sender.take().answer(400)
    await kit.pass_time(1)
    await kit.queue(number=1, ordered=True)
    await kit.queue(number=2, ordered=True)
    kit.sender.take().answer()
    await kit.pass_time(5)
    retried = kit.sender.take()
    retried.answer(400)
    await kit.pass_time(52)
    assert not kit.sender.waiting
    await kit.pass_time(3)
    passing = kit.sender.take()
    passing.answer()
    await kit.pass_time(300)
    last = kit.sender.take()

    assert retried.headers["X-Demitasse-Sequence"] == "1"
    assert passing.headers["X-Demitasse-Sequence"] == "2"
    assert last.headers["X-Demitasse-Sequence"] == "1"


async def test_time_in_which_the_breaker_is_open_does_not_count_for_the_hold(kit: Kit) -> None:
    await kit.start()
    await kit.queue(number=1, ordered=True)
    kit.sender.take().answer(503, retry_after="300")
    await kit.pass_time(1)
    await kit.queue(number=1, ordered=True)
    await kit.pass_time(297)
    assert not kit.sender.waiting
    await kit.pass_time(5)
    head = kit.sender.take()
    head.answer()
    await kit.pass_time(1)

    assert head.headers["X-Demitasse-Sequence"] == "1"
    assert kit.sender.take().headers["X-Demitasse-Sequence"] == "2"


async def test_the_hold_outlives_the_process(kit: Kit) -> None:
    await kit.start()
    await kit.queue(number=1, ordered=True)
    kit.sender.take().answer(400)
    await kit.pass_time(1)
    await kit.queue(number=1, ordered=True)
    await kit.restart()
    await kit.pass_time(5)
    head = kit.sender.take()
    head.answer(400)
    await kit.pass_time(50)
    assert not kit.sender.waiting
    await kit.pass_time(6)

    assert head.headers["X-Demitasse-Sequence"] == "1"
    assert kit.sender.take().headers["X-Demitasse-Sequence"] == "2"


async def test_a_document_with_many_deliveries_holds_up_no_other(kit: Kit) -> None:
    for _ in range(400):
        await kit.queue(number=1, ordered=True, told=False)
    await kit.queue(number=2, ordered=True, told=False)
    await kit.start()
    await kit.pass_time(0.5)

    assert documents(kit.sender.waiting) == [1, 2]


async def test_a_long_backlog_of_one_document_arrives_in_order(kit: Kit) -> None:
    for _ in range(300):
        await kit.queue(number=1, ordered=True, told=False)
    kit.sender.respond = Sending.answer
    await kit.start()
    await kit.pass_time(30)

    assert [int(sending.headers["X-Demitasse-Sequence"]) for sending in kit.sender.sent] == list(range(1, 301))


@pytest.mark.parametrize("pauses", [0, 1])
async def test_order_is_kept_over_a_pause(kit: Kit, pauses: int) -> None:
    await kit.start()
    for _ in range(3):
        await kit.queue(number=1, ordered=True)
    for _ in range(pauses):
        kit.endpoints.set(is_active=False)
        kit.dispatcher.endpoint_changed("crm")
        await kit.pass_time(1)
        await kit.queue(number=1, ordered=True, held=True)
        kit.endpoints.set()
        kit.dispatcher.endpoint_changed("crm")
        await kit.quiet()
    kit.sender.respond = Sending.answer
    for sending in kit.sender.take_all():
        sending.answer()
    await kit.pass_time(5)

    sequence = [int(sending.headers["X-Demitasse-Sequence"]) for sending in kit.sender.sent]
    assert sequence == list(range(1, 4 + pauses))
