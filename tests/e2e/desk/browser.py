"""A real Chromium in a thread of its own, and what tests do with its pages.

Playwright's plain interface keeps an event loop running in its thread, in which no other test could run one: so the
browser, the fixtures that make pages and the tests that use them all run in a thread beside pytest's.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response, sync_playwright

from tests.e2e.site import ROOT, ServedSite

T = TypeVar("T")
CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
_AXE = ROOT / "tests" / "node" / "node_modules" / "axe-core" / "axe.min.js"
_TIMEOUT_MS = 10_000
_SESSIONS: dict[tuple[str, str, str], str] = {}
"""Sessions by site, user and password; they are not logged out."""
_RUN_AXE = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const told = node => node.html.slice(0, 200) + " | " + node.failureSummary;
  return found.violations.filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => ({ rule: each.id, impact: each.impact, at: each.nodes.slice(0, 5).map(told) }));
}"""


class BrowserThread:
    """Chromium, and the thread that it is driven from."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, work: Callable[[], T]) -> T:
        """Run work in the browser's thread, and return what it returns."""
        return self._thread.submit(work).result()

    def new_context(self, **options: Any) -> BrowserContext:
        """Return a browser that knows nothing yet; called in the browser's thread."""
        if self._browser is None:
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(_TIMEOUT_MS)
        return context

    def close(self) -> None:
        """End Chromium and the thread."""
        self.run(self._end)
        self._thread.shutdown()

    def _end(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()


class Visit:
    """A person at the Desk of a site: one browser with its cookies, one page.

    What the page says on its console is kept in ``complaints``, what it has to say loudly in ``alerts``. With ``stays`` the
    person does not leave a page that asks not to be left, and ``stayed`` counts how often.
    """

    def __init__(self, context: BrowserContext, site: ServedSite) -> None:
        self.site = site
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.alerts: list[str] = []
        self.stays = False
        self.stayed = 0
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("dialog", self._dismiss)

    def log_in(self, user: str = "Administrator", password: str | None = None) -> "Visit":
        """Log in over the login page."""
        self.open("/login")
        self.page.fill("#usr", user)
        self.page.fill("#pwd", self.site.password if password is None else password)
        self.page.click("text=Log in >> nth=-1")
        self.page.wait_for_url("**/app")
        return self

    def enter(self, user: str = "Administrator", password: str | None = None, *, path: str = "/app") -> "Visit":
        """Open a page as somebody who has logged in before: passwords take long to check. No path opens none."""
        password = self.site.password if password is None else password
        key = (self.site.url, user, password)
        sid = _SESSIONS.get(key)
        if sid is None:
            with self.site.guest() as client:
                assert client.post("/api/method/login", {"usr": user, "pwd": password}).status == 200
                sid = _SESSIONS[key] = client.cookies["sid"]
        self.context.add_cookies([{"name": "sid", "value": sid, "url": self.site.url, "httpOnly": True}])
        if path:
            self.open(path)
        return self

    def open(self, path: str) -> Response:
        """Open a page of the site."""
        response = self.page.goto(self.site.url + path)
        assert response is not None
        return response

    @property
    def path(self) -> str:
        """Path and query of the page."""
        return self.page.url.removeprefix(self.site.url)

    def text(self, selector: str) -> str:
        """Return what a part of the page says."""
        return " ".join(self.page.inner_text(selector).split())

    def texts(self, selector: str) -> list[str]:
        """Return what all such parts of the page say."""
        return [" ".join(text.split()) for text in self.page.locator(selector).all_inner_texts()]

    def find_faults(self) -> list[Any]:
        """Return what axe-core calls serious or critical on the page as it is."""
        session = self.context.new_cdp_session(self.page)  # past the page's own policy, which lets no script in
        session.send("Runtime.evaluate", {"expression": _AXE.read_text()})
        session.detach()
        found: list[Any] = self.page.evaluate(_RUN_AXE)
        return found

    def _dismiss(self, dialog: Any) -> None:
        if dialog.type != "beforeunload":
            self.alerts.append(dialog.message)
            dialog.dismiss()
        elif self.stays:
            self.stayed += 1
            dialog.dismiss()
        else:
            dialog.accept()


def fault_lines(faults: list[Any]) -> str:
    """Return what axe-core found as lines to read."""
    return "\n".join(json.dumps(fault, indent=1) for fault in faults)
