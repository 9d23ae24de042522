"""A shop with goods in its stores, and the middleware in front of it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.desk.browser import BrowserThread
from tests.e2e.desk.conftest import browser_thread, pytest_pyfunc_call
from tests.e2e.middleware.phones import Phone, Phoning
from tests.e2e.middleware.plant import CUSTOMER, SECRET, Shop
from tests.e2e.receiver import Receiver
from tests.e2e.site import Client, MadeSite, make_site
from tests.e2e.waiting import wait_for

RETRIES = {"webhook_retry_schedule": [0.2, 0.2, 0.5, 0.5, *[1] * 20]}
__all__ = ["browser_thread", "pytest_pyfunc_call"]  # One way to drive a browser: that of the Desk's tests.


@pytest.fixture(scope="session")
def stocked_shop(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A ScoopJoy site that nobody serves, with a customer and 1,000 of each item; nothing of it waits to be delivered."""
    folder = tmp_path_factory.mktemp("stocked")
    with Receiver() as receiver:
        conf = {"middleware_webhook_url": receiver.url(), "middleware_webhook_secret": SECRET, **RETRIES}
        made = make_site(folder / "made", apps=["scoopjoy"], conf=conf)
        served = made.copy(folder / "stocked").start()
        try:
            with served.client() as owner:
                customer = {"customer_name": CUSTOMER, "customer_type": "Individual", "customer_group": "Retail"}
                assert owner.post("/api/resource/Customer", {**customer, "territory": "All Territories"}).status == 200
                assert owner.call("scoopjoy.demo.receive_stock", qty=1000).status == 200
                params = {"filters": json.dumps([["status", "in", ["Queued", "Retrying"]]])}
                wait_for("an empty queue", lambda: not owner.get("/api/resource/Webhook Delivery", params=params).data)
            served.stop()
        finally:
            served.close()
    return replace(made, path=served.path)


@pytest.fixture
def open_shop(stocked_shop: MadeSite, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Make a shop of one's own, that nobody serves yet; it is ended with the test."""
    opened: list[Shop] = []

    def open_one(**settings: str) -> Shop:
        folder = tmp_path / f"shop{len(opened)}"
        folder.mkdir()
        opened.append(Shop(stocked_shop, folder, **settings))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def shop(stocked_shop: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A served shop that the tests of a module share."""
    made = Shop(stocked_shop, tmp_path_factory.mktemp("shop"), PHONE_PAGE="1")
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
