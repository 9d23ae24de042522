"""Whatever happens (crashes, a full disk, pauses, receivers that fail): each accepted delivery arrives, with its id.

A model of the receiver remembers what it has seen; the dispatcher works on a real database through the real store.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from demitasse.delivery.policy import RetrySchedule
from demitasse.outbox.model import DeliveryState, QueuedDelivery
from demitasse.outbox.operations import enqueue, replay
from demitasse.transports.model import Outcome
from tests.unit.delivery.kit import Kit, Sending
from tests.unit.outbox.site import DELIVERY, new_delivery

T = TypeVar("T")
HOLD_S = 60.0
DELAYS_S = (5.0, 30.0, 100.0)
DOCUMENTS = st.integers(1, 3)
WEBHOOKS = st.sampled_from(["ordered", "free"])


class Deliveries(RuleBasedStateMachine):
    """The world around the dispatcher, and what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.accepted: dict[str, QueuedDelivery] = {}
        self.bodies: dict[str, bytes] = {}
        self.arrived: set[str] = set()
        self.failed_at_s: dict[str, float] = {}
        self.failures: dict[str, int] = {}
        self.replayed: set[str] = set()
        self.in_flight: dict[str, str] = {}
        self.seen = 0

    def run_async(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def start(self) -> None:
        async def begin() -> Kit:
            kit = Kit(self.folder / "site.db")
            for name in ("ordered", "free"):
                self.set_active(kit, name, is_active=True)
            await kit.start()
            return kit

        self.kit = self.run_async(begin())

    def set_active(self, kit: Kit, name: str, *, is_active: bool) -> None:
        kit.endpoints.set(
            name, url=f"https://{name}.example.com/", schedule=RetrySchedule(delays_s=DELAYS_S), is_active=is_active
        )

    # --- What happens ---------------------------------------------------------------------------------------------

    @rule(webhook=WEBHOOKS, document=DOCUMENTS, is_told=st.booleans())
    def accept(self, webhook: str, document: int, is_told: bool) -> None:
        endpoint = self.kit.endpoints.found[webhook]
        queued = self.run_async(
            self.kit.queue(
                number=document,
                webhook=webhook,
                ordered=webhook == "ordered",
                told=is_told,
                held=not endpoint.is_active,
                body=b'{"made":%d}' % len(self.accepted),
            )
        )
        self.accepted[queued.name] = queued
        self.bodies[queued.name] = b'{"made":%d}' % (len(self.accepted) - 1)

    @rule(webhook=WEBHOOKS)
    def roll_back(self, webhook: str) -> None:
        async def fail() -> None:
            def work(tx: Any) -> None:
                queued = enqueue(tx, new_delivery(1, webhook=webhook), now=self.kit.time.utc_now())
                tx.after_commit(lambda: self.kit.dispatcher.offer([queued]))
                raise LookupError

            with suppress(LookupError):
                await self.kit.write(work)
            await self.kit.quiet()

        self.run_async(fail())

    @precondition(lambda self: self.kit.sender.waiting)
    @rule(choice=st.integers(0, 50), answer=st.sampled_from([200, 200, 200, 400, 500, 429, "timeout"]))
    def answer(self, choice: int, answer: int | str) -> None:
        waiting = self.kit.sender.waiting
        sending = waiting.pop(choice % len(waiting))
        if answer == 200:
            self.arrived.add(sending.id)
        else:
            self.failed_at_s.setdefault(sending.id, self.kit.time.now_s)
            self.failures[sending.id] = self.failures.get(sending.id, 0) + 1
        self.in_flight = {key: name for key, name in self.in_flight.items() if name != sending.id}

        async def reply() -> None:
            if isinstance(answer, int):
                sending.answer(answer, retry_after="7")
            else:
                sending.fail(Outcome.TIMEOUT)
            await self.kit.quiet()

        self.run_async(reply())

    @rule(seconds=st.sampled_from([0.03, 1.0, 6.0, 31.0, 61.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.run_async(self.kit.pass_time(seconds))

    @rule()
    def crash(self) -> None:
        self.in_flight.clear()
        self.run_async(self.kit.restart())

    @rule(is_full=st.booleans())
    def fill_disk(self, is_full: bool) -> None:
        self.kit.disk.is_full = is_full

    @rule(webhook=WEBHOOKS, is_active=st.booleans())
    def pause_or_resume(self, webhook: str, is_active: bool) -> None:
        async def change() -> None:
            self.set_active(self.kit, webhook, is_active=is_active)
            self.kit.dispatcher.endpoint_changed(webhook)
            await self.kit.quiet()

        self.run_async(change())

    @rule()
    def look_again(self) -> None:
        async def look() -> None:
            self.kit.dispatcher.look_again()
            await self.kit.quiet()

        self.run_async(look())

    @precondition(lambda self: self.arrived)
    @rule(choice=st.integers(0, 50), is_told=st.booleans())
    def replay(self, choice: int, is_told: bool) -> None:
        name = sorted(self.arrived)[choice % len(self.arrived)]
        self.replayed.add(name)

        async def again() -> None:
            found = await self.kit.write(lambda tx: replay(tx, name, now=self.kit.time.utc_now()))
            if is_told:
                self.kit.dispatcher.offer([found])
            await self.kit.quiet()

        self.run_async(again())

    # --- What must be true ----------------------------------------------------------------------------------------

    @invariant()
    def requests_are_right(self) -> None:
        if not hasattr(self, "kit"):
            return
        sent = self.kit.sender.sent
        for sending in sent[self.seen :]:
            self.check(sending)
        self.seen = len(sent)

    def check(self, sending: Sending) -> None:
        assert sending.id in self.accepted, "a delivery that was never accepted"
        assert sending.request.body == self.bodies[sending.id], "other bytes under the same id"
        queued = self.accepted[sending.id]
        assert sending.request.url == f"https://{queued.webhook}.example.com/"
        if queued.order_key is None or sending.id in self.replayed:
            return
        if self.kit.sender.respond is None:
            assert self.in_flight.get(queued.order_key, sending.id) == sending.id, "two of one document under way"
            self.in_flight[queued.order_key] = sending.id
        for earlier in self.accepted.values():
            if earlier.order_key != queued.order_key or earlier.id >= queued.id or earlier.name in self.replayed:
                continue
            done = earlier.name in self.arrived or self.failures.get(earlier.name, 0) > len(DELAYS_S)
            held_long_enough = self.kit.time.now_s - self.failed_at_s.get(earlier.name, 1e9) >= HOLD_S
            assert done or held_long_enough, f"{queued.id} overtook {earlier.id}"

    def teardown(self) -> None:
        try:
            if hasattr(self, "kit"):
                self.run_async(self.finish())
                self.requests_are_right()
                missing = self.accepted.keys() - self.arrived
                given_up = {name for (name,) in self.statuses("Failed")}
                assert missing <= given_up, f"lost: {missing - given_up}"
                assert all(self.failures[name] > len(DELAYS_S) for name in given_up & missing)
                assert self.kit.rows("outbox", "id") == []
                self.run_async(self.kit.close())
        finally:
            self.loop.close()
            shutil.rmtree(self.folder)

    def statuses(self, status: str) -> list[tuple[str]]:
        found = self.kit.rows(DELIVERY, "name", "status")
        assert {state for _, state in found} <= {state.value for state in DeliveryState}
        return [(name,) for name, state in found if state == status]

    async def finish(self) -> None:
        """Let the receivers be well again, and wait."""
        self.kit.disk.is_full = False
        for name in ("ordered", "free"):
            self.set_active(self.kit, name, is_active=True)
        self.kit.dispatcher.look_again()
        self.kit.sender.respond = self.take_well
        for sending in self.kit.sender.take_all():
            self.take_well(sending)
        for _ in range(6):
            await self.kit.pass_time(400)

    def take_well(self, sending: Sending) -> None:
        self.arrived.add(sending.id)
        sending.answer(200)


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=2000, stateful_step_count=70, deadline=None)
