"""Sending again what was sent before, or failed: all of a webhook's, some at a time. One by itself is ``operations.replay``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from demitasse.db.transaction import Transaction
from demitasse.outbox.model import DeliveryState, QueuedDelivery
from demitasse.outbox.operations import replay
from demitasse.outbox.store import STORED_MOMENT

CHUNK = 25
"""Deliveries that are queued again in one transaction, so that whoever writes beside it hardly waits."""

Place = tuple[str, str]
"""Where a walk stands: the creation, as it is stored, and the name of the last delivery seen."""

_MATCHING = '"webhook" = ? AND "status" = ? AND "creation" >= ? AND "creation" <= ?'
_SOME = (
    f'SELECT "creation", "name", "data" IS NOT NULL FROM "tabWebhook Delivery" WHERE {_MATCHING} '  # noqa: S608 - constants
    'AND "creation" >= ? AND ("creation" > ? OR "name" > ?) ORDER BY "creation", "name" LIMIT ?'
)
_COUNT = f'SELECT count(*), count("data") FROM "tabWebhook Delivery" WHERE {_MATCHING}'  # noqa: S608 - constants
_FINISHED = frozenset({DeliveryState.FAILED, DeliveryState.DELIVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Finished deliveries of a webhook.

    Args:
        state: Failed or Delivered.
        since: When the event was, at the earliest.
        until: When it was, at the latest.
    """

    webhook: str
    since: datetime
    until: datetime
    state: DeliveryState = DeliveryState.FAILED

    def __post_init__(self) -> None:
        """Refuse deliveries that wait: they are sent anyway.

        Raises:
            ValueError: the state is not a final one.
        """
        if self.state not in _FINISHED:
            message = f"Only Failed and Delivered ones can be sent again, not {self.state.value}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How many deliveries there are to send again, and how many cannot be, as their template failed."""

    sendable: int
    without_body: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one transaction has queued again; ``place`` is ``None`` when nothing is left."""

    queued: Sequence[QueuedDelivery]
    without_body: int
    place: Place | None


def count(tx: Transaction, chosen: Selection) -> Found:
    """Return how much ``replay_some`` would find; it looks at each, so not on the event loop."""
    total, sendable = tx.execute(_COUNT, _params(tx, chosen))[0]
    return Found(sendable=sendable, without_body=total - sendable)


def replay_some(
    tx: Transaction,
    chosen: Selection,
    *,
    after: Place | None,
    now: datetime,
    keeps_order: bool,
    limit: int = CHUNK,
) -> Step:
    """Queue the next deliveries again, oldest first, each under its own id; call it again from ``place`` until that ends.

    Args:
        after: The ``place`` of the last call, ``None`` to begin.
        keeps_order: As for ``operations.replay``.
    """
    at, name = after or (STORED_MOMENT[tx.dialect](chosen.since), "")
    rows = tx.execute(_SOME, (*_params(tx, chosen), at, at, name, limit))
    queued = [replay(tx, row[1], now=now, keeps_order=keeps_order) for row in rows if row[2]]
    return Step(
        queued=queued,
        without_body=len(rows) - len(queued),
        place=(rows[-1][0], rows[-1][1]) if len(rows) == limit else None,
    )


def _params(tx: Transaction, chosen: Selection) -> tuple[str, str, object, object]:
    stored = STORED_MOMENT[tx.dialect]
    return chosen.webhook, chosen.state.value, stored(chosen.since), stored(chosen.until)
