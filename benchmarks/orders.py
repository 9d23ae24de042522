"""The storefront: signed orders over HTTP, and the ceiling: a raw SQLite transaction of the rows that one order writes."""

import hashlib
import hmac
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.load import Plan
from benchmarks.measurements import Bench, Sample, served
from benchmarks.payloads import SECRET, SERIAL
from benchmarks.site import Site

SETTINGS: Final = (f"storefront_webhook_secret={orjson.dumps(SECRET).decode()}",)
_PATH: Final = "/api/method/scoopjoy.api.storefront.receive_order"
_BODY: Final = orjson.dumps(
    {
        "customer_email": "asha@example.com",
        "customer_name": "Asha Rao",
        "items": [{"sku": "IC-CONE-VAN", "quantity": 2}, {"sku": "IC-SUN-FUDGE", "quantity": 1}],
        "delivery_address": {"line1": "12 MG Road", "city": "Pune", "state": "Maharashtra", "pincode": "411001"},
    }
).decode()
# An order is new by its key; the body, and so the signature, stays the same.
_HEADERS: Final = {
    "Content-Type": "application/json",
    "X-Storefront-Signature": hmac.digest(SECRET.encode(), _BODY.encode(), hashlib.sha256).hex(),
    "Idempotency-Key": f"bench-{SERIAL}",
}
_WRITTEN: Final = ("Sales Order", "Sales Order Item", "Storefront Order", "Integration Request")


def storefront(bench: Bench, seconds: float) -> Sample:
    """Send signed orders of two lines, each with a key of its own."""
    assert bench.shop is not None
    return served(bench.shop_server, _plan(bench, bench.shop, seconds=seconds))


def bare_orders(bench: Bench, seconds: float) -> Sample:
    """Write what an order writes, and nothing else: one durable transaction each, on the shop's own tables."""
    assert bench.shop is not None
    served(bench.shop_server, _plan(bench, bench.shop, seconds=0.0, connections=1))
    path = bench.shop.database.parent.with_name("bare-orders.db")
    _copy(bench.shop.database, path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        return _written(connection, bench, seconds=seconds)
    finally:
        connection.close()


def _plan(bench: Bench, shop: Site, *, seconds: float, connections: int = 32) -> Plan:
    first = bench.take_serials()
    return Plan(
        port=shop.port,
        method="POST",
        path=_PATH,
        headers=_HEADERS,
        body=_BODY,
        seconds=seconds,
        connections=connections,
        first_serial=first,
    )


def _written(connection: sqlite3.Connection, bench: Bench, *, seconds: float) -> Sample:
    rows = [(table, row) for table in _WRITTEN for row in _last(connection, table)]
    began_s, cpu_s, count = time.perf_counter(), time.process_time(), bench.take_serials()
    first = count
    while time.perf_counter() - began_s < seconds:
        count += 1
        connection.execute("BEGIN IMMEDIATE")
        for number, (table, row) in enumerate(rows):
            _insert(connection, table, {**row, "name": f"bare-{count}-{number}"}, count)
        connection.execute('UPDATE "tabSeries" SET "current" = "current" + 1 WHERE "name" LIKE \'SAL-ORD-%\'')
        connection.execute(
            'UPDATE "tabBin" SET "reserved_qty" = "reserved_qty" + 1, "projected_qty" = "projected_qty" - 1 '
            "WHERE \"item_code\" IN ('IC-CONE-VAN', 'IC-SUN-FUDGE')"
        )
        connection.execute("COMMIT")
    elapsed_s = time.perf_counter() - began_s
    return Sample(
        per_second=(count - first) / elapsed_s,
        cpu_us=(time.process_time() - cpu_s) / max(count - first, 1) * 1e6,
        load_cpu=0.0,
        units=count - first,
    )


def _last(connection: sqlite3.Connection, doctype: str) -> list[dict[str, Any]]:
    """Return the rows of the last order in a table."""
    lines = 2 if doctype == "Sales Order Item" else 1
    found = connection.execute(f'SELECT * FROM "tab{doctype}" ORDER BY rowid DESC LIMIT ?', (lines,))  # noqa: S608 - constants
    names = [column[0] for column in found.description]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None} for row in found.fetchall()
    ]


def _insert(connection: sqlite3.Connection, doctype: str, row: dict[str, Any], count: int) -> None:
    if "idempotency_key" in row:
        row["idempotency_key"] = f"bare-{count}"
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    connection.execute(f'INSERT INTO "tab{doctype}" ({names}) VALUES ({marks})', tuple(row.values()))  # noqa: S608 - columns


def _copy(source: Path, target: Path) -> None:
    """Copy a database that is being served, with all that is committed."""
    for old in target.parent.glob(f"{target.name}*"):
        old.unlink()
    live, copy = sqlite3.connect(source), sqlite3.connect(target)
    try:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = WAL")
    finally:
        copy.close()
        live.close()
