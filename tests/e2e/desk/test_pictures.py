"""The pictures of the documentation, taken from a site as a person would see it.

``DEMITASSE_PICTURES=1`` writes them to docs/images (``make pictures``); else they are taken and thrown away.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.e2e.connect.conftest import CALLBACK
from tests.e2e.connect.provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.e2e.desk.browser import Visit
from tests.e2e.desk.conftest import Visiting
from tests.e2e.desk.test_accounts import connect
from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import ROOT, Client, ServedSite, make_site
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import SECRET, add_lead, add_webhook, deliveries

LARGEST_BYTES = 150_000
SMALLEST_BYTES = 10_000
SIZE = {"width": 1160, "height": 720}
PHONE = {"width": 390, "height": 720}
JSON = {"Content-Type": "application/json"}
LEADS = (
    ("Asha Rao", "Open", "Gelato Roma"),
    ("Ben Okafor", "Replied", "Cone & Co"),
    ("Chloé Martin", "Converted", "North Dairy"),
    ("Dmitri Petrov", "Open", "Sundae School"),
    ("Elif Demir", "Opportunity", "Dondurma Evi"),
    ("Farid Nasser", "Open", "Kulfi House"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures go."""
    if not os.environ.get("DEMITASSE_PICTURES"):
        return tmp_path
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    return images


@pytest.fixture
def shop(copy_site: Callable[[], ServedSite], receiver: Receiver) -> Iterator[tuple[ServedSite, Client]]:
    """A site with webhooks that go well and one that does not."""

    def answer(arrived: Arrived) -> Reply:
        if arrived.path == "/accounts":
            return Reply(
                status=401, body=b'{"error":"token expired","expired_at":"2026-03-01T00:00:00Z"}', headers=JSON
            )
        return Reply(body=b'{"id":42}', headers={**JSON, "X-Request-Id": "7f3c"})

    receiver.reply = answer
    site = copy_site().start()
    with site.client() as admin:
        add_webhook(
            admin, receiver.url("/crm/leads"), name="Leads to the CRM", enable_security=1, webhook_secret=SECRET
        )
        add_webhook(admin, receiver.url("/accounts"), name="Accounts", retry_schedule="3600")
        for name in ("Asha Rao", "Ravi Kumar", "Zoë Søndergaard"):
            add_lead(admin, lead_name=name, territory="Goa")
        yield site, admin


def failed(admin: Client) -> list[dict[str, Any]]:
    return deliveries(admin, "Accounts", status="Retrying")


def take(visit: Visit, folder: Path, name: str) -> None:
    """Take a picture of what can be seen."""
    target = folder / f"{name}.png"
    visit.page.mouse.move(0, 0)
    visit.page.screenshot(path=target, animations="disabled")
    size = target.stat().st_size
    assert SMALLEST_BYTES < size < LARGEST_BYTES, f"{target.name} has {size} bytes"


def test_pictures_of_webhooks(
    visiting: Visiting, shop: tuple[ServedSite, Client], folder: Path, receiver: Receiver
) -> None:
    site, admin = shop
    failing = wait_for("three that failed", lambda: found if len(found := failed(admin)) == 3 else None)
    visit = visiting(site, viewport=SIZE).log_in()
    visit.open("/app/deliveries")
    expect(visit.page.locator(".delivery-table [data-delivery]")).to_have_count(6)
    take(visit, folder, "deliveries")
    visit.open(f"/app/deliveries/{failing[0]['name']}")
    take(visit, folder, "delivery")

    visit.open("/app/webhook/new")
    page = visit.page
    page.fill("#f-webhook_doctype", "Lead")
    page.fill("#f-condition", 'doc.territory == "Goa"')
    page.fill("#f-request_url", receiver.url("/crm/leads"))
    page.check("[name=mode][value=template]")
    page.fill("#f-webhook_json", '{\n  "lead": "{{ doc.name }}",\n  "who": "{{ doc.lead_name }}"\n}')
    expect(page.locator("#preview-body")).to_contain_text("Søndergaard")
    page.click("[data-tests]")
    expect(page.locator("#answer")).to_contain_text("Delivered (200)")
    page.evaluate("scrollTo(0, 0)")
    take(visit, folder, "webhook")


def test_pictures_of_accounts(visiting: Visiting, copy_site: Callable[[], ServedSite], folder: Path) -> None:
    site, app = copy_site(), "Google Calendar"
    with running_provider([f"{site.url}{CALLBACK}/{quote(app)}"]) as provider, site.start().client() as admin:

        def add_app(name: str, *scopes: str) -> None:
            values = {
                "name": name,
                "provider_name": name,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "openid_configuration": provider.discovery,
                "scopes": [{"scope": scope} for scope in scopes],
            }
            assert admin.post("/api/resource/Connected App", values).status == 200

        add_app(app, "openid", "email", "offline_access")
        visit = visiting(site, viewport=SIZE).log_in()
        visit.open("/app/connections")
        connect(visit.page)
        add_app("Mail", "mail.readonly", "email")
        visit.open("/app/connections")
        take(visit, folder, "connected-apps")
        visit.open("/app/api-keys")
        visit.page.fill("#key-label", "The shop's server")
        with visit.page.expect_navigation():
            visit.page.get_by_role("button", name="Make a key").click()
        visit.open("/app/api-keys")
        take(visit, folder, "api-keys")


@pytest.fixture
def ice_cream(tmp_path: Path) -> Iterator[ServedSite]:
    """A ScoopJoy site with a few Leads and an order."""
    site = make_site(tmp_path / "made", apps=["scoopjoy"]).copy(tmp_path / "served")
    try:
        with site.start().client() as admin:
            for name, status, company in LEADS:
                lead = {"lead_name": name, "status": status, "company_name": company, "title": company}
                assert admin.post("/api/resource/Lead", lead).status == 200
            admin.post("/api/resource/Customer", {"customer_name": "Gelato Roma"})
            rows = [
                {"item_code": "IC-TUB-VAN", "qty": 4, "rate": 320},
                {"item_code": "IC-CUP-PISTA", "qty": 12, "rate": 120},
            ]
            order = {"customer": "Gelato Roma", "delivery_date": "2026-12-01", "items": rows}
            assert admin.post("/api/resource/Sales Order", order).status == 200
        yield site
    finally:
        site.close()


def test_pictures_of_lists_and_forms(visiting: Visiting, ice_cream: ServedSite, folder: Path) -> None:
    visit = visiting(ice_cream, viewport=SIZE).enter()
    take(visit, folder, "home")
    visit.open("/app/lead?status=Open")
    take(visit, folder, "list")
    visit.open("/app/sales-order")
    visit.page.click(".cell-main a")
    visit.page.wait_for_url("**/SAL-ORD-*")
    take(visit, folder, "form")

    dark = visiting(ice_cream, viewport=SIZE, color_scheme="dark").enter()
    dark.page.keyboard.press("Control+k")
    dark.page.fill("#search-input", "webhook")
    expect(dark.page.locator("#search-options [role=option]").first).to_contain_text("Webhook")
    take(dark, folder, "search")

    phone = visiting(ice_cream, viewport=PHONE).enter()
    phone.open("/app/lead")
    take(phone, folder, "phone")
