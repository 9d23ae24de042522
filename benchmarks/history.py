"""What finished deliveries cost those that wait: claims, settling and draining beside ten, a million, five million."""

from typing import Final

import orjson

from benchmarks.backlog import drained, make_site
from benchmarks.payloads import WEBHOOK
from benchmarks.programs import module, run
from benchmarks.report import Finding, paired
from benchmarks.rows import rows_of
from benchmarks.site import Site
from benchmarks.study import Setting, told

SIZES: Final = (10, 1_000_000, 5_000_000)
_MILLION: Final = 1_000_000
_WAITING: Final = 5_000


def claims(setting: Setting) -> list[Finding]:
    """Claim, settle and drain the same number of waiting deliveries in sites that have seen few and many."""
    sites = _sites(setting)
    claim_us: dict[int, list[float]] = {size: [] for size in SIZES}
    settle_us: dict[int, list[float]] = {size: [] for size in SIZES}
    per_second: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(setting.rounds):
        for size, site in sites.items():
            _queue(setting, site)
            cost = orjson.loads(run(module("claiming", str(site.database), WEBHOOK)))
            _queue(setting, site)
            with site.start() as server:
                sample = drained(site, server, setting.receiver, count=_WAITING)
            claim_us[size].append(cost["claim_us"])
            settle_us[size].append(cost["settle_us"])
            per_second[size].append(sample.per_second)
            setting.tell(
                f"{size:,} finished: claim {cost['claim_us']:.1f} us, settle {cost['settle_us']:.0f} us, "
                f"drain {sample.per_second:,.0f}/s"
            )
    few, *many = SIZES
    found = [told(f"Claim of a row beside {size:,} finished, us", claim_us[size], digits=1) for size in SIZES]
    found += [told(f"Settling a row beside {size:,} finished, us", settle_us[size], digits=0) for size in SIZES]
    for size in many:
        found += [
            paired(f"Claim: {size:,} : {few}", claim_us[size], claim_us[few], aim=1.2, less_is_better=True),
            paired(f"Settle: {size:,} : {few}", settle_us[size], settle_us[few], aim=None, less_is_better=True),
            paired(f"Drain: {size:,} : {few}", per_second[size], per_second[few], aim=None, less_is_better=False),
        ]
    return found


def _sites(setting: Setting) -> dict[int, Site]:
    """Make a site of each size, the larger ones by filling up a copy of the one before."""
    sites: dict[int, Site] = {}
    site, written = make_site(setting.folder / "finished-0", receiver_port=setting.receiver_port), 0
    for size in SIZES:
        if sites:
            folder = setting.folder / f"finished-{size}"
            folder.mkdir()
            site = site.copy(folder)
        with rows_of(site.database) as rows:
            while written < size:
                count = min(_MILLION, size - written)
                rows.finish(WEBHOOK, first=setting.take_serials(), count=count)
                written += count
                setting.tell(f"written: {written:,} finished deliveries, a log row each")
        sites[size] = site
    return sites


def _queue(setting: Setting, site: Site) -> None:
    with rows_of(site.database) as rows:
        rows.queue(WEBHOOK, first=setting.take_serials(), count=_WAITING)
