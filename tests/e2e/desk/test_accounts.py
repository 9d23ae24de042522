"""API keys and connections: made by people, shown once, tested and ended."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.connect.conftest import CALLBACK
from tests.e2e.connect.provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, running_provider
from tests.e2e.desk.browser import Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.site import Client, ServedSite
from tests.e2e.webhooks import unique

ATTACK = "<img src=x onerror=\"console.error('attacked')\">"
PASSWORD = "a long enough password"
APP = "Calendar of the shop"


def add_user(admin: Client, *roles: str) -> str:
    email = f"{unique('ravi')}@shop.test"
    values = {
        "email": email,
        "first_name": "Ravi",
        "new_password": PASSWORD,
        "roles": [{"role": role} for role in roles],
    }
    assert admin.post("/api/resource/User", values).status == 200
    return email


def make_key(page: Page, label: str) -> str:
    """Make a key on the page of keys, and return what a program sends."""
    page.fill("#key-label", label)
    with page.expect_navigation():
        page.get_by_role("button", name="Make a key").click()
    return f"token {page.inner_text('#made-key')}:{page.inner_text('#made-secret')}"


def who(site: ServedSite, authorization: str) -> int | str:
    with site.client(authorization) as client:
        answer = client.get("/api/method/frappe.auth.get_logged_user")
    return str(answer.message) if answer.status == 200 else answer.status


def test_a_key_is_shown_once_used_and_revoked(visiting: Visiting, site: ServedSite, admin: Client) -> None:
    user = add_user(admin)
    visit = visiting(site).log_in(user, PASSWORD)
    visit.page.get_by_role("link", name="API keys").click()
    visit.page.wait_for_url("**/app/api-keys")
    expect(visit.page.locator(".empty-title")).to_have_text("No keys yet")
    authorization = make_key(visit.page, "The shop's server")
    assert authorization in visit.text("#made-example")
    assert who(site, authorization) == user

    visit.open("/app/api-keys")
    assert authorization.partition(":")[2] not in visit.page.content()
    row = visit.page.get_by_role("row", name="The shop's server")
    expect(row).to_contain_text("just now")
    row.get_by_role("button", name="Revoke").click()
    with visit.page.expect_navigation():
        visit.page.locator("dialog[open] .btn-danger").click()
    assert who(site, authorization) == 401
    assert visit.page.get_by_role("row", name="The shop's server").count() == 0
    assert visit.complaints == []


def test_what_was_typed_is_kept_when_no_key_can_be_made(visit: Visit) -> None:
    visit.open("/app/api-keys")
    visit.page.fill("#key-label", ATTACK)
    visit.page.fill("#key-user", "nobody@shop.test")
    with visit.page.expect_navigation():
        visit.page.get_by_role("button", name="Make a key").click()
    expect(visit.page.locator(".alert")).to_contain_text("nobody@shop.test")
    assert visit.page.input_value("#key-label") == ATTACK


def test_system_managers_see_everybodys_keys_and_others_their_own(
    visiting: Visiting, visit: Visit, site: ServedSite, admin: Client
) -> None:
    user = add_user(admin)
    visit.open("/app/api-keys")
    visit.page.fill("#key-user", user)
    visit.page.select_option("#key-ends", "30")
    authorization = make_key(visit.page, ATTACK)
    assert who(site, authorization) == user
    visit.open("/app/api-keys?all=1")
    expect(visit.page.get_by_role("row", name=user)).to_contain_text("in 4 w")
    assert visit.page.locator("img[src=x]").count() == 0

    other = visiting(site).log_in(add_user(admin), PASSWORD)
    other.open("/app/api-keys?all=1")
    assert user not in other.page.content()
    assert other.page.locator("#key-user").count() == 0
    token = other.page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    sent: dict[str, str | float | bool] = {
        "api_key": authorization.removeprefix("token ").partition(":")[0],
        "csrf_token": token,
    }
    other.context.request.post(f"{site.url}/app/api-keys/-/revoke", form=sent)
    assert who(site, authorization) == user
    assert other.context.request.post(f"{site.url}/app/api-keys", form={"label": "x"}).status == 400


@dataclass(frozen=True, kw_only=True)
class Linked:
    """A served site with one Connected App, and its provider."""

    site: ServedSite
    provider: OidcProvider


@pytest.fixture
def linked(copy_site: Callable[[], ServedSite]) -> Iterator[Linked]:
    site = copy_site()
    with running_provider([f"{site.url}{CALLBACK}/{quote(APP)}"]) as provider, site.start().client() as admin:
        values = {
            "name": APP,
            "provider_name": APP,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "openid_configuration": provider.discovery,
            "scopes": [{"scope": scope} for scope in ("openid", "email", "offline_access")],
        }
        answer = admin.post("/api/resource/Connected App", values)
        assert answer.status == 200, answer.text
        yield Linked(site=site, provider=provider)


def connect(page: Page, link: str = "Connect") -> None:
    """Follow the link, log in and agree at the provider, and come back."""
    page.get_by_role("link", name=link, exact=True).click()
    for _ in range(3):
        page.wait_for_load_state()
        if "/app/connections" in page.url:
            return
        if page.locator("[name=login]").count():
            page.fill("[name=login]", "asha")
            page.fill("[name=password]", "any")
        page.locator("[type=submit]").click()
    page.wait_for_url("**/app/connections")


def test_an_account_is_connected_tested_and_disconnected(visiting: Visiting, linked: Linked) -> None:
    visit = visiting(linked.site).log_in()
    page = visit.page
    page.get_by_role("link", name="Connected Apps").click()
    card = page.get_by_role("region", name=APP)
    expect(card).to_contain_text("Not connected")
    assert f"{CALLBACK}/{quote(APP)}" in card.inner_text()
    connect(page)
    expect(card).to_contain_text("asha@provider.test")
    for word in ("Connected", "offline_access", "renewed by itself", "Not yet"):
        expect(card).to_contain_text(word)
    card.get_by_role("button", name="Test").click()
    expect(card.locator(".verdict.is-good")).to_contain_text("asha@provider.test")
    connect(page, "Connect again")
    visit.complaints.clear()  # The provider's own pages miss a font and an icon.
    expect(card).to_contain_text("asha@provider.test")

    visit.open(f"/app/connected-app/{quote(APP)}")
    expect(page.get_by_role("region", name=APP)).to_contain_text("asha@provider.test")
    visit.open("/app/connections?all=1")
    expect(page.get_by_role("region", name=f"{APP}, Administrator")).to_contain_text("asha@provider.test")
    visit.open("/app/connections")
    card.get_by_role("button", name="Disconnect").click()
    with page.expect_navigation():
        page.locator("dialog[open] .btn-danger").click()
    expect(card).to_contain_text("Not connected")
    assert linked.provider.counted()["revocations"] >= 1
    assert not [secret for secret in linked.provider.secrets() if secret in page.content()]
    assert visit.complaints == []


def test_a_grant_that_was_taken_back_asks_to_connect_again(visiting: Visiting, linked: Linked) -> None:
    visit = visiting(linked.site).log_in()
    visit.open("/app/connections")
    connect(visit.page)
    linked.provider.revoke_everything()
    card = visit.page.get_by_role("region", name=APP)
    card.get_by_role("button", name="Test").click()
    expect(card.locator(".verdict.is-bad")).to_be_visible()
    visit.open("/app/connections")
    expect(card).to_contain_text("Connect again")
    expect(card.locator(".cell-error")).not_to_be_empty()
    visit.open("/app")
    expect(visit.page.locator(".attention")).to_contain_text(f"{APP} has to be connected again")
    assert visit.find_faults() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_accessible_and_fit(visiting: Visiting, linked: Linked, scheme: str, width: int) -> None:
    visit = visiting(linked.site, viewport={"width": width, "height": 800}, color_scheme=scheme).log_in()
    visit.open("/app/connections")
    connect(visit.page)
    assert visit.find_faults() == [], fault_lines(visit.find_faults())
    visit.open("/app/api-keys")
    make_key(visit.page, "A")
    for path in ("", "/app/api-keys?all=1"):
        if path:
            visit.open(path)
        assert visit.find_faults() == [], fault_lines(visit.find_faults())
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
