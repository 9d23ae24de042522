"""Claims where several processes share the queue: leases on the database, for a few rows at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from typing_extensions import override

from demitasse.db.transaction import Transaction
from demitasse.delivery.ports import Claims, Database, Taken, Want
from demitasse.kernel.clock import Clock
from demitasse.outbox import leases, queries
from demitasse.outbox.model import DeliveryState, QueuedDelivery, Settlement, to_microseconds
from demitasse.outbox.operations import settle

_LEASE_MARGIN_S = 5.0


@dataclass(slots=True)
class _Look:
    """What is known of a webhook: whether a look is worth it now, and when it is, on this machine's clock."""

    is_due: bool = True
    next_us: int | None = None

    def expect(self, moment_us: int) -> None:
        if self.next_us is None or moment_us < self.next_us:
            self.next_us = moment_us


class LeasedClaims(Claims):
    """Claims by lease. Times that are stored come from the database's clock, which all processes share."""

    poll_s: float | None = 0.2
    first_window = 32
    retry_window = 8

    def __init__(self, database: Database, *, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._looks: dict[str, _Look] = {}

    @override
    async def channels(self, *, everything: bool) -> Sequence[str]:
        """Return the webhooks that have anything in the queue, or that have something which nobody has claimed."""
        return await self._database.read(queries.channels if everything else leases.free_channels)

    @override
    def offered(self, delivery: QueuedDelivery, *, has_room: bool) -> bool:
        """Hear of a new row, and return whether it is claimed with that: no, others may be quicker."""
        self.look_again(delivery.webhook)
        return False

    @override
    async def take(self, channel: str, want: Want) -> Taken:
        """Return rows of a webhook that may be sent now, and count them as claimed."""
        look = self._of(channel)
        look.is_due, look.next_us = False, None
        ends_at_s = self._monotonic() + want.lease_s - _LEASE_MARGIN_S

        def work(tx: Transaction) -> leases.Leased:
            return leases.lease(
                tx,
                channel,
                firsts=want.first,
                retries=want.retries,
                lease_us=int(want.lease_s * 1_000_000),
                hold_us=want.now_us - want.hold_floor_us,
            )

        try:
            leased = await self._database.write(work)
        except BaseException:
            look.is_due = True
            raise
        rows = [replace(row, lease_ends_at_s=ends_at_s) for row in leased.rows]
        if len(rows) >= min(limit for limit in (want.first, want.retries) if limit):
            look.is_due = True  # There may be more than was wanted.
        if leased.next_due_us is not None:
            look.expect(want.now_us + leased.next_due_us - leased.now_us)
        return Taken(
            deliveries=[row for row in rows if row.is_due],
            orphans=[row for row in rows if not row.is_due],
        )

    @override
    def has_more(self, channel: str, *, firsts: bool, retries: bool, now_us: int, hold_floor_us: int) -> bool:
        """Return whether ``take`` may find rows of the kinds that there is room for."""
        look = self._of(channel)
        return look.is_due or (look.next_us is not None and look.next_us <= now_us)

    @override
    def is_awaited(self, delivery: QueuedDelivery) -> bool:
        """Return whether others may go once a claimed row is settled."""
        return delivery.order_key is not None

    @override
    def next_look_us(self, channel: str, *, hold_passes: Callable[[int], int | None]) -> int | None:
        """Return when ``take`` may find something that it does not find now; what others do, the next poll shows."""
        return self._of(channel).next_us

    @override
    async def settle(self, batch: Sequence[Settlement], also: Callable[[Transaction], None]) -> None:
        """Write what attempts made of their deliveries; returns when it is durable, or raises having written nothing."""

        def work(tx: Transaction) -> None:
            settle(tx, batch, is_leased=True, now_us=leases.database_now_us(tx))
            also(tx)

        await self._database.write(work)
        now_us = to_microseconds(self._clock())
        for settled in batch:
            look = self._of(settled.delivery.webhook)
            if settled.state is DeliveryState.RETRYING:
                look.expect(now_us + settled.retry_after_us)
            if settled.delivery.order_key is not None:
                look.is_due = True

    @override
    def removed(self, delivery: QueuedDelivery) -> None:
        """Note that a row which was claimed has been taken out of the queue without an attempt."""
        self.look_again(delivery.webhook)

    @override
    async def give_back(self, channel: str, deliveries: Sequence[QueuedDelivery]) -> None:
        """Count rows that were not sent as no longer claimed."""
        await self._database.write(lambda tx: leases.end_leases(tx, deliveries))
        self.look_again(channel)

    @override
    def look_again(self, channel: str) -> None:
        """Look at a webhook's part of the queue: somebody has changed it."""
        self._of(channel).is_due = True

    def _of(self, channel: str) -> _Look:
        found = self._looks.get(channel)
        if found is None:
            found = self._looks[channel] = _Look()
        return found
