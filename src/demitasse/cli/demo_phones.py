"""The mobile app of the tour: the middleware in a process of its own, and phones that listen to it."""

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from rich.console import Console

from demitasse.app.install import NewSite
from demitasse.cli.demo_site import SiteProcess, SiteRefused, free_port, until_ready
from demitasse.kernel import json
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError

CUSTOMER = "Meera Nair"
_ARRIVES_WITHIN_S = 10.0
_TIMEOUT_S = 30.0


class PhoneFailed(DemitasseError):
    """A phone was not told what it should have been."""

    code = "phone_failed"


class PhoneShop:
    """Runs ``demitasse middleware`` for as long as its block lasts."""

    def __init__(self, folder: Path, *, secret: str) -> None:
        self._folder = folder
        self._secret = secret
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What the site must know, so that its webhooks come here."""
        return {
            "middleware_webhook_url": f"{self.url}/webhooks/erpnext",
            "middleware_webhook_secret": self._secret,
        }

    @property
    def page_url(self) -> str:
        """The phone's page, for a person of the tour."""
        return f"{self.url}/?customer={CUSTOMER.replace(' ', '%20')}&outlet=MUM-CARTER"

    def start(self, site_url: str, made: NewSite) -> Self:
        """Serve phones in front of a site, which may start later."""
        environ = {
            **os.environ,
            "ERPNEXT_URL": site_url,
            "ERPNEXT_API_KEY": made.api_key,
            "ERPNEXT_API_SECRET": made.api_secret,
            "WEBHOOK_SECRET": self._secret,
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "DATA_DIR": str(self._folder),
            "DEVICE_TOKENS": "off",
            "PHONE_PAGE": "1",
            "REDIS_URL": "",
            "MAPPING_FILE": "",
            "LOG_LEVEL": "error",
        }
        command = [sys.executable, "-c", "from demitasse.cli.main import main; main()", "middleware"]
        self._process = subprocess.Popen(command, env=environ)  # noqa: S603 - our own command
        try:
            until_ready(self._process, f"{self.url}/healthz")
        except SiteRefused:
            self._stop()
            raise
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_TIMEOUT_S)

    def order(self, items: list[dict[str, Any]], order_id: str) -> dict[str, Any]:
        """Order as a phone does, and return what it is answered."""
        order = {"customer": CUSTOMER, "items": items, "outlet_id": "MUM-CARTER", "order_id": order_id}
        response = requests.post(f"{self.url}/api/orders", json=order, timeout=_TIMEOUT_S)
        answer: dict[str, Any] = response.json()
        if not response.ok:
            raise PhoneFailed(str(answer.get("error")))
        return answer

    def products(self) -> list[dict[str, Any]]:
        """Return the catalogue as a phone gets it."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/api/products", timeout=_TIMEOUT_S).json()["products"]
        return found


class Phone:
    """Listens to the stock, as a stream of events."""

    def __init__(self, url: str) -> None:
        self._heard: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        self._response = requests.get(
            f"{url}/events", params={"topic": "stock"}, stream=True, timeout=(_TIMEOUT_S, _TIMEOUT_S)
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self._until("up-to-date")

    def stock_of(self, code: str) -> tuple[float, dict[str, Any]]:
        """Return when the stock of an item moved, and what it is now."""
        while True:
            moment, message = self._until("stock_update")
            if message["item_code"] == code:
                return moment, message

    def _until(self, type_: str) -> tuple[float, dict[str, Any]]:
        while True:
            try:
                moment, message = self._heard.get(timeout=_ARRIVES_WITHIN_S)
            except queue.Empty:
                text = f"no {type_} came to the phone within {_ARRIVES_WITHIN_S:.0f} s"
                raise PhoneFailed(text) from None
            if message["type"] == type_:
                return moment, message

    def _listen(self) -> None:
        try:
            for line in self._response.iter_lines(chunk_size=1):
                if line.startswith(b"data: "):
                    self._heard.put((monotonic_s(), json.decode(line.removeprefix(b"data: "))))
        except requests.RequestException:
            return  # The tour has ended.


def order_on_the_phone(out: Console, site: SiteProcess, shop: PhoneShop) -> None:
    """Order on one phone, and see the Sales Order, the reserved stock, and both phones move."""
    customer = {"customer_name": CUSTOMER, "customer_type": "Individual", "customer_group": "Retail"}
    site.post("/api/resource/Customer", {**customer, "territory": "All Territories"})
    products = shop.products()
    out.print(f"   GET /api/products  →  {len(products)} products from the middleware's cache")
    mine, other = Phone(shop.url), Phone(shop.url)
    sent_at = monotonic_s()
    answer = shop.order([{"sku": "IC-CUP-PISTA", "qty": 2}], "PHONE-1")
    answered_at = monotonic_s()
    again = shop.order([{"sku": "IC-CUP-PISTA", "qty": 2}], "PHONE-1")
    made = site.get(f"/api/resource/Sales Order/{answer['order_id']}")["data"]
    if again != answer or made["docstatus"] != 1 or made["custom_outlet_id"] != "MUM-CARTER":
        message = f"the order is {made['name']} with docstatus {made['docstatus']}; sent again it was {again}"
        raise PhoneFailed(message)
    out.print(
        f"   [green]✓[/green] POST /api/orders  →  {answer['order_id']}, {answer['total']:.2f}, submitted, in "
        f"{(answered_at - sent_at) * 1000:.0f} ms; sent twice, taken once",
    )
    (moved_at, stock), (_, mine_says) = other.stock_of("IC-CUP-PISTA"), mine.stock_of("IC-CUP-PISTA")
    if stock["reserved_qty"] != 2 or mine_says["projected_qty"] != stock["projected_qty"]:  # noqa: PLR2004 - what was ordered
        message = f"the phones say {stock} and {mine_says}"
        raise PhoneFailed(message)
    out.print(
        f"   [green]✓[/green] webhook on Bin → both phones: {stock['reserved_qty']:.0f} reserved, "
        f"{stock['projected_qty']:.0f} left, {(moved_at - sent_at) * 1000:.0f} ms after the order was sent",
    )
    out.print(f"   the shop on a phone: [bold]{shop.page_url}[/bold]", soft_wrap=True)
