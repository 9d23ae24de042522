"""``python -m benchmarks.desk``: the Desk's pages over a DocType with many rows, in milliseconds on the server.

The ceiling is the same rows over ``/api/resource`` from the same server: the Desk does that, and draws a page of it. Ends
with 1 where the median of a page is not within its bound.
"""

import http.client
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.site import Site

_LIST_MS = 50.0
_FILTER_MS = 100.0
_CHUNK = 10_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_STATES = ("Open", "Replied", "Converted", "Lead", "Opportunity")
_CEILING = "/api/resource/Lead?limit=21&fields=[%22name%22,%22modified%22,%22lead_name%22,%22status%22]"
_PAGES: dict[str, tuple[str, float]] = {
    "home": ("/app", _LIST_MS),
    "list": ("/app/lead", _LIST_MS),
    "list, page 500": ("/app/lead?_page=500", _LIST_MS),
    "list, 100 rows": ("/app/lead?_size=100", _LIST_MS),
    "filter, frequent": ("/app/lead?status=Open", _FILTER_MS),
    "filter, rare": ("/app/lead?company_name=Rare", _FILTER_MS),
    "filter, none": ("/app/lead?company_name=Nobody", _FILTER_MS),
    "filter, two": ("/app/lead?status=Open&creation=[%22%3E%22,%222026-01-02%22]", _FILTER_MS),
    "contains, rare": ("/app/lead?lead_name=[%22like%22,%22054321%22]", _FILTER_MS),
    "search, frequent": ("/app/lead?_q=person", _FILTER_MS),
    "search, rare": ("/app/lead?_q=054321", _FILTER_MS),
    "sorted by a column": ("/app/lead?_sort=lead_name+desc", _FILTER_MS),
    "form": ("/app/lead/BENCH-0054321", _LIST_MS),
    "new form": ("/app/lead/new", _LIST_MS),
    "Ctrl+K, a name": ("/app/-/search?q=BENCH-0054321", _FILTER_MS),
    "Ctrl+K, a word": ("/app/-/search?q=054321", _FILTER_MS),
    "link offers": ("/app/-/link?doctype=Lead&q=054321", _FILTER_MS),
}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    rows: Annotated[int, typer.Option(min=60_000, help="Leads on the site.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="Requests for each page.")] = 20,
) -> None:
    """Fill a site with Leads and open its pages."""
    with tempfile.TemporaryDirectory(prefix="demitasse-bench-") as name:
        site = Site(Path(name))
        _fill(site.database, rows)
        with site.start() as server:
            site.wait(server)
            ceiling_ms, _ = _timed(site, _CEILING, rounds)
            taken = {kind: _timed(site, path, rounds) for kind, (path, _) in _PAGES.items()}
    _show(taken, rows=rows, ceiling_ms=median(ceiling_ms))
    if any(median(times) > _PAGES[kind][1] for kind, (times, _) in taken.items()):
        raise typer.Exit(1)


def _fill(path: Path, rows: int) -> None:
    """Write Leads as they come in over a month."""
    columns = "name, owner, creation, modified, modified_by, docstatus, idx, lead_name, status, company_name"
    with sqlite3.connect(path) as database:
        for start in range(0, rows, _CHUNK):
            some = []
            for number in range(start, min(start + _CHUNK, rows)):
                at = (_START + timedelta(seconds=number * 25)).isoformat(" ", "microseconds")[:26]
                company = "Rare" if number % 10_000 == 17 else f"Company {number % 500}"
                status = _STATES[number % len(_STATES)]
                some.append(
                    (
                        f"BENCH-{number:07}",
                        "Administrator",
                        at,
                        at,
                        "Administrator",
                        0,
                        0,
                        f"Person {number:07}",
                        status,
                        company,
                    )
                )
            database.executemany(f'INSERT INTO "tabLead" ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', some)  # noqa: S608 - constants
            database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _timed(site: Site, path: str, rounds: int) -> tuple[list[float], int]:
    """Return how long each request took, in milliseconds, and how many bytes the page has."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    times, size = [], 0
    for _ in range(rounds + 1):
        began_s = time.perf_counter()
        connection.request("GET", path, headers=site.headers)
        response = connection.getresponse()
        answer = response.read()
        times.append((time.perf_counter() - began_s) * 1000)
        assert response.status == 200, answer[:500]
        size = len(answer)
    connection.close()
    return times[1:], size


def _show(taken: dict[str, tuple[list[float], int]], *, rows: int, ceiling_ms: float) -> None:
    table = Table(
        "page", "least ms", "median ms", "slowest ms", "bound ms", "of ceiling", "KiB", title=f"{rows:,} Leads"
    )
    for kind, (times, size) in taken.items():
        bound_ms = _PAGES[kind][1]
        table.add_row(
            kind,
            f"{min(times):.1f}",
            f"{median(times):.1f}",
            f"{max(times):.1f}",
            f"{bound_ms:.0f}",
            f"{median(times) / ceiling_ms:.1f}",
            f"{size / 1024:.0f}",
        )
    console = Console(width=100)
    console.print(table)
    console.print(f"ceiling: 21 rows over /api/resource in {ceiling_ms:.2f} ms")


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.desk")
