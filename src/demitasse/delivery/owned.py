"""Claims of the one process that owns the queue: kept in memory, so that a claim writes nothing."""

from collections.abc import Callable, Sequence

from typing_extensions import override

from demitasse.db.transaction import Transaction
from demitasse.delivery.backlog import Backlog
from demitasse.delivery.ports import Claims, Database, Taken, Want
from demitasse.delivery.reading import Found, read
from demitasse.kernel.clock import Clock
from demitasse.outbox import queries
from demitasse.outbox.model import DeliveryState, QueuedDelivery, Settlement, to_microseconds
from demitasse.outbox.operations import settle


class OwnedClaims(Claims):
    """Claims in memory: nothing to write for a claim, and nothing to wait for after a crash."""

    poll_s: float | None = None
    first_window = 256
    retry_window = 32

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._backlogs: dict[str, Backlog] = {}

    @override
    async def channels(self, *, everything: bool) -> Sequence[str]:
        """Return the webhooks that have anything in the queue."""
        return await self._database.read(queries.channels)

    @override
    def offered(self, delivery: QueuedDelivery, *, has_room: bool) -> bool:
        """Hear of a new row, and return whether it is claimed with that, without a read."""
        return self._of(delivery.webhook).offered(delivery, has_room=has_room)

    @override
    async def take(self, channel: str, want: Want) -> Taken:
        """Return rows of a webhook that may be sent now, and count them as claimed."""
        backlog = self._of(channel)
        plan = backlog.plan(want)
        if plan.is_empty:
            return backlog.take_in(plan, Found())
        try:
            found = await self._database.read(lambda tx: read(tx, channel, plan))
        except BaseException:
            backlog.give_up(plan)
            raise
        return backlog.take_in(plan, found)

    @override
    def has_more(self, channel: str, *, firsts: bool, retries: bool, now_us: int, hold_floor_us: int) -> bool:
        """Return whether ``take`` may find rows of the kinds that there is room for."""
        return self._of(channel).has_more(firsts=firsts, retries=retries, now_us=now_us, hold_floor_us=hold_floor_us)

    @override
    def is_awaited(self, delivery: QueuedDelivery) -> bool:
        """Return whether others may go once a claimed row is settled."""
        return delivery.order_key is not None and self._of(delivery.webhook).is_awaited(delivery)

    @override
    def next_look_us(self, channel: str, *, hold_passes: Callable[[int], int | None]) -> int | None:
        """Return when ``take`` may find something that it does not find now."""
        backlog = self._of(channel)
        since = backlog.holding_since_us
        passes = hold_passes(since) if since is not None else None
        return min((moment for moment in (backlog.retry_due_us, passes) if moment is not None), default=None)

    @override
    async def settle(self, batch: Sequence[Settlement], also: Callable[[Transaction], None]) -> None:
        """Write what attempts made of their deliveries; returns when it is durable, or raises having written nothing."""
        now_us = to_microseconds(self._clock())

        def work(tx: Transaction) -> None:
            settle(tx, batch, is_leased=False, now_us=now_us)
            also(tx)

        await self._database.write(work)
        for settled in batch:
            backlog = self._of(settled.delivery.webhook)
            if settled.state is DeliveryState.RETRYING:
                backlog.postponed(
                    settled.delivery,
                    due_at_us=now_us + settled.retry_after_us,
                    failing_since_us=settled.failing_since_us,
                )
            else:
                backlog.ended(settled.delivery)

    @override
    def removed(self, delivery: QueuedDelivery) -> None:
        """Note that a row which was claimed has been taken out of the queue without an attempt."""
        self._of(delivery.webhook).ended(delivery)

    @override
    async def give_back(self, channel: str, deliveries: Sequence[QueuedDelivery]) -> None:
        """Count rows that were not sent as no longer claimed."""
        self._of(channel).give_back(deliveries)

    @override
    def look_again(self, channel: str) -> None:
        """Read a webhook's part of the queue from its beginning: somebody else has changed it."""
        self._of(channel).restart()

    def _of(self, channel: str) -> Backlog:
        found = self._backlogs.get(channel)
        if found is None:
            found = self._backlogs[channel] = Backlog()
        return found
