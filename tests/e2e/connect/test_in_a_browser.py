"""The two clicks, in a real browser: from a link in a mail, over the login here and there, to the page at the end."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.e2e.connect.conftest import METHODS, PASSWORD, Shop
from tests.e2e.desk.browser import CHROMIUM, BrowserThread
from tests.e2e.webhooks import unique

ASHA, RAVI = "asha@shop.test", "ravi@shop.test"


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserThread]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: scripts/install-test-services brings it")
    thread = BrowserThread()
    yield thread
    thread.close()


def follow_the_link(page: Page, shop: Shop, name: str, *, success_uri: str = "") -> None:
    """Follow the link as a guest, log in here, log in there, and agree."""
    more = f"&success_uri={success_uri}" if success_uri else ""
    page.goto(f"{shop.site.url}/api/method/{METHODS}.connect?name={name}{more}")
    page.get_by_label("Name or e-mail").fill(ASHA)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{shop.provider.issuer}/interaction/**")
    page.get_by_placeholder("Enter any login").fill("asha")
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_a_person_who_follows_the_link_comes_out_connected(shop: Shop, chromium: BrowserThread) -> None:
    name = unique("Clicks")
    shop.add_app(name)

    def visit() -> tuple[str, str]:
        context = chromium.new_context()
        page = context.new_page()
        follow_the_link(page, shop, name)
        page.wait_for_url(f"{shop.site.url}/api/method/**")
        told = page.get_by_role("heading").inner_text(), page.inner_text("main")
        context.close()
        return told

    heading, text = chromium.run(visit)
    assert heading == "Connected"
    assert f"{name} is connected" in text
    assert shop.status(shop.browser(ASHA), name)["connected_as"] == "asha@provider.test"


def test_a_person_comes_out_where_the_link_says(shop: Shop, chromium: BrowserThread) -> None:
    name = unique("Back")
    shop.add_app(name)

    def visit() -> None:
        context = chromium.new_context()
        page = context.new_page()
        follow_the_link(page, shop, name, success_uri="/healthz%3Fdone%3D1")
        page.wait_for_url(f"{shop.site.url}/healthz?done=1")
        context.close()

    chromium.run(visit)
    assert shop.status(shop.browser(ASHA), name)["connected"]
