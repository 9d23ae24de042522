"""The page of sync: rules with their last run, conflicts side by side, parked documents."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.desk.browser import BrowserThread, Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.site import MadeSite, free_port
from tests.e2e.sync.pair import Pair, execute, get, item, know, rows, update
from tests.e2e.waiting import wait_for

ATTACK = "<img src=x onerror=\"console.error('attacked')\">"


@dataclass(frozen=True, kw_only=True)
class Shop:
    pair: Pair
    visit: Visit


@pytest.fixture(scope="module")
def pair(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    found = Pair(made_site, tmp_path_factory.mktemp("sync"))
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def shop(pair: Pair, visiting: Visiting, browser_thread: BrowserThread) -> Shop:
    return Shop(pair=pair, visit=browser_thread.run(lambda: visiting(pair.outlet).enter()))


def test_a_rule_runs_from_the_page(shop: Shop, browser_thread: BrowserThread) -> None:
    pair, page = shop.pair, shop.visit.page
    pair.rule("Cones of HQ", filters='[["name", "like", "CONE-%"]]')
    item(pair.h, "CONE-1")
    shop.visit.open("/app")
    page.get_by_role("link", name="Sync", exact=True).click()
    page.wait_for_url("**/app/sync")
    row = page.get_by_role("row", name="Cones of HQ")
    expect(row).to_contain_text("Has not run")
    with page.expect_navigation():
        row.get_by_role("button", name="Run now").click()
    expect(page.locator(".toasts")).to_contain_text("Cones of HQ runs")
    wait_for("the item", lambda: get(pair.o, "Item", "CONE-1"))
    wait_for("the run", lambda: rows(pair.o, "Sync Run", sync_rule="Cones of HQ"))
    shop.visit.open("/app/sync")
    expect(row).to_contain_text("In step")
    expect(row).to_contain_text("1 inserted")
    assert shop.visit.complaints == []
    faults = shop.visit.find_faults()
    assert faults == [], fault_lines(faults)


def test_both_versions_stand_side_by_side_and_one_is_taken(shop: Shop, browser_thread: BrowserThread) -> None:
    pair, page = shop.pair, shop.visit.page
    rule = pair.rule("Cups of HQ", filters='[["name", "like", "CUP-%"]]', conflict_policy="Manual")
    for code in ("CUP-1", "CUP-2"):
        item(pair.h, code, item_name="first")
    pair.pull(rule)
    for code in ("CUP-1", "CUP-2"):
        update(pair.o, "Item", code, item_name="ours")
        update(pair.h, "Item", code, item_name=ATTACK)
    pair.pull(rule)
    shop.visit.open("/app")
    expect(page.locator("main")).to_contain_text("2 documents were changed on both sides")
    shop.visit.open("/app/sync")
    card = page.get_by_role("article", name="Item CUP-1")
    line = card.get_by_role("row", name="item_name")
    expect(line).to_contain_text("ours")
    expect(line).to_contain_text(ATTACK)
    assert page.locator("img[src=x]").count() == 0
    faults = shop.visit.find_faults()
    assert faults == [], fault_lines(faults)
    with page.expect_navigation():
        card.get_by_role("button", name="Use theirs").click()
    expect(page.locator(".toasts")).to_contain_text("Theirs is here now")
    pair.assert_equal("Item", ["CUP-1"])
    with page.expect_navigation():
        page.get_by_role("article", name="Item CUP-2").get_by_role("button", name="Keep ours").click()
    expect(page.locator("main")).to_contain_text("No conflicts")
    kept = get(pair.o, "Item", "CUP-2")
    assert kept is not None
    assert kept["item_name"] == "ours"


def test_a_parked_document_shows_why_and_is_tried_again(
    shop: Shop, browser_thread: BrowserThread, tmp_path: Path
) -> None:
    pair, page = shop.pair, shop.visit.page
    rule = pair.rule("Tubs of HQ", filters='[["name", "like", "TUB-%"]]')
    for code in ("TUB-1", "TUB-2"):
        item(pair.h, code)
    execute(pair.hq, "UPDATE tabItem SET item_group = 'Nowhere' WHERE name LIKE 'TUB-%'")
    pair.pull(rule)
    shop.visit.open("/app/sync")
    row = page.get_by_role("row", name="Item TUB-1")
    expect(row).to_contain_text("It links to Item Group Nowhere")
    execute(pair.hq, "UPDATE tabItem SET item_group = 'Products' WHERE name = 'TUB-1'")
    with page.expect_navigation():
        row.get_by_role("button", name="Try now").click()
    wait_for("the tub", lambda: get(pair.o, "Item", "TUB-1"))
    with page.expect_navigation():
        page.get_by_role("row", name="Item TUB-2").get_by_role("button", name="Forget").click()
    expect(page.locator(".toasts")).to_contain_text("Forgotten")
    wait_for("an empty list", lambda: not rows(pair.o, "Sync Parked Row", sync_rule=rule))


def test_who_manages_nothing_does_not_see_it(pair: Pair, visiting: Visiting, browser_thread: BrowserThread) -> None:
    values = {"email": "maya@shop.test", "first_name": "Maya", "new_password": "a long enough password"}
    assert pair.o.post("/api/resource/User", values).status == 200
    visit = visiting(pair.outlet).log_in("maya@shop.test", "a long enough password")
    assert visit.page.get_by_role("link", name="Sync", exact=True).count() == 0
    answer = visit.open("/app/sync")
    assert answer.status == 403


def test_a_remote_site_is_called_from_its_form(shop: Shop, browser_thread: BrowserThread) -> None:
    page = shop.visit.page
    shop.visit.open("/app/remote-site/HQ")
    page.get_by_role("button", name="Call the site").click()
    expect(page.locator(".tested")).to_contain_text("A Demitasse site; this site is Administrator there")
    faults = shop.visit.find_faults()
    assert faults == [], fault_lines(faults)
    know(shop.pair.outlet, shop.pair.hq, name="Nobody", site_url=f"http://127.0.0.1:{free_port()}", push_secret="")
    shop.visit.open("/app/remote-site/Nobody")
    page.get_by_role("button", name="Call the site").click()
    expect(page.locator(".tested")).to_contain_text("does not accept connections")
