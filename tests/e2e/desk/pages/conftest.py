"""One served site for all these tests: each makes the documents that it looks at, and minds no others."""

from collections.abc import Iterator

import pytest

from tests.e2e.desk.browser import BrowserThread, Visit
from tests.e2e.desk.conftest import Visiting
from tests.e2e.site import MadeSite, ServedSite


@pytest.fixture(scope="session")
def site(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served site that the tests of a folder share."""
    served = made_site.copy(tmp_path_factory.mktemp("shared") / "site")
    try:
        yield served.start()
    finally:
        served.close()


@pytest.fixture
def visit(visiting: Visiting, site: ServedSite, browser_thread: BrowserThread) -> Visit:
    """Administrator's visit, logged in, with no page open yet."""
    return browser_thread.run(lambda: visiting(site).enter(path=""))
