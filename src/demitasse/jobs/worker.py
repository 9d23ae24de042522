"""The worker: takes jobs that are due, runs each in a thread, and queues the runs of schedules.

It lives on the event loop, where nothing of it blocks. Any number of processes may each have one.
"""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial

import structlog

from demitasse.db.transaction import Transaction
from demitasse.jobs import operations, store
from demitasse.jobs.errors import JobTakenOver
from demitasse.jobs.metrics import JobsSnapshot
from demitasse.jobs.model import QUEUES, ClaimedJob
from demitasse.jobs.ports import Database, Lanes, Runner
from demitasse.jobs.running import Ended, JobRun
from demitasse.kernel.clock import Clock
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox.model import to_microseconds

_log = structlog.get_logger("demitasse.jobs")
_POLL_S = 5.0
_RENEW_S = 20.0
_GRACE_S = 10.0
"""How long after its timeout a job may take to notice; then it is given up, and its thread left to itself."""
_AGAIN_S = 1.0


@dataclass(slots=True, eq=False)
class _Running:
    run: JobRun
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Counts:
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    duration_s: float = 0.0


class Worker:
    """Runs jobs for a site. All methods but `wake` belong to the loop's thread.

    Args:
        owner: Names this process in leases.
        is_alone: No other process has workers of this name: what its forerunner left is free at once.
        user: In whose name schedules run.
    """

    def __init__(  # noqa: PLR0913 - it ties these together
        self,
        *,
        lanes: Lanes,
        database: Database,
        runner: Runner,
        clock: Clock,
        zone: tzinfo,
        owner: str,
        user: str,
        is_alone: bool,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._lanes = lanes
        self._database = database
        self._runner = runner
        self._clock = clock
        self._zone = zone
        self._owner = owner
        self._user = user
        self._is_alone = is_alone
        self._loop = loop
        self._running: dict[str, _Running] = {}
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._counts = _Counts()

    def start(self) -> None:
        """Run what is due, what was missed included."""
        self._tasks = [self._loop.create_task(self._work()), self._loop.create_task(self._renew())]

    def wake(self) -> None:
        """Look for jobs now; from any thread."""
        with contextlib.suppress(RuntimeError):  # The loop is closed: the next start finds them.
            self._loop.call_soon_threadsafe(self._woken.set)

    async def close(self, *, grace_s: float) -> None:
        """Take no more; what does not end in time is given back and runs again with the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while self._running:
                    self._woken.clear()
                    await self._woken.wait()
        left = [each.run.job for each in self._running.values()]
        for each in self._running.values():
            self._stop_timer(each)
        if left:
            await self._lanes.write(lambda tx: operations.give_back(tx, left))

    async def snapshot(self) -> JobsSnapshot:
        """Return what there is to count."""
        return JobsSnapshot(
            queues=await self._lanes.read(store.depths, is_long=True),
            running=Counter(each.run.job.queue for each in self._running.values()),
            ended=dict(self._counts.ended),
            duration_s=self._counts.duration_s,
        )

    async def _work(self) -> None:
        if self._is_alone:
            await self._lanes.write(lambda tx: operations.forget_owner(tx, self._owner))
        while True:
            self._woken.clear()
            try:
                wait_s = await self._step()
            except DemitasseError as error:  # The disk is full, another process writes for long: later.
                _log.warning("jobs.look_failed", error=error.message)
                wait_s = _AGAIN_S
            except Exception:  # noqa: BLE001 - the site serves on
                _log.exception("jobs.look_failed")
                wait_s = _AGAIN_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def _step(self) -> float:
        """Start what is due and there is room for, and return how long there is nothing more to do."""
        now = self._clock()
        now_us = to_microseconds(now)
        due_us, type_us = await self._lanes.read(lambda tx: (store.next_due_us(tx), store.next_type_us(tx)))
        if type_us is not None and type_us <= now_us:
            await self._lanes.write(partial(operations.hand_out, now=now, zone=self._zone, user=self._user))
            due_us = now_us
        room = self._room()
        if due_us is not None and due_us <= now_us and any(room.values()):
            for job in await self._lanes.write(partial(self._claim, room=room, now=now)):
                self._begin(job)
            due_us = (await self._lanes.read(store.next_due_us)) if any(self._room().values()) else None
        moments = [each for each in (due_us, type_us) if each is not None]
        next_s = (min(moments) - to_microseconds(self._clock())) / 1e6 if moments else _POLL_S
        # A row that is due and was not taken is of a queue without room: an end of its jobs wakes us.
        return min(_POLL_S, next_s) if next_s > 0 else _AGAIN_S

    def _claim(self, tx: Transaction, *, room: dict[str, int], now: datetime) -> list[ClaimedJob]:
        return operations.claim(tx, room, owner=self._owner, now=now)

    def _room(self) -> dict[str, int]:
        taken = Counter(each.run.job.queue for each in self._running.values())
        return {name: queue.places - taken[name] for name, queue in QUEUES.items()}

    def _begin(self, job: ClaimedJob) -> None:
        run = JobRun(job, runner=self._runner, database=self._database, clock=self._clock, on_end=self._hear)
        running = self._running[job.name] = _Running(run)
        running.timer = self._loop.call_later(job.timeout_s, self._time_out, running)
        run.start()

    def _hear(self, ended: Ended) -> None:
        """Hear of an end; in the job's thread."""
        with contextlib.suppress(RuntimeError):  # The loop is closed.
            self._loop.call_soon_threadsafe(self._ended, ended)

    def _ended(self, ended: Ended) -> None:
        running = self._running.get(ended.job.name)
        if running is not None and running.run.job.token == ended.job.token:
            self._stop_timer(running)
            del self._running[ended.job.name]
        self._counts.ended[ended.job.queue, ended.outcome] += 1
        self._counts.duration_s += ended.duration_s
        self._woken.set()

    def _time_out(self, running: _Running) -> None:
        running.run.interrupt()
        running.timer = self._loop.call_later(_GRACE_S, self._give_up, running)

    def _give_up(self, running: _Running) -> None:
        running.timer = None
        job = running.run.job
        error = f"The job took longer than its timeout of {job.timeout_s} s, and could not be stopped"
        _log.error("job.hangs", job=job.name, method=job.method, queue=job.queue, timeout_s=job.timeout_s)
        done = self._lanes.write(lambda tx: operations.fail(tx, job, error=error, again_at=None, now=self._clock()))
        done.add_done_callback(lambda future: self._given_up(running, future.exception()))

    def _given_up(self, running: _Running, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, JobTakenOver):
            _log.error("job.unsettled", job=running.run.job.name, exc_info=error)
        self._running.pop(running.run.job.name, None)
        self._counts.ended[running.run.job.queue, "failed"] += 1
        self._woken.set()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            jobs = [each.run.job for each in self._running.values()]
            if jobs:
                try:
                    await self._lanes.write(partial(operations.renew, jobs=jobs, now=self._clock()))
                except DemitasseError as error:
                    _log.warning("jobs.renew_failed", error=error.message)

    @staticmethod
    def _stop_timer(running: _Running) -> None:
        if running.timer is not None:
            running.timer.cancel()
            running.timer = None
