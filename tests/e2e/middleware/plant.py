"""A shop as it stands in the world: a site, the middleware in front of it, and what can be done to both."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import requests

from tests.e2e.site import Client, MadeSite, ServedSite, environment, free_port
from tests.e2e.waiting import wait_for

SECRET = "hush-of-the-webhook"
STORES = "Stores - SJF"
CUSTOMER = "Asha Rao"
_TIMEOUT_S = 20.0
COMMAND = [sys.executable, "-c", "from demitasse.cli.main import main; main()", "middleware"]


class Middleware:
    """One process of the middleware; its folder and port stay the same over all its starts."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._settings = {"PORT": str(self.port), "DATA_DIR": str(folder), **settings}
        self._log = folder.with_name(f"middleware-{self.port}.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has said, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def websocket_url(self) -> str:
        """Where phones connect."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self, **settings: str) -> Self:
        """Serve, and wait until it answers."""
        assert self._process is None, "it is served already"
        environ = {**environment(), **self._settings, **settings}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                COMMAND, env=environ, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        until = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                if requests.get(f"{self.url}/healthz", timeout=1).ok:
                    return self
            except requests.RequestException:
                time.sleep(0.02)
        self.close()
        message = f"the middleware did not come up:\n{self.log[-4000:]}"
        raise AssertionError(message)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None, "it is not served"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(_TIMEOUT_S)
        self._process = None

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None, "it is not served"
        self._process.terminate()
        code = self._process.wait(_TIMEOUT_S)
        self._process = None
        return code

    def close(self) -> None:
        """Make sure that nothing is left running."""
        if self._process is not None:
            self.kill()

    def client(self, token: str | None = None) -> Client:
        """Return a phone's client."""
        return Client(self.url, authorization=None if token is None else f"Bearer {token}")


class Shop:
    """A site with goods in its stores and one customer, whose webhooks go to the middleware."""

    def __init__(self, made: MadeSite, folder: Path, **settings: str) -> None:
        self.site: ServedSite = made.copy(folder / "site")
        key, _, secret = self.site.authorization.removeprefix("token ").partition(":")
        self._settings = {
            "ERPNEXT_URL": self.site.url,
            "ERPNEXT_API_KEY": key,
            "ERPNEXT_API_SECRET": secret,
            "WEBHOOK_SECRET": SECRET,
            "ORDER_RATE_LIMIT": "100000",
            "RATE_LIMIT": "1000000",
            **settings,
        }
        self._folder = folder / "data"
        self.middleware = self.another()
        self._set("middleware_webhook_url", f"{self.middleware.url}/webhooks/erpnext")

    def another(self) -> Middleware:
        """Return one more process that shares the data, and is not served yet."""
        return Middleware(self._folder, self._settings)

    def start(self) -> Self:
        """Serve both, the middleware first, so that the site finds it; put 1,000 of each item into the stores."""
        self.middleware.start()
        self.site.start()
        with self.site.client() as owner:
            customer = {"customer_name": CUSTOMER, "customer_type": "Individual", "customer_group": "Retail"}
            answer = owner.post("/api/resource/Customer", {**customer, "territory": "All Territories"})
            assert answer.status == 200, answer.text
            assert owner.call("scoopjoy.demo.receive_stock", qty=1000).status == 200
            params = {"filters": json.dumps([["status", "in", ["Queued", "Retrying"]]])}
            wait_for("an empty queue", lambda: not owner.get("/api/resource/Webhook Delivery", params=params).data)
        return self

    def close(self) -> None:
        """End both."""
        self.middleware.close()
        self.site.close()

    def order(self, client: Client, sku: str = "IC-CONE-VAN", qty: float = 1, **given: Any) -> Any:
        """Order as a phone does, and return what it is answered."""
        headers = given.pop("headers", None)
        order = {"customer": CUSTOMER, "items": [{"sku": sku, "qty": qty}], "outlet_id": "OUT-1", **given}
        return client.post("/api/orders", order, headers=headers)

    def stock(self, sku: str = "IC-CONE-VAN") -> dict[str, Any]:
        """Return what the site itself says of an item's stock."""
        params = {
            "filters": json.dumps([["item_code", "=", sku], ["warehouse", "=", STORES]]),
            "fields": json.dumps(["item_code", "actual_qty", "reserved_qty", "projected_qty"]),
        }
        with self.site.client() as owner:
            (found,) = owner.get("/api/resource/Bin", params=params).data
        return dict(found)

    def orders(self) -> list[str]:
        """Return the names of all Sales Orders on the site."""
        with self.site.client() as owner:
            params = {"limit_page_length": "0", "fields": json.dumps(["name"])}
            return [row["name"] for row in owner.get("/api/resource/Sales Order", params=params).data]

    def _set(self, key: str, value: str) -> None:
        path = self.site.path / "site_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
