"""Lists of any DocType: columns, filters in the URL, sorting, search, pages."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.desk.browser import Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.site import Client, ServedSite


@pytest.fixture(scope="module", autouse=True)
def leads(site: ServedSite) -> None:
    """Twenty-five Leads, four of them converted."""
    with site.client() as admin:
        for number in range(25):
            status = "Converted" if number % 7 == 0 else "Open"
            lead = {"lead_name": f"Lead {number:02}", "status": status, "company_name": f"Company {number % 3}"}
            assert admin.post("/api/resource/Lead", lead).status == 200


def names(visit: Visit) -> list[str]:
    return visit.texts("#list tbody .cell-main a")


def test_a_list_shows_twenty_and_leads_to_the_rest(visit: Visit) -> None:
    visit.open("/app/lead")
    assert len(names(visit)) == 20
    assert visit.text("#list [role=status]") == "1\u201320 of 25"
    visit.page.get_by_role("link", name="Next").click()
    expect(visit.page.locator("#list [role=status]")).to_have_text("21\u201325 of 25")
    assert "_page=2" in visit.path
    visit.page.get_by_role("link", name="Back").click()
    expect(visit.page.locator("#list [role=status]")).to_have_text("1\u201320 of 25")


def test_filters_are_chips_that_stay_in_the_url(visit: Visit) -> None:
    visit.open("/app/lead")
    visit.page.click("summary:has-text('Filter')")
    visit.page.get_by_label("Field").select_option("status")
    visit.page.get_by_label("Value").fill("Converted")
    visit.page.get_by_role("button", name="Add the filter").click()
    visit.page.wait_for_url("**/app/lead?status=Converted")
    assert visit.text(".chips").startswith("Status is Converted")
    assert names(visit) == ["Lead 21", "Lead 14", "Lead 07", "Lead 00"]

    visit.open('/app/lead?status=Converted&lead_name=["like","4"]')
    assert names(visit) == ["Lead 14"]
    visit.page.get_by_role("link", name="Take away: Status is Converted").click()
    visit.page.wait_for_url("**/app/lead?lead_name=*")
    assert names(visit) == ["Lead 24", "Lead 14", "Lead 04"]
    visit.page.reload()
    assert names(visit) == ["Lead 24", "Lead 14", "Lead 04"]
    visit.page.get_by_role("link", name="Take away").click()
    visit.page.wait_for_url("**/app/lead")


def test_search_narrows_while_one_types_and_keeps_the_filters(visit: Visit) -> None:
    visit.open("/app/lead?status=Converted")
    visit.page.get_by_role("searchbox", name="Search in Lead").press_sequentially("lead 2")
    expect(visit.page.locator("#list tbody .cell-main a")).to_have_count(1)
    assert "_q=lead%202" in visit.path
    assert "status=Converted" in visit.path
    visit.page.reload()
    assert names(visit) == ["Lead 21"]
    visit.page.get_by_role("searchbox", name="Search in Lead").fill("nothing like it")
    expect(visit.page.locator("#list .empty-title")).to_have_text("Nothing matches")


def test_heads_sort_one_way_and_then_the_other(visit: Visit) -> None:
    visit.open("/app/lead")
    head = visit.page.get_by_role("columnheader", name="Last Updated On")
    visit.page.get_by_role("link", name="Last Updated On").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert names(visit)[0] == "Lead 00"
    visit.page.get_by_role("link", name="Last Updated On").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert names(visit)[0] == "Lead 24"


def test_quick_filters_stand_above_the_list(visit: Visit, admin: Client) -> None:
    for number, state in enumerate(("Open", "Closed")):
        admin.post("/api/resource/Specimen", {"title": f"Quick {number}", "state": state, "is_good": number})
    visit.open('/app/specimen?title=["like","Quick"]')
    visit.page.get_by_label("State", exact=True).select_option("Closed")
    visit.page.wait_for_url("**state=Closed*")
    assert names(visit) == ["Quick 1"]
    visit.page.get_by_label("Is Good", exact=True).select_option("1")
    visit.page.wait_for_url("**is_good=1*")
    assert names(visit) == ["Quick 1"]
    visit.page.get_by_label("State", exact=True).select_option("")
    visit.page.wait_for_function("!location.search.includes('state=')")
    assert names(visit) == ["Quick 1"]


@pytest.mark.parametrize("query", ['creation=[">","never"]', 'status=["in","Open, Converted"]&creation=["like","x"]'])
def test_a_filter_that_cannot_be_is_told_and_can_be_taken_away(visit: Visit, query: str) -> None:
    assert visit.open(f"/app/lead?{query}").status == 400
    assert visit.text("#list [role=alert] h2") == "The list cannot be made like this"
    assert visit.page.get_by_role("link", name="Take away: Created On").count() == 1


def test_control_b_makes_a_new_one(visit: Visit) -> None:
    visit.open("/app/lead")
    visit.page.keyboard.press("Control+b")
    visit.page.wait_for_url("**/app/lead/new")


def test_an_empty_list_says_so_and_offers_the_first(visit: Visit) -> None:
    visit.open("/app/diary")
    assert visit.text("#list .empty-title") == "No Diary yet"
    visit.page.get_by_role("link", name="Make the first").click()
    visit.page.wait_for_url("**/app/diary/new")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_lists_are_accessible(visiting: Visiting, site: ServedSite, scheme: str, width: int) -> None:
    visit = visiting(site, color_scheme=scheme, viewport={"width": width, "height": 800}).enter()
    visit.open(f"/app/lead?status=Open&lead_name={json.dumps(['like', 'Lead'])}&_sort=status asc")
    visit.page.click("summary:has-text('Filter')")

    assert fault_lines(visit.find_faults()) == ""
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.complaints == []
