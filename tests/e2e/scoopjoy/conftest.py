"""A ScoopJoy site, with goods in its stores, that takes the storefront's orders."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.scoopjoy.storefront import SECRET, WEATHER_KEY, NodeStorefront, running_storefront, signature
from tests.e2e.site import Client, MadeSite, ServedSite, copies_on_demand, make_site, served_copy


@pytest.fixture(scope="session")
def made_shop(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A ScoopJoy site that nobody serves; its catalogue has fourteen items."""
    conf = {"storefront_webhook_secret": SECRET, "openweather_api_key": WEATHER_KEY}
    return make_site(tmp_path_factory.mktemp("shop") / "site", apps=["scoopjoy"], conf=conf)


@pytest.fixture
def open_shop(made_shop: MadeSite, tmp_path: Path) -> Iterator[Callable[[], ServedSite]]:
    """Make a shop of one's own, that nobody serves yet; it is ended with the test."""
    with copies_on_demand(made_shop, tmp_path) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def shop(made_shop: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served shop that the tests of a module share."""
    with served_copy(made_shop, tmp_path_factory.mktemp("served") / "shop") as served:
        yield served


@pytest.fixture
def owner(shop: ServedSite) -> Iterator[Client]:
    """Administrator on the shared shop."""
    with shop.client() as client:
        yield client


@pytest.fixture(scope="module")
def node(shop: ServedSite) -> Iterator[NodeStorefront]:
    """The storefront's script, pointed at the shared shop."""
    with running_storefront(shop.url) as storefront:
        yield storefront


@pytest.fixture
def right_signature() -> Callable[[str], str]:
    """What the signature of a text must be."""
    return lambda body: signature(body.encode())
