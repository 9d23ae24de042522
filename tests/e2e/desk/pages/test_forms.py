"""Forms of any DocType: every field type, rows, errors, states, and two people at one document."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.desk.browser import Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.site import Client, ServedSite

PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
TYPED = {
    "email": "asha@example.com",
    "homepage": "https://example.com/a?b=c&d",
    "phone": "+91 22 1234",
    "closed_because": "it rained",
    "suggested": "Blue",
    "secret": "hunter2 hunter2",
    "whole": "-7",
    "long_whole": "9007199254740993",
    "real": "0.1234567",
    "price": "1234.5",
    "share": "12.5",
    "day": "2026-02-28",
    "moment": "2026-02-28T23:59:58",
    "hour": "07:08:09",
    "length": "1d 2h 3m 4s",
    "colour": "#12ab34",
    "symbol": "star",
    "code_bar": "4006381333931",
    "small": "two\nlines",
    "text": '\nbegins with an empty line, has <b>tags</b> & "quotes"',
    "long_text": "long " * 50,
    "rich": "<p>Rich &amp; <script>alert('rich')</script></p>",
    "page": "<h1>Page</h1>",
    "marked": "# Marked\n\n* one",
    "program": "def f():\n    return 1",
    "facts": '{"a": [1, 2.5, null]}',
    "place": '{"type": "Point", "coordinates": [72.8, 19.0]}',
    "file": "/files/a.pdf",
    "picture": PICTURE,
    "last": "done",
}
STORED = {
    **TYPED,
    "state": "Closed",
    "customer": "Acme Ltd",
    "kind": "Item Group",
    "about": "Services",
    "is_good": 1,
    "fixed": "always so",
    "secret": "********",
    "whole": -7,
    "long_whole": 9007199254740993,
    "real": 0.1234567,
    "price": 1234.5,
    "share": 12.5,
    "stars": 0.8,
    "moment": "2026-02-28 23:59:58.000000",
    "hour": "7:08:09",
    "length": 93784.0,
}


@pytest.fixture
def new_name(request: pytest.FixtureRequest) -> str:
    """A title that no other test uses."""
    return f"Specimen of {request.node.name}"[:100]


def save(visit: Visit) -> None:
    """Save the form with its shortcut, and wait for the page that comes."""
    with visit.page.expect_navigation():
        visit.page.keyboard.press("Control+s")


def pick(visit: Visit, label: str, typed: str, option: str) -> None:
    """Choose in a link field, by keyboard."""
    box = visit.page.get_by_role("combobox", name=label, exact=True)
    box.fill(typed)
    visit.page.locator(f"[role=option]:visible >> text={option}").first.wait_for()
    visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("Enter")


def test_every_field_type_is_edited_and_saved_and_shown_again(visit: Visit, admin: Client, new_name: str) -> None:
    visit.open("/app/specimen/new")
    visit.page.fill("#f-title", new_name)
    visit.page.select_option("#f-state", "Closed")
    for tab in ("Details", "Texts", "Rows"):
        visit.page.get_by_role("tab", name=tab).click()
        if tab == "Texts":
            visit.page.click("summary:has-text('Files')")
        if tab == "Rows":
            visit.page.click("summary:has-text('More')")
        for name, text in TYPED.items():
            if visit.page.locator(f"#f-{name}").is_visible():
                visit.page.fill(f"#f-{name}", text)
        if tab == "Details":
            pick(visit, "Customer", "acm", "Acme Ltd")
            pick(visit, "Kind", "item gr", "Item Group")
            pick(visit, "About", "serv", "Services")
            visit.page.check("#f-is_good")
            visit.page.locator("#f-stars [aria-label='4 of 5']").check(force=True)
        if tab == "Texts":
            pad = visit.page.locator("[data-pad]")
            pad.hover(position={"x": 20, "y": 20})
            visit.page.mouse.down()
            pad.hover(position={"x": 120, "y": 60})
            visit.page.mouse.up()
    save(visit)

    expect(visit.page.locator("[data-toast]")).to_contain_text("Saved")
    stored = admin.get(f"/api/resource/Specimen/{new_name}").data
    assert {name: stored.get(name) for name in STORED} == STORED
    assert stored["signed"].startswith("data:image/png;base64,")
    shown = {name: visit.page.locator(f"#f-{name}").input_value() for name in TYPED if name != "secret"}
    assert shown == {name: text for name, text in TYPED.items() if name != "secret"}
    assert visit.page.locator("#f-secret").input_value() == ""
    assert "hunter2" not in visit.page.content()
    assert visit.text("#f-fixed") == "always so"
    assert (visit.complaints, visit.alerts) == ([], [])


def test_saving_again_changes_nothing_that_was_not_touched(visit: Visit, admin: Client, new_name: str) -> None:
    values = {
        "title": new_name,
        "moment": "2026-02-28 23:59:58.123456",
        "hour": "10:00:00.5",
        "real": 0.1 + 0.2,
        "secret": "kept as it is",
        "small": "kept\r\nas it is",
        "stars": 0.33,
        "length": 1.5,
        "parts": [{"part": "One", "seen_at": "2026-01-01 00:00:00.654321", "note": "hidden below"}],
    }
    before = admin.post("/api/resource/Specimen", values).data
    visit.open(f"/app/specimen/{new_name}")
    visit.page.fill("#f-email", "new@example.com")
    save(visit)

    after = admin.get(f"/api/resource/Specimen/{new_name}").data
    moved = {"modified", "email"}
    assert {k: v for k, v in after.items() if k not in moved and k != "parts"} == {
        k: v for k, v in before.items() if k not in moved and k != "parts"
    }
    assert after["parts"][0]["seen_at"] == "2026-01-01 00:00:00.654321"
    assert after["email"] == "new@example.com"


def test_rows_are_added_moved_changed_and_taken_away(visit: Visit, admin: Client, new_name: str) -> None:
    rows = [{"part": "One", "note": "first"}, {"part": "Two"}, {"part": "Three"}]
    before = admin.post("/api/resource/Specimen", {"title": new_name, "parts": rows}).data["parts"]
    visit.open(f"/app/specimen/{new_name}")
    visit.page.get_by_role("tab", name="Rows").click()
    row = visit.page.locator("#t-parts [data-row]")
    row.nth(1).get_by_role("button", name="Take the row away").click()
    row.nth(1).get_by_role("button", name="Move the row up").click()
    visit.page.get_by_role("group", name="Parts").get_by_role("button", name="Add a row").click()
    expect(row).to_have_count(3)
    new = row.nth(2)
    expect(new.get_by_label("Part", exact=True)).to_be_focused()
    assert new.get_by_label("Number").input_value() == "1"
    visit.page.keyboard.type("Four")
    new.get_by_label("Number").fill("44")
    new.get_by_label("Spare").check()
    new.get_by_role("button", name="More fields of the row").click()
    new.get_by_label("Note").fill("unfolded")
    maker = new.get_by_role("combobox", name="Maker")
    maker.fill("glo")
    visit.page.locator("[role=option]:visible").first.click()
    expect(maker).to_have_value("Globex")
    visit.page.keyboard.press("Alt+ArrowUp")
    save(visit)

    after = admin.get(f"/api/resource/Specimen/{new_name}").data["parts"]
    assert [each["part"] for each in after] == ["Three", "Four", "One"]
    assert [each["idx"] for each in after] == [1, 2, 3]
    assert (after[1]["number"], after[1]["is_spare"], after[1]["note"], after[1]["customer"]) == (
        44,
        1,
        "unfolded",
        "Globex",
    )
    assert after[2]["name"] == before[0]["name"]
    assert after[2]["note"] == "first"


def test_all_rows_can_be_taken_away(visit: Visit, admin: Client, new_name: str) -> None:
    admin.post(
        "/api/resource/Specimen", {"title": new_name, "parts": [{"part": "One"}], "tags": [{"customer": "Globex"}]}
    )
    visit.open(f"/app/specimen/{new_name}")
    visit.page.get_by_role("tab", name="Rows").click()
    visit.page.get_by_role("group", name="Parts").get_by_role("button", name="Take the row away").click()
    save(visit)

    after = admin.get(f"/api/resource/Specimen/{new_name}").data
    assert after["parts"] == []
    assert [each["customer"] for each in after["tags"]] == ["Globex"]


def test_a_table_of_many_rows_is_saved_whole(visit: Visit, admin: Client, new_name: str) -> None:
    rows = [{"part": f"Part {number}", "number": number} for number in range(300)]
    admin.post("/api/resource/Specimen", {"title": new_name, "parts": rows})
    visit.open(f"/app/specimen/{new_name}")
    visit.page.get_by_role("tab", name="Rows").click()
    visit.page.locator("#t-parts [data-row]").nth(299).get_by_label("Part", exact=True).fill("The last")
    save(visit)

    after = admin.get(f"/api/resource/Specimen/{new_name}").data["parts"]
    assert [each["number"] for each in after] == list(range(300))
    assert after[299]["part"] == "The last"


def test_a_button_saves_and_runs_the_method_that_it_names(visit: Visit, admin: Client, new_name: str) -> None:
    admin.post("/api/resource/Specimen", {"title": new_name})
    visit.open(f"/app/specimen/{new_name}")
    visit.page.fill("#f-email", "typed@example.com")
    visit.page.get_by_role("tab", name="Texts").click()
    visit.page.click("summary:has-text('Files')")
    with visit.page.expect_navigation():
        visit.page.get_by_role("button", name="Press").click()

    expect(visit.page.locator("[data-toast]")).to_contain_text("It has been pressed")
    assert admin.get(f"/api/resource/Specimen/{new_name}").data["last"] == "pressed with typed@example.com"


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(visit: Visit, admin: Client, new_name: str) -> None:
    visit.open("/app/specimen/new")
    visit.page.fill("#f-email", "no address")
    visit.page.fill("#f-length", "soon")
    visit.page.get_by_role("tab", name="Texts").click()
    visit.page.fill("#f-facts", "{no json")
    visit.page.fill("#f-text", "long typed text")
    visit.page.get_by_role("tab", name="Rows").click()
    visit.page.get_by_role("group", name="Parts").get_by_role("button", name="Add a row").click()
    visit.page.locator("#t-parts").get_by_label("Part", exact=True).fill("kept row")
    save(visit)

    assert "not a length of time" in visit.text("#f-length-error")
    visit.page.fill("#f-length", "2h")
    visit.page.get_by_role("tab", name="Texts").click()
    assert visit.page.input_value("#f-text") == "long typed text"
    assert "JSON" in visit.text("#f-facts-error")
    visit.page.fill("#f-facts", "{}")
    save(visit)
    assert visit.text("#f-title-error") == "Title is required"
    visit.page.fill("#f-title", new_name)
    save(visit)
    assert visit.text("#f-email-error") == "no address is not a valid Email Address"
    visit.page.fill("#f-email", "right@example.com")
    save(visit)

    stored = admin.get(f"/api/resource/Specimen/{new_name}").data
    assert (stored["length"], stored["text"], stored["parts"][0]["part"]) == (7200, "long typed text", "kept row")


@pytest.mark.parametrize(
    ("small", "said"),
    [("refuse", "A specimen is not refuse"), ("crash", "The server failed to answer; the fault has been logged")],
)
def test_what_an_app_refuses_is_told_and_kept(visit: Visit, new_name: str, small: str, said: str) -> None:
    visit.open("/app/specimen/new")
    visit.page.fill("#f-title", new_name)
    visit.page.get_by_role("tab", name="Texts").click()
    visit.page.fill("#f-small", small)
    save(visit)

    expect(visit.page.get_by_role("alert").first).to_contain_text(said)
    assert visit.page.input_value("#f-small") == small
    assert visit.page.input_value("#f-title") == new_name


def test_what_an_app_says_is_shown_once(visit: Visit, new_name: str) -> None:
    visit.open("/app/specimen/new")
    visit.page.fill("#f-title", new_name)
    visit.page.get_by_role("tab", name="Texts").click()
    visit.page.fill("#f-small", "speak")
    save(visit)

    expect(visit.page.locator("[data-toast]")).to_contain_text("The specimen has spoken")
    visit.page.reload()
    expect(visit.page.locator("[data-toast]")).to_have_count(0)


def test_fields_come_and_go_with_what_they_depend_on(visit: Visit) -> None:
    visit.open("/app/specimen/new")
    reason = visit.page.locator("#f-closed_because")
    expect(reason).to_be_hidden()
    visit.page.select_option("#f-state", "Closed")
    expect(reason).to_be_visible()
    visit.page.select_option("#f-state", "Open")
    expect(reason).to_be_hidden()


def test_a_field_that_is_set_once_is_text_afterwards(visit: Visit, admin: Client, new_name: str) -> None:
    admin.post("/api/resource/Specimen", {"title": new_name})
    visit.open(f"/app/specimen/{new_name}")

    assert visit.text("#f-title") == new_name
    assert visit.page.locator("[name='f.title']").count() == 0


def test_a_secret_is_changed_and_taken_away_but_never_shown(visit: Visit, admin: Client, new_name: str) -> None:
    admin.post("/api/resource/Specimen", {"title": new_name, "secret": "the first"})
    visit.open(f"/app/specimen/{new_name}")
    assert "the first" not in visit.page.content()
    visit.page.check("[name='_clear.secret']")
    save(visit)
    assert not admin.get(f"/api/resource/Specimen/{new_name}").data.get("secret")

    visit.page.fill("#f-secret", "the second")
    save(visit)
    assert admin.get(f"/api/resource/Specimen/{new_name}").data["secret"] == "********"


def test_two_people_at_one_document_choose_field_by_field(visit: Visit, admin: Client, new_name: str) -> None:
    path = f"/api/resource/Specimen/{new_name}"
    admin.post("/api/resource/Specimen", {"title": new_name, "email": "a@x.de", "phone": "1", "suggested": "Red"})
    visit.open(f"/app/specimen/{new_name}")
    admin.put(path, {"email": "theirs@x.de", "suggested": "Green", "parts": [{"part": "Theirs"}]})
    visit.page.fill("#f-email", "mine@x.de")
    visit.page.fill("#f-phone", "22")
    save(visit)

    assert visit.text("h1") == "Somebody else was faster"
    rows = {row.split("\t")[0].strip(): row for row in visit.page.locator("#main tbody tr").all_inner_texts()}
    assert rows.keys() == {"Email", "Phone", "Suggested", "Parts"}
    assert "mine@x.de" in rows["Email"]
    assert "theirs@x.de" in rows["Email"]
    assert "a@x.de" in rows["Email"]
    assert fault_lines(visit.find_faults()) == ""
    assert admin.get(path).data["email"] == "theirs@x.de"
    expect(visit.page.get_by_label("Email: keep yours")).to_be_checked()
    expect(visit.page.get_by_label("Suggested: take theirs")).to_be_checked()
    visit.page.get_by_label("Email: take theirs").check()
    save(visit)

    merged = admin.get(path).data
    assert (merged["email"], merged["phone"], merged["suggested"]) == ("theirs@x.de", "22", "Green")
    assert [each["part"] for each in merged["parts"]] == ["Theirs"]


def test_a_document_is_submitted_cancelled_amended_and_deleted(visit: Visit, admin: Client) -> None:
    visit.open("/app/approval/new")
    visit.page.fill("#f-title", "An approval")
    visit.page.fill("#f-amount", "5")
    save(visit)
    name = visit.path.rpartition("/")[2]
    expect(visit.page.locator("h1")).to_contain_text("Draft")
    visit.page.fill("#f-amount", "6")
    visit.page.get_by_role("button", name="Submit").click()
    dialog = visit.page.get_by_role("dialog", name=f"Submit {name}?")
    assert fault_lines(visit.find_faults()) == ""
    dialog.get_by_role("button", name="Submit").click()
    expect(visit.page.locator("h1")).to_contain_text("Submitted")
    stored = admin.get(f"/api/resource/Approval/{name}").data
    assert (stored["docstatus"], stored["amount"]) == (1, 6)
    assert visit.page.locator("[name='f.amount']").count() == 0
    visit.page.fill("#f-remark", "allowed after it")
    save(visit)
    assert admin.get(f"/api/resource/Approval/{name}").data["remark"] == "allowed after it"

    visit.page.get_by_role("button", name="Cancel it").click()
    visit.page.get_by_role("dialog", name=f"Cancel {name}?").get_by_role("button", name="Cancel it").click()
    expect(visit.page.locator("h1")).to_contain_text("Cancelled")
    assert visit.page.get_by_role("button", name="Save").count() == 0
    visit.page.get_by_role("link", name="Amend").click()
    visit.page.wait_for_url("**/new?_amend=*")
    assert visit.page.input_value("#f-title") == "An approval"
    save(visit)
    amended = visit.path.rpartition("/")[2]
    assert admin.get(f"/api/resource/Approval/{amended}").data["amended_from"] == name

    visit.page.click("summary[aria-label='More to do']")
    visit.page.get_by_role("button", name="Delete", exact=True).click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    visit.page.wait_for_url("**/app/approval")
    assert admin.get(f"/api/resource/Approval/{amended}").status == 404


def test_a_single_is_a_form_at_its_own_path(visit: Visit, admin: Client) -> None:
    visit.open("/app/guarded-settings")
    visit.page.fill("#f-motto", "Slowly")
    save(visit)

    assert visit.path == "/app/guarded-settings"
    assert admin.get("/api/resource/Guarded Settings/Guarded Settings").data["motto"] == "Slowly"


def test_a_document_may_be_named_by_hand_and_duplicated(visit: Visit, admin: Client) -> None:
    odd = "odd / name % with # and ü?"
    visit.open("/app/notice/new")
    save(visit)
    expect(visit.page.get_by_role("alert").first).to_be_visible()
    visit.page.fill("#doc-name-input", odd)
    visit.page.fill("#f-title", "Named by hand")
    save(visit)
    assert visit.text("h1") == odd
    visit.page.click("summary[aria-label='More to do']")
    visit.page.get_by_role("link", name="Duplicate").click()
    visit.page.wait_for_url("**/new?_copy=*")
    assert visit.page.input_value("#f-title") == "Named by hand"
    assert admin.get(f"/api/resource/Notice/{quote(odd, safe='')}").data["title"] == "Named by hand"


def test_a_new_form_takes_values_from_its_address(visit: Visit) -> None:
    visit.open("/app/specimen/new?state=Closed&email=a@b.de&secret=x&nothing=1")

    assert visit.page.input_value("#f-state") == "Closed"
    assert visit.page.input_value("#f-email") == "a@b.de"
    assert visit.page.input_value("#f-secret") == ""


def test_what_is_not_saved_is_asked_about(visit: Visit) -> None:
    visit.open("/app/specimen/new")
    mark = visit.page.locator("#not-saved")
    expect(mark).to_be_hidden()
    visit.page.fill("#f-title", "typed")
    expect(mark).to_be_visible()
    visit.stays = True
    visit.page.click("#sidebar >> text=Home")
    assert visit.stayed == 1
    assert visit.path == "/app/specimen/new"
    assert visit.page.input_value("#f-title") == "typed"


def test_a_session_that_ended_while_typing_loses_nothing(
    visiting: Visiting, site: ServedSite, admin: Client, new_name: str
) -> None:
    visit = visiting(site).log_in()
    visit.open("/app/specimen/new")
    visit.page.fill("#f-title", new_name)
    visit.context.clear_cookies(name="sid")
    save(visit)
    assert "Your session has ended" in visit.text("main")
    assert fault_lines(visit.find_faults()) == ""
    with visit.context.expect_page() as opened:
        visit.page.get_by_role("link", name="Log in").click()
    login = opened.value
    login.fill("#usr", "Administrator")
    login.fill("#pwd", site.password)
    login.keyboard.press("Enter")
    login.wait_for_url("**/app")
    visit.page.get_by_role("button", name="Send it again").click()
    visit.page.get_by_role("button", name="Send it again").click()

    visit.page.wait_for_url("**/app/specimen/Specimen*")
    assert admin.get(f"/api/resource/Specimen/{new_name}").status == 200


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_forms_are_accessible(visiting: Visiting, site: ServedSite, scheme: str, width: int) -> None:
    visit = visiting(site, color_scheme=scheme, viewport={"width": width, "height": 800}).enter(
        path="/app/specimen/new"
    )
    for tab in ("Details", "Texts", "Rows"):
        visit.page.get_by_role("tab", name=tab).click()
        for summary in visit.page.locator("details:not([open]) > summary.form-section-title:visible").all():
            summary.click()
        if tab == "Rows":
            visit.page.get_by_role("group", name="Parts").get_by_role("button", name="Add a row").click()
            visit.page.locator("[data-row-more]").first.click()
        assert fault_lines(visit.find_faults()) == ""
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_json_of_the_stale_page_cannot_be_used_to_write_more(visit: Visit, admin: Client, new_name: str) -> None:
    admin.post("/api/resource/Specimen", {"title": new_name, "email": "a@x.de"})
    visit.open(f"/app/specimen/{new_name}")
    visit.page.evaluate("document.querySelector('[name=_base]').value = 'no json'")
    admin.put(f"/api/resource/Specimen/{new_name}", {"phone": "3"})
    visit.page.fill("#f-email", "b@x.de")
    save(visit)
    assert visit.text("h1") == "Somebody else was faster"
    assert json.loads(visit.page.locator("[name=_base]").get_attribute("value") or "")
