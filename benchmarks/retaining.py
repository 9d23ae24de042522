"""A million old rows that go while the site serves: what that does to those who ask and write."""

from typing import Final

from benchmarks.backlog import make_site
from benchmarks.load import Plan
from benchmarks.measurements import JSON_LEAD, Sample, served
from benchmarks.payloads import LEAD_PATH, LIST_PATH, WEBHOOK
from benchmarks.programs import module
from benchmarks.report import Finding, paired
from benchmarks.rows import finished, rows_of
from benchmarks.site import Site
from benchmarks.study import Setting, told

_DELIVERIES: Final = 500_000
"""Each with its log row: a million rows in all."""

_LEADS_PER_S: Final = 100.0
_LISTS_PER_S: Final = 200.0
_KEEP_ALL: Final = {"DEMITASSE_LOG_RETENTION_DAYS": "0"}


def retention(setting: Setting) -> list[Finding]:
    """Serve writes and lists at an even rate, with nothing to delete and while old rows are being deleted, in turn."""
    site = make_site(setting.folder / "retention", receiver_port=setting.receiver_port)
    with rows_of(site.database) as rows:
        rows.finish(WEBHOOK, first=setting.take_serials(), count=_DELIVERIES)
    setting.tell(f"written: {2 * _DELIVERIES:,} old rows")
    p99_ms: dict[tuple[str, bool], list[float]] = {
        (kind, prunes): [] for kind in ("leads", "lists") for prunes in (False, True)
    }
    pruned_per_s: list[float] = []
    for _ in range(setting.rounds):
        for prunes in (False, True):
            leads, lists, rate = _serve(setting, site, prunes=prunes)
            p99_ms["leads", prunes].append(leads.latency_ms[1])
            p99_ms["lists", prunes].append(lists.latency_ms[1])
            pruned_per_s += [rate] if prunes else []
            setting.tell(
                f"{f'{rate:,.0f} rows deleted a second' if prunes else 'nothing to delete'}: p99 of a Lead "
                f"{leads.latency_ms[1]:.1f} ms, of a list {lists.latency_ms[1]:.1f} ms"
            )
    return [
        told("Rows deleted per second, while serving", pruned_per_s),
        told("All of a million would take, minutes", [1e6 / rate / 60 for rate in pruned_per_s], digits=1),
        *(
            told(f"{name}, p99, {'deleting' if prunes else 'nothing to delete'}, ms", p99_ms[kind, prunes], digits=1)
            for kind, name in (("leads", "POST of a Lead"), ("lists", "List"))
            for prunes in (False, True)
        ),
        *(
            paired(
                f"{name}, p99: deleting : not", p99_ms[kind, True], p99_ms[kind, False], aim=2.0, less_is_better=True
            )
            for kind, name in (("leads", "POST of a Lead"), ("lists", "List"))
        ),
    ]


def _serve(setting: Setting, site: Site, *, prunes: bool) -> tuple[Sample, Sample, float]:
    """Return what a Lead and a list take, and how many rows went per second.

    Raises:
        RuntimeError: rows should have been deleted, and were not.
    """
    with site.start(module("eager_retention"), environ={} if prunes else _KEEP_ALL) as server:
        site.wait(server)
        served(server, _leads(setting, site, seconds=1.0))
        before = finished(site.database)
        leads = served(server, _leads(setting, site, seconds=setting.seconds))
        lists = served(server, _lists(site, seconds=setting.seconds))
        gone = before - finished(site.database) + 2 * leads.units
        if prunes and gone <= 0:
            message = f"No rows were deleted; the server said: {server.said()}"
            raise RuntimeError(message)
    setting.receiver.ask("take")
    return leads, lists, gone / (2 * setting.seconds)


def _leads(setting: Setting, site: Site, *, seconds: float) -> Plan:
    return Plan(
        port=site.port,
        method="POST",
        path=LEAD_PATH,
        headers=site.headers,
        body=JSON_LEAD,
        seconds=seconds,
        per_second=_LEADS_PER_S,
        first_serial=setting.take_serials(),
    )


def _lists(site: Site, *, seconds: float) -> Plan:
    return Plan(
        port=site.port, method="GET", path=LIST_PATH, headers=site.headers, seconds=seconds, per_second=_LISTS_PER_S
    )
