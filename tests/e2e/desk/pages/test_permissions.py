"""What a user may not see is not there: not in the sidebar, not in lists and search, not by URL, not in a page's source."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e.desk.conftest import PASSWORD, Visiting
from tests.e2e.site import Answer, Client, ServedSite

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PEOPLE = ("payroll", "writer", "second.writer", "editor", "chief", "clerk", "approver")


class Person:
    """Somebody with a session, who asks for pages and sends forms without a browser."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.token = client.get("/api/method/frappe.sessions.get_csrf_token").message

    def page(self, path: str) -> Answer:
        return self.client.get(path)

    def send(self, path: str, **form: Any) -> Answer:
        fields = {"csrf_token": self.token, **{key.replace("__", "."): value for key, value in form.items()}}
        return self.client.request("POST", path, body=urlencode(fields), headers=_FORM)

    def make(self, doctype: str, **values: Any) -> str:
        headers = {"X-Frappe-CSRF-Token": self.token}
        name: str = self.client.post(f"/api/resource/{doctype}", values, headers=headers).data["name"]
        return name


@pytest.fixture(scope="module")
def person(site: ServedSite) -> Iterator[Callable[[str], Person]]:
    """Give the people of the fixture app passwords, and log them in when they are asked for."""
    people: dict[str, Person] = {}
    with site.client() as admin:
        for name in PEOPLE:
            user = f"/api/resource/User/{name}@example.com"
            assert admin.put(user, {"new_password": PASSWORD}).status == 200

    def log_in(name: str) -> Person:
        if name not in people:
            client = site.guest()
            login = {"usr": f"{name}@example.com", "pwd": PASSWORD}
            assert client.post("/api/method/login", login).status == 200
            people[name] = Person(client)
        return people[name]

    yield log_in
    for each in people.values():
        each.client.close()


@pytest.fixture(scope="module")
def diaries(site: ServedSite, person: Callable[[str], Person]) -> dict[str, str]:
    """One diary of the writer, one of the second writer, and a payslip."""
    found = {name: person(name).make("Diary", title=f"Diary of {name}") for name in ("writer", "second.writer")}
    with site.client() as admin:
        admin.put(f"/api/resource/Diary/{found['writer']}", {"rating": 5})
        admin.post("/api/resource/Payslip", {"employee": "Asha", "amount": 7777})
    return found


def test_the_sidebar_has_only_what_one_may_open(person: Callable[[str], Person]) -> None:
    home = person("clerk").page("/app").text

    assert 'href="/app/approval"' in home
    for path in ("/app/payslip", "/app/diary", "/app/webhook", "/app/role"):
        assert f'href="{path}"' not in home


@pytest.mark.parametrize(
    "path", ["/app/payslip", "/app/payslip/Asha", "/app/payslip/Nobody", "/app/payslip/new", "/app/webhook"]
)
def test_what_one_may_not_read_is_refused_by_url_whether_it_exists_or_not(
    person: Callable[[str], Person], diaries: dict[str, str], path: str
) -> None:
    answer = person("clerk").page(path)

    assert answer.status == 403
    assert "7777" not in answer.text


def test_only_one_s_own_are_listed_found_and_opened(person: Callable[[str], Person], diaries: dict[str, str]) -> None:
    writer, other = person("writer"), diaries["second.writer"]

    listed = writer.page("/app/diary").text
    assert diaries["writer"] in listed
    assert other not in listed
    assert writer.page(f"/app/diary/{diaries['writer']}").status == 200
    assert writer.page(f"/app/diary/{other}").status == 403
    assert other not in writer.page(f"/app/-/search?q={other}").text
    assert "Diary of second" not in writer.page("/app/-/search?q=Diary of").text
    assert other not in writer.page("/app").text
    assert writer.send(f"/app/diary/{other}", _action="delete").status == 403
    assert writer.send(f"/app/diary/{other}", _action="save", f__title="mine now").status == 403


def test_links_offer_only_what_one_may_read(person: Callable[[str], Person], diaries: dict[str, str]) -> None:
    assert person("payroll").page("/app/-/link?doctype=Payslip&q=as").text.count("data-value") == 1
    refused = person("writer").page("/app/-/link?doctype=Payslip&q=as")
    assert (refused.status, "Asha" in refused.text) == (403, False)


def test_fields_of_a_higher_level_are_not_in_the_page_and_cannot_be_sent(
    person: Callable[[str], Person], diaries: dict[str, str], admin: Client
) -> None:
    name = diaries["writer"]
    chief, editor = person("chief").page(f"/app/diary/{name}"), person("editor").page(f"/app/diary/{name}")

    assert 'name="f.rating"' in chief.text
    assert "rating" not in editor.text.lower().replace("operating", "")
    modified = editor.text.partition('name="_modified" value="')[2].partition('"')[0]
    done = person("editor").send(f"/app/diary/{name}", _modified=modified, f__rating="1", f__code="changed")
    assert done.status == 303
    stored = admin.get(f"/api/resource/Diary/{name}").data
    assert (stored["rating"], stored["code"]) == (5, "changed")


def test_who_may_only_read_sees_a_form_without_controls(person: Callable[[str], Person], admin: Client) -> None:
    name = admin.post("/api/resource/Approval", {"title": "To look at", "amount": 12}).data["name"]
    page = person("approver").page(f"/app/approval/{name}")

    assert "12.00" in page.text
    for sign in ('name="f.', "data-save", 'value="delete"', "data-new"):
        assert sign not in page.text
    assert person("approver").send(f"/app/approval/{name}", _modified="", _action="save", f__title="x").status in {
        403,
        409,
    }
    assert admin.get(f"/api/resource/Approval/{name}").data["title"] == "To look at"


def test_who_may_not_submit_has_no_button_and_is_refused(person: Callable[[str], Person], admin: Client) -> None:
    name = admin.post("/api/resource/Approval", {"title": "Not by a clerk"}).data["name"]
    page = person("clerk").page(f"/app/approval/{name}").text
    assert 'data-dialog="ask-submit"' not in page
    modified = page.partition('name="_modified" value="')[2].partition('"')[0]

    assert person("clerk").send(f"/app/approval/{name}", _modified=modified, _action="submit").status == 403
    assert admin.get(f"/api/resource/Approval/{name}").data["docstatus"] == 0


def test_tables_of_a_higher_level_give_no_rows(person: Callable[[str], Person]) -> None:
    assert person("clerk").page("/app/-/row?doctype=diary&table=lines").status == 403
    assert person("editor").page("/app/-/row?doctype=diary&table=lines").status == 200
    assert person("editor").page("/app/-/row?doctype=diary&table=title").status == 404


def test_child_tables_have_no_pages(person: Callable[[str], Person]) -> None:
    assert person("chief").page("/app/guarded-line").status == 404


def test_a_website_user_is_told_that_the_desk_is_not_theirs(
    visiting: Visiting, site: ServedSite, admin: Client
) -> None:
    values = {"email": "web@example.com", "first_name": "Web", "user_type": "Website User", "new_password": PASSWORD}
    admin.post("/api/resource/User", values)
    visit = visiting(site).enter("web@example.com", PASSWORD)

    assert visit.text("h1") == "No access to the Desk"
    visit.page.get_by_role("button", name="Log out").click()
    visit.page.wait_for_url("**/login")


def test_a_change_of_roles_shows_at_the_next_page(visiting: Visiting, site: ServedSite, admin: Client) -> None:
    user = "/api/resource/User/moved@example.com"
    values = {
        "email": "moved@example.com",
        "first_name": "Moved",
        "new_password": PASSWORD,
        "roles": [{"role": "Clerk"}],
    }
    admin.post("/api/resource/User", values)
    visit = visiting(site).enter("moved@example.com", PASSWORD)
    expect(visit.page.locator("#sidebar a[href='/app/approval']")).to_have_count(1)
    admin.put(user, {"roles": [{"role": "Payroll"}]})
    visit.page.reload()
    expect(visit.page.locator("#sidebar a[href='/app/approval']")).to_have_count(0)
    expect(visit.page.locator("#sidebar a[href='/app/payslip']")).to_have_count(1)
