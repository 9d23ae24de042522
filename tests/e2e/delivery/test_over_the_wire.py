"""Deliveries over real connections to a real receiver."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import standardwebhooks

from demitasse.vault.references import References
from tests.e2e.delivery.plant import Plant
from tests.e2e.receiver import Arrived, Receiver, Reply

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELIVERY, LOG, QUEUE = "tabWebhook Delivery", "tabWebhook Request Log", "outbox"


async def test_every_delivery_arrives_once_with_its_bytes_and_a_signature_that_verifies(
    plant: Plant, receiver: Receiver
) -> None:
    plant.endpoints.set("crm", receiver.url(), secret=SECRET, signs_for_frappe=True)
    made = await plant.queue("crm", range(200))
    await plant.until("Delivered", 200)
    arrived = receiver.arrived()

    assert Counter(each.headers["webhook-id"] for each in arrived) == Counter(delivery.name for delivery in made)
    assert {each.body for each in arrived} == {b'{"n":%d}' % number for number in range(200)}
    verifier = standardwebhooks.Webhook(SECRET)
    for each in arrived:
        verifier.verify(each.body, dict(each.headers))
    assert await plant.rows(QUEUE, "id") == []
    assert len(await plant.rows(LOG, "name")) == 200


async def test_a_receiver_that_was_down_gets_all_when_it_is_up_again(plant: Plant, receiver: Receiver) -> None:
    plant.endpoints.set("crm", receiver.url())
    receiver.down()
    made = await plant.queue("crm", range(3))
    await plant.until("Retrying", 3)
    receiver.up()
    await plant.until("Delivered", 3)

    assert {each.headers["webhook-id"] for each in receiver.arrived()} == {delivery.name for delivery in made}
    assert {row[0] for row in await plant.rows(LOG, "outcome")} == {"refused", "delivered"}


async def test_a_receiver_that_never_answers_does_not_slow_its_neighbour(plant: Plant, receiver: Receiver) -> None:
    with Receiver(reply=lambda _: Reply(waits_for_release=True)) as hanging:
        plant.endpoints.set("slow", hanging.url(), timeout_s=2.0)
        plant.endpoints.set("crm", receiver.url())
        await plant.queue("slow", range(100))
        await asyncio.to_thread(hanging.wait, count=4)
        started = time.monotonic()
        await plant.queue("crm", range(50))
        await plant.until("Delivered", 50)

        assert time.monotonic() - started < 1.5
        assert len(hanging.arrived()) < 17


async def test_documents_arrive_in_order_though_some_attempts_fail(plant: Plant, receiver: Receiver) -> None:
    seen: Counter[str] = Counter()

    def now_and_then(arrived: Arrived) -> Reply:
        seen[arrived.headers["webhook-id"]] += 1
        first_of_third = int(arrived.headers["x-demitasse-sequence"]) % 3 == 0
        return Reply(status=422 if first_of_third and seen[arrived.headers["webhook-id"]] == 1 else 200)

    receiver.reply = now_and_then
    plant.endpoints.set("crm", receiver.url())
    for _ in range(12):
        await plant.queue("crm", [1, 2, 3], ordered=True)
    await plant.until("Delivered", 36)

    for number in (1, 2, 3):
        body = b'{"n":%d}' % number
        sequences = [int(each.headers["x-demitasse-sequence"]) for each in receiver.arrived() if each.body == body]
        assert sequences == sorted(sequences)
        assert set(sequences) == set(range(1, 13))


async def test_a_receiver_that_is_gone_is_not_asked_again(plant: Plant, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(status=410)
    plant.endpoints.set("crm", receiver.url())
    await plant.queue("crm", [1])
    await plant.until("Held", 1)
    await plant.queue("crm", [2])
    await plant.until("Held", 2)

    assert len(receiver.arrived()) == 1
    assert "410" in plant.endpoints.reasons[0]


async def test_a_redirect_is_not_followed(plant: Plant, receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        receiver.reply = lambda _: Reply(status=307, headers={"Location": elsewhere.url()})
        plant.endpoints.set("crm", receiver.url())
        await plant.queue("crm", [1])
        await plant.until("Retrying", 1)

        assert elsewhere.arrived() == []
    ((_, error),) = (await plant.rows(LOG, "outcome", "error"))[:1]
    assert "redirect" in error


async def test_secrets_come_from_where_they_are_named_and_are_not_logged(tmp_path: Path, receiver: Receiver) -> None:
    resolver = References(
        conf={"crm_url": receiver.url("/hook?token=t0ken"), "crm_secret": "s3cret"}, environ={"CRM_TOKEN": "t0psecret"}
    )
    plant = Plant(tmp_path / "site.db", resolver=resolver)
    plant.endpoints.set("crm", "conf:crm_url", secret="conf:crm_secret", signs_for_frappe=True)
    await plant.queue("crm", [1])
    await plant.until("Delivered", 1)
    arrived = receiver.arrived("/hook?token=t0ken")
    logged = str(await plant.rows(LOG, "url", "headers", "data", "response", "error"))
    await plant.close()

    assert "x-frappe-webhook-signature" in arrived[0].headers
    assert "conf:crm_url" in logged
    assert all(secret not in logged for secret in ("t0ken", "s3cret", "t0psecret"))


async def test_what_is_left_by_one_process_is_sent_by_the_next(tmp_path: Path, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(waits_for_release=True)
    first = Plant(tmp_path / "site.db")
    first.endpoints.set("crm", receiver.url())
    made = await first.queue("crm", range(20))
    await asyncio.to_thread(receiver.wait, count=1)
    await first.dispatcher.close(grace_s=0)
    await first.sender.close()
    await first.lanes.close()
    first.database.close()
    receiver.release()
    receiver.reply = lambda _: Reply()
    second = Plant(tmp_path / "site.db")
    second.endpoints.set("crm", receiver.url())
    await second.until("Delivered", 20)
    await second.close()

    assert {each.headers["webhook-id"] for each in receiver.arrived()} == {delivery.name for delivery in made}


async def test_deliveries_that_threads_commit_are_sent(plant: Plant, receiver: Receiver) -> None:
    plant.endpoints.set("crm", receiver.url())
    await asyncio.gather(*(asyncio.to_thread(plant.queue_in_thread, "crm", [number]) for number in range(20)))
    await plant.until("Delivered", 20)

    assert len(receiver.arrived()) == 20
