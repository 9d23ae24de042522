"""One Chromium for all tests of the Desk; each gets pages with cookies of their own."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.desk.browser import CHROMIUM, BrowserThread, Visit
from tests.e2e.site import MadeSite, ServedSite, make_site

Visiting = Callable[..., Visit]
PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A site with every field type (gallery), and roles that may do different things (guarded)."""
    return make_site(tmp_path_factory.mktemp("desk") / "site", apps=["cafe", "guarded", "gallery"])


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program; without it there is nothing to test with."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: scripts/install-test-services brings it")
    return CHROMIUM


@pytest.fixture(scope="session")
def browser_thread(chromium: Path) -> Iterator[BrowserThread]:
    """Chromium; it is started by the first test that opens a page."""
    thread = BrowserThread()
    yield thread
    thread.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that has a browser in the browser's thread."""
    thread = pyfuncitem.funcargs.get("browser_thread")
    if not isinstance(thread, BrowserThread):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.function).parameters}
    thread.run(lambda: pyfuncitem.function(**arguments))
    return True


@pytest.fixture
def visiting(browser_thread: BrowserThread) -> Iterator[Visiting]:
    """Make visits: ``visiting(site, viewport=..., color_scheme=...)``; they end with the test."""
    visits: list[Visit] = []

    def visit(site: ServedSite, **options: object) -> Visit:
        visits.append(Visit(browser_thread.new_context(**options), site))
        return visits[-1]

    yield visit
    for each in visits:
        browser_thread.run(each.context.close)


@pytest.fixture
def visit(visiting: Visiting, site: ServedSite, browser_thread: BrowserThread) -> Visit:
    """Administrator's visit to the shared site, logged in."""
    return browser_thread.run(lambda: visiting(site).enter())
