"""Attacks in everything that is shown: names, values, labels, messages, addresses. Nothing of them becomes a page's own."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.desk.browser import Visit
from tests.e2e.site import Client

IMAGE = "<img src=x onerror=window.hacked=1>"
BREAK = "'\"></textarea></title></script><script>window.hacked=1</script>"
JINJA = "{{ 7*7 }}{% for x in y %}"
QUOTES = "'\" onfocus=window.hacked=1 autofocus x='"
ATTACKS = (IMAGE, BREAK, JINJA, QUOTES)
ALIEN = "script:not([src]), [onerror], [onclick], img[src=x], [href^='javascript:'], [style], iframe"


def assert_unharmed(visit: Visit) -> None:
    """Check that nothing that was sent has become an element, an attribute or a script of the page."""
    assert visit.page.evaluate("window.hacked") is None
    assert visit.page.locator(ALIEN).count() == 0
    assert [each for each in visit.complaints if "the server responded with a status of" not in each] == []
    assert visit.alerts == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_in_a_document_stay_text_on_every_page_of_it(visit: Visit, admin: Client, attack: str) -> None:
    name = f"Attacked {ATTACKS.index(attack)}"
    texts = dict.fromkeys(
        ("small", "text", "rich", "page", "marked", "program", "suggested", "picture", "file"), attack
    )
    values = {
        "title": name,
        **texts,
        "signed": attack,
        "facts": '{"a": "<img src=x onerror=window.hacked=1>"}',
        "parts": [{"part": attack, "note": attack}],
    }
    made = admin.post("/api/resource/Specimen", values)
    assert made.status == 200, made.text
    for path in (
        "/app",
        "/app/specimen",
        f"/app/specimen?title={quote(name)}",
        f"/app/specimen/{quote(name, safe='')}",
    ):
        assert visit.open(path).status == 200
        assert name in visit.page.inner_text("body")
        assert_unharmed(visit)
    assert visit.page.input_value("#f-rich") == attack
    visit.page.fill("#f-email", "a@b.de")
    with visit.page.expect_navigation():
        visit.page.keyboard.press("Control+s")
    expect(visit.page.locator("[data-toast]")).to_contain_text(name)
    assert_unharmed(visit)
    admin.put(f"/api/resource/Specimen/{name}", {"suggested": attack + "2"})
    visit.page.fill("#f-suggested", attack + "3")
    with visit.page.expect_navigation():
        visit.page.keyboard.press("Control+s")
    assert visit.text("h1") == "Somebody else was faster"
    assert_unharmed(visit)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_in_titles_stay_text_in_lists_search_and_on_the_home_page(
    visit: Visit, admin: Client, attack: str
) -> None:
    name = admin.post("/api/resource/Lead", {"lead_name": attack, "company_name": attack}).data["name"]
    for path in ("/app", "/app/lead", f"/app/lead/{name}"):
        visit.open(path)
        assert attack in visit.page.inner_text("#main")
        assert_unharmed(visit)
    visit.page.keyboard.press("Control+k")
    visit.page.fill("#search-input", attack[:20])
    expect(visit.page.locator("#search-options")).to_contain_text(attack)
    assert_unharmed(visit)


def test_attacks_in_names_stay_text(visit: Visit, admin: Client) -> None:
    for attack in (JINJA, QUOTES):
        visit.open("/app/notice/new")
        visit.page.fill("#doc-name-input", attack)
        visit.page.fill("#f-title", attack)
        with visit.page.expect_navigation():
            visit.page.keyboard.press("Control+s")
        assert visit.text("h1") == attack
        for path in (
            "/app",
            "/app/notice",
            f"/app/notice/{quote(attack, safe='')}",
            f"/app/notice/new?_copy={quote(attack)}",
        ):
            visit.open(path)
            assert_unharmed(visit)
        visit.page.fill("#doc-name-input", attack)
        with visit.page.expect_navigation():
            visit.page.keyboard.press("Control+s")
        assert f"Notice {attack} already exists" in visit.page.inner_text("[role=alert]")
        assert_unharmed(visit)


def test_attacks_in_links_and_their_offers_stay_text(visit: Visit, admin: Client) -> None:
    customer = f"{QUOTES} customer"
    assert admin.post("/api/resource/Customer", {"customer_name": customer}).status == 200
    visit.open("/app/specimen/new")
    visit.page.get_by_role("combobox", name="Customer", exact=True).fill("customer")
    option = visit.page.locator("[role=option]:visible")
    expect(option).to_have_text(customer)
    assert_unharmed(visit)
    option.click()
    assert visit.page.get_by_role("combobox", name="Customer", exact=True).input_value() == customer


def test_attacks_in_messages_stay_text(visit: Visit) -> None:
    for attack in ATTACKS:
        visit.open("/app/specimen/new")
        visit.page.fill("#f-title", "Refused")
        visit.page.fill("#f-email", attack)
        with visit.page.expect_navigation():
            visit.page.keyboard.press("Control+s")
        assert f"{attack} is not a valid Email Address" in visit.page.inner_text("[role=alert]")
        assert_unharmed(visit)


@pytest.mark.parametrize(
    "path",
    [
        "/app/{attack}",
        "/app/specimen/{attack}",
        "/app/specimen?title={attack}&_q={attack}&_sort={attack}",
        '/app/specimen?creation=[">","{attack}"]',
        "/app/specimen/new?title={attack}&email={attack}&_copy={attack}",
        "/app/-/search?q={attack}",
        "/app/-/link?doctype={attack}&q={attack}",
        "/app/-/row?doctype={attack}&table={attack}",
        "/login?redirect-to={attack}",
        "/app/webhook/{attack}",
    ],
)
def test_attacks_in_addresses_stay_text(visit: Visit, path: str) -> None:
    for attack in ATTACKS:
        visit.open(path.replace("{attack}", quote(attack, safe="")))
        assert_unharmed(visit)
        assert "49" not in visit.page.title()


def test_attacks_in_labels_and_people_stay_text(visit: Visit, admin: Client) -> None:
    field = {
        "dt": "Specimen",
        "fieldname": "attacked",
        "label": IMAGE,
        "fieldtype": "Select",
        "options": f"{IMAGE}\n{BREAK}",
        "description": BREAK,
        "in_list_view": 1,
        "in_standard_filter": 1,
    }
    assert admin.post("/api/resource/Custom Field", field).status == 200
    admin.put("/api/resource/User/Administrator", {"last_name": IMAGE})
    admin.post("/api/resource/Specimen", {"title": "Labelled", "attacked": IMAGE})
    for path in ("/app", "/app/specimen", "/app/specimen/Labelled", "/app/specimen/new"):
        visit.open(path)
        assert_unharmed(visit)
    assert IMAGE in visit.texts("label.form-label")
    admin.put("/api/resource/User/Administrator", {"last_name": ""})
