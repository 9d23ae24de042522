"""What the process that owns the queue knows of one webhook's part of it. No I/O: it plans reads and takes in findings.

The part is walked in order of due time, first attempts and retries apart, each from where the last walk ended. Rows with
an order key are not taken by the walk: it only finds keys, and the queue itself tells which row of a key is its head.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from demitasse.delivery.ports import Taken, Want
from demitasse.delivery.reading import Found, Plan
from demitasse.outbox.model import QueuedDelivery
from demitasse.outbox.queries import Position

MAX_GATES = 10_000
"""Documents of a webhook that keep later deliveries back; with more, no new ones are read until some pass."""

_START: Position = (0, 0)


@dataclass(slots=True, kw_only=True)
class _Gate:
    """An order key one of whose rows is on its way (busy), or failed and keeps the later ones back."""

    holder: int
    is_busy: bool
    failing_since_us: int
    has_more: bool


class Backlog:
    """The claims on one webhook's part of the queue."""

    def __init__(self) -> None:
        self._claimed: set[int] = set()
        self._ended: set[int] | None = None  # While a read is under way: rows that ended, which it may still show.
        self._first_after = _START
        self._first_done = False
        self._retry_after = _START
        self._retry_due_us: int | None = 0
        self._keys: dict[str, None] = {}
        self._gates: dict[str, _Gate] = {}
        self._holding: list[tuple[int, str]] = []
        self._news = 0
        self._restarts = 0
        # The earliest that was heard of since the last read was planned: its snapshot may lack them, though it has later ones.
        self._first_news: Position | None = None
        self._retry_news: Position | None = None

    @property
    def claimed(self) -> int:
        """How many rows were handed out and have not ended."""
        return len(self._claimed)

    def offered(self, row: QueuedDelivery, *, has_room: bool) -> bool:
        """Hear of a new row, and return whether it is claimed with that."""
        self._news += 1
        if not row.is_first_attempt:
            self._expect_retry(row.due_at_us)
            return False
        if row.id in self._claimed:
            return False
        position = (row.due_at_us, row.id)
        if self._first_done and row.order_key is not None:
            self._first_after = max(self._first_after, position)
            self._look_at(row.order_key)
            return False
        if self._first_done and position > self._first_after and has_room and row.message is not None:
            self._first_after = position
            self._claimed.add(row.id)
            return True
        # The walk comes by. It goes back for what was told out of turn: writers do not commit in the order of due times.
        before = (row.due_at_us, row.id - 1)
        self._first_after = min(self._first_after, before)
        self._first_news = min(self._first_news or before, before)
        self._first_done = False
        return False

    def has_more(self, *, firsts: bool, retries: bool, now_us: int, hold_floor_us: int) -> bool:
        """Return whether a read may find rows of the kinds that there is room for."""
        return (
            bool(self._keys)
            or (firsts and not self._first_done and len(self._gates) < MAX_GATES)
            or (retries and self._retry_due_us is not None and self._retry_due_us <= now_us)
            or (bool(self._holding) and self._holding[0][0] <= hold_floor_us)
        )

    def is_awaited(self, row: QueuedDelivery) -> bool:
        """Return whether later rows of its order key wait for a claimed one."""
        gate = self._gate_of(row)
        return gate is not None and gate.has_more

    @property
    def retry_due_us(self) -> int | None:
        """When the next retry may be due."""
        return self._retry_due_us

    @property
    def holding_since_us(self) -> int | None:
        """When the row first failed that will be the next to let later ones pass."""
        return self._holding[0][0] if self._holding else None

    def plan(self, want: Want) -> Plan:
        """Return the read that finds what is wanted; nothing else may be planned until it is taken in or given up."""
        self._let_pass(want.hold_floor_us)
        for key in [key for key in self._keys if key in self._gates]:
            del self._keys[key]
            self._gates[key].has_more = True
        keys = [key for key, _ in zip(self._keys, range(want.first + want.retries), strict=False)]
        for key in keys:
            del self._keys[key]
        is_due = self._retry_due_us is not None and self._retry_due_us <= want.now_us
        if is_due and want.retries:
            self._retry_due_us = None  # What is learnt while the read is under way, comes on top of what it shows.
        self._ended = set()
        self._first_news = self._retry_news = None
        return Plan(
            firsts=0 if self._first_done or len(self._gates) >= MAX_GATES else want.first,
            retries=want.retries if is_due else 0,
            first_after=self._first_after,
            retry_after=self._retry_after,
            keys=keys,
            gated=frozenset(self._gates),
            now_us=want.now_us,
            hold_floor_us=want.hold_floor_us,
            news=self._news,
            restarts=self._restarts,
        )

    def give_up(self, plan: Plan) -> None:
        """Forget a planned read: it failed."""
        self._ended = None
        self._keys.update(dict.fromkeys(plan.keys))
        if plan.retries:
            self._retry_due_us = 0

    def take_in(self, plan: Plan, found: Found) -> Taken:
        """Claim what a read showed and return it."""
        rows: list[QueuedDelivery] = []
        for key, row in found.heads.items():
            if row is not None:
                self._open_gate(key, row, plan, rows)
        for row in found.firsts:
            if row.order_key is None:
                self._claim(row, rows)
            else:
                self._meet(row.order_key, row, rows, is_retry=False)
        for row in found.retries:
            if row.order_key is None:
                self._claim(row, rows)
            else:
                self._meet(row.order_key, row, rows, is_retry=True)
        self._ended = None
        self._advance(plan, found)
        return Taken(
            deliveries=[row for row in rows if row.is_due],
            orphans=[row for row in rows if not row.is_due],
        )

    def ended(self, row: QueuedDelivery) -> None:
        """Note that a claimed row is in the queue no more, or is held."""
        self._release(row)
        gate = self._gate_of(row)
        if gate is not None and row.order_key is not None:
            del self._gates[row.order_key]
            if gate.has_more:
                self._keys[row.order_key] = None

    def postponed(self, row: QueuedDelivery, *, due_at_us: int, failing_since_us: int) -> None:
        """Note that a claimed row failed and is due again."""
        self._release(row)
        self._expect_retry(due_at_us)
        gate = self._gate_of(row)
        if gate is not None and row.order_key is not None:
            gate.is_busy = False
            gate.failing_since_us = failing_since_us
            heapq.heappush(self._holding, (failing_since_us, row.order_key))

    def give_back(self, rows: Iterable[QueuedDelivery]) -> None:
        """Take claims back that came to nothing."""
        for row in rows:
            self.ended(row)
            if row.order_key is not None:
                self._keys[row.order_key] = None
        self.restart()

    def restart(self) -> None:
        """Walk from the beginning."""
        self._restarts += 1
        self._first_after = self._retry_after = _START
        self._first_done = False
        self._retry_due_us = 0

    def _open_gate(self, key: str, row: QueuedDelivery, plan: Plan, rows: list[QueuedDelivery]) -> None:
        if key in self._gates or (self._ended is not None and row.id in self._ended):
            self._look_at(key)
            return
        goes = row.is_first_attempt or row.due_at_us <= plan.now_us or not row.is_due
        self._gates[key] = _Gate(
            holder=row.id,
            is_busy=goes,
            failing_since_us=row.failing_since_us,
            has_more=not goes or key in plan.keys,
        )
        if goes:
            self._claim(row, rows)
        else:
            heapq.heappush(self._holding, (row.failing_since_us, key))

    def _meet(self, key: str, row: QueuedDelivery, rows: list[QueuedDelivery], *, is_retry: bool) -> None:
        """Take note of a row of a key that the walk has come across."""
        gate = self._gates.get(key)
        if gate is None:
            self._keys[key] = None
        elif gate.holder == row.id and gate.is_busy:
            pass  # It has just been claimed.
        elif is_retry and not gate.is_busy and row.id <= gate.holder:
            if row.id < gate.holder:
                gate.has_more = True
            gate.holder, gate.is_busy = row.id, True
            self._claim(row, rows)
        else:
            gate.has_more = True

    def _claim(self, row: QueuedDelivery, rows: list[QueuedDelivery]) -> None:
        if row.id not in self._claimed and not (self._ended is not None and row.id in self._ended):
            self._claimed.add(row.id)
            rows.append(row)

    def _advance(self, plan: Plan, found: Found) -> None:
        if self._restarts != plan.restarts:
            return
        if plan.firsts:
            if found.firsts:
                last = found.firsts[-1]
                self._first_after = min((last.due_at_us, last.id), self._first_news or (last.due_at_us, last.id))
            self._first_done = len(found.firsts) < plan.firsts and self._news == plan.news
        if plan.retries:
            if found.retries:
                last = found.retries[-1]
                self._retry_after = min((last.due_at_us, last.id), self._retry_news or (last.due_at_us, last.id))
            if len(found.retries) == plan.retries:
                self._retry_due_us = plan.now_us
            elif found.next_due_us is not None:
                self._retry_due_us = min(found.next_due_us, self._retry_due_us or found.next_due_us)

    def _expect_retry(self, due_at_us: int) -> None:
        before = (due_at_us - 1, 0)
        self._retry_after = min(self._retry_after, before)  # The clock went back, or a person wants it now.
        self._retry_news = min(self._retry_news or before, before)
        if self._retry_due_us is None or due_at_us < self._retry_due_us:
            self._retry_due_us = due_at_us

    def _look_at(self, key: str) -> None:
        gate = self._gates.get(key)
        if gate is None:
            self._keys[key] = None
        else:
            gate.has_more = True

    def _let_pass(self, hold_floor_us: int) -> None:
        while self._holding and self._holding[0][0] <= hold_floor_us:
            since_us, key = heapq.heappop(self._holding)
            gate = self._gates.get(key)
            if gate is not None and not gate.is_busy and gate.failing_since_us == since_us:
                del self._gates[key]
                if gate.has_more:
                    self._keys[key] = None

    def _release(self, row: QueuedDelivery) -> None:
        self._claimed.discard(row.id)
        if self._ended is not None:
            self._ended.add(row.id)

    def _gate_of(self, row: QueuedDelivery) -> _Gate | None:
        gate = self._gates.get(row.order_key) if row.order_key is not None else None
        return gate if gate is not None and gate.holder == row.id else None
