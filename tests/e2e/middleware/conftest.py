"""A shop with goods in its stores, and the middleware in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.desk.browser import CHROMIUM, BrowserThread
from tests.e2e.desk.conftest import pytest_pyfunc_call
from tests.e2e.middleware.phones import Phone, Phoning
from tests.e2e.middleware.plant import SECRET, Shop
from tests.e2e.site import Client, MadeSite, make_site

RETRIES = {"webhook_retry_schedule": [0.2, 0.2, 0.5, 0.5, *[1] * 20]}
__all__ = ["pytest_pyfunc_call"]  # A browser is driven from its own thread, as in the Desk's tests.


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[BrowserThread]:
    """Chromium; it is started by the first test that opens a page."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: scripts/install-test-services brings it")
    thread = BrowserThread()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def made_shop(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A ScoopJoy site that nobody serves; its webhooks go where a `Shop` sends them."""
    conf = {"middleware_webhook_url": "http://127.0.0.1:9/", "middleware_webhook_secret": SECRET, **RETRIES}
    return make_site(tmp_path_factory.mktemp("made") / "site", apps=["scoopjoy"], conf=conf)


@pytest.fixture
def open_shop(made_shop: MadeSite, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Make a shop of one's own, that nobody serves yet; it is ended with the test."""
    opened: list[Shop] = []

    def open_one(**settings: str) -> Shop:
        folder = tmp_path / f"shop{len(opened)}"
        folder.mkdir()
        opened.append(Shop(made_shop, folder, **settings))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def shop(made_shop: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A served shop that the tests of a module share."""
    made = Shop(made_shop, tmp_path_factory.mktemp("shop"), PHONE_PAGE="1")
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def phone(shop: Shop) -> Iterator[Client]:
    """A phone of the shared shop."""
    with shop.middleware.client() as client:
        yield client


@pytest.fixture
def phoning(browser_thread: BrowserThread) -> Iterator[Phoning]:
    """Open phones in the browser: ``phoning(shop, color_scheme=...)``; they end with the test."""
    phones: list[Phone] = []

    def open_one(shop: Shop, **options: object) -> Phone:
        phones.append(Phone(browser_thread, shop.middleware.url, **options))
        return phones[-1]

    yield open_one
    for each in phones:
        browser_thread.run(each.context.close)
