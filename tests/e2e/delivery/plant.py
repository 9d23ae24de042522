"""A dispatcher as a site has it: a database file, the loop's lanes, the real sender, the real time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from demitasse.db.lanes import Lanes
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.delivery.dispatcher import Dispatcher
from demitasse.delivery.owned import OwnedClaims
from demitasse.delivery.policy import RetrySchedule
from demitasse.delivery.ports import Alert, Endpoint
from demitasse.kernel.clock import monotonic_s, utc_now
from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.operations import enqueue, next_sequence
from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender
from demitasse.vault.references import References
from tests.unit.outbox.site import new_delivery, open_database

SOON = RetrySchedule(delays_s=(0.05,) * 10)


class LoopTime:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def utc_now(self) -> datetime:
        return utc_now()

    def monotonic_s(self) -> float:
        return monotonic_s()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(delay_s, callback)


@dataclass
class KnownEndpoints:
    found: dict[str, Endpoint] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def get(self, webhook: str) -> Endpoint | None:
        return self.found.get(webhook)

    def set(self, webhook: str, url: str, **more: Any) -> None:
        self.found[webhook] = Endpoint(**{"url": url, "schedule": SOON, **more})

    async def disable(self, webhook: str, *, reason: str) -> None:
        self.reasons.append(reason)
        self.set(webhook, self.found[webhook].url, is_active=False)


@dataclass
class KeptAlerts:
    told: list[Alert] = field(default_factory=list)

    async def alert(self, alert: Alert) -> None:
        self.told.append(alert)


class Plant:
    """Everything between a committed delivery and the wire."""

    def __init__(
        self,
        path: Path,
        *,
        resolver: References | None = None,
        allow: Sequence[str] = ("127.0.0.0/8",),
        **sender_options: Any,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.database: SqliteDatabase = open_database(path)
        self.lanes = Lanes(self.database, loop=loop)
        self.endpoints = KnownEndpoints()
        self.alerts = KeptAlerts()
        self.sender = HttpSender(allow=AllowList.of(allow), loop=loop, **sender_options)
        self.dispatcher = Dispatcher(
            endpoints=self.endpoints,
            alerts=self.alerts,
            claims=OwnedClaims(self.lanes, clock=utc_now),
            database=self.lanes,
            sender=self.sender,
            resolver=resolver or References(conf={}, environ={}),
            time=LoopTime(),
        )
        self.dispatcher.start()

    async def close(self) -> None:
        await self.dispatcher.close(grace_s=5)
        await self.sender.close()
        await self.lanes.close()
        self.database.close()

    async def queue(self, webhook: str, numbers: Sequence[int], *, ordered: bool = False) -> list[QueuedDelivery]:
        """Commit deliveries in one transaction and tell the dispatcher of them."""
        return await self.lanes.write(lambda tx: self._queue(tx, webhook, numbers, ordered=ordered))

    def queue_in_thread(self, webhook: str, numbers: Sequence[int]) -> None:
        """Do as an app's code does: commit in a thread."""
        tx = self.database.write()
        self._queue(tx, webhook, numbers, ordered=False)
        tx.commit()

    def _queue(self, tx: Transaction, webhook: str, numbers: Sequence[int], *, ordered: bool) -> list[QueuedDelivery]:
        now = utc_now()
        made = []
        for number in numbers:
            new = new_delivery(
                number,
                webhook=webhook,
                sequence=next_sequence(tx, "Lead", f"LEAD-{number}"),
                order_key=f"Lead/LEAD-{number}" if ordered else None,
            )
            made.append(enqueue(tx, new, now=now))
        tx.after_commit(partial(self.dispatcher.offer, made))
        return made

    async def until(self, status: str, count: int, *, within_s: float = 15.0) -> None:
        """Wait until so many deliveries have a status."""
        sql = 'SELECT count(*) FROM "tabWebhook Delivery" WHERE "status" = ?'
        async with asyncio.timeout(within_s):
            while (  # noqa: ASYNC110 - the database calls nobody back
                await self.lanes.read(lambda tx: tx.execute(sql, (status,)))
            )[0][0] < count:
                await asyncio.sleep(0.02)

    async def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        listed = ", ".join(f'"{column}"' for column in columns)
        return await self.lanes.read(lambda tx: tx.execute(f'SELECT {listed} FROM "{table}" ORDER BY rowid'))
