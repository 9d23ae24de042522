from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Client, MadeSite, ServedSite, make_site
from tests.e2e.waiting import wait_for


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A site of the app with jobs."""
    return make_site(tmp_path_factory.mktemp("chores") / "site", apps=["chores"])


@pytest.fixture
def copy_chores(made_site: MadeSite, tmp_path: Path) -> Iterator[Callable[[], ServedSite]]:
    """Make a site of one's own that nobody serves yet."""
    copies: list[ServedSite] = []

    def copy() -> ServedSite:
        copies.append(made_site.copy(tmp_path / f"site{len(copies)}"))
        return copies[-1]

    yield copy
    for each in copies:
        each.close()


def enqueue(client: Client, method: str, options: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """Queue a job over HTTP and return its name."""
    return client.call("chores.api.enqueue", method=method, options=options or {}, **arguments).message


def job(client: Client, name: str) -> dict[str, Any]:
    """Return the document of a job."""
    found: dict[str, Any] = client.get(f"/api/resource/RQ Job/{name}").data
    return found


def wait_for_job(client: Client, name: str, status: str, *, within_s: float = 15.0) -> dict[str, Any]:
    """Return a job's document once it has a status."""

    def look() -> dict[str, Any] | None:
        found = job(client, name)
        return found if found["status"] == status else None

    return wait_for(f"job {name} that is {status}", look, within_s=within_s)


def lines(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text().splitlines()) if path.exists() else 0
