"""In front of a real Frappe: what it answers well, and what it, or a proxy before it, answers badly."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.middleware.frappe_stub import (
    HTML_500,
    ITEMS,
    KEY,
    LOGIN_PAGE,
    PROXY_502,
    SECRET,
    Asked,
    FrappeStub,
    Said,
    as_recorded,
)
from tests.e2e.middleware.plant import Middleware
from tests.e2e.site import Answer, Client
from tests.e2e.waiting import wait_for

ORDER = {"customer": "Acme Ltd", "items": [{"sku": "ITEM-00003", "qty": 1, "price": 160}], "outlet_id": "OUT-1"}
NOTHING_INSIDE = ("Traceback", "apps/frappe", "exc_type", "<html", "<!DOCTYPE", SECRET)


@pytest.fixture
def stub() -> Iterator[FrappeStub]:
    with FrappeStub() as listening:
        yield listening


@pytest.fixture
def start(stub: FrappeStub, tmp_path: Path) -> Iterator[Callable[..., Middleware]]:
    """Start the middleware in front of the stub; it is ended with the test."""
    started: list[Middleware] = []

    def start_one(**settings: str) -> Middleware:
        site = {"ERPNEXT_URL": stub.url, "ERPNEXT_API_KEY": KEY, "ERPNEXT_API_SECRET": SECRET}
        started.append(Middleware(tmp_path / "data", {**site, "WEBHOOK_SECRET": "hush", "UPSTREAM_TIMEOUT": "1"}))
        return started[-1].start(**settings)

    yield start_one
    for each in started:
        each.close()


@pytest.fixture
def phone(start: Callable[..., Middleware]) -> Iterator[Client]:
    with start().client() as client:
        yield client


def on(method: str, doctype: str, said: Said) -> Callable[[Asked], Said | None]:
    """Return what answers one kind of request so."""
    return lambda asked: said if (asked.method, asked.path) == (method, f"/api/resource/{doctype}") else None


def check_error(answer: Answer, status: int, error: str) -> None:
    """The envelope is ours, a person can read it, and nothing of the site's inside is in it."""
    assert (answer.status, answer.json["success"]) == (status, False), answer.text
    assert error in answer.json["error"]
    assert not [word for word in NOTHING_INSIDE if word in answer.text]


def test_all_products_come_over_all_pages(phone: Client, stub: FrappeStub) -> None:
    found = phone.get("/api/products").json
    assert found["success"] is True
    assert len(found["products"]) == ITEMS
    assert len({product["item_code"] for product in found["products"]}) == ITEMS
    fields = ["item_code", "item_name", "standard_rate", "image", "item_group", "description"]
    assert list(found["products"][0]) == fields
    asked = stub.asked[0]
    assert json.loads(asked.query["filters"]) == [["show_in_website", "=", 1], ["disabled", "=", 0]]
    assert asked.headers["authorization"] == f"token {KEY}:{SECRET}"
    phone.get("/api/products")
    assert stub.count("GET", "Item") == 4  # Three pages, and the empty one that ends them.


def test_an_order_is_one_insert_that_is_submitted(phone: Client, stub: FrappeStub) -> None:
    answer = phone.post("/api/orders", ORDER, headers={"Idempotency-Key": "key-1"})
    assert answer.json == {"success": True, "order_id": "SAL-ORD-2026-00001", "total": 160.0}
    (asked,) = stub.asked
    assert asked.headers["idempotency-key"] == "key-1"
    sent = asked.json
    assert (sent["docstatus"], sent["customer"], sent["custom_outlet_id"]) == (1, "Acme Ltd", "OUT-1")
    assert (sent["company"], sent["items"]) == (
        "ScoopJoy Foods Pvt Ltd",
        [{"item_code": "ITEM-00003", "qty": 1, "rate": 160}],
    )
    assert sent["delivery_date"] > "2026-01-01"


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        (
            as_recorded("document", "create invalid link in child row", says="Could not find Row #1: Item Code: NOPE"),
            422,
            "Could not find Row #1: Item Code: NOPE",
        ),
        (as_recorded("errors", "throw", says="<b>Not today</b><br>We are closed"), 422, "Not today We are closed"),
        (
            as_recorded("document", "create child table empty (mandatory)", says="Error: Data missing in table Items"),
            422,
            "Items",
        ),
        (as_recorded("errors", "no auth", says="No permission for Sales Order"), 502, "key and permissions"),
        (as_recorded("errors", "bad token"), 502, "key and permissions"),
        (as_recorded("errors", "fail 500"), 502, "failed to answer"),
        (HTML_500, 502, "failed to answer"),
        (PROXY_502, 502, "failed to answer"),
        (Said(status=429, body=b"{}", headers={"Retry-After": "7"}), 503, "cannot be reached"),
    ],
)
def test_what_the_site_refuses_is_told_in_words(
    phone: Client, stub: FrappeStub, said: Said, status: int, error: str
) -> None:
    stub.misbehave = on("POST", "Sales%20Order", said)
    check_error(phone.post("/api/orders", ORDER), status, error)
    assert stub.orders == []


@pytest.mark.parametrize("said", [LOGIN_PAGE, Said(body=b""), Said(body=b'{"da'), Said(body=b"[]"), Said(body=b"{}")])
def test_an_answer_that_is_none_is_looked_after(phone: Client, stub: FrappeStub, said: Said) -> None:
    stub.misbehave = on("POST", "Sales%20Order", said)
    answer = phone.post("/api/orders", ORDER)
    check_error(answer, 504 if answer.status == 504 else 502, "")
    assert stub.count("GET", "Sales%20Order") == 1


def test_an_order_whose_answer_is_cut_off_is_found_again(phone: Client, stub: FrappeStub) -> None:
    stub.loses_answers = True
    answer = phone.post("/api/orders", ORDER, headers={"Idempotency-Key": "key-1"})
    assert answer.json == {"success": True, "order_id": "SAL-ORD-2026-00001", "total": 160.0}
    assert len(stub.orders) == 1


def test_a_slow_site_is_given_up_in_time_and_the_order_is_made_once(phone: Client, stub: FrappeStub) -> None:
    stub.misbehave = on("POST", "Sales%20Order", Said(is_late=True, body=b"{}"))
    key = {"Idempotency-Key": "key-1"}
    check_error(phone.post("/api/orders", ORDER, headers=key), 504, "not known whether it has your order")
    stub.misbehave = lambda _: None
    assert phone.post("/api/orders", ORDER, headers=key).status == 200
    again = phone.post("/api/orders", ORDER, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(stub.orders) == 1


def test_an_order_can_wait_for_a_site_that_is_down(phone: Client, stub: FrappeStub) -> None:
    stub.misbehave = lambda _: PROXY_502
    answer = phone.post("/api/orders", ORDER, headers={"Idempotency-Key": "key-1", "Prefer": "respond-async"})
    assert (answer.status, answer.json["status"]) == (202, "queued")
    assert answer.headers["Location"] == "/api/orders/key-1"
    assert phone.get("/api/orders/key-1").json["status"] == "queued"
    stub.misbehave = lambda _: None

    def done() -> Any:
        told = phone.get("/api/orders/key-1").json
        return told if told["status"] == "done" else None

    assert wait_for("the order", done, within_s=30)["order_id"] == "SAL-ORD-2026-00001"
    assert len(stub.orders) == 1


@pytest.mark.parametrize(
    ("said", "status"),
    [(HTML_500, 502), (PROXY_502, 502), (LOGIN_PAGE, 502), (Said(body=b'{"data": [{"item_', cut_after=9), 504)],
)
def test_the_catalogue_stays_while_the_site_is_ill_and_says_that_it_is_old(
    start: Callable[..., Middleware], stub: FrappeStub, said: Said, status: int
) -> None:
    middleware = start()
    with middleware.client() as phone:
        fresh = phone.get("/api/products").json["products"]
        middleware.stop()
        stub.misbehave = lambda _: said
        middleware.start()
        stale = phone.get("/api/products")
        assert (stale.status, stale.json["stale"], stale.json["products"]) == (200, True, fresh)
        assert stale.headers["Warning"].startswith("110")
        check_error(phone.get("/api/stock"), status, "Please try again")


def test_a_site_that_stays_ill_is_left_alone(phone: Client, stub: FrappeStub) -> None:
    stub.misbehave = lambda _: PROXY_502
    answer = [phone.post("/api/orders", ORDER) for _ in range(10)][-1]
    check_error(answer, 503, "cannot be reached")
    assert int(answer.headers["Retry-After"]) >= 1
    asked = len(stub.asked)
    phone.post("/api/orders", ORDER)
    assert len(stub.asked) == asked


def test_nothing_secret_stands_in_the_log(start: Callable[..., Middleware], stub: FrappeStub) -> None:
    middleware = start()
    stub.misbehave = lambda asked: Said(status=500, body=asked.headers["authorization"].encode())
    with middleware.client() as phone:
        phone.post("/api/orders", ORDER)
        phone.get("/api/products")
    assert "upstream.failed" in middleware.log
    assert SECRET not in middleware.log
    assert "hush" not in middleware.log
