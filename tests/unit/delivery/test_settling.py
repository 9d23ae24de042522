"""Writing results in batches."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from demitasse.db.errors import DatabaseError, StorageFull
from demitasse.delivery.health import FailureRun
from demitasse.delivery.metrics import Counters
from demitasse.delivery.settling import Settler
from demitasse.outbox.model import Attempt, DeliveryState, QueuedDelivery, Settlement
from tests.unit.delivery.kit import FakeTime
from tests.unit.outbox.site import NOW


def settlement(number: int) -> Settlement:
    delivery = QueuedDelivery(
        id=number, name=f"msg_{number}", webhook="crm", state=DeliveryState.QUEUED, order_key=None, due_at_us=0
    )
    attempt = Attempt(
        number=1,
        at=NOW,
        url="",
        method="POST",
        headers="{}",
        data="",
        response="",
        outcome="delivered",
        status_code=200,
        duration_ms=1,
        error=None,
    )
    return Settlement(
        delivery=delivery,
        state=DeliveryState.DELIVERED,
        now=NOW,
        attempt=attempt,
        doctype="Lead",
        document="A",
        owner="a",
    )


class FakeClaims:
    """Keeps the sizes of batches, and refuses what it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.refuse: Callable[[Sequence[int]], Exception | None] = lambda _: None
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def settle(self, batch: Sequence[Settlement], also: Callable[[Any], None]) -> None:
        await self.goes_on.wait()
        numbers = [settled.delivery.id for settled in batch]
        error = self.refuse(numbers)
        if error is not None:
            raise error
        self.batches.append(numbers)


class World:
    def __init__(self) -> None:
        self.time = FakeTime()
        self.claims = FakeClaims()
        self.settled: list[int] = []
        self.counters = Counters()
        claims: Any = self.claims
        self.settler = Settler(claims=claims, time=self.time, counters=self.counters, on_settled=self.note)

    def note(self, batch: Sequence[Settlement]) -> None:
        self.settled += [settled.delivery.id for settled in batch]

    async def add(self, *numbers: int, is_urgent: bool = False) -> None:
        for number in numbers:
            self.settler.add(settlement(number), run=None, is_urgent=is_urgent)
        await self.quiet()

    async def quiet(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def pass_time(self, seconds: float) -> None:
        self.time.now_s += seconds
        self.time.ring()
        await self.quiet()


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_result_waits_a_moment_for_others(world: World) -> None:
    await world.add(1, 2, 3)
    assert world.claims.batches == []
    await world.pass_time(0.03)

    assert world.claims.batches == [[1, 2, 3]]
    assert world.settled == [1, 2, 3]


async def test_an_urgent_result_does_not_wait(world: World) -> None:
    await world.add(1)
    await world.add(2, is_urgent=True)

    assert world.claims.batches == [[1, 2]]


async def test_enough_results_do_not_wait_and_a_batch_is_bounded(world: World) -> None:
    await world.add(*range(1, 701))
    await world.pass_time(0.03)

    assert sorted(number for batch in world.claims.batches for number in batch) == list(range(1, 701))
    assert max(map(len, world.claims.batches)) <= 256


async def test_what_comes_while_a_batch_is_written_is_written_by_and_by(world: World) -> None:
    world.claims.goes_on.clear()
    await world.add(*range(1, 301))
    await world.add(301)
    world.claims.goes_on.set()
    await world.quiet()
    await world.pass_time(0.03)

    assert len(world.settled) == 301
    assert world.settler.unsettled == 0


async def test_a_full_disk_keeps_the_results_in_order_and_says_to_stop(world: World) -> None:
    world.claims.refuse = lambda _: StorageFull("full")
    await world.add(1, 2, is_urgent=True)
    assert (world.settler.is_behind, world.settler.unsettled) == (True, 2)
    for _ in range(10):
        await world.pass_time(5)
    world.claims.refuse = lambda _: None
    await world.add(3)
    await world.pass_time(5)

    assert world.settled == [1, 2, 3]
    assert not world.settler.is_behind
    assert world.counters.settle_failures >= 10


async def test_too_many_unsettled_results_say_to_stop(world: World) -> None:
    world.claims.goes_on.clear()
    await world.add(*range(1_100))

    assert world.settler.is_behind


async def test_one_row_that_the_database_refuses_does_not_stop_the_others(world: World) -> None:
    world.claims.refuse = lambda numbers: DatabaseError("odd") if 2 in numbers else None
    await world.add(1, 2, 3, is_urgent=True)

    assert world.claims.batches == [[1], [3]]
    assert not world.settler.is_behind


async def test_an_error_that_nobody_foresaw_loses_nothing(world: World) -> None:
    world.claims.refuse = lambda _: LookupError("a bug")
    await world.add(1, is_urgent=True)
    world.claims.refuse = lambda _: None
    await world.pass_time(1)

    assert world.settled == [1]


async def test_draining_writes_all_at_once(world: World) -> None:
    await world.add(*range(1, 4))
    world.settler.add(settlement(9), run=FailureRun(since_us=1, failures=1), is_urgent=False)
    await world.settler.drain(within_s=5)

    assert world.settled == [1, 2, 3, 9]


async def test_draining_ends_though_nothing_can_be_written(world: World) -> None:
    world.claims.refuse = lambda _: StorageFull("full")
    await world.add(1)
    await world.settler.drain(within_s=0.01)

    assert world.settler.unsettled == 1
