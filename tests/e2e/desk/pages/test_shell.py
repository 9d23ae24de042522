"""The frame of the Desk: logging in and out, search, shortcuts, themes, a phone's width, security headers."""

import re
import socket
from collections.abc import Callable

import pytest
from playwright.sync_api import Request, expect

from tests.e2e.desk.browser import Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.site import Client, ServedSite

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PHONE = {"width": 390, "height": 800}


def test_a_person_logs_in_and_lands_where_they_wanted_to_go(visiting: Visiting, site: ServedSite) -> None:
    visit = visiting(site)
    visit.open("/app?x=1")
    assert visit.path == "/login?redirect-to=%2Fapp%3Fx%3D1"
    visit.page.fill("#usr", "Administrator")
    visit.page.fill("#pwd", site.password)
    visit.page.keyboard.press("Enter")

    expect(visit.page.locator("h1")).to_have_text("Good to see you, Administrator")
    assert visit.path == "/app?x=1"
    assert visit.complaints == []


def test_a_wrong_password_keeps_the_name_and_tells_no_more(visiting: Visiting, site: ServedSite) -> None:
    visit = visiting(site)
    visit.open("/login")
    visit.page.fill("#usr", "Administrator")
    visit.page.fill("#pwd", "wrong")
    visit.page.keyboard.press("Enter")

    expect(visit.page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    assert visit.page.input_value("#usr") == "Administrator"
    assert visit.page.input_value("#pwd") == ""
    assert visit.find_faults() == []


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
def test_a_login_leads_to_pages_of_this_site_only(visiting: Visiting, site: ServedSite, target: str) -> None:
    visit = visiting(site)
    visit.page.goto(f"{site.url}/login")
    visit.page.evaluate("target => location.assign('/login?redirect-to=' + encodeURIComponent(target))", target)
    visit.page.wait_for_url("**/login?redirect-to=*")
    visit.page.fill("#usr", "Administrator")
    visit.page.fill("#pwd", site.password)
    visit.page.keyboard.press("Enter")

    visit.page.wait_for_url(f"{site.url}/app")


def test_guessing_is_refused_for_a_while(visiting: Visiting, copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    visit = visiting(site)
    visit.open("/login")
    for _ in range(6):
        visit.page.fill("#usr", "Administrator")
        visit.page.fill("#pwd", "wrong")
        with visit.page.expect_navigation():
            visit.page.keyboard.press("Enter")

    assert visit.text("[role=alert]").startswith("Too many failed logins: try again in ")


def test_logging_out_ends_the_session(visiting: Visiting, site: ServedSite) -> None:
    visit = visiting(site).log_in()
    visit.page.click("summary[aria-label^=Administrator]")
    visit.page.click("text=Log out")
    visit.page.wait_for_url("**/login")

    visit.open("/app")
    assert visit.path.startswith("/login")


def test_search_goes_to_lists_new_forms_and_documents_by_keyboard_alone(visit: Visit, admin: Client) -> None:
    name = admin.post("/api/resource/Lead", {"lead_name": "Searched For"}).data["name"]
    for typed, path in (("webhook", "/app/webhook"), ("New Webhook", "/app/webhook/new"), (name, f"/app/lead/{name}")):
        visit.open("/app")
        visit.page.keyboard.press("Control+k")
        box = visit.page.get_by_role("combobox", name="Search pages and documents")
        expect(box).to_be_focused()
        box.fill(typed)
        option = visit.page.locator("#search-options [role=option][aria-selected=true]")
        expect(option).to_contain_text(re.compile(re.escape(typed), re.IGNORECASE))
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url(f"**{path}")


def test_search_is_a_combobox_that_can_be_left(visit: Visit) -> None:
    visit.open("/app")
    visit.page.keyboard.press("Control+g")
    box = visit.page.get_by_role("combobox", name="Search pages and documents")
    box.fill("web")
    expect(visit.page.locator("#search-options [role=option]").first).to_contain_text("Webhook")
    expect(box).to_have_attribute("aria-expanded", "true")
    visit.page.keyboard.press("ArrowDown")
    active = box.get_attribute("aria-activedescendant")
    assert active == visit.page.locator("[role=option][aria-selected=true]").get_attribute("id") == "search-options-1"
    assert visit.find_faults() == []
    visit.page.keyboard.press("Escape")
    expect(box).to_be_hidden()


def test_a_question_mark_opens_the_help_but_not_while_typing(visit: Visit) -> None:
    visit.open("/app")
    visit.page.keyboard.press("?")
    help_dialog = visit.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_dialog).to_be_visible()
    assert visit.find_faults() == []
    visit.page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()

    visit.page.keyboard.press("Control+k")
    visit.page.keyboard.type("?")
    expect(help_dialog).to_be_hidden()


def test_the_theme_follows_the_system_until_one_is_chosen(visiting: Visiting, site: ServedSite) -> None:
    visit = visiting(site, color_scheme="dark").enter()
    root = visit.page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    visit.page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-bs-theme", "light")

    visit.page.click("summary[aria-label^=Administrator]")
    visit.page.click("button[value=dark]")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    visit.page.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    assert visit.path == "/app"


def test_on_a_phone_the_sidebar_is_a_drawer(visiting: Visiting, site: ServedSite) -> None:
    visit = visiting(site, viewport=PHONE).enter()
    sidebar = visit.page.locator("#sidebar")
    expect(sidebar).to_be_hidden()
    visit.page.get_by_role("button", name="Menu").click()
    expect(sidebar).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(sidebar).to_be_hidden()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_home_page_is_accessible(visiting: Visiting, site: ServedSite, scheme: str, width: int) -> None:
    visit = visiting(site, color_scheme=scheme, viewport={"width": width, "height": 800}).enter()

    assert fault_lines(visit.find_faults()) == ""
    assert visit.complaints == []


def test_the_first_tab_leads_past_the_frame(visit: Visit) -> None:
    visit.open("/app")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"


def test_every_answer_is_hardened(site: ServedSite, guest: Client) -> None:
    for path in ("/login", "/app", "/app/nothing-here"):
        headers = guest.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
        assert headers["Referrer-Policy"] == "same-origin"


def test_a_page_weighs_little_and_its_files_are_kept(visiting: Visiting, site: ServedSite) -> None:
    visit = visiting(site)
    sizes: dict[str, int] = {}

    kept: set[str | None] = set()

    def weigh(request: Request) -> None:
        response = request.response()
        assert response is not None
        sizes[request.url] = request.sizes()["responseBodySize"]
        if "/assets/" in request.url:
            kept.add(response.header_value("cache-control"))

    visit.page.on("requestfinished", weigh)
    visit.enter()
    visit.page.wait_for_load_state("networkidle")

    assert 10_000 < sum(sizes.values()) < 300_000
    assert kept == {"public, max-age=31536000, immutable"}


def test_changes_of_the_desk_need_the_session_s_token(visit: Visit, site: ServedSite) -> None:
    sid = next(cookie["value"] for cookie in visit.context.cookies() if cookie.get("name") == "sid")
    with site.guest() as thief:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"sid={sid}"}
        for path in ("/app/-/logout", "/app/-/theme", "/app/lead/new"):
            for body in ("theme=dark", "theme=dark&csrf_token=made-up"):
                answer = thief.post(path, body=body, headers=form)
                assert answer.status == 400
                assert "CSRF token" in answer.text
    visit.open("/app")
    assert visit.path == "/app"


def test_unknown_pages_are_not_found_in_the_frame(visit: Visit) -> None:
    assert visit.open("/app/nothing-here").status == 404
    assert visit.text("h1, .empty-title") == "Not found"
    assert visit.find_faults() == []


def test_logins_lists_and_forms_work_without_javascript(visiting: Visiting, site: ServedSite, admin: Client) -> None:
    visit = visiting(site, java_script_enabled=False).log_in()
    visit.open("/app/notice")
    visit.page.get_by_role("link", name="New Notice").click()
    visit.page.fill("#doc-name-input", "By hand alone")
    visit.page.fill("#f-title", "No script ran")
    visit.page.get_by_role("button", name="Save").click()
    visit.page.wait_for_url("**/By%20hand%20alone")

    assert admin.get("/api/resource/Notice/By hand alone").data["title"] == "No script ran"
    visit.open("/app/notice?title=No script ran")
    assert visit.texts("#list .cell-main a") == ["By hand alone"]


def test_a_person_changes_their_own_password(visiting: Visiting, site: ServedSite, admin: Client) -> None:
    user = "changes@example.com"
    admin.post("/api/resource/User", {"email": user, "first_name": "Changes", "new_password": "the old one"})
    visit = visiting(site).log_in(user, "the old one")
    visit.page.click("summary[aria-label^=Changes]")
    visit.page.click("text=Change the password")
    visit.page.wait_for_url("**/app/-/password")

    def send(old: str, new: str, again: str) -> None:
        for name, text in (("old", old), ("new", new), ("again", again)):
            visit.page.fill(f"#{name}", text)
        with visit.page.expect_navigation():
            visit.page.get_by_role("button", name="Change it").click()

    send("the old one", "the new one", "another")
    assert visit.text("#again-error") == "This is not the same as above"
    send("wrong", "the new one", "the new one")
    assert visit.text("#old-error") == "The present password is wrong"
    send("the old one", "short", "short")
    assert "8" in visit.text("#new-error")
    assert fault_lines(visit.find_faults()) == ""
    send("the old one", "the new one", "the new one")
    expect(visit.page.locator("[data-toast]")).to_contain_text("The password is changed")
    visiting(site).log_in(user, "the new one")


def test_requests_that_cannot_be_read_are_answered_too(site: ServedSite, admin: Client) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(b"GET /app?q=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split()[1] == b"400"
    assert admin.get("/app/%FF%FE").status == 404
    assert admin.get("/app/lead?_q=%FF%00").status == 400
    assert admin.request("POST", "/app/lead/new", body=b"\xff=\xfe", headers=FORM).status == 400
    assert admin.request("DELETE", "/app/lead").status == 405
