"""Lists from the cache."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demitasse.kernel import json
from demitasse.middleware.errors import Refusal
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.lists import CachedList
from demitasse.middleware.mapping import ListRoute
from demitasse.middleware.store import Store
from tests.unit.middleware.fakes import FakeSite, down

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@dataclass
class Counter:
    site: FakeSite
    folder: Path

    def open(self, *, cache_s: float = 60, patience_s: float = 1.0) -> CachedList:
        self.keeping = Keeping(Store(self.folder))
        route = ListRoute(path="/api/products", answer="products", doctype="Item", fields=["name"], cache_s=cache_s)
        return CachedList(route, ask=self.site.ask, keeping=self.keeping, clock=lambda: NOW, patience_s=patience_s)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(FakeSite(rows=[{"name": f"ITEM-{number}"} for number in range(7)]), tmp_path / "data")
    yield made
    made.keeping.close()


def fail(_: object) -> None:
    raise down()


async def test_all_pages_are_there_also_of_a_site_that_gives_fewer_rows_than_asked(counter: Counter) -> None:
    counter.site.page = 3
    shown = await counter.open().get()
    found = json.decode(shown.body)
    assert found["success"] is True
    assert [row["name"] for row in found["products"]] == [f"ITEM-{number}" for number in range(7)]
    assert not shown.is_stale


async def test_a_site_that_gives_the_same_page_for_ever_comes_to_an_end(counter: Counter) -> None:
    async def same(_: object) -> list[dict[str, str]]:
        return [{"name": "A"}, {"name": "B"}]

    products = counter.open()
    products._ask = same
    assert len(json.decode((await products.get()).body)["products"]) == 2


async def test_what_is_fresh_is_not_asked_for_again(counter: Counter) -> None:
    products = counter.open()
    first = await products.get()
    asked = len(counter.site.asked)
    assert (await products.get()).etag == first.etag
    assert len(counter.site.asked) == asked


async def test_many_who_ask_at_once_wait_for_one_fetch(counter: Counter) -> None:
    counter.site.gate = asyncio.Event()
    products = counter.open()
    waiting = [asyncio.create_task(products.get()) for _ in range(50)]
    await counter.site.was_asked.wait()
    assert len(counter.site.asked) == 1
    counter.site.gate.set()
    assert len({shown.etag for shown in await asyncio.gather(*waiting)}) == 1
    assert len(counter.site.asked) == 2  # The page, and the empty one after it.


async def test_a_change_is_seen_by_the_next_who_asks(counter: Counter) -> None:
    products = counter.open()
    first = await products.get()
    counter.site.rows.append({"name": "ITEM-NEW"})
    products.invalidate()
    again = await products.get()
    assert b"ITEM-NEW" in again.body
    assert again.etag != first.etag


async def test_a_change_while_it_was_fetched_is_not_missed(counter: Counter) -> None:
    products = counter.open()

    def change(_: object) -> None:
        if not any(row["name"] == "ITEM-NEW" for row in counter.site.rows):
            counter.site.rows.append({"name": "ITEM-NEW"})
            counter.site.after = lambda _: None
            products.invalidate()

    counter.site.after = change
    shown = await products.get()
    assert b"ITEM-NEW" in shown.body
    assert not shown.is_stale


async def test_while_the_site_is_down_the_last_answer_is_marked_stale(counter: Counter) -> None:
    products = counter.open()
    fresh = await products.get()
    counter.site.before = fail
    products.invalidate()
    shown = await products.get()
    assert shown.is_stale
    assert shown.etag != fresh.etag
    assert json.decode(shown.body) == {**json.decode(fresh.body), "stale": True}


async def test_a_site_that_is_down_is_not_asked_by_everybody(counter: Counter) -> None:
    products = counter.open()
    await products.get()
    counter.site.before = fail
    products.invalidate()
    asked = len(counter.site.asked)
    for _ in range(20):
        await products.get()
    assert len(counter.site.asked) == asked + 1


async def test_with_nothing_known_the_refusal_says_so(counter: Counter) -> None:
    counter.site.before = fail
    with pytest.raises(Refusal, match="cannot be reached") as caught:
        await counter.open().get()
    assert caught.value.status == 503


async def test_a_new_process_shows_what_the_one_before_fetched(counter: Counter) -> None:
    products = counter.open()
    fresh = await products.get()
    await products.close()
    counter.keeping.close()
    counter.site.before = fail
    again = counter.open()
    await again.start()
    shown = await again.get()
    assert shown.is_stale
    assert json.decode(shown.body)["products"] == json.decode(fresh.body)["products"]


async def test_a_slow_site_does_not_hold_back_what_is_known(counter: Counter) -> None:
    products = counter.open(patience_s=0.01)
    await products.get()
    counter.site.gate = asyncio.Event()
    products.invalidate()
    shown = await products.get()
    assert shown.is_stale
    counter.site.gate.set()
    assert products._fetching is not None
    await products._fetching
    fresh = products.fresh()
    assert fresh is not None
    assert not fresh.is_stale
