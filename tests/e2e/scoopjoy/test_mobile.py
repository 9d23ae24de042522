"""The mobile app: it reads the catalogue and orders over REST, with a token."""

import json
from typing import Any

from tests.e2e.scoopjoy.storefront import STORES
from tests.e2e.site import Client
from tests.e2e.webhooks import rows, unique

FIELDS = ["item_code", "item_name", "standard_rate", "image", "description", "item_group"]


def catalogue(owner: Client, **params: Any) -> list[dict[str, Any]]:
    """Return the items, asked for as the app asks."""
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
    answer = owner.get("/api/resource/Item", params=encoded)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.data
    return found


def a_customer(owner: Client) -> str:
    """Return a customer of one's own."""
    values = {"customer_name": unique("Outlet guest"), "customer_type": "Individual", "customer_group": "Retail"}
    name: str = owner.post("/api/resource/Customer", {**values, "territory": "All Territories"}).data["name"]
    return name


def test_the_catalogue_comes_by_filters_and_fields_as_json_lists(owner: Client) -> None:
    filters = [["show_in_website", "=", 1], ["disabled", "=", 0]]
    found = catalogue(owner, fields=FIELDS, filters=filters, limit_page_length="100", order_by="item_code asc")
    assert len(found) == 14
    assert [item["item_code"] for item in found] == sorted(item["item_code"] for item in found)
    assert all(list(item) == FIELDS for item in found)
    fudge = next(item for item in found if item["item_code"] == "IC-SUN-FUDGE")
    assert (fudge["standard_rate"], fudge["item_group"]) == (180.0, "Sundaes")
    assert fudge["image"] == "/assets/scoopjoy/images/ic-sun-fudge.svg"


def test_the_catalogue_is_filtered_and_paged(owner: Client) -> None:
    cones = catalogue(owner, fields=["name"], filters=[["Item", "item_group", "=", "Cones"]], order_by="name asc")
    assert [item["name"] for item in cones] == ["IC-CONE-CHOC", "IC-CONE-MANGO", "IC-CONE-VAN"]
    cheap = catalogue(owner, fields=["name"], filters={"standard_rate": ["<=", 80]}, order_by="standard_rate asc")
    assert [item["name"] for item in cheap] == ["IC-TOP-NUTS", "IC-CONE-VAN"]
    pages = [
        catalogue(owner, fields=["name"], order_by="name asc", limit_start=str(start), limit_page_length="5")
        for start in (0, 5, 10)
    ]
    names = [item["name"] for page in pages for item in page]
    assert len(names) == len(set(names)) == 14


def test_an_order_with_docstatus_1_comes_back_submitted_with_totals(owner: Client) -> None:
    before = {row["item_code"]: row["reserved_qty"] for row in rows(owner, "Bin", warehouse=STORES)}
    values = {
        "customer": a_customer(owner),
        "docstatus": 1,
        "delivery_date": "2999-01-31",
        "custom_outlet_id": "OUTLET-PUNE-01",
        "items": [{"item_code": "IC-CUP-PISTA", "qty": 3}, {"item_code": "IC-TUB-CHOC", "qty": 1, "rate": 300}],
        "set_warehouse": STORES,
    }
    answer = owner.post("/api/resource/Sales Order", values)
    assert answer.status == 200, answer.text
    order = answer.data
    assert order["name"].startswith("SAL-ORD-")
    assert (order["docstatus"], order["custom_outlet_id"]) == (1, "OUTLET-PUNE-01")
    assert order["status"] == "To Deliver and Bill"
    assert (order["total_qty"], order["total"], order["net_total"], order["grand_total"]) == (4.0, 660.0, 660.0, 660.0)
    assert [(row["rate"], row["amount"]) for row in order["items"]] == [(120.0, 360.0), (300.0, 300.0)]
    assert owner.get(f"/api/resource/Sales Order/{order['name']}").data["custom_outlet_id"] == "OUTLET-PUNE-01"
    after = {row["item_code"]: row["reserved_qty"] for row in rows(owner, "Bin", warehouse=STORES)}
    changed = {item: after[item] - before.get(item, 0) for item in after if after[item] != before.get(item, 0)}
    assert changed == {"IC-CUP-PISTA": 3.0, "IC-TUB-CHOC": 1.0}


def test_an_outlet_s_orders_can_be_listed(owner: Client) -> None:
    outlet = unique("OUTLET")
    values = {"docstatus": 1, "custom_outlet_id": outlet, "items": [{"item_code": "IC-CONE-VAN", "qty": 1}]}
    made = [owner.post("/api/resource/Sales Order", {"customer": a_customer(owner), **values}) for _ in range(2)]
    assert [answer.status for answer in made] == [200, 200], made[0].text
    listed = rows(owner, "Sales Order", custom_outlet_id=outlet)
    assert [row["name"] for row in listed] == [answer.data["name"] for answer in made]


def test_a_bad_order_is_refused_and_leaves_nothing(owner: Client) -> None:
    customer = a_customer(owner)
    good = {"customer": customer, "docstatus": 1, "items": [{"item_code": "IC-CONE-VAN", "qty": 1}]}
    for changes, status in (
        ({"items": [{"item_code": "IC-NOWHERE", "qty": 1}]}, 417),
        ({"items": [{"item_code": "IC-CONE-VAN", "qty": -1}]}, 417),
        ({"items": []}, 417),
        ({"customer": "Nobody at all"}, 417),
        ({"docstatus": 2}, 417),
    ):
        answer = owner.post("/api/resource/Sales Order", {**good, **changes})
        assert answer.status == status, answer.text
    assert rows(owner, "Sales Order", customer=customer) == []


def test_a_guest_neither_reads_nor_orders(owner: Client, shop: Any) -> None:
    with shop.guest() as guest:
        order = {"customer": a_customer(owner), "items": [{"item_code": "IC-CONE-VAN", "qty": 1}]}
        assert guest.get("/api/resource/Item").status == 403
        assert guest.post("/api/resource/Sales Order", order).status == 403
