"""HQ and two outlets: what HQ sells is sold everywhere, and every order ends up at HQ under a number of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.site import Client, ServedSite, make_site
from tests.e2e.sync.pair import SECRET, get, insert, names, rows
from tests.e2e.waiting import wait_for


@dataclass(slots=True)
class Franchise:
    hq: Client
    outlets: tuple[Client, Client]


@pytest.fixture(scope="module")
def franchise(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Franchise]:
    """Three ScoopJoy sites; both outlets have joined."""
    folder = tmp_path_factory.mktemp("franchise")
    made = make_site(folder / "made", apps=["scoopjoy"])
    sites = [made.copy(folder / name) for name in ("hq", "bandra", "carter")]
    try:
        for site in sites:
            site.start()
        hq, *outlets = (site.client() for site in sites)
        for name, site, client in zip(("Bandra", "Carter"), sites[1:], outlets, strict=True):
            joined = client.call("scoopjoy.api.sync.join_hq", **_access(sites[0]))
            assert sorted(joined.message) == ["HQ Item Group Pull", "HQ Item Price Pull", "HQ Item Pull"]
            assert hq.call("scoopjoy.api.sync.add_outlet", name=name, **_access(site)).status == 200
        yield Franchise(hq=hq, outlets=(outlets[0], outlets[1]))
    finally:
        for site in sites:
            site.close()


def _access(site: ServedSite) -> dict[str, Any]:
    key, secret = site.authorization.removeprefix("token ").split(":")
    return {"url": site.url, "api_key": key, "api_secret": secret, "push_secret": SECRET}


def test_a_new_item_and_its_price_reach_every_outlet(franchise: Franchise) -> None:
    insert(franchise.hq, "Item Group", item_group_name="Sticks", parent_item_group="Ice Cream")
    insert(franchise.hq, "Item", item_code="IC-STICK", item_name="Kulfi Stick", item_group="Sticks", standard_rate=40)
    price = insert(franchise.hq, "Item Price", item_code="IC-STICK", price_list="Standard Selling", price_list_rate=45)
    for outlet in franchise.outlets:
        found = wait_for("the price", lambda outlet=outlet: get(outlet, "Item Price", price["name"]), within_s=20)  # type: ignore[misc]
        assert found["price_list_rate"] == 45
        assert get(outlet, "Item Group", "Sticks")


def test_a_pull_out_of_turn_brings_what_pushes_have_missed(franchise: Franchise) -> None:
    outlet = franchise.outlets[0]
    for name in names(franchise.hq, "Sync Rule", pattern="Push", document_type="Item"):
        franchise.hq.put(f"/api/resource/Sync Rule/{name}", {"enabled": 0})
    insert(franchise.hq, "Item", item_code="IC-QUIET", item_group="Cups")
    assert len(outlet.call("scoopjoy.api.sync.sync_items_from_hq").message) == 3
    wait_for("the item", lambda: get(outlet, "Item", "IC-QUIET"), within_s=20)


def test_orders_of_both_outlets_have_numbers_of_their_own_at_hq(franchise: Franchise) -> None:
    made = []
    for number, outlet in enumerate(franchise.outlets):
        customer = insert(outlet, "Customer", customer_name=f"Guest {number}")["name"]
        line = {"item_code": "IC-CONE-VAN", "qty": number + 1}
        order = {"customer": customer, "delivery_date": "2030-01-01", "po_no": f"OUT-{number}", "items": [line]}
        made.append(insert(outlet, "Sales Order", docstatus=1, **order))
    assert made[0]["name"] == made[1]["name"]
    found = wait_for(
        "both orders", lambda: _orders(franchise.hq) if len(_orders(franchise.hq)) == 2 else None, within_s=20
    )
    assert len({order["name"] for order in found}) == 2
    assert [(order["po_no"], order["docstatus"], order["total_qty"]) for order in found] == [
        ("OUT-0", 1, 1),
        ("OUT-1", 1, 2),
    ]
    assert [order["grand_total"] for order in found] == [order["grand_total"] for order in made]


def _orders(hq: Client) -> list[dict[str, Any]]:
    return sorted(rows(hq, "Sales Order", po_no=["like", "OUT-%"]), key=lambda order: str(order["po_no"]))
