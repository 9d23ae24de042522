"""Writing results in batches, and keeping them in memory while they cannot be written."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import structlog

from demitasse.db.errors import DatabaseBusy, StorageFull
from demitasse.db.transaction import Transaction
from demitasse.delivery.health import FailureRun
from demitasse.delivery.metrics import Counters
from demitasse.delivery.ports import Claims, Time
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox.model import Settlement
from demitasse.outbox.operations import note_failures

_log = structlog.get_logger("demitasse.delivery")

_MAX_BATCH = 256
_ENOUGH = 128
_WAIT_S = 0.02
"""How long a result waits for others, unless there are enough: they share a commit."""

_FIRST_PAUSE_S = 0.25
_MAX_PAUSE_S = 5.0
_MAX_UNSETTLED = 1_024

OnSettled = Callable[[Sequence[Settlement]], None]


class Settler:
    """Takes results, writes them, and tells when they are durable.

    Results that cannot be written (the disk is full) are kept and tried again. ``is_behind`` then says to send nothing
    more: that bounds them, and what was sent already is not sent again.
    """

    def __init__(self, *, claims: Claims, time: Time, counters: Counters, on_settled: OnSettled) -> None:
        self._claims = claims
        self._time = time
        self._counters = counters
        self._on_settled = on_settled
        self._waiting: deque[Settlement] = deque()
        self._runs: dict[str, FailureRun] = {}
        self._being_written = 0
        self._is_stuck = False
        self._is_timed = False
        self._is_wanted = False
        self._is_draining = False
        self._task: asyncio.Task[None] | None = None

    @property
    def unsettled(self) -> int:
        """Results that are not durable."""
        return len(self._waiting) + self._being_written

    @property
    def is_behind(self) -> bool:
        """Whether nothing more should be sent for now."""
        return self._is_stuck or self.unsettled >= _MAX_UNSETTLED

    def add(self, settlement: Settlement, *, run: FailureRun | None, is_urgent: bool) -> None:
        """Take a result.

        Args:
            run: The endpoint's failures, where they have changed.
            is_urgent: Somebody waits for it.
        """
        self._waiting.append(settlement)
        if run is not None:
            self._runs[settlement.delivery.webhook] = run
        if is_urgent or len(self._waiting) >= _ENOUGH:
            self._write_soon()
        else:
            self._write_in_a_while()

    async def drain(self, *, within_s: float) -> None:
        """Write what waits, as far as that can be done within a time."""
        self._is_draining = True
        self._write_soon()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=within_s)
            self._task.cancel()
        if self.unsettled:
            _log.warning("delivery.left_unsettled", results=self.unsettled)

    def _write_in_a_while(self) -> None:
        if not self._is_timed:
            self._is_timed = True
            self._time.call_later(_WAIT_S, self._timed_out)

    def _timed_out(self) -> None:
        self._is_timed = False
        self._write_soon()

    def _write_soon(self) -> None:
        self._is_wanted = True
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while self._waiting and self._is_wanted:
            batch = [self._waiting.popleft() for _ in range(min(_MAX_BATCH, len(self._waiting)))]
            self._is_wanted = self._is_draining or len(self._waiting) >= _ENOUGH
            runs, self._runs = self._runs, {}
            self._being_written = len(batch)
            try:
                await self._write(batch, runs)
            except BaseException as error:
                self._waiting.extendleft(reversed(batch))
                self._runs = {**runs, **self._runs}
                self._being_written = 0
                if not isinstance(error, Exception):
                    raise
                self._is_stuck = self._is_wanted = True
                self._counters.settle_failures += 1
                _log.warning("delivery.not_settled", results=len(batch), again_in_s=pause_s, error=repr(error))
                await self._pause(pause_s)
                pause_s = min(_MAX_PAUSE_S, pause_s * 2)
            else:
                self._being_written = 0
                self._is_stuck = False
                pause_s = _FIRST_PAUSE_S
                self._on_settled(batch)
        if self._waiting:
            self._write_in_a_while()

    async def _write(self, batch: Sequence[Settlement], runs: Mapping[str, FailureRun]) -> None:
        def also(tx: Transaction) -> None:
            for webhook, run in runs.items():
                note_failures(tx, webhook, since_us=run.since_us, failures=run.failures)

        try:
            await self._claims.settle(batch, also)
        except (StorageFull, DatabaseBusy):
            raise
        except DemitasseError as error:
            if len(batch) == 1:
                # One row that the database refuses must not stop the others. It stays in the queue, and claimed.
                self._counters.settle_failures += 1
                _log.error("delivery.unsettleable", delivery=batch[0].delivery.name, error=error.message)
                return
            for settlement in batch:
                await self._write([settlement], {})

    async def _pause(self, pause_s: float) -> None:
        over = asyncio.Event()
        timer = self._time.call_later(pause_s, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()
