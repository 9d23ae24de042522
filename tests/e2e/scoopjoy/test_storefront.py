"""The storefront's orders over HTTP, as its own script in Node sends them."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from tests.e2e.scoopjoy.storefront import ADDRESS, SECRET, STORES, NodeStorefront, an_order
from tests.e2e.site import Client
from tests.e2e.webhooks import rows

LINE = {"sku": "IC-CONE-VAN", "quantity": 1}
MADE = ("Customer", "Contact", "Address", "Sales Order", "Sales Order Item", "Storefront Order")


def written(owner: Client) -> dict[str, Any]:
    """Return how much there is of everything that an order makes, and what is reserved."""
    counts = {
        doctype: owner.call("frappe.client.get_count", doctype=doctype).message
        for doctype in MADE
        if doctype != "Sales Order Item"
    }
    bins = rows(owner, "Bin", fields="*")
    return {**counts, "reserved": {each["name"]: each["reserved_qty"] for each in bins}}


def reserved(owner: Client, item_code: str) -> float:
    """Return how much of an item is promised."""
    found = rows(owner, "Bin", item_code=item_code, warehouse=STORES)
    return float(found[0]["reserved_qty"]) if found else 0.0


def test_an_order_becomes_a_submitted_sales_order(node: NodeStorefront, owner: Client) -> None:
    before = reserved(owner, "IC-CONE-VAN"), reserved(owner, "IC-SUN-FUDGE")
    order = an_order(customer_name="Zoë Śmigły 🍦", order_id="SF-1001")
    answer = node.send(order)
    assert answer.status == 200, answer.text
    told = answer.json["message"]
    assert (told["status"], told["grand_total"]) == ("success", 340.0)

    made = owner.get(f"/api/resource/Sales Order/{told['sales_order']}").data
    assert (made["docstatus"], made["order_type"], made["company"]) == (1, "Shopping Cart", "ScoopJoy Foods Pvt Ltd")
    assert (made["total_qty"], made["total"], made["grand_total"]) == (3.0, 340.0, 340.0)
    ordered, delivered = date.fromisoformat(made["transaction_date"]), date.fromisoformat(made["delivery_date"])
    assert delivered - ordered == timedelta(days=3)
    assert [(row["item_code"], row["qty"], row["rate"]) for row in made["items"]] == [
        ("IC-CONE-VAN", 2.0, 80.0),
        ("IC-SUN-FUDGE", 1.0, 180.0),
    ]
    after = reserved(owner, "IC-CONE-VAN"), reserved(owner, "IC-SUN-FUDGE")
    assert after == (before[0] + 2, before[1] + 1)


def test_a_new_customer_has_a_contact_and_a_shipping_address(node: NodeStorefront, owner: Client) -> None:
    order = an_order(customer_name="Asha Rao", delivery_address={**ADDRESS, "line2": "Flat 7", "country": "India"})
    made = owner.get(f"/api/resource/Sales Order/{node.send(order).json['message']['sales_order']}").data
    customer = owner.get(f"/api/resource/Customer/{made['customer']}").data
    assert customer["customer_name"] == "Asha Rao"
    kind = (customer["customer_type"], customer["customer_group"], customer["territory"])
    assert kind == ("Individual", "Retail", "All Territories")
    contact = owner.get(f"/api/resource/Contact/{made['contact_person']}").data
    assert [row["email_id"] for row in contact["email_ids"]] == [order["customer_email"]]
    assert [(row["link_doctype"], row["link_name"]) for row in contact["links"]] == [("Customer", customer["name"])]
    address = owner.get(f"/api/resource/Address/{made['shipping_address_name']}").data
    assert (address["address_line1"], address["address_line2"]) == ("12 MG Road", "Flat 7")
    assert (address["address_type"], address["pincode"], address["country"]) == ("Shipping", "411001", "India")


def test_a_customer_is_known_by_the_address_in_any_case(node: NodeStorefront, owner: Client) -> None:
    first = an_order()
    again = {**first, "customer_email": first["customer_email"].upper(), "customer_name": "Somebody else"}
    orders = [node.send(order).json["message"]["sales_order"] for order in (first, again)]
    made = [owner.get(f"/api/resource/Sales Order/{name}").data for name in orders]
    assert orders[0] != orders[1]
    assert made[0]["customer"] == made[1]["customer"]
    assert made[0]["shipping_address_name"] == made[1]["shipping_address_name"]


def test_a_given_price_counts_and_a_gift_costs_nothing(node: NodeStorefront) -> None:
    lines = [{**LINE, "price": 75.5}, {"sku": "IC-TOP-NUTS", "quantity": 3, "price": 0}]
    assert node.send(an_order(items=lines)).json["message"]["grand_total"] == 75.5


@pytest.mark.parametrize(
    "spoil",
    [
        lambda right: None,
        lambda right: "",
        lambda right: ("0" if right[0] != "0" else "1") + right[1:],
        lambda right: right[:-1],
        lambda right: right[:32],
        lambda right: right + "0",
        lambda right: right * 100,
        lambda right: "0" * 8000,
        lambda right: "sha256=" + right,
        lambda right: right[::-1],
        lambda right: "not hex at all, but as long as a signature in hex would be: yes!!",
        lambda right: right[:-1] + "\u00e9",
    ],
    ids=[
        "missing", "empty", "wrong", "truncated", "half", "one-too-many", "a-hundred-times", "over-long", "prefixed",
        "reversed", "words", "not-ascii",
    ],
)  # fmt: skip
def test_a_bad_signature_is_refused(
    node: NodeStorefront, owner: Client, spoil: Callable[[str], str | None], right_signature: Callable[[str], str]
) -> None:
    before = written(owner)
    body = json.dumps(an_order())
    answer = node.send_text(body, signature=spoil(right_signature(body)))
    assert (answer.status, answer.json["exc_type"][-19:]) == (401, "AuthenticationError")
    assert SECRET not in answer.text
    assert right_signature(body) not in answer.text
    assert written(owner) == before


def test_the_signature_of_another_body_is_refused(node: NodeStorefront, right_signature: Callable[[str], str]) -> None:
    body = json.dumps(an_order())
    assert node.send_text(body + " ", signature=right_signature(body)).status == 401


BAD: dict[str, tuple[Any, str]] = {
    "no-object": ("[]", "JSON object"),
    "no-email": (an_order(customer_email=...), "customer_email"),
    "bad-email": (an_order(customer_email="priya"), "customer_email"),
    "no-name": (an_order(customer_name=...), "customer_name is missing"),
    "blank-name": (an_order(customer_name="  "), "customer_name is missing"),
    "no-items": (an_order(items=...), "items"),
    "empty-items": (an_order(items=[]), "items"),
    "no-address": (an_order(delivery_address=...), "delivery_address"),
    "no-line1": (an_order(delivery_address={**ADDRESS, "line1": None}), "delivery_address.line1 is missing"),
    "no-city": (an_order(delivery_address={**ADDRESS, "city": ""}), "delivery_address.city is missing"),
    "no-state": (an_order(delivery_address={**ADDRESS, "state": None}), "delivery_address.state is missing"),
    "no-pincode": (an_order(delivery_address={**ADDRESS, "pincode": None}), "delivery_address.pincode is missing"),
    "strange-country": (an_order(delivery_address={**ADDRESS, "country": "Atlantis"}), "Atlantis is not known"),
    "no-sku": (an_order(items=[{"quantity": 1}]), "items[0].sku is missing"),
    "unknown-sku": (an_order(items=[LINE, {**LINE, "sku": "IC-NOWHERE"}]), "items[1].sku: IC-NOWHERE"),
    "disabled-sku": (an_order(items=[{**LINE, "sku": "IC-MELTED"}]), "IC-MELTED is not sold"),
    "no-quantity": (an_order(items=[{"sku": "IC-CONE-VAN"}]), "items[0].quantity"),
    "zero": (an_order(items=[{**LINE, "quantity": 0}]), "items[0].quantity must be more than 0"),
    "negative": (an_order(items=[{**LINE, "quantity": -2}]), "items[0].quantity must be more than 0"),
    "fraction": (an_order(items=[{**LINE, "quantity": 1.5}]), "cannot be a fraction"),
    "quantity-as-text": (an_order(items=[{**LINE, "quantity": "2"}]), "items[0].quantity must be a number"),
    "absurd-quantity": (an_order(items=[{**LINE, "quantity": 1e300}]), "items[0].quantity must not be more"),
    "negative-price": (an_order(items=[{**LINE, "price": -1}]), "items[0].price must not be less than 0"),
    "absurd-price": (an_order(items=[{**LINE, "price": 1e15}]), "items[0].price must not be more"),
    "too-many-lines": (an_order(items=[LINE] * 201), "items has 201 lines"),
    "long-name": (an_order(customer_name="a" * 141), "customer_name is longer"),
    "long-order-id": (an_order(order_id="a" * 141), "order_id is longer"),
    "long-body": (an_order(note="a" * 300_000), "more than 262144 bytes"),
}


@pytest.fixture(scope="module", autouse=True)
def _melted(shop: Any) -> None:
    """One item is no longer sold."""
    with shop.client() as owner:
        item = {"item_code": "IC-MELTED", "item_group": "Cones", "stock_uom": "Nos", "disabled": 1}
        assert owner.post("/api/resource/Item", item).status == 200


@pytest.mark.parametrize("case", BAD)
def test_a_bad_order_is_told_clearly_and_leaves_nothing(node: NodeStorefront, owner: Client, case: str) -> None:
    body, reason = BAD[case]
    before = written(owner)
    answer = node.send_text(body) if isinstance(body, str) else node.send(body)
    assert answer.status == 417, answer.text
    assert reason in answer.told
    assert written(owner) == before


@pytest.mark.parametrize("body", ["", "{", '{"customer_email": NaN}', "[" * 100_000])
def test_what_is_not_json_is_refused(node: NodeStorefront, owner: Client, body: str) -> None:
    before = written(owner)
    answer = node.send_text(body)
    assert answer.status in {400, 417}, answer.text
    assert "JSON" in answer.told
    assert written(owner) == before


def test_an_order_of_an_absurd_size_is_refused_before_it_is_read(node: NodeStorefront, owner: Client) -> None:
    before = written(owner)
    answer = node.send(an_order(note="a" * 30_000_000))
    assert answer.status == 413
    assert written(owner) == before


@pytest.mark.parametrize("by", ["order_id", "Idempotency-Key", "both"])
def test_the_same_order_again_gets_the_first_answer(node: NodeStorefront, owner: Client, by: str) -> None:
    key = f"again by {by}"
    order = an_order(**({} if by == "Idempotency-Key" else {"order_id": key}))
    headers = {} if by == "order_id" else {"Idempotency-Key": key}
    first = node.send(order, headers=headers)
    assert first.status == 200, first.text
    before = written(owner)
    pretty = json.dumps(dict(reversed(order.items())), indent=2)
    for again in (node.send(order, headers=headers), node.send_text(pretty, headers=headers)):
        assert (again.status, again.json) == (200, first.json)
    assert written(owner) == before


@pytest.mark.parametrize("by", ["order_id", "Idempotency-Key"])
def test_another_order_under_a_used_reference_is_refused(node: NodeStorefront, owner: Client, by: str) -> None:
    key = f"changed by {by}"
    order = an_order(**({"order_id": key} if by == "order_id" else {}))
    headers = {} if by == "order_id" else {"Idempotency-Key": key}
    assert node.send(order, headers=headers).status == 200
    before = written(owner)
    answer = node.send({**order, "items": [{**LINE, "quantity": 9}]}, headers=headers)
    assert answer.status == 422, answer.text
    assert key in answer.told
    assert written(owner) == before


def test_a_refused_order_may_be_mended_under_its_own_id(node: NodeStorefront) -> None:
    order = an_order(order_id="mended")
    assert node.send({**order, "items": [{**LINE, "quantity": 0}]}).status == 417
    assert node.send(order).status == 200


def test_each_call_is_logged_with_what_its_verification_found(node: NodeStorefront, owner: Client) -> None:
    marks = [f"logged {way}" for way in ("right", "wrong")]
    node.send(an_order(order_id=marks[0]))
    node.send(an_order(order_id=marks[1]), signature="0" * 64)
    found = rows(owner, "Integration Request", fields="*")
    by_mark = {mark: row for row in found for mark in marks if mark in (row["data"] or "")}
    right, wrong = (by_mark[mark] for mark in marks)
    assert (right["status"], right["verification"]) == ("Completed", "verified")
    assert (wrong["status"], wrong["verification"]) == ("Failed", "signature_mismatch")
    assert SECRET not in json.dumps([right, wrong])
