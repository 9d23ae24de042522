"""Reading the queue. Every read is bounded and walks an index of unfinished rows: finished ones cost nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from demitasse.db.transaction import Row, Transaction
from demitasse.kernel import json
from demitasse.outbox.model import DeliveryState, Headers, Message, QueuedDelivery
from demitasse.outbox.store import STORED_MOMENT

INLINE_BYTES = 16_384
"""Bodies up to this length are read with their row, longer ones when they are sent."""

Position = tuple[int, int]
"""Where a walk through the queue stands: the ``due_at`` and the ``id`` of the last row seen."""

_QUEUE_COLUMNS = (
    'o."id", o."delivery", o."channel", o."order_key", o."due_at", o."attempts", o."round_started_at", o."retry", '
    'o."failing_since", o."lease_token"'
)
_MESSAGE_COLUMNS = (
    'd."reference_doctype", d."reference_document", d."event", d."sequence", d."url", d."request_method", '
    'd."headers", d."content_type", d."owner"'
)
_JOINED = 'FROM "outbox" o LEFT JOIN "tabWebhook Delivery" d ON d."name" = o."delivery"'
_SMALL_BODY = f'CASE WHEN length(d."data") <= {INLINE_BYTES} THEN d."data" END'
_ROW = f"SELECT {_QUEUE_COLUMNS}, {_MESSAGE_COLUMNS}, {_SMALL_BODY} {_JOINED}"
_WALK = (
    f'{_ROW} WHERE o."channel" = ? AND o."held" = 0 AND o."retry" = ? '
    'AND o."due_at" >= ? AND (o."due_at" > ? OR o."id" > ?) AND o."due_at" <= ? '
    'ORDER BY o."due_at", o."id" LIMIT ?'
)
# The first row of a key that may go or that keeps the later ones back; failed ones that have kept them back long
# enough, and whose time has not come, are passed over.
_HEAD = (
    f'{_ROW} WHERE o."channel" = ? AND o."order_key" = ? AND o."held" = 0 '
    'AND (o."retry" = 0 OR o."due_at" <= ? OR o."failing_since" > ?) ORDER BY o."id" LIMIT 1'
)
_BY_ID = f'{_ROW} WHERE o."id" IN '
_NEXT_DUE = 'SELECT MIN("due_at") FROM "outbox" WHERE "channel" = ? AND "held" = 0 AND "retry" = 1 AND "due_at" > ?'
_MESSAGE = f'SELECT {_MESSAGE_COLUMNS}, d."data" FROM "tabWebhook Delivery" d WHERE d."name" = ?'  # noqa: S608 - constants
_AFTER_CHANNEL = 'SELECT MIN("channel") FROM "outbox" WHERE "channel" > ?'
_END_OF_TIME_US = 2**62
_QUEUE_WIDTH = 10
_LONGEST_LIFE = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """What a delivery's document says of its state."""

    name: str
    webhook: str
    state: DeliveryState
    doctype: str
    document: str
    attempts: int
    queue_id: int
    has_body: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How much waits for one webhook."""

    waiting: int
    held: int
    oldest_due_at_us: int | None


def channels(tx: Transaction) -> list[str]:
    """Return the webhooks that have anything in the queue; one look-up each, however long the queue is."""
    found: list[str] = []
    last = ""
    while True:
        row = tx.execute(_AFTER_CHANNEL, (last,))[0]
        if row[0] is None:
            return found
        last = row[0]
        found.append(last)


def walk(
    tx: Transaction, channel: str, *, is_retry: bool, after: Position, until_us: int | None, limit: int
) -> list[QueuedDelivery]:
    """Return the next waiting rows of a webhook, by due time."""
    due_at, identifier = after
    until = _END_OF_TIME_US if until_us is None else until_us
    rows = tx.execute(_WALK, (channel, int(is_retry), due_at, due_at, identifier, until, limit))
    return [to_queued(row) for row in rows]


def head(tx: Transaction, channel: str, key: str, *, now_us: int, hold_floor_us: int) -> QueuedDelivery | None:
    """Return the row of an order key whose turn it is.

    Args:
        hold_floor_us: Rows that first failed after this still keep later ones back.

    Returns:
        The row to send if it is due; if it is not due, it keeps the others back; ``None``: none may be sent now.
    """
    rows = tx.execute(_HEAD, (channel, key, now_us, hold_floor_us))
    return to_queued(rows[0]) if rows else None


def by_id(tx: Transaction, identifiers: Sequence[int]) -> list[QueuedDelivery]:
    """Return rows of the queue, in no order."""
    if not identifiers:
        return []
    marks = ", ".join("?" * len(identifiers))
    return [to_queued(row) for row in tx.execute(f"{_BY_ID}({marks})", identifiers)]


def next_due_us(tx: Transaction, channel: str, *, after_us: int) -> int | None:
    """Return when the next retry of a webhook is due, after a moment."""
    found: int | None = tx.execute(_NEXT_DUE, (channel, after_us))[0][0]
    return found


def has_rows(tx: Transaction, *, channel: str, held: bool) -> bool:
    """Return whether a webhook has any held (or any other) rows."""
    return bool(tx.execute('SELECT 1 FROM "outbox" WHERE "channel" = ? AND "held" = ? LIMIT 1', (channel, int(held))))


def message_of(tx: Transaction, name: str) -> Message | None:
    """Return what a delivery sends, however large; ``None`` when its document is gone."""
    rows = tx.execute(_MESSAGE, (name,))
    return _to_message(rows[0]) if rows else None


def stored_delivery(tx: Transaction, name: str) -> StoredDelivery | None:
    """Return the state of a delivery."""
    rows = tx.execute(
        'SELECT "webhook", "status", "reference_doctype", "reference_document", "attempts", "queue_id", '
        '"data" IS NOT NULL FROM "tabWebhook Delivery" WHERE "name" = ?',
        (name,),
    )
    if not rows:
        return None
    webhook, status, doctype, document, attempts, queue_id, has_body = rows[0]
    return StoredDelivery(
        name=name,
        webhook=webhook,
        state=DeliveryState(status),
        doctype=doctype,
        document=document,
        attempts=attempts,
        queue_id=queue_id,
        has_body=bool(has_body),
    )


def failures_of(tx: Transaction, channel: str) -> tuple[int, int]:
    """Return since when all attempts of an endpoint fail and how many did; zeros when they do not."""
    rows = tx.execute('SELECT "since", "failures" FROM "endpoint_failures" WHERE "channel" = ?', (channel,))
    return (rows[0][0], rows[0][1]) if rows else (0, 0)


def was_delivered_since(tx: Transaction, channel: str, since: datetime) -> bool:
    """Return whether any delivery of a webhook arrived after a moment. It may look at all since a little before."""
    stored = STORED_MOMENT[tx.dialect]
    rows = tx.execute(
        'SELECT 1 FROM "tabWebhook Delivery" WHERE "webhook" = ? AND "creation" >= ? AND "status" = ? '
        'AND "finished_at" >= ? LIMIT 1',
        (channel, stored(since - _LONGEST_LIFE), DeliveryState.DELIVERED.value, stored(since)),
    )
    return bool(rows)


def depths(tx: Transaction) -> Mapping[str, QueueDepth]:
    """Return how much waits, by webhook. It counts every row: run it beside the event loop, and not often."""
    rows = tx.execute('SELECT "channel", "held", count(*), MIN("due_at") FROM "outbox" GROUP BY "channel", "held"')
    waiting = {row[0]: (row[2], row[3]) for row in rows if not row[1]}
    held = {row[0]: row[2] for row in rows if row[1]}
    return {
        channel: QueueDepth(
            waiting=waiting.get(channel, (0, None))[0],
            held=held.get(channel, 0),
            oldest_due_at_us=waiting.get(channel, (0, None))[1],
        )
        for channel in sorted(waiting.keys() | held.keys())
    }


def to_queued(row: Row) -> QueuedDelivery:
    """Return a row of the queue with its message, unless that is large; without a document it has no state to send."""
    identifier, name, channel, key, due_at, attempts, round_started_at, retry, failing_since, token = row[:_QUEUE_WIDTH]
    has_document = row[_QUEUE_WIDTH] is not None
    state = DeliveryState.RETRYING if retry else DeliveryState.QUEUED
    return QueuedDelivery(
        id=identifier,
        name=name,
        webhook=channel,
        state=state if has_document else DeliveryState.FAILED,
        order_key=key,
        due_at_us=due_at,
        attempts=attempts,
        round_started_at=round_started_at,
        failing_since_us=failing_since,
        lease_token=token,
        message=_to_message(row[_QUEUE_WIDTH:]) if row[-1] is not None else None,
    )


@lru_cache(maxsize=256)  # The deliveries of a webhook mostly have the same.
def _to_headers(text: str) -> Headers:
    return tuple((name, value) for name, value in json.decode(text))


def _to_message(row: Row) -> Message:
    doctype, document, event, sequence, url, method, headers, content_type, owner, body = row
    return Message(
        doctype=doctype,
        document=document,
        event=event,
        sequence=sequence,
        url=url,
        method=method,
        headers=_to_headers(headers),
        content_type=content_type,
        body=body.encode(),
        owner=owner,
    )
