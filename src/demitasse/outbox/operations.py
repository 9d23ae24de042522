"""What is done with deliveries, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from demitasse.db.errors import DatabaseBusy, DatabaseError, StorageFull
from demitasse.db.transaction import Transaction
from demitasse.kernel.ids import webhook_id
from demitasse.outbox import store, upkeep
from demitasse.outbox.errors import NothingToSend, UnknownDelivery
from demitasse.outbox.model import (
    DeliveryState,
    Message,
    NewDelivery,
    QueuedDelivery,
    Settlement,
    from_microseconds,
    order_key,
    to_microseconds,
)
from demitasse.outbox.queries import stored_delivery

CHUNK = 500
"""Rows that holding, releasing and giving up take at a time, so that no transaction is long."""


def enqueue(tx: Transaction, new: NewDelivery, *, now: datetime) -> QueuedDelivery:
    """Write a delivery into the caller's transaction and return it; after the commit a dispatcher may be told of it.

    A delivery that could not be rendered is written as Failed, with its error, and is not queued.
    """
    name = webhook_id()
    body, error = _body_text(new)
    state = DeliveryState.FAILED if error is not None else DeliveryState.HELD if new.held else DeliveryState.QUEUED
    due_at_us = to_microseconds(now)
    queue_id = 0
    if error is None:
        queue_id = store.queue(
            tx,
            name=name,
            channel=new.webhook,
            order_key=new.order_key,
            is_held=new.held,
            is_retry=False,
            due_at_us=due_at_us,
        )
    store.insert_delivery(tx, new, name=name, state=state, queue_id=queue_id, body=body, error=error, now=now)
    return QueuedDelivery(
        id=queue_id,
        name=name,
        webhook=new.webhook,
        state=state,
        order_key=new.order_key,
        due_at_us=due_at_us,
        message=_message(new) if state is DeliveryState.QUEUED else None,
    )


def next_sequence(tx: Transaction, doctype: str, name: str) -> int:
    """Count an event of a document and return its number, from 1; a rollback takes it back."""
    return store.next_sequence_value(tx, doctype, name)


def settle(tx: Transaction, batch: Sequence[Settlement], *, is_leased: bool, now_us: int) -> None:
    """Write what attempts made of their deliveries, with a log row each.

    A log row that the database refuses is left out: it never changes what becomes of a delivery. Where the queue is
    leased, a delivery that somebody else has taken over meanwhile keeps the state that they give it.

    Args:
        now_us: The present, on the clock that due times are compared with.
    """
    if is_leased:
        ours = [
            settled
            for settled in batch
            if (
                store.unqueue_leased(tx, settled)
                if settled.is_final
                else store.postpone_leased(tx, settled, now_us=now_us)
            )
        ]
    else:
        ours = list(batch)
        store.unqueue(tx, [settled for settled in ours if settled.is_final])
        store.postpone(tx, [settled for settled in ours if not settled.is_final], now_us=now_us)
    store.update_deliveries(
        tx,
        [
            (settled, None if settled.is_final else from_microseconds(now_us + settled.retry_after_us))
            for settled in ours
        ],
    )
    _log(tx, batch)


def replay(tx: Transaction, name: str, *, now: datetime, keeps_order: bool = False) -> QueuedDelivery:
    """Send a delivery again, under the same id, with a new round of the schedule; one that waits becomes due now.

    Args:
        keeps_order: The webhook is ordered per document: it goes after what the document has in the queue.

    Raises:
        UnknownDelivery: there is none of this name.
        NothingToSend: its template failed, so it has no body.
    """
    found = stored_delivery(tx, name)
    if found is None:
        message = f"There is no Webhook Delivery {name}: it may have been deleted by the retention of logs"
        raise UnknownDelivery(message, delivery=name)
    if not found.has_body:
        message = (
            f"Webhook Delivery {name} has no body, as its template failed. Correct it, then send the document anew"
        )
        raise NothingToSend(message, delivery=name)
    key = order_key(found.doctype, found.document) if keeps_order else None
    now_us = to_microseconds(now)
    queue_id, state = found.queue_id, found.state
    if state in {DeliveryState.DELIVERED, DeliveryState.FAILED}:
        queue_id = store.queue(
            tx,
            name=name,
            channel=found.webhook,
            order_key=key,
            is_held=False,
            is_retry=True,
            due_at_us=now_us,
            attempts=found.attempts,
        )
        state = DeliveryState.RETRYING
        upkeep.ask_again(tx, name, state=state, queue_id=queue_id, now=now)
    elif state is DeliveryState.RETRYING:
        upkeep.hasten(tx, queue_id, now_us=now_us)
        upkeep.ask_again(tx, name, state=state, queue_id=queue_id, now=now)
    return QueuedDelivery(
        id=queue_id,
        name=name,
        webhook=found.webhook,
        state=state,
        order_key=key,
        due_at_us=now_us,
        attempts=found.attempts,
        round_started_at=found.attempts,
    )


def hold(tx: Transaction, webhook: str, *, limit: int = CHUNK) -> int:
    """Hold some of what waits for a webhook and return how much; call it again until that is 0."""
    return upkeep.hold_some(tx, webhook, limit=limit)


def release(tx: Transaction, webhook: str, *, limit: int = CHUNK) -> int:
    """Let some of what is held for a webhook go out, oldest first, and return how much; again until that is 0."""
    return upkeep.release_some(tx, webhook, limit=limit)


def give_up(tx: Transaction, webhook: str, *, error: str, now: datetime, limit: int = CHUNK) -> int:
    """Make some of a webhook's deliveries Failed, as it is gone, and return how many; again until that is 0."""
    return upkeep.give_up_some(tx, webhook, error=error, limit=limit, now=now)


def forget(tx: Transaction, queue_ids: Sequence[int]) -> None:
    """Take rows out of the queue whose delivery has been deleted."""
    upkeep.remove(tx, queue_ids)


def note_failures(tx: Transaction, webhook: str, *, since_us: int, failures: int) -> None:
    """Keep since when all attempts of a webhook fail; 0 failures: they do not."""
    store.note_failures(tx, webhook, since_us=since_us, failures=failures)


def purge(tx: Transaction, *, before: datetime, limit: int = CHUNK) -> int:
    """Delete some log rows and finished deliveries from before a moment; call it again until it returns 0."""
    return upkeep.delete_old(tx, before=before, limit=limit)


def _body_text(new: NewDelivery) -> tuple[str | None, str | None]:
    if new.body is None:
        return None, new.error or "The body could not be made"
    if new.error is not None:
        return None, new.error
    try:
        text = new.body.decode()
    except UnicodeDecodeError as error:
        return None, f"The body is not UTF-8: {error}"
    if "\x00" in text:
        return None, "The body has a NUL byte, which cannot be stored"
    return text, None


def _message(new: NewDelivery) -> Message:
    return Message(
        doctype=new.doctype,
        document=new.document,
        event=new.event,
        sequence=new.sequence,
        url=new.url,
        method=new.method,
        headers=new.headers,
        content_type=new.content_type,
        body=new.body or b"",
        owner=new.owner,
    )


def _log(tx: Transaction, batch: Sequence[Settlement]) -> None:
    try:
        with tx.savepoint():
            store.insert_log(tx, batch)
    except (StorageFull, DatabaseBusy):
        raise  # nothing at all can be written: the results are kept and settled later
    except (DatabaseError, ValueError):  # ValueError: text that has no UTF-8
        if len(batch) > 1:
            for settled in batch:
                _log(tx, [settled])
