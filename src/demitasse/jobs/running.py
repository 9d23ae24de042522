"""One job, run to its end in a thread of its own."""

import ctypes
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from demitasse.db.errors import DatabaseBusy
from demitasse.db.transaction import Transaction
from demitasse.jobs import operations
from demitasse.jobs.errors import JobTakenOver, JobTimedOut, RetryJob
from demitasse.jobs.model import ClaimedJob, retry_at
from demitasse.jobs.ports import Database, Runner
from demitasse.kernel.clock import Clock, monotonic_s

_log = structlog.get_logger("demitasse.jobs")
_OWN_FRAMES = 2
"""Of this module and of the runner, which say nothing to who reads a job's error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended.

    Args:
        outcome: ``finished``, ``failed``, ``retried`` or ``taken_over``.
    """

    job: ClaimedJob
    outcome: str
    duration_s: float
    error: str | None = None


class JobRun:
    """Runs a claimed job; what it wrote and its end are one transaction.

    Args:
        on_end: Called in the job's thread when everything is written.
    """

    def __init__(
        self,
        job: ClaimedJob,
        *,
        runner: Runner,
        database: Database,
        clock: Clock,
        on_end: Callable[[Ended], None],
    ) -> None:
        self.job = job
        self._runner = runner
        self._database = database
        self._clock = clock
        self._on_end = on_end
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_in_code = False

    def start(self) -> None:
        """Run it in a new thread: one that hangs keeps nothing but itself."""
        self._thread = threading.Thread(target=self.run, name=f"demitasse-job-{self.job.name}", daemon=True)
        self._thread.start()

    def interrupt(self) -> None:
        """Raise `JobTimedOut` in the job's code at its next step; a call that blocks ends first."""
        with self._lock:
            if self._is_in_code and self._thread is not None and self._thread.ident is not None:
                self._is_in_code = False  # Once.
                _raise_in(self._thread.ident, JobTimedOut)

    def run(self) -> Ended:
        """Run it in this thread and return how it ended; it raises nothing."""
        began_s = monotonic_s()
        try:
            error = self._attempt()
        except JobTimedOut as late:  # It was raised in the steps around the job's code.
            error = late
        outcome, text = ("finished", None) if error is None else self._settle(error)
        ended = Ended(job=self.job, outcome=outcome, duration_s=monotonic_s() - began_s, error=text)
        self._tell(ended)
        self._on_end(ended)
        return ended

    def _attempt(self) -> BaseException | None:
        tx = self._database.write()
        try:
            self._call(tx)
            operations.finish(tx, self.job, now=self._clock())
            tx.commit()
        except BaseException as error:  # noqa: BLE001 - whatever a job raises, SystemExit too, is the job's end
            tx.rollback()
            return error
        finally:
            self._clean_up()
        return None

    def _call(self, tx: Transaction) -> None:
        with self._lock:
            self._is_in_code = True
        try:
            self._runner.run(self.job, tx)
        finally:
            with self._lock:
                self._is_in_code = False
                if self._thread is not None and self._thread.ident is not None:
                    _raise_in(self._thread.ident, None)  # What was raised and not yet seen must not hit what follows.

    def _settle(self, error: BaseException) -> tuple[str, str]:
        text = _text(error)
        if isinstance(error, JobTakenOver):
            return "taken_over", text
        again_at = None
        if isinstance(error, RetryJob | DatabaseBusy):
            again_at = retry_at(self.job.attempts, now=self._clock())
        write = partial(operations.fail, job=self.job, error=text, again_at=again_at, now=self._clock())
        try:
            tx = self._database.write()
            try:
                write(tx)
                tx.commit()
            except BaseException:
                tx.rollback()
                raise
        except JobTakenOver:
            return "taken_over", text
        except Exception:  # noqa: BLE001 - the lease ends, and the job runs again
            _log.exception("job.unsettled", job=self.job.name)
        return ("retried" if again_at else "failed"), text

    def _clean_up(self) -> None:
        try:
            self._runner.clean_up()
        except Exception:  # noqa: BLE001 - what is left behind must not change how the job ended
            _log.exception("job.aftermath", job=self.job.name)

    def _tell(self, ended: Ended) -> None:
        say = _log.info if ended.error is None else _log.warning
        say(
            "job.ended",
            job=self.job.name,
            method=self.job.method,
            queue=self.job.queue,
            attempt=self.job.attempts,
            outcome=ended.outcome,
            duration_ms=round(ended.duration_s * 1000),
            error=ended.error.strip().rpartition("\n")[2] if ended.error else None,
        )


def _text(error: BaseException) -> str:
    frames = error.__traceback__
    for _ in range(_OWN_FRAMES):
        if frames is not None and frames.tb_next is not None:
            frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _raise_in(thread_id: int, error: type[BaseException] | None) -> None:
    """Set the exception that a thread raises at its next step of Python code, or take it back.

    Source: https://docs.python.org/3/c-api/init.html#c.PyThreadState_SetAsyncExc
    """
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), raised)
