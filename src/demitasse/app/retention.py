"""Deleting old logs and finished deliveries (``log_retention_days``; 0 keeps all), in steps so small that nobody waits."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from demitasse.app.site import Site
from demitasse.app.webhooks import writing
from demitasse.connect.store import drop_old_flows
from demitasse.db.lanes import Lanes
from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.incoming.idempotency import RETENTION_S
from demitasse.incoming.store import forget_expired_seen, forget_old_keys
from demitasse.jobs.operations import purge as purge_jobs
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox.operations import purge

_log = structlog.get_logger("demitasse.retention")
CHUNK = 50
FIRST_AFTER_S = 60.0
_EVERY_S = 3_600.0
_PAUSE_S = 0.02
_LOGS = ("Error Log", "Integration Request", "Scheduled Job Log", "Webhook Alert", "Deleted Document", "Sync Run")

Step = Callable[[Transaction], int]


def steps(site: Site, *, now: datetime, days: int | None = None) -> list[Step]:
    """Return what deletes some of what is old; each is called again, in a transaction of its own, until it returns 0.

    What is remembered of incoming requests has its own, shorter times, and goes also where all logs are kept.

    Args:
        days: Instead of the site's ``log_retention_days``.
    """
    now_s = int(now.timestamp())
    found: list[Step] = [
        lambda tx: forget_expired_seen(tx, now_s=now_s, limit=CHUNK),
        lambda tx: forget_old_keys(tx, before_s=now_s - RETENTION_S, limit=CHUNK),
        lambda tx: drop_old_flows(tx, now=now, limit=CHUNK),
    ]
    kept_days = site.settings.log_retention_days if days is None else days
    before = now - timedelta(days=kept_days) if kept_days else None
    found.append(lambda tx: purge_jobs(tx, now=now, failed_before=before, limit=CHUNK))
    if before is not None:
        found.append(lambda tx: purge(tx, before=before, limit=CHUNK))
        found += [_logs(site, doctype, before) for doctype in _LOGS if site.registry.find(doctype)]
    return found


def prune(site: Site, *, days: int | None = None) -> int:
    """Delete all that is old, from a process beside the one that serves, and return how many rows went."""
    deleted = 0
    for step in steps(site, now=site.clock(), days=days):
        while True:
            began_s = monotonic_s()
            gone = writing(site, step)
            deleted += gone
            if not gone:
                break
            time.sleep(monotonic_s() - began_s)  # As long for the others as for us.
    return deleted


class Retention:
    """Prunes a serving site once an hour, beside its requests."""

    def __init__(self, site: Site, lanes: Lanes) -> None:
        self._site = site
        self._lanes = lanes

    async def run(self) -> None:
        """Prune now and then, until cancelled."""
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.prune_once()
            except DemitasseError as error:  # The disk is full, another process writes for long: next time.
                _log.warning("retention.failed", error=error.message)
            except Exception:  # noqa: BLE001 - the site serves on; next time
                _log.exception("retention.failed")
            await asyncio.sleep(_EVERY_S)

    async def prune_once(self) -> int:
        """Delete all that is old, a little in each write group, and return how many rows went."""
        began_s = monotonic_s()
        deleted = 0
        for step in steps(self._site, now=self._site.clock()):
            while gone := await self._lanes.write(step):
                deleted += gone
                await asyncio.sleep(_PAUSE_S)
        if deleted:
            _log.info("retention.pruned", rows=deleted, duration_s=round(monotonic_s() - began_s, 3))
        return deleted


def _logs(site: Site, doctype: str, before: datetime) -> Step:
    found = site.registry.get(doctype)
    return lambda tx: store.delete_older(tx, found, before=before, limit=CHUNK)
