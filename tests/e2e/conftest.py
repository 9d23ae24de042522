"""One site is made for all tests; those that only talk to it share one server, the others serve a copy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.javascript import JavaScript, running_node
from tests.e2e.receiver import Receiver
from tests.e2e.site import Client, MadeSite, ServedSite, copies_on_demand, make_site, served_copy

RETRY_SCHEDULE_S = [1, 1, 1, 1, 1, 1, 1]


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A site of the fixture app; failed deliveries are tried again after about a second."""
    path = tmp_path_factory.mktemp("made") / "site"
    return make_site(path, apps=["cafe"], conf={"webhook_retry_schedule": RETRY_SCHEDULE_S})


@pytest.fixture
def copy_site(made_site: MadeSite, tmp_path: Path) -> Iterator[Callable[[], ServedSite]]:
    """Make a site of one's own, that nobody serves yet; it is ended with the test."""
    with copies_on_demand(made_site, tmp_path) as copy:
        yield copy


@pytest.fixture(scope="module")
def site(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served site that the tests of a module share."""
    with served_copy(made_site, tmp_path_factory.mktemp("served") / "site") as served:
        yield served


@pytest.fixture
def admin(site: ServedSite) -> Iterator[Client]:
    """Administrator on the shared site."""
    with site.client() as client:
        yield client


@pytest.fixture
def guest(site: ServedSite) -> Iterator[Client]:
    """Somebody without credentials on the shared site."""
    with site.guest() as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 200 unless told otherwise."""
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="session")
def javascript() -> Iterator[JavaScript]:
    """Node, which has the last word on what JavaScript writes."""
    with running_node() as node:
        yield node
