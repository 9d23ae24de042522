"""A site of the guarded app, with people of several roles."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.live.listening import Listener
from tests.e2e.site import Client, MadeSite, ServedSite, copies_on_demand, make_site, served_copy


@pytest.fixture(scope="session")
def made_guarded(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    return make_site(tmp_path_factory.mktemp("live") / "site", apps=["guarded"])


@pytest.fixture(scope="module")
def site(made_guarded: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served site that the tests of a module share."""
    with served_copy(made_guarded, tmp_path_factory.mktemp("served") / "site") as served:
        yield served


@pytest.fixture
def copy_site(made_guarded: MadeSite, tmp_path: Path) -> Iterator[Callable[[], ServedSite]]:
    """Make a site of one's own, that nobody serves yet; it is ended with the test."""
    with copies_on_demand(made_guarded, tmp_path) as copy:
        yield copy


class People:
    """Those who have a part in a served site: writer, editor, ..., each with an API key once it is needed."""

    def __init__(self, site: ServedSite) -> None:
        self._site = site
        self._keys: dict[str, str] = {}

    def header(self, person: str) -> str:
        """Return the header that stands for a person."""
        if person not in self._keys:
            with self._site.client() as admin:
                made = admin.call(
                    "frappe.core.doctype.user.api_keys.create", label="live", user=f"{person}@example.com"
                ).message
            self._keys[person] = f"token {made['api_key']}:{made['api_secret']}"
        return self._keys[person]

    def client(self, person: str) -> Client:
        """Return a person's client."""
        return self._site.client(self.header(person))

    def listener(self, person: str, query: str = "") -> Listener:
        """Return a connection of a person."""
        listener = Listener(self._site.port, query=query, headers={"Authorization": self.header(person)})
        assert listener.hear()["type"] == "welcome"
        return listener


@pytest.fixture
def people(site: ServedSite) -> People:
    return People(site)
