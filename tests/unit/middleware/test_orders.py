"""Orders: one document for each key, whatever breaks in between."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demitasse.client.model import ApiRequest
from demitasse.middleware.errors import Refusal
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.mapping_file import read_mapping
from demitasse.middleware.model import Device, Order
from demitasse.middleware.orders import Answered, Orders
from demitasse.middleware.placing import Placing
from demitasse.middleware.store import Store
from tests.unit.middleware.fakes import FakeSite, broken, down, late, refused

ROUTE = read_mapping(None).creates[0]
GOOD = {"customer": "Asha", "items": [{"sku": "IC-CONE-VAN", "qty": 2}], "outlet_id": "OUT-1"}
PLACED = {"success": True, "order_id": "SO-1", "total": 160.0}


class Till:
    """The room with its own store and a site that can be broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = FakeSite()
        self.told: list[Order] = []
        self.lease_s = 40.0
        self.now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
        self.open()

    def open(self) -> None:
        self.keeping = Keeping(Store(self.folder))
        self.orders = Orders(
            (ROUTE,),
            placing=Placing(self.site.ask),
            keeping=self.keeping,
            clock=lambda: self.now,
            zone=ZoneInfo("UTC"),
            told=self.told.append,
            lease_s=self.lease_s,
        )

    async def take(self, given: dict[str, Any] | None = None, **options: Any) -> Answered:
        asked: dict[str, Any] = {"device": None, "key": None, "waits": False, **options}
        return await self.orders.take(ROUTE, given or GOOD, **asked)

    async def refuse(self, **options: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.take(**options)
        return caught.value

    async def work_off(self, *, rounds: int = 1) -> None:
        for _ in range(rounds):
            self.now += timedelta(seconds=120)
            for order in await self.due():
                await self.orders._work_off(order)

    async def due(self) -> list[Order]:
        now_s = self.now.timestamp()
        return await self.keeping.do(lambda store: store.due_orders(now_s=now_s, limit=20))

    def fail(self, error: Exception, method: str = "POST") -> None:
        def raise_it(request: ApiRequest) -> None:
            if method in {request.method, "*"}:
                raise error

        self.site.before = raise_it

    def lose_answers(self, error: Exception) -> None:
        def raise_it(request: ApiRequest) -> None:
            if request.method == "POST":
                self.site.before = self.site.after = lambda _: None
                raise error

        self.site.after = raise_it

    def heal(self) -> None:
        self.site.before = self.site.after = lambda _: None


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path / "data")
    yield made
    made.keeping.close()


async def test_an_order_becomes_one_submitted_document(till: Till) -> None:
    answered = await till.take()
    assert answered == Answered(status=200, content=PLACED)
    (made,) = till.site.rows
    assert made["docstatus"] == 1
    assert made["company"] == "ScoopJoy Foods Pvt Ltd"
    assert made["custom_outlet_id"] == "OUT-1"
    assert made["delivery_date"] == "2026-11-28"
    assert made["items"] == [{"item_code": "IC-CONE-VAN", "qty": 2}]


async def test_where_the_site_made_a_draft_it_is_submitted(till: Till) -> None:
    till.site.makes_drafts = True
    assert (await till.take()).content == PLACED
    assert till.site.rows[0]["docstatus"] == 1


async def test_the_idempotency_key_is_passed_on(till: Till) -> None:
    await till.take(key="key-1")
    await till.take({**GOOD, "order_id": "own-1"})
    sent = [dict(request.headers)["Idempotency-Key"] for request in till.site.asked]
    assert sent == ["key-1", "own-1"]


@pytest.mark.parametrize("how", ["header", "body"])
async def test_the_same_order_again_gets_the_same_answer(till: Till, how: str) -> None:
    given, options = ({**GOOD, "order_id": "A1"}, {}) if how == "body" else (GOOD, {"key": "A1"})
    first = await till.take(given, **options)
    till.keeping.close()
    till.open()
    again = await till.take(given, **options)
    assert again.content == first.content
    assert again.is_replay
    assert len(till.site.rows) == 1


async def test_another_order_under_the_same_key_is_refused(till: Till) -> None:
    await till.take(key="A1")
    with pytest.raises(Refusal, match="new order needs a new key") as caught:
        await till.take({**GOOD, "customer": "Ravi"}, key="A1")
    assert caught.value.status == 422


async def test_two_devices_may_use_the_same_key(till: Till) -> None:
    for name in ("aaaaaaaaaa", "bbbbbbbbbb"):
        await till.take(key="1", device=Device(id=name, name=name, created_at_s=0))
    assert len(till.site.rows) == 2


async def test_the_same_order_twice_at_once_is_placed_once(till: Till) -> None:
    answers = await asyncio.gather(*(till.take(key="A1") for _ in range(20)))
    assert [answer.content for answer in answers] == [PLACED] * 20
    assert len(till.site.rows) == 1
    assert till.site.count("POST") == 1


async def test_a_refused_order_may_come_again_under_its_key(till: Till) -> None:
    till.fail(refused())
    refusal = await till.refuse(key="A1")
    assert (refusal.status, refusal.message) == (422, "Could not find Customer: Nobody")
    till.heal()
    assert (await till.take(key="A1")).content == PLACED


async def test_while_the_site_is_down_an_order_is_refused_clearly(till: Till) -> None:
    till.fail(down(), "*")
    refusal = await till.refuse(key="A1")
    assert refusal.status == 503
    assert "cannot be reached" in refusal.message
    till.heal()
    assert (await till.take(key="A1")).content == PLACED


@pytest.mark.parametrize("error", [late(), broken()])
async def test_an_order_whose_answer_was_lost_is_found(till: Till, error: Exception) -> None:
    till.lose_answers(error)
    assert (await till.take(key="A1")).content == PLACED
    assert till.site.count("POST") == 1


async def test_an_order_without_a_key_whose_answer_was_lost_is_found_too(till: Till) -> None:
    till.lose_answers(late())
    assert (await till.take()).content == PLACED


async def test_an_order_of_which_nothing_is_known_is_looked_for_before_it_is_sent_again(till: Till) -> None:
    def lose_all(request: ApiRequest) -> None:
        raise late()

    till.site.after = lose_all
    refusal = await till.refuse(key="A1")
    assert refusal.status == 504
    assert "not known" in refusal.message
    assert len(till.site.rows) == 1
    till.heal()
    assert (await till.take(key="A1")).content == PLACED
    assert len(till.site.rows) == 1


async def test_a_late_commit_is_met_by_the_unique_reference(till: Till) -> None:
    """The first attempt is still at work when it is looked for; its document comes before the second attempt's."""
    till.fail(late())
    await till.refuse(key="A1")
    late_document = {"name": "SO-LATE", "grand_total": 160.0, "docstatus": 1, "custom_mobile_order": "A1"}

    def commit_late(request: ApiRequest) -> None:
        if request.method == "POST":
            till.site.rows.append(late_document)

    till.site.before = commit_late
    answered = await till.take(key="A1")
    assert answered.content["order_id"] == "SO-LATE"
    assert till.site.rows == [late_document]


async def test_who_would_rather_wait_is_told_where_to_look(till: Till) -> None:
    till.fail(down(), "*")
    answered = await till.take(key="A1", waits=True)
    assert answered.status == 202
    assert answered.content == {"success": True, "status": "queued", "key": "A1", "status_url": "/api/orders/A1"}
    assert (await till.orders.status(ROUTE, "A1", device=None)).content == answered.content
    assert (await till.take(key="A1", waits=True)).status == 202
    till.heal()
    await till.work_off()
    done = await till.orders.status(ROUTE, "A1", device=None)
    assert done.content == {**PLACED, "status": "done", "key": "A1", "status_url": "/api/orders/A1"}
    assert [order.key for order in till.told] == ["A1"]


async def test_a_queued_order_survives_a_restart_and_is_made_once(till: Till) -> None:
    till.fail(down(), "*")
    await till.take(key="A1", waits=True)
    till.keeping.close()
    till.open()
    till.heal()
    await till.work_off(rounds=3)
    assert len(till.site.rows) == 1


async def test_an_order_that_a_dead_process_left_is_taken_up_and_made_once(till: Till) -> None:
    """The process died after the site had made the document, before it knew."""
    till.site.gate = asyncio.Event()
    task = asyncio.create_task(till.take(key="A1", waits=True))
    await till.site.was_asked.wait()
    till.site.rows.append({"name": "SO-1", "grand_total": 160.0, "docstatus": 1, "custom_mobile_order": "A1"})
    task.cancel()
    for under_way in till.orders._under_way.values():
        under_way.cancel()
    await asyncio.gather(task, *till.orders._under_way.values(), return_exceptions=True)
    till.site.gate.set()
    till.keeping.close()
    till.open()
    await till.work_off(rounds=2)
    assert len(till.site.rows) == 1
    assert (await till.orders.status(ROUTE, "A1", device=None)).content["order_id"] == "SO-1"


async def test_an_order_that_takes_long_is_held_as_long_as_its_process_lives(till: Till) -> None:
    till.keeping.close()
    till.lease_s = 0.03
    till.open()
    extended = asyncio.Event()
    do = till.keeping.do
    calls = 0

    async def count(call: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:  # The reservation, and the lease extended three times.
            extended.set()
        return await do(call)

    till.keeping.do = count  # type: ignore[method-assign] # Counts what goes by.
    till.site.gate = asyncio.Event()
    task = asyncio.create_task(till.take(key="A1"))
    await extended.wait()
    till.site.gate.set()
    assert (await task).content == PLACED


async def test_a_process_that_lost_its_hold_settles_nothing(till: Till) -> None:
    till.site.gate = asyncio.Event()
    task = asyncio.create_task(till.take(key="A1"))
    await till.site.was_asked.wait()
    till.now += timedelta(hours=1)
    (held,) = [await till.keeping.do(lambda store: store.find_order("local", "/api/orders", "A1"))]
    assert held is not None
    assert await till.keeping.do(lambda store: store.take_over(held, lease_until_s=till.now.timestamp() + 40))
    till.fail(refused())
    till.site.gate.set()
    with pytest.raises(Refusal):
        await task
    assert await till.keeping.do(lambda store: store.find_order("local", "/api/orders", "A1")) is not None


async def test_a_queued_order_that_the_site_refuses_has_failed(till: Till) -> None:
    till.fail(down(), "*")
    await till.take(key="A1", waits=True)
    till.fail(refused())
    await till.work_off()
    told = (await till.orders.status(ROUTE, "A1", device=None)).content
    assert (told["success"], told["status"], told["error"]) == (False, "failed", "Could not find Customer: Nobody")


async def test_a_queued_order_is_given_up_after_a_day(till: Till) -> None:
    till.fail(down(), "*")
    await till.take(key="A1", waits=True)
    await till.work_off(rounds=3)
    assert (await till.orders.status(ROUTE, "A1", device=None)).content["status"] == "queued"
    till.now += timedelta(days=1)
    await till.work_off()
    assert (await till.orders.status(ROUTE, "A1", device=None)).content["status"] == "failed"


async def test_one_device_sees_nothing_of_another_s_orders(till: Till) -> None:
    await till.take(key="A1", device=Device(id="aaaaaaaaaa", name="a", created_at_s=0))
    with pytest.raises(Refusal) as caught:
        await till.orders.status(ROUTE, "A1", device=Device(id="bbbbbbbbbb", name="b", created_at_s=0))
    assert caught.value.status == 404


@pytest.mark.parametrize("key", ["", "ü", "x" * 251, "a\nb"])
async def test_a_key_that_cannot_be_kept_is_refused(till: Till, key: str) -> None:
    assert (await till.refuse(key=key)).status == 400
