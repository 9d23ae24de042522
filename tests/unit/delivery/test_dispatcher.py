"""The dispatcher: what is queued is delivered, whatever happens on the way."""

import asyncio
import json

import pytest

from demitasse.delivery.policy import RetrySchedule
from demitasse.delivery.ports import AlertKind
from demitasse.outbox.operations import replay
from demitasse.outbox.queries import INLINE_BYTES
from demitasse.transports.model import Outcome
from tests.unit.delivery.kit import Kit
from tests.unit.outbox.site import DELIVERY, LOG

QUEUE = "outbox"


async def test_a_new_delivery_is_sent_settled_and_logged(kit: Kit) -> None:
    await kit.start()
    queued = await kit.queue()
    sending = kit.sender.take()
    sending.answer(201, body=b'{"ok":true}')
    await kit.pass_time(0.05)

    assert (sending.request.method, sending.request.url, sending.request.body) == (
        "POST",
        "https://crm.example.com/leads",
        b'{"n":1}',
    )
    assert sending.id == queued.name
    assert kit.rows(DELIVERY, "status", "attempts", "status_code") == [("Delivered", 1, 201)]
    assert kit.rows(QUEUE, "id") == []
    ((headers, response),) = kit.rows(LOG, "headers", "response")
    assert response == '{"ok":true}'
    assert json.loads(headers)["X-Source"] == "erp"


async def test_what_an_earlier_process_left_is_delivered(kit: Kit) -> None:
    names = {(await kit.queue(told=False)).name for _ in range(3)}
    await kit.restart()

    assert {sending.id for sending in kit.sender.waiting} == names


async def test_a_delivery_that_nobody_told_of_is_found_by_and_by(kit: Kit) -> None:
    await kit.start()
    await kit.queue(told=False)
    assert not kit.sender.sent
    await kit.pass_time(301)

    assert len(kit.sender.sent) == 1


async def test_what_another_process_wrote_is_found_when_we_look_again(kit: Kit) -> None:
    await kit.start()
    await kit.queue(told=False)
    kit.dispatcher.look_again()
    await kit.quiet()

    assert len(kit.sender.sent) == 1


async def test_deliveries_are_taken_from_any_thread(kit: Kit) -> None:
    await kit.start()
    queued = await kit.queue(told=False)
    await asyncio.to_thread(kit.dispatcher.offer, [queued])
    await kit.quiet()

    assert kit.sender.take().id == queued.name


async def test_a_failed_attempt_is_made_again_with_the_same_id_and_bytes(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    first = kit.sender.take()
    first.answer(500)
    await kit.pass_time(4.9)
    assert not kit.sender.waiting
    assert kit.rows(DELIVERY, "status", "attempts") == [("Retrying", 1)]
    await kit.pass_time(0.2)
    second = kit.sender.take()
    second.answer(200)
    await kit.pass_time(0.1)

    assert (second.id, second.request.body) == (first.id, first.request.body)
    assert [sending.headers["X-Demitasse-Attempt"] for sending in (first, second)] == ["1", "2"]
    assert kit.rows(DELIVERY, "status", "attempts", "error") == [("Delivered", 2, None)]
    assert kit.rows(LOG, "attempt", "outcome", "status_code") == [(1, "server_error", 500), (2, "delivered", 200)]


async def test_an_exhausted_schedule_gives_up_keeps_the_delivery_and_tells(kit: Kit) -> None:
    kit.endpoints.set(schedule=RetrySchedule(delays_s=(1.0, 2.0)))
    await kit.start()
    queued = await kit.queue()
    for _ in range(3):
        kit.sender.take().fail(Outcome.REFUSED)
        await kit.pass_time(2.1)

    ((status, attempts, error),) = kit.rows(DELIVERY, "status", "attempts", "error")
    assert (status, attempts) == ("Failed", 3)
    assert error.startswith("it was refused")
    assert "last of 3 attempts" in error
    assert kit.rows(QUEUE, "id") == []
    assert [(alert.kind, alert.delivery) for alert in kit.alerts.told] == [(AlertKind.DELIVERY_FAILED, queued.name)]


async def test_a_replay_has_a_new_round_of_attempts(kit: Kit) -> None:
    kit.endpoints.set(schedule=RetrySchedule(delays_s=(1.0,)))
    await kit.start()
    queued = await kit.queue()
    for _ in range(2):
        kit.sender.take().answer(404)
        await kit.pass_time(1.1)
    again = await kit.write(lambda tx: replay(tx, queued.name, now=kit.time.utc_now()))
    kit.dispatcher.offer([again])
    await kit.quiet()
    third = kit.sender.take()
    third.answer(404)
    await kit.pass_time(1.1)
    kit.sender.take().answer(200)
    await kit.pass_time(0.1)

    assert third.id == queued.name
    assert third.headers["X-Demitasse-Attempt"] == "3"
    assert kit.rows(DELIVERY, "status", "attempts") == [("Delivered", 4)]


async def test_a_receiver_that_is_overloaded_is_left_alone_for_as_long_as_it_asks(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.sender.take().answer(429, retry_after="40")
    await kit.pass_time(0.1)
    await kit.queue()
    await kit.pass_time(39)
    assert not kit.sender.waiting
    await kit.pass_time(2)

    assert len(kit.sender.waiting) == 2


async def test_410_pauses_the_webhook_holds_its_deliveries_and_tells(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    await kit.queue()
    first, second = kit.sender.take_all()
    first.answer(410)
    await kit.quiet()
    second.answer(500)
    await kit.pass_time(0.1)
    await kit.queue(held=True)
    await kit.pass_time(3_600)

    assert kit.endpoints.disabled[0][0] == "crm"
    assert "410" in kit.endpoints.disabled[0][1]
    assert [alert.kind for alert in kit.alerts.told] == [AlertKind.WEBHOOK_PAUSED]
    assert kit.rows(DELIVERY, "status") == [("Held",), ("Held",), ("Held",)]
    assert not kit.sender.waiting


async def test_what_is_held_goes_out_when_the_webhook_is_resumed(kit: Kit) -> None:
    kit.endpoints.set(is_active=False)
    await kit.start()
    held = [await kit.queue(held=True), await kit.queue(held=True)]
    await kit.pass_time(1)
    assert not kit.sender.sent
    kit.endpoints.set(is_active=True)
    kit.dispatcher.endpoint_changed("crm")
    await kit.quiet()

    assert [sending.id for sending in kit.sender.waiting] == [delivery.name for delivery in held]
    assert kit.rows(DELIVERY, "status") == [("Queued",), ("Queued",)]


async def test_what_waits_is_held_when_the_webhook_is_paused(kit: Kit) -> None:
    kit.endpoints.set(max_concurrency=1)
    await kit.start()
    for _ in range(3):
        await kit.queue()
    kit.endpoints.set(is_active=False)
    kit.dispatcher.endpoints_changed()
    await kit.quiet()
    kit.sender.take().answer(200)
    await kit.pass_time(0.1)
    await kit.queue()

    assert kit.rows(DELIVERY, "status") == [("Delivered",), ("Held",), ("Held",), ("Held",)]
    assert len(kit.sender.sent) == 1


async def test_a_delivery_that_was_held_while_the_webhook_was_resumed_goes_out(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.sender.take().answer()
    await kit.pass_time(0.1)
    await kit.queue(held=True)
    await kit.quiet()

    assert len(kit.sender.waiting) == 1


async def test_a_result_that_could_not_be_written_before_the_webhook_was_resumed_is_let_out(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.disk.is_full = True
    kit.endpoints.set(is_active=False)
    kit.dispatcher.endpoint_changed("crm")
    kit.sender.take().answer(500)
    await kit.pass_time(0.1)
    kit.disk.is_full = False
    kit.endpoints.set()
    kit.dispatcher.endpoint_changed("crm")
    await kit.pass_time(30)

    assert kit.sender.take().headers["X-Demitasse-Attempt"] == "2"


async def test_what_is_held_though_its_webhook_is_open_is_found_by_and_by(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.sender.take().answer()
    await kit.pass_time(0.1)
    await kit.queue(held=True, told=False)
    await kit.pass_time(301)

    assert len(kit.sender.waiting) == 1


async def test_deliveries_of_a_deleted_webhook_are_given_up_and_kept(kit: Kit) -> None:
    del kit.endpoints.found["crm"]
    await kit.start()
    await kit.queue()
    await kit.pass_time(9)
    assert kit.rows(DELIVERY, "status") == [("Queued",)]
    await kit.pass_time(2)

    assert kit.rows(DELIVERY, "status", "error") == [("Failed", "The webhook crm was deleted")]
    assert kit.rows(QUEUE, "id") == []


async def test_a_webhook_that_appears_in_time_keeps_its_deliveries(kit: Kit) -> None:
    del kit.endpoints.found["crm"]
    await kit.start()
    await kit.queue()
    await kit.pass_time(5)
    kit.endpoints.set()
    await kit.pass_time(6)

    assert len(kit.sender.waiting) == 1


async def test_a_missing_secret_fails_the_attempt_with_its_reason_and_it_is_made_again(kit: Kit) -> None:
    kit.endpoints.set(secret="env:CRM_SECRET", signs_for_frappe=True)
    await kit.start()
    await kit.queue()
    await kit.pass_time(0.1)
    assert kit.rows(DELIVERY, "status", "error") == [
        ("Retrying", "env:CRM_SECRET is not set: add it to the server's environment")
    ]
    kit.environ["CRM_SECRET"] = "s3cret"
    await kit.pass_time(5)

    assert "X-Frappe-Webhook-Signature" in kit.sender.take().headers
    assert kit.rows(LOG, "outcome", "status_code") == [("not_sent", 0)]


async def test_results_that_cannot_be_written_are_kept_and_nothing_more_is_sent(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.disk.is_full = True
    kit.sender.take().answer(200)
    await kit.pass_time(1)
    await kit.queue()
    await kit.pass_time(60)
    was_sent = len(kit.sender.sent)
    statuses = kit.rows(DELIVERY, "status")
    kit.disk.is_full = False
    await kit.pass_time(6)
    kit.sender.take().answer(200)
    await kit.pass_time(1)

    assert was_sent == 1
    assert statuses == [("Queued",), ("Queued",)]
    assert kit.rows(DELIVERY, "status", "attempts") == [("Delivered", 1), ("Delivered", 1)]
    assert len(kit.sender.sent) == 2


async def test_what_is_not_answered_when_the_server_stops_is_sent_again_with_the_same_id(kit: Kit) -> None:
    await kit.start()
    queued = await kit.queue()
    before = kit.sender.sent[0]
    await kit.restart()
    after = kit.sender.take()

    assert before.id == after.id == queued.name
    assert before.headers["X-Demitasse-Attempt"] == after.headers["X-Demitasse-Attempt"] == "1"


async def test_closing_settles_what_was_answered(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.sender.take().answer(200)
    await kit.dispatcher.close(grace_s=0)

    assert kit.rows(DELIVERY, "status") == [("Delivered",)]


async def test_a_result_that_comes_after_closing_changes_nothing(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    await kit.dispatcher.close(grace_s=0)
    kit.sender.take().answer(200)
    await kit.quiet()

    assert kit.rows(DELIVERY, "status") == [("Queued",)]


async def test_a_large_body_is_not_kept_in_memory_and_arrives_whole(kit: Kit) -> None:
    body = b'"' + b"x" * (INLINE_BYTES * 5) + b'"'
    await kit.queue(told=False, body=body)
    await kit.start()
    sending = kit.sender.take()
    sending.answer()
    await kit.pass_time(0.1)

    assert sending.request.body == body
    ((logged,),) = kit.rows(LOG, "data")
    assert len(logged) == 65_536


@pytest.mark.parametrize("size", [10, INLINE_BYTES * 2])
async def test_a_delivery_whose_document_was_deleted_is_dropped(kit: Kit, size: int) -> None:
    await kit.queue(told=False, body=b'"' + b"x" * size + b'"')
    await kit.write(lambda tx: tx.run(f'DELETE FROM "{DELIVERY}"'))
    await kit.start()

    assert not kit.sender.sent
    assert kit.rows(QUEUE, "id") == []


async def test_a_backlog_is_read_a_bounded_part_at_a_time(kit: Kit) -> None:
    for _ in range(600):
        await kit.queue(told=False)
    await kit.start()
    snapshot = await kit.dispatcher.snapshot()
    assert snapshot.endpoints["crm"].in_memory <= 256
    assert snapshot.queues["crm"].waiting == 600
    kit.sender.respond = lambda sending: sending.answer()
    for sending in kit.sender.take_all():
        sending.answer()
    await kit.pass_time(1)

    assert len({sending.id for sending in kit.sender.sent}) == 600
    assert len(kit.sender.sent) == 600
    assert kit.rows(QUEUE, "id") == []


async def test_five_days_of_failures_only_pause_the_webhook(kit: Kit) -> None:
    kit.endpoints.set(schedule=RetrySchedule(delays_s=(40_000.0,) * 20))
    await kit.start()
    await kit.queue()
    for _ in range(14):
        for sending in kit.sender.take_all():
            sending.fail(Outcome.DNS)
        await kit.pass_time(40_001)

    assert len(kit.endpoints.disabled) == 1
    assert "five days" in kit.endpoints.disabled[0][1]
    assert kit.rows(DELIVERY, "status") == [("Held",)]


async def test_a_success_between_failures_keeps_the_webhook_on(kit: Kit) -> None:
    kit.endpoints.set(schedule=RetrySchedule(delays_s=(40_000.0,) * 20))
    await kit.start()
    await kit.queue()
    for round_ in range(14):
        for sending in kit.sender.take_all():
            sending.fail(Outcome.DNS)
        if round_ == 7:
            await kit.queue()
            await kit.pass_time(400)  # The breaker is open: a probe.
            kit.sender.take().answer(200)
        await kit.pass_time(40_001)

    assert kit.endpoints.disabled == []


async def test_the_run_of_failures_outlives_the_process(kit: Kit) -> None:
    kit.endpoints.set(schedule=RetrySchedule(delays_s=(40_000.0,) * 20))
    await kit.start()
    await kit.queue()
    for round_ in range(14):
        for sending in kit.sender.take_all():
            sending.fail(Outcome.DNS)
        await kit.pass_time(40_001)
        if round_ % 3 == 0:
            await kit.restart()

    assert len(kit.endpoints.disabled) == 1


async def test_a_snapshot_counts_attempts_by_outcome(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.sender.take().answer(200)
    await kit.queue()
    kit.sender.take().answer(500)
    await kit.pass_time(0.1)
    snapshot = await kit.dispatcher.snapshot()

    assert snapshot.attempts == {("crm", "delivered"): 1, ("crm", "server_error"): 1}
    assert snapshot.finished == {("crm", "Delivered"): 1}
    assert sum(snapshot.latency_counts) == 2
    assert (snapshot.in_flight, snapshot.unsettled) == (0, 0)


async def test_an_alert_that_fails_harms_nothing(kit: Kit) -> None:
    async def broken(alert: object) -> None:
        raise LookupError

    kit.alerts.alert = broken  # type: ignore[method-assign] # a port of the test's own
    kit.endpoints.set(schedule=RetrySchedule(delays_s=()))
    await kit.start()
    await kit.queue()
    kit.sender.take().answer(500)
    await kit.pass_time(0.1)
    await kit.queue()
    kit.sender.take().answer(200)
    await kit.pass_time(0.1)

    assert kit.rows(DELIVERY, "status") == [("Failed",), ("Delivered",)]


async def test_a_webhook_that_cannot_be_paused_is_left_alone_and_its_deliveries_kept(kit: Kit) -> None:
    async def broken(webhook: str, *, reason: str) -> None:
        raise LookupError(webhook)

    kit.endpoints.disable = broken  # type: ignore[method-assign] # a port of the test's own
    await kit.start()
    await kit.queue()
    kit.sender.take().answer(410)
    await kit.pass_time(30)
    assert not kit.sender.waiting
    await kit.pass_time(31)
    kit.sender.take().answer(200)
    await kit.pass_time(0.1)

    assert kit.rows(DELIVERY, "status") == [("Delivered",)]


async def test_deliveries_told_out_of_turn_are_each_sent_once(kit: Kit) -> None:
    await kit.start()
    await kit.queue()
    kit.sender.take().answer()
    await kit.pass_time(0.1)
    first, second = await kit.queue(told=False), await kit.queue(told=False)
    kit.dispatcher.offer([second])
    await kit.quiet()
    kit.dispatcher.offer([first])
    await kit.quiet()
    for sending in kit.sender.take_all():
        sending.answer()
    await kit.pass_time(1)
    kit.dispatcher.offer([first])
    await kit.quiet()

    assert [sending.id for sending in kit.sender.sent[1:]] == [second.name, first.name]


async def test_the_same_delivery_told_twice_is_sent_once(kit: Kit) -> None:
    await kit.start()
    queued = await kit.queue()
    kit.dispatcher.offer([queued, queued])
    kit.sender.take().answer()
    await kit.pass_time(1)
    kit.dispatcher.offer([queued])
    await kit.quiet()

    assert len(kit.sender.sent) == 1


async def test_a_failed_render_is_not_sent(kit: Kit) -> None:
    await kit.start()
    await kit.queue(body=None, error="Line 3")

    assert not kit.sender.sent
