"""A step of the tour: an outlet that pulls what HQ sells, and then follows it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from demitasse.app.install import NewSite, new_site
from demitasse.cli.demo_site import SiteProcess, SiteRefused, free_port
from demitasse.kernel import json
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.ids import random_secret

_COMES_WITHIN_S = 30.0
_FOLLOWS_WITHIN_S = 1.0
_PRICE_LIST = "Standard Selling"


def follow_hq(out: Console, hq: SiteProcess, made: NewSite) -> None:
    """Start an outlet beside HQ, let it pull the items, and see a change of a price and of an order on both sites.

    Raises:
        SiteRefused: something did not come in time.
    """
    _insert_price(hq, "IC-SUN-FUDGE", 180)
    hq.post("/api/resource/Item", {"item_code": "IC-CUP-FIG", "item_name": "Fig & Honey Cup", "item_group": "Cups"})
    folder = Path(made.site).parent / "outlet"
    outlet_made = new_site(folder, apps=["scoopjoy"], conf={"webhook_allow_hosts": ["127.0.0.0/8"]})
    outlet = SiteProcess(folder, outlet_made, port=free_port())
    with outlet:
        secret = random_secret()
        join = {"url": hq.url, "api_key": made.api_key, "api_secret": made.api_secret, "push_secret": secret}
        rules = outlet.post("/api/method/scoopjoy.api.sync.join_hq", join)["message"]
        out.print(f"   a second site, {outlet.url}, joins HQ and pulls: {', '.join(sorted(rules))}")
        _wait("HQ's new item at the outlet", lambda: _names(outlet, "Item", item_code="IC-CUP-FIG"))
        (price,) = _wait("HQ's price at the outlet", lambda: _names(outlet, "Item Price", item_code="IC-SUN-FUDGE"))
        count = len(_names(outlet, "Item"))
        out.print(f"   [green]✓[/green] {count} items at the outlet, the new Fig & Honey Cup among them")
        there = {
            "url": outlet.url,
            "api_key": outlet_made.api_key,
            "api_secret": outlet_made.api_secret,
            "push_secret": secret,
        }
        hq.post("/api/method/scoopjoy.api.sync.add_outlet", {"name": "Outlet Bandra", **there})
        began_s = monotonic_s()
        hq.post(
            "/api/method/frappe.client.set_value",
            {"doctype": "Item Price", "name": price, "fieldname": "price_list_rate", "value": 199},
        )
        _wait("the new price", lambda: _rate(outlet, price) == 199)  # noqa: PLR2004 - as set above
        took_s = monotonic_s() - began_s
        if took_s > _FOLLOWS_WITHIN_S:
            message = f"the price took {took_s:.1f} s to the outlet"
            raise SiteRefused(message)
        out.print(
            f"   [green]✓[/green] HQ changes a price to 199: it stands at the outlet after {took_s * 1000:.0f} ms"
        )
        _sell(out, hq, outlet)


def _sell(out: Console, hq: SiteProcess, outlet: SiteProcess) -> None:
    """Take an order at the outlet, and see it at HQ."""
    order = outlet.post(
        "/api/resource/Sales Order",
        {
            "customer": outlet.post("/api/resource/Customer", {"customer_name": "Meera Nair"})["data"]["name"],
            "delivery_date": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400)),  # noqa: TID251 - a day from now
            "po_no": "BANDRA-1",
            "items": [{"item_code": "IC-SUN-FUDGE", "qty": 2}],
        },
    )["data"]
    (name,) = _wait("the outlet's order at HQ", lambda: _names(hq, "Sales Order", po_no="BANDRA-1"))
    out.print(f"   [green]✓[/green] {order['name']} of the outlet is {name} at HQ")


def _insert_price(hq: SiteProcess, item: str, rate: float) -> None:
    values = {"item_code": item, "price_list": _PRICE_LIST, "price_list_rate": rate}
    hq.post("/api/resource/Item Price", values)


def _names(site: SiteProcess, doctype: str, **filters: Any) -> list[str]:
    asked = {"filters": json.encode(filters).decode(), "limit_page_length": "0"}
    return [row["name"] for row in site.get(f"/api/resource/{doctype}", asked)["data"]]


def _rate(site: SiteProcess, price: str) -> Any:
    return site.get(f"/api/resource/Item Price/{price}")["data"]["price_list_rate"]


def _wait(what: str, look: Callable[[], Any]) -> Any:
    """Return the first thing that ``look`` finds.

    Raises:
        SiteRefused: it finds nothing in time.
    """
    until_s = monotonic_s() + _COMES_WITHIN_S
    while monotonic_s() < until_s:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    message = f"{what} did not come within {_COMES_WITHIN_S:.0f} s"
    raise SiteRefused(message)
