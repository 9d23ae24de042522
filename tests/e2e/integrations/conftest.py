"""A served site of the fixture app that takes signed calls."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.app.install import new_site
from tests.e2e.site import Client, MadeSite, ServedSite, make_site, served_copy
from tests.unit.frappe_room.calls import CONF, TestSite, opened_site

TILL = {
    "till_secret": "the till's secret",
    "till_standard_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "service_key": "a-very-secret-key",
}


@pytest.fixture(scope="session")
def made_till(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A site of the app, that nobody serves."""
    return make_site(tmp_path_factory.mktemp("till") / "site", apps=["till"], conf=TILL)


@pytest.fixture
def till(made_till: MadeSite, tmp_path: Path) -> Iterator[ServedSite]:
    """A copy of it, served."""
    with served_copy(made_till, tmp_path / "served") as served:
        yield served


@pytest.fixture
def owner(till: ServedSite) -> Iterator[Client]:
    """Administrator on the served site."""
    with till.client() as client:
        yield client


@pytest.fixture(scope="session")
def made_calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calls") / "site"
    new_site(path, conf=CONF, environ={})
    return path


@pytest.fixture
def calls(made_calls: Path, tmp_path: Path) -> Iterator[TestSite]:
    """A site in this process, without a server, to run app code in."""
    shutil.copytree(made_calls, tmp_path / "calls")
    with opened_site(tmp_path / "calls") as found:
        yield found
