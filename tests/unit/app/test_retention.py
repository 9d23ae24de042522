"""Old logs go, young ones stay, and each step is small."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demitasse.app import retention
from demitasse.app.install import new_site
from demitasse.app.site import Site, open_site
from demitasse.app.webhooks import reading, writing
from demitasse.db.lanes import Lanes
from demitasse.db.transaction import Transaction
from demitasse.outbox.model import NewDelivery
from demitasse.outbox.operations import enqueue

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("retention") / "site"
    new_site(path, environ={}, conf={"log_retention_days": 30})
    return path


@pytest.fixture
def site(made: Path) -> Iterator[Site]:
    opened = open_site(made, environ={}, clock=lambda: NOW)
    yield opened
    writing(opened, lambda tx: [tx.run(f'DELETE FROM "tab{name}"') for name in ("Webhook Delivery", "Webhook Alert")])
    writing(opened, lambda tx: tx.run('DELETE FROM "outbox"'))
    opened.close()


def deliver(tx: Transaction, number: int, *, age_days: int, error: str | None = "no template") -> str:
    """Write a delivery of an event so long ago: failed where there is an error, else one that waits."""
    new = NewDelivery(
        webhook="crm",
        doctype="Lead",
        document=f"LEAD-{number}",
        event="on_update",
        sequence=1,
        body=None if error else b"{}",
        error=error,
    )
    return enqueue(tx, new, now=NOW - timedelta(days=age_days)).name


def count(site: Site, table: str) -> int:
    return int(reading(site, lambda tx: tx.execute(f'SELECT count(*) FROM "{table}"'))[0][0])


def test_finished_deliveries_go_when_they_are_old_enough(site: Site) -> None:
    writing(site, lambda tx: [deliver(tx, age, age_days=age) for age in (1, 29, 31, 400)])
    assert retention.prune(site) == 2
    assert count(site, "tabWebhook Delivery") == 2


def test_what_still_waits_stays_however_old(site: Site) -> None:
    writing(site, lambda tx: deliver(tx, 1, age_days=400, error=None))
    assert retention.prune(site) == 0
    assert count(site, "outbox") == 1


def test_another_age_can_be_asked_for(site: Site) -> None:
    writing(site, lambda tx: [deliver(tx, age, age_days=age) for age in (1, 8)])
    assert retention.prune(site, days=7) == 1


def test_no_step_takes_more_than_a_few_rows(site: Site) -> None:
    writing(site, lambda tx: [deliver(tx, number, age_days=60) for number in range(3 * retention.CHUNK)])
    taken = [writing(site, step) for step in retention.steps(site, now=NOW)]
    assert sum(taken) == retention.CHUNK
    assert retention.prune(site) == 2 * retention.CHUNK


async def test_a_serving_site_is_pruned_between_its_writes(site: Site) -> None:
    writing(site, lambda tx: [deliver(tx, number, age_days=60) for number in range(2 * retention.CHUNK + 1)])
    lanes = Lanes(site.database, loop=asyncio.get_running_loop())
    between: list[int] = []

    async def write_beside() -> None:
        while count(site, "tabWebhook Delivery"):
            await lanes.write(lambda tx: tx.execute("SELECT 1"))
            between.append(count(site, "tabWebhook Delivery"))
            await asyncio.sleep(0)

    deleted, _ = await asyncio.gather(retention.Retention(site, lanes).prune_once(), write_beside())
    await lanes.close()
    assert deleted == 2 * retention.CHUNK + 1
    assert set(between) >= {retention.CHUNK + 1, 1}, "nobody could write between the steps"


def test_with_no_days_all_logs_are_kept(site: Site) -> None:
    writing(site, lambda tx: deliver(tx, 1, age_days=4_000))
    assert all(writing(site, step) == 0 for step in retention.steps(site, now=NOW, days=0))
    assert count(site, "tabWebhook Delivery") == 1


def test_other_logs_go_too(site: Site) -> None:
    sql = (
        'INSERT INTO "tabWebhook Alert" ("name", "creation", "modified", "owner", "modified_by") VALUES (?, ?, ?, ?, ?)'
    )
    for name, at in (("old", "2025-01-01 00:00:00.000000"), ("new", "2026-02-28 00:00:00.000000")):
        writing(site, lambda tx, row=(name, at, at, "a", "a"): tx.run(sql, row))  # type: ignore[misc]
    assert retention.prune(site) == 1
    assert reading(site, lambda tx: tx.execute('SELECT "name" FROM "tabWebhook Alert"')) == [("new",)]
