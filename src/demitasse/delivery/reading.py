"""One read of a webhook's part of the queue: what is asked, and what it showed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from demitasse.db.transaction import Transaction
from demitasse.outbox import queries
from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.queries import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A read of the queue.

    Args:
        firsts: First attempts to walk, after ``first_after``; so with ``retries``.
        keys: Order keys whose head is wanted, besides those of the rows that are met and are not ``gated``.
    """

    firsts: int
    retries: int
    first_after: Position
    retry_after: Position
    keys: Sequence[str]
    gated: frozenset[str]
    now_us: int
    hold_floor_us: int
    news: int
    restarts: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return not (self.firsts or self.retries or self.keys)


@dataclass(slots=True, kw_only=True)
class Found:
    """What a read showed; ``next_due_us`` is the next retry's time after the plan's present."""

    firsts: list[QueuedDelivery] = field(default_factory=list)
    retries: list[QueuedDelivery] = field(default_factory=list)
    heads: Mapping[str, QueuedDelivery | None] = field(default_factory=dict)
    next_due_us: int | None = None


def read(tx: Transaction, channel: str, plan: Plan) -> Found:
    """Carry out a planned read of a webhook's part of the queue."""
    found = Found()
    if plan.firsts:
        found.firsts = queries.walk(
            tx, channel, is_retry=False, after=plan.first_after, until_us=None, limit=plan.firsts
        )
    if plan.retries:
        found.retries = queries.walk(
            tx, channel, is_retry=True, after=plan.retry_after, until_us=plan.now_us, limit=plan.retries
        )
        found.next_due_us = queries.next_due_us(tx, channel, after_us=plan.now_us)
    met = (row.order_key for row in (*found.firsts, *found.retries) if row.order_key is not None)
    found.heads = {
        key: queries.head(tx, channel, key, now_us=plan.now_us, hold_floor_us=plan.hold_floor_us)
        for key in dict.fromkeys((*plan.keys, *met))
        if key not in plan.gated
    }
    return found
