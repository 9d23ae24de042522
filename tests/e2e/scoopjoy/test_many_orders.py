"""Many customers at once, and a server that dies under them: all orders or none of each, never a part."""

import contextlib
import json
import queue
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.e2e.scoopjoy.storefront import ADDRESS, STORES, send
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import rows

SKUS = ("IC-CONE-VAN", "IC-SUN-FUDGE", "IC-TUB-VAN", "IC-SHK-CHOC")
THREADS = 16
CUSTOMERS = 20
ORDERS = 200
ROUNDS = 3
STOCK = 5000.0
Order = Mapping[str, Any]


def order_of(customer: int, number: int) -> dict[str, Any]:
    """Return the order with a number, of a customer; its two or three lines are its own."""
    dice = random.Random(number)
    skus = dice.sample(SKUS, k=dice.choice((2, 3)))
    return {
        "order_id": f"SF-{number}",
        "customer_email": f"buyer{customer}@example.com",
        "customer_name": f"Buyer {customer}",
        "items": [{"sku": sku, "quantity": dice.randint(1, 5)} for sku in skus],
        "delivery_address": {**ADDRESS, "line1": f"{customer} MG Road"},
    }


def send_all(shop: ServedSite, orders: Iterable[Order], take: Callable[[Client, Order], None]) -> None:
    """Have sixteen clients send the orders, each to its end."""
    waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
    for order in orders:
        waiting.put(order)

    def work() -> None:
        with shop.guest() as client:
            while True:
                try:
                    order = waiting.get_nowait()
                except queue.Empty:
                    return
                take(client, order)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work) for _ in range(THREADS)]:
            done.result()


def child_rows(owner: Client, doctype: str, parent: str) -> list[dict[str, Any]]:
    """Return the rows of a child table under all documents of one DocType."""
    filters = json.dumps({"parenttype": parent})
    params = {"fields": '["*"]', "filters": filters, "parent": parent, "limit_page_length": "0"}
    answer = owner.get(f"/api/resource/{doctype}", params=params)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.data
    return found


def check_books(shop: ServedSite, orders: Iterable[Order], *, stock: float = 0.0) -> dict[str, str]:
    """See that there is exactly what these orders ask for; return the Sales Orders by the storefront's id."""
    wanted = {order["order_id"]: order for order in orders}
    with shop.client() as owner:
        made = rows(owner, "Sales Order")
        lines = child_rows(owner, "Sales Order Item", "Sales Order")
        answers = rows(owner, "Storefront Order")
        customers = {row["name"]: row for row in rows(owner, "Customer")}
        contacts = {row["name"]: row for row in rows(owner, "Contact")}
        links = [row for kind in ("Contact", "Address") for row in child_rows(owner, "Dynamic Link", kind)]
        bins = rows(owner, "Bin", warehouse=STORES)
    assert Counter(row["po_no"] for row in made) == Counter(wanted.keys())
    assert {row["docstatus"] for row in made} == {1}
    by_order: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        by_order[line["parent"]].append(line)
    for row in made:
        order = wanted[row["po_no"]]
        asked = Counter({line["sku"]: float(line["quantity"]) for line in order["items"]})
        assert Counter({line["item_code"]: line["qty"] for line in by_order.pop(row["name"])}) == asked
        assert customers[row["customer"]]["customer_name"] == order["customer_name"]
        assert row["grand_total"] > 0
    assert not by_order, "rows without an order"
    assert {row["order_id"]: row["sales_order"] for row in answers} == {row["po_no"]: row["name"] for row in made}

    people = {order["customer_email"] for order in wanted.values()}
    assert len(customers) == len(people)
    assert Counter(row["email_id"] for row in contacts.values()) == Counter(people)
    linked = Counter((row["parenttype"], row["link_name"]) for row in links)
    assert linked == Counter((kind, name) for kind in ("Contact", "Address") for name in customers)

    reserved: Counter[str] = Counter()
    for order in wanted.values():
        reserved.update({line["sku"]: line["quantity"] for line in order["items"]})
    promised = {row["item_code"]: row["reserved_qty"] for row in bins if row["reserved_qty"]}
    assert promised == {sku: float(quantity) for sku, quantity in reserved.items()}
    for row in bins:
        assert row["actual_qty"] == stock
        assert row["projected_qty"] == stock - row["reserved_qty"]
    return {row["po_no"]: row["name"] for row in made}


def receive_stock(shop: ServedSite) -> None:
    """Put goods into the stores."""
    with shop.client() as owner:
        assert owner.call("scoopjoy.demo.receive_stock", qty=STOCK).status == 200


def test_two_hundred_orders_at_once_are_two_hundred_orders(open_shop: Callable[[], ServedSite]) -> None:
    shop = open_shop().start()
    receive_stock(shop)
    known = [order_of(customer, customer) for customer in range(CUSTOMERS // 2)]
    orders = [order_of(number % CUSTOMERS, number) for number in range(1000, 1000 + ORDERS)]
    told: dict[str, str] = {}

    def take(client: Client, order: Order) -> None:
        answer = send(client, order)
        assert answer.status == 200, answer.text
        told[order["order_id"]] = answer.message["sales_order"]

    send_all(shop, known, take)
    check_books(shop, known, stock=STOCK)
    send_all(shop, orders, take)
    assert check_books(shop, [*known, *orders], stock=STOCK) == told


def test_one_order_sent_by_many_at_once_is_one_order(open_shop: Callable[[], ServedSite]) -> None:
    shop = open_shop().start()
    order = order_of(1, 1)
    told: list[str] = []
    send_all(shop, [order] * ORDERS, lambda client, order: told.append(send(client, order).message["sales_order"]))
    assert (len(told), set(told)) == (ORDERS, set(check_books(shop, [order]).values()))


@pytest.mark.parametrize("reference", ["order_id", "Idempotency-Key"])
def test_a_killed_server_leaves_no_half_order_and_keeps_those_it_answered(
    open_shop: Callable[[], ServedSite], reference: str
) -> None:
    shop = open_shop().start()
    receive_stock(shop)
    orders = [order_of(number % CUSTOMERS, number) for number in range(ORDERS)]
    pending = {order["order_id"]: order for order in orders}
    told: dict[str, str] = {}

    def sent(client: Client, order: Order) -> None:
        headers = {"Idempotency-Key": order["order_id"]} if reference == "Idempotency-Key" else {}
        answer = send(client, order, **headers)
        assert answer.status == 200, answer.text
        told[order["order_id"]] = answer.message["sales_order"]

    def take(client: Client, order: Order) -> None:
        # Killed under it: the client does not know, and tries again after the restart.
        with contextlib.suppress(requests.RequestException):
            sent(client, order)

    for number in range(ROUNDS):
        left = [order for name, order in pending.items() if name not in told]
        enough = len(told) + ORDERS // (ROUNDS + 2)
        with_it = threading.Thread(target=send_all, args=(shop, left, take))
        with_it.start()
        wait_for(f"the orders of round {number}", lambda: len(told) >= enough, within_s=30)  # noqa: B023 - ends in it
        shop.kill()
        with_it.join(30)
        assert not with_it.is_alive()
        shop.start()
        check_made(shop, pending, told)
    send_all(shop, list(pending.values()), sent)
    assert check_books(shop, orders, stock=STOCK) == told


def check_made(shop: ServedSite, orders: Mapping[str, Order], told: Mapping[str, str]) -> None:
    """See that the books hold after a crash: whole orders only, those that were answered among them."""
    with shop.client() as owner:
        made = [row["po_no"] for row in rows(owner, "Sales Order")]
    names = check_books(shop, [orders[name] for name in made], stock=STOCK)
    assert {name: names.get(name) for name in told} == dict(told)
    assert len(names) < len(orders), "it was killed too late to prove anything"


def test_the_same_key_says_what_it_said_after_a_restart(open_shop: Callable[[], ServedSite]) -> None:
    shop = open_shop().start()
    order = order_of(1, 1)
    with shop.guest() as client:
        first = send(client, order, **{"Idempotency-Key": "k-1"})
    shop.kill()
    shop.start()
    with shop.guest() as client:
        again = send(client, order, **{"Idempotency-Key": "k-1"})
        changed = send(client, {**order, "customer_name": "Another"}, **{"Idempotency-Key": "k-1"})
    assert (again.status, json.loads(again.text)) == (200, json.loads(first.text))
    assert changed.status == 422
