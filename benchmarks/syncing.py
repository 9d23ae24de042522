"""Two sites in step: documents per second by pull, milliseconds by push, and what a hundred thousand take with crashes.

The ceilings are bare HTTP copies of the same JSON: pages fetched, parsed and written with raw sqlite3; a body posted to
one bare server and from there to a second one, each with a durable row.
"""

import http.client
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from benchmarks.programs import Program, module
from benchmarks.report import Finding, paired
from benchmarks.study import Setting, told
from tests.e2e.site import Client, MadeSite, ServedSite, make_site, run_command
from tests.e2e.sync.crashing import RULE, crash, differences, prepare
from tests.e2e.sync.pair import RUN, Pair, get, item, update

_ITEMS: Final = 20_000
_MANY_ITEMS: Final = 100_000
_PAGE: Final = 500
_PUSHES: Final = 100


def sync_pull(setting: Setting) -> list[Finding]:
    """Pull Items into an empty outlet, and copy the same JSON bare, in turns."""
    made = _made(setting)
    pulled: list[float] = []
    copied: list[float] = []
    for number in range(setting.rounds):
        hq, outlet = prepare(made, _folder(setting, f"pull{number}"), count=_ITEMS)
        try:
            pages = fetch_pages(hq, setting.folder / f"pages{number}")
            copied.append(copy_bare(pages))
            done = run_command("sync", "run", RULE, "--site", str(outlet.path), "--json", timeout_s=300)
            (said,) = orjson.loads(done.stdout)
            pulled.append(said["documents_per_s"])
            if said["counts"]["inserted"] < _ITEMS or differences(hq, outlet):
                message = f"The outlet is not as HQ: {said}"
                raise RuntimeError(message)
        finally:
            hq.close()
            outlet.close()
        setting.tell(f"pulled {pulled[-1]:,.0f} documents/s, copied bare {copied[-1]:,.0f}/s")
    return [
        Finding(
            what="Pull, documents/s",
            value=statistics.median(pulled),
            aim=3_000,
            less_is_better=False,
            detail=f"{min(pulled):,.0f}-{max(pulled):,.0f}",
        ),
        told("Bare HTTP copy of the same JSON into SQLite, documents/s", copied),
        paired("Pull : bare copy", pulled, copied, aim=None, less_is_better=False),
    ]


def sync_push(setting: Setting) -> list[Finding]:
    """Change an Item at HQ and see it at the outlet; post the same JSON through two bare servers, in turns."""
    pushed_ms: list[float] = []
    bare_ms: list[float] = []
    with _pair(setting) as pair:
        pair.rule("take", pattern="Receive")
        pair.rule("give", at=pair.h, pattern="Push")
        item(pair.h, "PUSHED")
        _until(pair.o, "PUSHED")
        body = orjson.dumps(get(pair.h, "Item", "PUSHED"))
        for number in range(setting.rounds):
            pushed_ms.append(statistics.median(_push(pair, f"{number}-{each}") for each in range(_PUSHES)))
            bare_ms.append(_post_twice(_folder(setting, f"bare{number}"), body))
            setting.tell(f"pushed in {pushed_ms[-1]:.1f} ms, bare {bare_ms[-1]:.1f} ms")
    return [
        told("Push, from the request at HQ to the outlet, median, ms", pushed_ms, digits=1),
        told("The same JSON through two bare servers, median, ms", bare_ms, digits=1),
        paired("Push : bare", pushed_ms, bare_ms, aim=None, less_is_better=True),
    ]


def sync_crashes(setting: Setting) -> list[Finding]:
    """Pull 100,000 Items while HQ is edited and the pull is killed twenty times, and compare every field."""
    hq, outlet = prepare(_made(setting), _folder(setting, "crashes"), count=_MANY_ITEMS)
    try:
        found = crash(hq, outlet, count=_MANY_ITEMS, kills=20, longest_s=2.0)
        differing = differences(hq, outlet)
    finally:
        hq.close()
        outlet.close()
    first, last = found.peak_rss_kb[0] / 1024, found.peak_rss_kb[-1] / 1024
    setting.tell(f"{found.kills} kills, {found.edits} edits; the last run: {found.last}")
    return [
        Finding(what="Documents that differ after 20 kills", value=len(differing), aim=0, less_is_better=True),
        told("Edits, deletions and renames at HQ meanwhile", [found.edits]),
        told("Documents read by the last run", [found.last["read"]]),
        told("Documents/s of the last run, HQ quiet", [found.last["read"] / found.last["duration_s"]]),
        told("Peak memory of the first run, MB", [first]),
        told("Peak memory of the last run, MB", [last]),
        Finding(
            what="Memory of the last run, second half : first half", value=found.growth, aim=1.2, less_is_better=True
        ),
    ]


def sync_serving(setting: Setting) -> list[Finding]:
    """Ask a serving outlet for lists with nothing beside it, and while it pulls in the same process."""
    hq, outlet = prepare(_made(setting), _folder(setting, "serving"), count=_ITEMS)
    try:
        outlet.start()
        with outlet.client() as client, outlet.client() as other:
            alone = _asked(client, until=lambda began: time.perf_counter() - began > setting.seconds)
            pull = threading.Thread(
                target=lambda: other.post(f"/api/method/{RUN}", {"rule": RULE, "wait": 1}, timeout_s=300)
            )
            pull.start()
            beside = _asked(client, until=lambda _: not pull.is_alive())
            pull.join()
    finally:
        hq.close()
        outlet.close()
    setting.tell(f"{len(alone)} lists alone, {len(beside)} while {_ITEMS} documents were pulled")
    return [
        told("List, alone, p50, ms", [_part(alone, 0.5)], digits=1),
        told("List, while pulling, p50, ms", [_part(beside, 0.5)], digits=1),
        told("List, alone, p99, ms", [_part(alone, 0.99)], digits=1),
        told("List, while pulling, p99, ms", [_part(beside, 0.99)], digits=1),
    ]


def _asked(client: Client, *, until: Callable[[float], bool]) -> list[float]:
    """Return the milliseconds of lists that were asked for one after the other."""
    began = time.perf_counter()
    took: list[float] = []
    while not until(began):
        at = time.perf_counter()
        assert client.get("/api/resource/Customer").status == 200
        took.append((time.perf_counter() - at) * 1e3)
    return took


def _part(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


@dataclass(slots=True)
class _Pages:
    """The JSON of a pull, as the product gives it."""

    folder: Path
    count: int
    documents: int


def _made(setting: Setting) -> MadeSite:
    return make_site(Path(tempfile.mkdtemp(dir=setting.folder)) / "made", apps=["cafe"])


def _folder(setting: Setting, name: str) -> Path:
    folder = setting.folder / name
    folder.mkdir()
    return folder


@contextmanager
def _pair(setting: Setting) -> Iterator[Pair]:
    with closing(Pair(_made(setting), _folder(setting, "pair"))) as pair:
        yield pair


def fetch_pages(hq: ServedSite, folder: Path) -> _Pages:
    """Fetch all pages of a pull into files."""
    folder.mkdir()
    connection = http.client.HTTPConnection("127.0.0.1", hq.port, timeout=60)
    after: list[str] = []
    pages = _Pages(folder=folder, count=0, documents=0)
    while True:
        asked = f"doctype=Item&limit={_PAGE}&after={quote(orjson.dumps(after).decode())}"
        connection.request(
            "GET",
            f"/api/method/frappe.integrations.sync.changes?{asked}",
            headers={"Authorization": hq.authorization},
        )
        body = connection.getresponse().read()
        said = orjson.loads(body)["message"]
        if said["rows"]:
            (folder / f"{pages.count:06}.json").write_bytes(body)
            pages.count += 1
            pages.documents += len(said["rows"])
            last = dict(zip(said["fields"], said["rows"][-1], strict=True))
            after = [last["modified"], last["name"]]
        if not said["more"]:
            connection.close()
            return pages


def copy_bare(pages: _Pages) -> float:
    """Copy the pages from a bare server into a bare table, a commit for each, and return documents per second."""
    with Program(module("bare_copy", str(pages.folder)), folder=pages.folder, name="bare") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.line()["port"], timeout=60)
        with closing(sqlite3.connect(pages.folder / "outlet.db", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            began = time.perf_counter()
            for number in range(pages.count):
                connection.request("GET", f"/{number}")
                said = orjson.loads(connection.getresponse().read())["message"]
                _write(database, said, is_first=not number)
            took = time.perf_counter() - began
        connection.close()
    return pages.documents / took


def _write(database: sqlite3.Connection, said: dict[str, Any], *, is_first: bool) -> None:
    columns = ", ".join(f'"{name}"' for name in said["fields"])
    if is_first:
        database.execute(f'CREATE TABLE item ({columns}, PRIMARY KEY ("name"))')
        database.execute('CREATE INDEX item_modified ON item ("modified", "name")')
    marks = ", ".join("?" * len(said["fields"]))
    database.execute("BEGIN IMMEDIATE")
    database.executemany(f"INSERT INTO item ({columns}) VALUES ({marks})", said["rows"])  # noqa: S608 - our own names
    database.execute("COMMIT")


def _push(pair: Pair, name: str) -> float:
    """Return the milliseconds from the request at HQ until the outlet shows the change."""
    began = time.perf_counter()
    update(pair.h, "Item", "PUSHED", item_name=name)
    _until(pair.o, "PUSHED", item_name=name)
    return (time.perf_counter() - began) * 1e3


def _until(client: Client, name: str, **values: Any) -> None:
    until = time.perf_counter() + 10
    while time.perf_counter() < until:
        found = get(client, "Item", name)
        if found is not None and all(found.get(key) == value for key, value in values.items()):
            return
        time.sleep(0.002)  # asking without a pause would keep the outlet from its work
    message = f"{name} did not come"
    raise RuntimeError(message)


def _post_twice(folder: Path, body: bytes) -> float:
    """Return the median milliseconds to post a body to one bare server and then to another."""
    first, second = folder / "first", folder / "second"
    first.mkdir()
    second.mkdir()
    with (
        Program(module("bare_copy", str(first)), folder=first, name="bare") as one,
        Program(module("bare_copy", str(second)), folder=second, name="bare") as other,
    ):
        connections = [
            http.client.HTTPConnection("127.0.0.1", each.line()["port"], timeout=60) for each in (one, other)
        ]
        took: list[float] = []
        for _ in range(_PUSHES):
            began = time.perf_counter()
            for connection in connections:
                connection.request("POST", "/", body)
                connection.getresponse().read()
            took.append((time.perf_counter() - began) * 1e3)
        for connection in connections:
            connection.close()
    return statistics.median(took)
