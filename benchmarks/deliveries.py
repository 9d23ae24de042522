"""``python -m benchmarks.deliveries``: the list and its filters over HTTP, as a method and as the Desk's page.

The ceiling is the newest page read with raw sqlite3 from the same file and encoded: no filter, no HTTP, no permissions.
Ends with 1 where the median of a filter is not within the bound.
"""

import http.client
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.site import Site

_METHOD = "/api/method/frappe.integrations.doctype.webhook_delivery.webhook_delivery.find"
_BOUND_MS = 100.0
_PAGE = 50
_CHUNK = 5_000
_DOCUMENTS = 20_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_BODY = {
    "name": "",
    "customer": "Müller & Søn",
    "status": "Open",
    "items": [{"item": f"SKU-{n}", "qty": n} for n in range(12)],
}
_COLUMNS = (
    "name, owner, creation, modified, modified_by, webhook, status, reference_doctype, reference_document, event, "
    "sequence, request_method, headers, content_type, data, attempts, status_code, error, finished_at"
)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    rows: Annotated[int, typer.Option(min=1_000, help="Deliveries on the site.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="Requests of each kind.")] = 20,
) -> None:
    """Fill a site with deliveries and ask for them."""
    with tempfile.TemporaryDirectory(prefix="demitasse-bench-") as name:
        site = Site(Path(name))
        newest = _fill(site.database, rows)
        ceiling_ms = _ceiling(site.database, rounds)
        with site.start() as server:
            site.wait(server)
            taken = {kind: _ask(site, query, rounds) for kind, query in _queries(newest).items()}
            shown = {kind: _open(site, query, rounds) for kind, query in _queries(newest).items()}
    _show(taken, shown, rows=rows, ceiling_ms=ceiling_ms)
    if any(median(times) > _BOUND_MS for times in (*(times for times, _ in taken.values()), *shown.values())):
        raise typer.Exit(1)


def _fill(path: Path, rows: int) -> str:
    """Write deliveries as months of work leave them: most arrived, some failed; return the name of one in the middle."""
    marks = ", ".join("?" * (_COLUMNS.count(",") + 1))
    with sqlite3.connect(path) as database:
        made = _deliveries(rows)
        middle = ""
        for start in range(0, rows, _CHUNK):
            some = [next(made) for _ in range(min(_CHUNK, rows - start))]
            middle = some[0][0] if start <= rows // 2 else middle
            database.executemany(f'INSERT INTO "tabWebhook Delivery" ({_COLUMNS}) VALUES ({marks})', some)  # noqa: S608 - constants
            database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return middle


def _deliveries(rows: int) -> Iterator[tuple[Any, ...]]:
    for number in range(rows):
        moment = _START + timedelta(seconds=number * 20)
        at = moment.isoformat(" ", "microseconds")[:26]
        name = f"msg_{int(moment.timestamp() * 1000):012x}{secrets.token_hex(10)}"
        has_failed = number % 50 == 7
        is_rare = number % 10_000 == 17
        code = 418 if is_rare else 500 if has_failed else 200
        document = f"CRM-LEAD-{number % _DOCUMENTS:05}"
        body = orjson.dumps({**_BODY, "name": document, "note": "a needle" if number == 11 else "hay"}).decode()
        yield (
            name,
            "Administrator",
            at,
            at,
            "Administrator",
            f"Lead-after_insert-{number % 20}",
            "Failed" if has_failed or is_rare else "Delivered",
            "Sales Order" if number % 1_000 == 3 else "Lead",
            document,
            "after_insert",
            number // _DOCUMENTS + 1,
            "POST",
            "[]",
            "application/json",
            body,
            8 if has_failed else 1,
            code,
            "The receiver answered 500" if has_failed else None,
            at,
        )


def _queries(name: str) -> dict[str, dict[str, Any]]:
    return {
        "newest": {},
        "state Failed": {"status": "Failed"},
        "state Held (none)": {"status": "Held"},
        "webhook": {"webhook": "Lead-after_insert-3"},
        "webhook, Failed": {"webhook": "Lead-after_insert-7", "status": "Failed"},
        "DocType": {"reference_doctype": "Lead"},
        "rare DocType": {"reference_doctype": "Sales Order"},
        "document": {"reference_doctype": "Lead", "reference_document": "CRM-LEAD-00042"},
        "code 5xx": {"code": "5xx"},
        "rare code 418": {"code": "418"},
        "code 201 (none)": {"code": "201"},
        "a day": {"since": "2026-01-05", "until": "2026-01-06"},
        "id": {"text": name},
        "text, frequent": {"text": "hay"},
        "text, the oldest only": {"text": "needle"},
    }


def _open(site: Site, query: dict[str, Any], rounds: int) -> list[float]:
    """Return how long the Desk's page with the same filters took, in milliseconds."""
    names = {"reference_doctype": "doctype", "reference_document": "document"}
    path = f"/app/deliveries?{urlencode({names.get(key, key): value for key, value in query.items()})}"
    times, answer = _timed(site, path, rounds)
    assert b"delivery-table" in answer
    return times


def _ask(site: Site, query: dict[str, Any], rounds: int) -> tuple[list[float], dict[str, Any]]:
    """Return how long each request took, in milliseconds, and the last answer."""
    times, answer = _timed(site, f"{_METHOD}?{urlencode({**query, 'limit': _PAGE})}", rounds)
    return times, orjson.loads(answer)["message"]


def _timed(site: Site, path: str, rounds: int) -> tuple[list[float], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    times, answer = [], b""
    for _ in range(rounds + 1):
        began_s = time.perf_counter()
        connection.request("GET", path, headers=site.headers)
        response = connection.getresponse()
        answer = response.read()
        times.append((time.perf_counter() - began_s) * 1000)
        assert response.status == 200, answer[:500]
    connection.close()
    return times[1:], answer


def _ceiling(path: Path, rounds: int) -> float:
    database = sqlite3.connect(path)
    newest = f'SELECT {_COLUMNS} FROM "tabWebhook Delivery" ORDER BY rowid DESC LIMIT {_PAGE}'  # noqa: S608 - constants
    times = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        orjson.dumps(database.execute(newest).fetchall())
        times.append((time.perf_counter() - began_s) * 1000)
    database.close()
    return median(times)


def _show(
    taken: dict[str, tuple[list[float], dict[str, Any]]],
    shown: dict[str, list[float]],
    *,
    rows: int,
    ceiling_ms: float,
) -> None:
    table = Table(
        "asked for",
        "found",
        "median ms",
        "slowest ms",
        "of ceiling",
        "page ms",
        "looked back to",
        title=f"{rows:,} deliveries",
    )
    for kind, (times, answer) in taken.items():
        table.add_row(
            kind,
            f"{len(answer['deliveries'])}{'+' if answer['next'] else ''}",
            f"{median(times):.1f}",
            f"{max(times):.1f}",
            f"{median(times) / ceiling_ms:.0f}",
            f"{median(shown[kind]):.1f}",
            (answer["looked_back_to"] or "all")[:16],
        )
    console = Console(width=110)
    console.print(table)
    console.print(f"ceiling: the newest {_PAGE} read with sqlite3 and encoded in {ceiling_ms:.2f} ms")


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.deliveries")
