"""Jobs as operators see and retry them."""

from collections.abc import Sequence
from typing import Any

from demitasse.app.jobs import SCHEDULED_JOB_TYPE
from demitasse.app.site import Site
from demitasse.app.webhooks import reading, writing
from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.jobs import operations, store

Row = dict[str, Any]
_JOB = (
    "name",
    "job_name",
    "queue",
    "status",
    "method",
    "user",
    "attempts",
    "creation",
    "started_at",
    "ended_at",
    "time_taken",
    "exc_info",
)
_SCHEDULE = ("name", "method", "frequency", "cron_format", "stopped", "last_execution", "next_execution")


def list_jobs(site: Site, *, status: str | None, limit: int) -> list[Row]:
    """Return jobs, newest first."""
    filters = {"status": status} if status else {}
    return _rows(site, "RQ Job", _JOB, filters=filters, order_by="creation desc", limit=limit)


def list_schedules(site: Site) -> list[Row]:
    """Return the schedules by name."""
    return _rows(site, SCHEDULED_JOB_TYPE, _SCHEDULE, filters={}, order_by="name asc", limit=0)


def retry_jobs(site: Site, names: Sequence[str] | None) -> list[str]:
    """Put jobs into the queue again, or all that failed; all of them, or none where one cannot.

    Raises:
        UnknownJob: one has not failed.
    """

    def work(tx: Transaction) -> list[str]:
        chosen = list(names) if names is not None else store.failed_names(tx)
        for name in chosen:
            operations.retry(tx, name, now=site.clock())
        return chosen

    return writing(site, work)


def _rows(site: Site, doctype: str, fields: Sequence[str], **request: Any) -> list[Row]:
    def work(tx: Transaction) -> list[Row]:
        found = queries.select(
            site.documents, tx, site.registry.get(doctype), actor=None, fields=list(fields), **request
        )
        return [dict(zip(found.names, row, strict=True)) for row in found.rows]

    return reading(site, work)
