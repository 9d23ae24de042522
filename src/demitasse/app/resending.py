"""Replay and backfill as an operator asks for them: in short transactions, with progress, while the site serves."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from demitasse.app.site import Site
from demitasse.app.webhooks import LONG_AGO, load_webhook, reading, writing
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.documents import backfilling
from demitasse.events.subscriptions import Subscription
from demitasse.kernel.clock import monotonic_s
from demitasse.outbox import operations, replaying
from demitasse.outbox.errors import UnknownDelivery
from demitasse.outbox.model import DeliveryState
from demitasse.outbox.queries import stored_delivery

T = TypeVar("T")
OnProgress = Callable[[int, int], None]
"""Gets how many are done and how many there are."""


def _say_nothing(_done: int, _total: int) -> None:
    """Take progress and do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did, or (a dry run) would do; ``without_body`` cannot be sent, as their template failed."""

    replayed: int
    without_body: int
    is_dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """What a backfill did, or (a dry run) would do.

    Args:
        documents: That matched.
        queued: New deliveries.
        not_meant: Documents for which the webhook does not fire.
    """

    documents: int
    queued: int
    not_meant: int
    is_dry_run: bool


def replay_deliveries(site: Site, names: Sequence[str], *, is_dry_run: bool = False) -> Replayed:
    """Send these deliveries again, each under its own id; all of them, or none where one is not there.

    Raises:
        UnknownDelivery: there is none of one of the names.
        NothingToSend: one has no body, as its template failed.
    """

    def work(tx: Transaction) -> None:
        for name in names:
            stored = stored_delivery(tx, name)
            if stored is None:
                message = f"There is no Webhook Delivery {name}: it may have been deleted by the retention of logs"
                raise UnknownDelivery(message, delivery=name)
            webhook = load_webhook(site, tx, stored.webhook)
            if not is_dry_run:
                operations.replay(tx, name, now=site.clock(), keeps_order=webhook["ordering"] == "Per Document")

    if is_dry_run:
        reading(site, work)
    else:
        writing(site, work)
    return Replayed(replayed=len(names), without_body=0, is_dry_run=is_dry_run)


def replay_webhook(
    site: Site,
    name: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    state: DeliveryState = DeliveryState.FAILED,
    is_dry_run: bool = False,
    on_progress: OnProgress = _say_nothing,
) -> Replayed:
    """Send a webhook's deliveries again that are Failed (or Delivered), oldest first, each under its own id.

    Args:
        since: The time of the events, aware; so with ``until``.

    Raises:
        DocumentNotFound: there is no such webhook.
    """
    webhook = reading(site, lambda tx: load_webhook(site, tx, name))
    chosen = replaying.Selection(
        webhook=name, since=since or LONG_AGO, until=until or site.clock() + timedelta(days=1), state=state
    )
    found = reading(site, lambda tx: replaying.count(tx, chosen))
    if is_dry_run:
        return Replayed(replayed=found.sendable, without_body=found.without_body, is_dry_run=True)
    keeps_order = webhook["ordering"] == "Per Document"
    done = without_body = 0
    place: replaying.Place | None = None
    while True:
        again = partial(replaying.replay_some, chosen=chosen, after=place, now=site.clock(), keeps_order=keeps_order)
        step = _in_turn(site, again)
        done, without_body = done + len(step.queued), without_body + step.without_body
        on_progress(done + without_body, found.sendable + found.without_body)
        place = step.place
        if place is None:
            return Replayed(replayed=done, without_body=without_body, is_dry_run=False)


def backfill_webhook(
    site: Site,
    name: str,
    *,
    filters: Any = None,
    is_dry_run: bool = False,
    on_progress: OnProgress = _say_nothing,
) -> Backfilled:
    """Send documents that are there already to a webhook, oldest first, where its condition is true.

    Args:
        filters: As in a list of documents.

    Raises:
        DocumentNotFound: there is no such webhook.
        DocumentError: it is switched off, cannot be used, or listens to deletions.
        InvalidQuery: the filters cannot be used.
    """
    context = site.documents

    def find(tx: Transaction) -> Sequence[str]:
        return backfilling.find_documents(context, tx, subscription, actor=ADMINISTRATOR_ACTOR, filters=filters)

    subscription = backfilling.backfillable(reading(site, lambda tx: load_webhook(site, tx, name)))
    names = reading(site, find)
    queued = 0
    for start in range(0, len(names), backfilling.CHUNK):
        some = names[start : start + backfilling.CHUNK]
        if is_dry_run:
            queued += reading(site, partial(_count_meant, site, subscription, some))
        else:
            queued += _in_turn(site, partial(_backfill, site, subscription, some))
        on_progress(start + len(some), len(names))
    return Backfilled(documents=len(names), queued=queued, not_meant=len(names) - queued, is_dry_run=is_dry_run)


def _count_meant(site: Site, subscription: Subscription, names: Sequence[str], tx: Transaction) -> int:
    return backfilling.count_meant(site.documents, tx, subscription, names)


def _backfill(site: Site, subscription: Subscription, names: Sequence[str], tx: Transaction) -> int:
    return len(backfilling.backfill(site.documents, tx, subscription, names, actor=ADMINISTRATOR_ACTOR).queued)


def _in_turn(site: Site, work: Callable[[Transaction], T]) -> T:
    """Run one of many writes, then let others write for as long as it took."""
    began_s = monotonic_s()
    result = writing(site, work)
    time.sleep(monotonic_s() - began_s)
    return result
