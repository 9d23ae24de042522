"""The middleware: products from its cache beside bare ASGI, and orders through it beside the same orders at the site."""

import http.client
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from benchmarks.load import Plan
from benchmarks.measurements import Bench, Sample, served
from benchmarks.payloads import SECRET, SERIAL
from benchmarks.programs import Program, module
from benchmarks.site import Site

_COMMAND: Final = [sys.executable, "-c", "from demitasse.cli.main import main; main()", "middleware"]
_CUSTOMER: Final = "Asha Rao"
_CONNECTIONS: Final = 32
_READY_S: Final = 30.0
_ORDER: Final = orjson.dumps(
    {
        "customer": _CUSTOMER,
        "items": [{"sku": "IC-CONE-VAN", "qty": 2}],
        "outlet_id": "OUT-1",
        "order_id": f"b-{SERIAL}",
    }
).decode()
_DOCUMENT: Final = orjson.dumps(
    {
        "customer": _CUSTOMER,
        "items": [{"item_code": "IC-CONE-VAN", "qty": 2}],
        "custom_outlet_id": "OUT-1",
        "custom_mobile_order": f"s-{SERIAL}",
        "company": "ScoopJoy Foods Pvt Ltd",
        "order_type": "Shopping Cart",
        "set_warehouse": "Stores - SJF",
        "delivery_date": "2999-12-31",
        "docstatus": 1,
    }
).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mobile:
    """A shop, the middleware in front of it, and bare ASGI with the same catalogue."""

    site: Site
    site_server: Program
    middleware: Program
    port: int
    bare: Program
    bare_port: int


@contextmanager
def running(folder: Path) -> Iterator[Mobile]:
    """Start them, and end them."""
    folder.mkdir()
    port = _free_port()
    settings = (
        f"middleware_webhook_url={orjson.dumps(f'http://127.0.0.1:{port}/webhooks/erpnext').decode()}",
        f"middleware_webhook_secret={orjson.dumps(SECRET).decode()}",
    )
    site = Site(folder, app="scoopjoy", settings=settings)
    with ExitStack() as stack:
        middleware = stack.enter_context(
            Program(_COMMAND, folder=folder, name="middleware", environ=_settings(site, port))
        )
        site_server = stack.enter_context(site.start())
        site.wait(site_server)
        customer = {"customer_name": _CUSTOMER, "customer_type": "Individual", "customer_group": "Retail"}
        site.insert("Customer", {**customer, "territory": "All Territories"})
        body = _products(port, middleware)
        (folder / "products.json").write_bytes(body)
        bare = stack.enter_context(
            Program(module("bare_bytes", str(folder / "products.json")), folder=folder, name="bare-bytes")
        )
        yield Mobile(
            site=site,
            site_server=site_server,
            middleware=middleware,
            port=port,
            bare=bare,
            bare_port=bare.line()["port"],
        )


def bare_products(bench: Bench, seconds: float) -> Sample:
    """Ask bare ASGI for the bytes of the catalogue."""
    mobile = _mobile(bench)
    return served(mobile.bare, _list(mobile.bare_port, seconds))


def products(bench: Bench, seconds: float) -> Sample:
    """Ask the middleware for the catalogue, which it has in its cache."""
    mobile = _mobile(bench)
    return served(mobile.middleware, _list(mobile.port, seconds))


def site_orders(bench: Bench, seconds: float) -> Sample:
    """Post submitted Sales Orders to the site itself, over REST."""
    mobile = _mobile(bench)
    return served(mobile.site_server, _post(bench, mobile.site.port, "/api/resource/Sales%20Order", _DOCUMENT, seconds))


def mobile_orders(bench: Bench, seconds: float) -> Sample:
    """Post the same orders to the middleware, each under an id of its own."""
    mobile = _mobile(bench)
    return served(mobile.middleware, _post(bench, mobile.port, "/api/orders", _ORDER, seconds))


def _list(port: int, seconds: float) -> Plan:
    return Plan(port=port, method="GET", path="/api/products", headers={}, seconds=seconds, connections=_CONNECTIONS)


def _post(bench: Bench, port: int, path: str, body: str, seconds: float) -> Plan:
    return Plan(
        port=port,
        method="POST",
        path=path,
        headers=_mobile(bench).site.headers,
        body=body,
        seconds=seconds,
        connections=_CONNECTIONS,
        first_serial=bench.take_serials(),
    )


def _mobile(bench: Bench) -> Mobile:
    assert isinstance(bench.mobile, Mobile)
    return bench.mobile


def _settings(site: Site, port: int) -> dict[str, str]:
    key, _, secret = site.headers["Authorization"].removeprefix("token ").partition(":")
    return {
        "ERPNEXT_URL": f"http://127.0.0.1:{site.port}",
        "ERPNEXT_API_KEY": key,
        "ERPNEXT_API_SECRET": secret,
        "WEBHOOK_SECRET": SECRET,
        "PORT": str(port),
        "RATE_LIMIT": "1000000",
        "ORDER_RATE_LIMIT": "1000000",
        "LOG_LEVEL": "warning",
    }


def _products(port: int, middleware: Program) -> bytes:
    """Return the catalogue as the middleware answers it; it may have to come up first.

    Raises:
        RuntimeError: it did not answer.
    """
    until_s = time.perf_counter() + _READY_S
    while middleware.is_running and time.perf_counter() < until_s:
        try:
            status, body = _get(port)
        except OSError:
            time.sleep(0.05)
            continue
        if status == 200:
            return body
        time.sleep(0.05)
    message = f"the middleware does not serve; it said: {middleware.said()}"
    raise RuntimeError(message)


def _get(port: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/api/products")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
