"""Phones in a real browser: the page that the middleware serves, at a phone's size."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from tests.e2e.desk.browser import _AXE, _RUN_AXE, BrowserThread
from tests.e2e.middleware.plant import CUSTOMER

WITHIN_MS = 20_000.0
_NOTE_MOVES = """code => {
  window.moves = [];
  const read = () => document.querySelector(`.card[data-code="${code}"] .stock-text`)?.textContent;
  let last = read();
  new MutationObserver(() => {
    const text = read();
    if (text && text !== last) moves.push([last = text, performance.timeOrigin + performance.now()]);
  }).observe(document.getElementById("products"), { childList: true, characterData: true, subtree: true });
}"""
_NOTE_ORDERS = """() => {
  window.ordered = [];
  const note = () => ordered.push(performance.timeOrigin + performance.now());
  document.getElementById("order-form").addEventListener("submit", note, { capture: true });
}"""


class Phone:
    """Somebody with the shop's page open."""

    def __init__(self, browser: BrowserThread, url: str, **options: Any) -> None:
        size = {"width": 390, "height": 844}
        self.context = browser.new_context(viewport=size, has_touch=True, is_mobile=True, **options)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._url = f"{url}/?customer={quote(CUSTOMER)}&outlet=OUT-1"

    def open(self, suffix: str = "") -> "Phone":
        """Open the page, and wait until it is live and has its menu."""
        self.page.goto(self._url + suffix)
        self.until_live()
        expect(self.page.locator(".card").first).to_be_visible(timeout=WITHIN_MS)
        return self

    def until_live(self) -> None:
        """Wait until the page says that what it shows is live."""
        expect(self.page.locator("#connection")).to_have_attribute("data-state", "live", timeout=WITHIN_MS)

    def card(self, code: str = "IC-CONE-VAN") -> Locator:
        """Return an item's card."""
        return self.page.locator(f'.card[data-code="{code}"]')

    def stock(self, code: str = "IC-CONE-VAN") -> str:
        """Return what the page says of an item's stock."""
        return self.card(code).locator(".stock-text").inner_text()

    def expect_stock(self, text: str, code: str = "IC-CONE-VAN") -> None:
        """Wait until the page says this of an item's stock."""
        expect(self.card(code).locator(".stock-text")).to_have_text(text, timeout=WITHIN_MS)

    def put(self, name: str = "Vanilla Cone", times: int = 1) -> None:
        """Put an item into the order."""
        for _ in range(times):
            self.page.locator(".products").get_by_label(f"Add {name}").tap()

    def order(self) -> str:
        """Order what is in the cart, and return the number that the page shows."""
        self.page.locator("#open-cart").tap()
        self.page.locator("#place").tap()
        expect(self.page.locator("#thanks")).to_be_visible(timeout=WITHIN_MS)
        return self.page.locator("#thanks-number").inner_text()

    def back(self) -> None:
        """Go back to the menu."""
        self.page.locator("#close-thanks").tap()

    def note_moves(self, code: str = "IC-CONE-VAN") -> None:
        """Keep from now on what is shown of an item's stock, and when."""
        self.page.evaluate(_NOTE_MOVES, code)

    def note_orders(self) -> None:
        """Keep from now on when orders are sent."""
        self.page.evaluate(_NOTE_ORDERS)

    def moves(self) -> list[tuple[str, float]]:
        """Return what was shown, and when, in milliseconds of the clock that all pages of a browser share."""
        return [(text, moment) for text, moment in self.page.evaluate("moves")]

    def find_faults(self) -> list[Any]:
        """Return what axe-core calls serious or critical on the page as it is."""
        session = self.context.new_cdp_session(self.page)  # past the page's own policy, which lets no script in
        session.send("Runtime.evaluate", {"expression": _AXE.read_text()})
        session.detach()
        found: list[Any] = self.page.evaluate(_RUN_AXE)
        return found


Phoning = Callable[..., Phone]
