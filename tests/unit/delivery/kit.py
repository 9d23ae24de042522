"""A dispatcher on a real database, with time, answers and endpoints in the test's hand."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from demitasse.db.errors import StorageFull
from demitasse.db.lanes import Lanes
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.delivery.dispatcher import Dispatcher
from demitasse.delivery.owned import OwnedClaims
from demitasse.delivery.ports import Alert, Database, Endpoint
from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.operations import enqueue, next_sequence
from demitasse.transports.model import Outcome, OutgoingRequest, SendResult
from demitasse.vault.references import References
from tests.unit.outbox.site import NOW, new_delivery, open_database

T = TypeVar("T")
URL = "https://crm.example.com/leads"


class Timer:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class FakeTime:
    """Stands still until it is moved; what is due soon (a delay of 0) happens when the loop comes round."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._waiting: list[tuple[float, int, Timer, Callable[[], None]]] = []
        self._count = 0

    def utc_now(self) -> datetime:
        return NOW + timedelta(seconds=self.now_s - 1_000.0)

    def monotonic_s(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = Timer()
        self._count += 1
        heapq.heappush(self._waiting, (self.now_s + delay_s, self._count, timer, callback))
        return timer

    def next_at_s(self) -> float | None:
        while self._waiting and self._waiting[0][2].is_cancelled:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def ring(self) -> None:
        """Call back what is due now."""
        while (at_s := self.next_at_s()) is not None and at_s <= self.now_s:
            heapq.heappop(self._waiting)[3]()


@dataclass
class Sending:
    """A request that left and waits for its answer."""

    request: OutgoingRequest
    on_done: Callable[[SendResult], None]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.request.headers)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def answer(self, status: int = 200, *, body: bytes = b"ok", **headers: str) -> None:
        self.on_done(
            SendResult(
                outcome=Outcome.ANSWERED,
                status=status,
                headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
                body=body,
                duration_s=0.012,
            )
        )

    def fail(self, outcome: Outcome = Outcome.TIMEOUT) -> None:
        self.on_done(SendResult(outcome=outcome, error=f"it was {outcome.value}", duration_s=5.0))


class FakeSender:
    """Keeps requests until the test answers them; with ``respond`` set, that does."""

    def __init__(self) -> None:
        self.waiting: list[Sending] = []
        self.sent: list[Sending] = []
        self.respond: Callable[[Sending], None] | None = None

    def start(self, request: OutgoingRequest, on_done: Callable[[SendResult], None]) -> None:
        sending = Sending(request, on_done)
        self.sent.append(sending)
        if self.respond is not None:
            asyncio.get_running_loop().call_soon(self.respond, sending)
        else:
            self.waiting.append(sending)

    def take(self) -> Sending:
        """Return the one request that waits."""
        (sending,) = self.waiting
        self.waiting.clear()
        return sending

    def take_all(self) -> list[Sending]:
        found, self.waiting = self.waiting, []
        return found


@dataclass
class FakeEndpoints:
    found: dict[str, Endpoint] = field(default_factory=lambda: {"crm": Endpoint(url=URL)})
    disabled: list[tuple[str, str]] = field(default_factory=list)

    def get(self, webhook: str) -> Endpoint | None:
        return self.found.get(webhook)

    async def disable(self, webhook: str, *, reason: str) -> None:
        self.disabled.append((webhook, reason))
        self.set(webhook, is_active=False)

    def set(self, webhook: str = "crm", **values: Any) -> None:
        self.found[webhook] = Endpoint(**{"url": URL, **values})


@dataclass
class FakeAlerts:
    told: list[Alert] = field(default_factory=list)

    async def alert(self, alert: Alert) -> None:
        self.told.append(alert)


class Disk:
    """The lanes of a real database on a disk that can be full. Reads are inline, however long they take."""

    def __init__(self, lanes: Lanes, reader: SqliteDatabase) -> None:
        self._lanes = lanes
        self._reader = reader
        self.is_full = False

    async def read(self, work: Callable[[Transaction], T], *, is_long: bool = False) -> T:
        tx = self._reader.read()
        try:
            return work(tx)
        finally:
            tx.rollback()

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        if self.is_full:
            message = "The disk is full"
            raise StorageFull(message)
        return self._lanes.write(work)


class Kit:
    """A dispatcher with all that it needs; ``restart`` is a crash and a new process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.time = FakeTime()
        self.sender = FakeSender()
        self.endpoints = FakeEndpoints()
        self.alerts = FakeAlerts()
        self.environ: dict[str, str] = {}
        self.max_in_flight = 256
        self._number = 0
        self.open()

    def open(self) -> None:
        self.database: SqliteDatabase = open_database(self.path)
        self.lanes = Lanes(self.database, loop=asyncio.get_running_loop())
        self.reader = SqliteDatabase(self.path)
        self.disk = Disk(self.lanes, self.reader)
        self.dispatcher = self.make_dispatcher()

    def make_dispatcher(self) -> Dispatcher:
        database: Database = self.disk
        return Dispatcher(
            endpoints=self.endpoints,
            alerts=self.alerts,
            claims=OwnedClaims(database, clock=self.time.utc_now),
            database=database,
            sender=self.sender,
            resolver=References(conf={}, environ=self.environ),
            time=self.time,
            random=lambda: 0.5,
            max_in_flight=self.max_in_flight,
        )

    async def close(self) -> None:
        self.disk.is_full = False
        await self.dispatcher.close(grace_s=0)
        await self.lanes.close()
        self.reader.close()
        self.database.close()

    async def crash(self) -> None:
        """Lose everything that is not on disk."""
        self.sender.take_all()
        self.time = FakeTimeFrom(self.time)
        self.disk.is_full = True
        await self.dispatcher.close(grace_s=0, settle_within_s=0)
        await self.lanes.close()
        self.reader.close()
        self.database.close()

    async def restart(self) -> None:
        await self.crash()
        self.open()
        await self.start()

    async def start(self) -> None:
        self.dispatcher.start()
        await self.quiet()

    async def queue(self, *, told: bool = True, ordered: bool = False, **more: Any) -> QueuedDelivery:
        """Commit a delivery, as a document's transaction does."""
        self._number += 1
        number = more.pop("number", self._number)

        def work(tx: Transaction) -> QueuedDelivery:
            new = new_delivery(number, **more)
            sequence = next_sequence(tx, new.doctype, new.document)
            key = f"{new.doctype}/{new.document}" if ordered else None
            new = new_delivery(number, **{"order_key": key, "sequence": sequence, **more})
            queued = enqueue(tx, new, now=self.time.utc_now())
            if told:
                tx.after_commit(partial(self.dispatcher.offer, [queued]))
            return queued

        queued = await self.lanes.write(work)
        await self.quiet()
        return queued

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self.lanes.write(work)

    async def quiet(self) -> None:
        """Let everything happen that happens without time passing."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        idle = 0
        while idle < 3:
            self.time.ring()
            await asyncio.sleep(0)
            idle = 0 if ready else idle + 1

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        until_s = self.time.now_s + seconds
        await self.quiet()
        while (at_s := self.time.next_at_s()) is not None and at_s <= until_s:
            self.time.now_s = max(self.time.now_s, at_s)
            await self.quiet()
        self.time.now_s = until_s
        await self.quiet()

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        tx = self.reader.read()
        listed = ", ".join(f'"{column}"' for column in columns)
        found = tx.execute(f'SELECT {listed} FROM "{table}" ORDER BY rowid')
        tx.rollback()
        return found


class FakeTimeFrom(FakeTime):
    """The time of a new process: the same moment, and none of the timers."""

    def __init__(self, old: FakeTime) -> None:
        super().__init__()
        self.now_s = old.now_s
