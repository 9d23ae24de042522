"""Jobs, put together for a site: whose code they run, what schedules there are, who works them off."""

import asyncio
import queue
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from demitasse.app.site import Site
from demitasse.app.webhooks import writing
from demitasse.auth.credentials import actor_of
from demitasse.auth.model import ADMINISTRATOR, ADMINISTRATOR_ACTOR
from demitasse.db.lanes import Lanes
from demitasse.db.transaction import Transaction
from demitasse.documents import building
from demitasse.documents import operations as documents
from demitasse.frappe.background import run_job
from demitasse.frappe.context import Call, bound
from demitasse.jobs import operations, store
from demitasse.jobs.model import QUEUES, ClaimedJob, NewJob
from demitasse.jobs.running import Ended, JobRun
from demitasse.jobs.schedule import CRON, EVERY_MINUTE, Entry, entries_of, next_run
from demitasse.jobs.worker import Worker
from demitasse.kernel.clock import monotonic_s

SCHEDULED_JOB_TYPE = "Scheduled Job Type"
_SERVER, _COMMAND = "server", "command"
_CLOSES_WITHIN_S = 8.0
_RENEW_S = 20.0


class SiteRunner:
    """Runs jobs as calls into the site's apps."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def run(self, job: ClaimedJob, tx: Transaction) -> None:
        """Call the job's function in the name of its user."""
        with bound(Call(site=self._site.services, tx=tx, actor=actor_of(tx, job.user))):
            run_job(job)

    def clean_up(self) -> None:
        """Write the logs that the call left behind."""
        aftermath = self._site.services.aftermath
        if aftermath:
            writing(self._site, aftermath.run)


class Jobs:
    """The worker of a site that this process owns."""

    def __init__(self, site: Site, lanes: Lanes, *, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._lanes = lanes
        self.worker = Worker(
            lanes=lanes,
            database=site.database,
            runner=SiteRunner(site),
            clock=site.clock,
            zone=site.settings.zone,
            owner=_SERVER,
            user=ADMINISTRATOR,
            is_alone=True,
            loop=loop,
        )

    def start(self) -> None:
        """Run what is due, and hear of what others queue."""
        self._site.services.bell.listener = self.worker.wake
        self._site.database.on_foreign_write.append(self.worker.wake)
        self.worker.start()

    async def close(self) -> None:
        """Finish what runs within a bound; the rest runs again with the next start."""
        self._site.services.bell.listener = None
        self._site.database.on_foreign_write.remove(self.worker.wake)
        await self.worker.close(grace_s=_CLOSES_WITHIN_S)


def sync_schedules(site: Site, tx: Transaction) -> list[str]:
    """Make the Scheduled Job Types be those that the apps' hooks ask for, and return what was changed.

    A type that stays keeps its switch and its times.

    Raises:
        InvalidSchedule: a hook cannot be used.
    """
    wanted = dict(_entries(site))
    present = store.types(tx)
    changes: list[str] = []
    for name in present.keys() - wanted.keys():
        store.delete_type(tx, name)
        changes.append(f"removed schedule {name}")
    for name, entry in wanted.items():
        if present.get(name) == (entry.method, entry.frequency, entry.cron_format):
            continue
        if name in present:
            store.delete_type(tx, name)
        _insert_type(site, tx, name, entry)
        changes.append(f"added schedule {name}")
    return changes


def run_due(site: Site, *, on_end: Callable[[Ended], None]) -> int:
    """Run the jobs that are due in this process, one after the other, until none is; return how many ran."""
    now = site.clock()
    writing(site, lambda tx: operations.hand_out(tx, now=now, zone=site.settings.zone, user=ADMINISTRATOR))
    count = 0
    for name in QUEUES:
        while claimed := writing(site, partial(_claim_one_of, site, name)):
            run_here(site, claimed[0], on_end=on_end)
            count += 1
    return count


def _claim_one_of(site: Site, queue_name: str, tx: Transaction) -> list[ClaimedJob]:
    return operations.claim(tx, {queue_name: 1}, owner=_COMMAND, now=site.clock())


def run_one(site: Site, name: str, *, on_end: Callable[[Ended], None]) -> Ended:
    """Run a waiting job, or a schedule out of turn, in this process.

    Raises:
        UnknownJob: there is neither.
    """

    def take(tx: Transaction) -> ClaimedJob:
        now = site.clock()
        job = name
        kind = store.types(tx).get(name)
        if kind is not None:
            new = NewJob(method=kind[0], user=ADMINISTRATOR, scheduled_job_type=name)
            job = operations.enqueue(tx, new, now=now) or name
        return operations.claim_one(tx, job, owner=_COMMAND, now=now)

    return run_here(site, writing(site, take), on_end=on_end)


def run_here(site: Site, job: ClaimedJob, *, on_end: Callable[[Ended], None]) -> Ended:
    """Run a claimed job and wait for its end; the lease is kept up meanwhile."""
    ends: queue.SimpleQueue[Ended] = queue.SimpleQueue()
    run = JobRun(job, runner=SiteRunner(site), database=site.database, clock=site.clock, on_end=ends.put)
    until_s = monotonic_s() + job.timeout_s
    run.start()
    while True:
        try:
            ended = ends.get(timeout=max(0.01, min(_RENEW_S, until_s - monotonic_s())))
        except queue.Empty:
            if monotonic_s() >= until_s:
                run.interrupt()
                until_s = monotonic_s() + _RENEW_S
            writing(site, lambda tx: operations.renew(tx, [job], now=site.clock()))
        else:
            on_end(ended)
            return ended


def _entries(site: Site) -> Iterator[tuple[str, Entry]]:
    """Yield name and schedule of all that the apps ask for; a function that has two frequencies has two names."""
    seen: set[str] = set()
    for app in site.apps:
        events: Mapping[str, Any] = app.hooks.get("scheduler_events") or {}
        for entry in entries_of(events):
            name = entry.name if entry.name not in seen else f"{entry.name} {entry.frequency}"
            seen.add(name)
            yield name, entry


def _insert_type(site: Site, tx: Transaction, name: str, entry: Entry) -> None:
    next_at = next_run(entry.frequency, entry.cron_format, after=site.clock(), zone=site.settings.zone)
    values = {
        "name": name,
        "method": entry.method,
        "frequency": entry.frequency,
        "cron_format": entry.cron_format,
        "create_log": int(entry.frequency != CRON or entry.cron_format != EVERY_MINUTE),
    }
    record = building.new_record(site.documents, site.registry.get(SCHEDULED_JOB_TYPE), values)
    record["next_execution"] = next_at
    record.flags.update(name_set=True)
    documents.insert(site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)
