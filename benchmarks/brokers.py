"""Sync over each broker: documents per second from the publishing site's outbox into the reading site.

The ceiling is that of `syncing`: a bare HTTP copy of the same JSON into SQLite, in the same run.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.report import Finding, paired
from benchmarks.study import Setting, told
from benchmarks.syncing import copy_bare, fetch_pages
from tests.e2e.rabbit_server import running_rabbit
from tests.e2e.redis_server import running_redis
from tests.e2e.site import MadeSite, ServedSite, make_site
from tests.e2e.sync.pair import copy_rows, database, item, know

_ITEMS: Final = 3_000
_LIKE: Final = "B-000000"
_LONGEST_S: Final = 120.0


def sync_brokers(setting: Setting) -> list[Finding]:
    """Publish Items to each broker and read them at an outlet, and copy the same JSON bare, in turns."""
    made = make_site(Path(tempfile.mkdtemp(dir=setting.folder)) / "made", apps=["cafe"])
    rates: dict[str, list[float]] = {"RabbitMQ": [], "Redis Streams": []}
    copied: dict[str, list[float]] = {kind: [] for kind in rates}
    for number in range(setting.rounds):
        for kind, taken in rates.items():
            folder = setting.folder / f"{kind.split()[0]}{number}"
            folder.mkdir()
            with _running(kind, folder) as url:
                rate, bare = _measure(made, folder, url)
            taken.append(rate)
            copied[kind].append(bare)
            setting.tell(f"{kind} {rate:,.0f} documents/s, copied bare {bare:,.0f}/s")
    found = [
        told(
            "Bare HTTP copy of the same JSON into SQLite, documents/s",
            [rate for rates_of in copied.values() for rate in rates_of],
        )
    ]
    for kind, taken in rates.items():
        found.append(told(f"{kind}, outbox to outlet, documents/s", taken))
        found.append(paired(f"{kind} : bare copy", taken, copied[kind], aim=None, less_is_better=False))
    return found


def _measure(made: MadeSite, folder: Path, url: str) -> tuple[float, float]:
    """Return the documents per second of the broker and of the bare copy."""
    hq, outlet = made.copy(folder / "hq"), made.copy(folder / "outlet")
    for site in (hq, outlet):
        with database(site) as found:
            found.executescript('DELETE FROM "tabItem"; DELETE FROM "tabSales Order"')
    try:
        hq.start(DEMITASSE_BROKER_URL=url)
        outlet.start(DEMITASSE_BROKER_URL=url)
        _rule(hq, outlet, remote="Outlets", pattern="Publish")
        _rule(outlet, hq, remote="HQ", pattern="Broker")
        with hq.client() as client:
            item(client, _LIKE, item_name="Number 0", standard_rate=0.5)
        _until(outlet, 1)
        hq.kill()
        rows = ({"name": _name(n), "item_code": _name(n), "item_name": f"Number {n}"} for n in range(1, _ITEMS))
        copy_rows(hq, "Item", _LIKE, rows)
        with database(hq) as found:
            found.execute(
                'INSERT INTO "sync_stream_outbox" ("doctype", "name") SELECT \'Item\', name FROM "tabItem" WHERE name <> ?',
                (_LIKE,),
            )
        hq.start(DEMITASSE_BROKER_URL=url)
        first = _until(outlet, _ITEMS // 10)
        began = time.perf_counter()
        last = _until(outlet, _ITEMS)
        rate = (last - first) / (time.perf_counter() - began)
        return rate, copy_bare(fetch_pages(hq, folder / "pages"))
    finally:
        hq.close()
        outlet.close()


def _until(site: ServedSite, count: int) -> int:
    """Return how many Items a site has, once it has so many."""
    until = time.perf_counter() + _LONGEST_S
    there = 0
    while time.perf_counter() < until:
        with database(site) as found:
            (there,) = found.execute('SELECT count(*) FROM "tabItem"').fetchone()
        if there >= count:
            return int(there)
        time.sleep(0.005)
    message = f"Only {there} of {count} documents have come"
    raise RuntimeError(message)


def _rule(site: ServedSite, other: ServedSite, *, remote: str, pattern: str) -> None:
    know(site, other, name=remote)
    with site.client() as client:
        rule = {"remote_site": remote, "document_type": "Item", "pattern": pattern}
        answer = client.post("/api/resource/Sync Rule", rule)
        if answer.status != 200:
            raise RuntimeError(answer.text)


def _name(number: int) -> str:
    return f"B-{number:06}"


@contextmanager
def _running(kind: str, folder: Path) -> Iterator[str]:
    with running_rabbit(folder) if kind == "RabbitMQ" else running_redis(folder, keeps=True) as server:
        yield server.url
