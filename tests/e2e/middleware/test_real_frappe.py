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
from tests.e2e.site import ROOT, Answer, Client
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import unique

ORDER = {"customer": "Acme Ltd", "items": [{"sku": "ITEM-00003", "qty": 1, "price": 160}], "outlet_id": "OUT-1"}
NOTHING_INSIDE = ("Traceback", "apps/frappe", "exc_type", "<html", "<!DOCTYPE", SECRET)


def in_front_of(stub: FrappeStub, folder: Path, **settings: str) -> Middleware:
    """Return a middleware that is not served yet."""
    site = {"ERPNEXT_URL": stub.url, "ERPNEXT_API_KEY": KEY, "ERPNEXT_API_SECRET": SECRET}
    return Middleware(folder, {**site, "WEBHOOK_SECRET": "hush", "UPSTREAM_TIMEOUT": "1", **settings})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FrappeStub, Middleware]]:
    """A stub and the middleware in front of it, for tests that leave both as they were."""
    with FrappeStub() as listening:
        middleware = in_front_of(listening, tmp_path_factory.mktemp("shared") / "data").start()
        try:
            yield listening, middleware
        finally:
            middleware.close()


@pytest.fixture
def stub(shared: tuple[FrappeStub, Middleware]) -> FrappeStub:
    """The shared stub, well again."""
    shared[0].reset()
    return shared[0]


@pytest.fixture
def phone(shared: tuple[FrappeStub, Middleware], stub: FrappeStub) -> Iterator[Client]:
    """A phone at the shared middleware; an order at the end shows it that the site is well again."""
    with shared[1].client() as client:
        yield client
        stub.reset()
        assert client.post("/api/orders", ORDER).status == 200


@pytest.fixture
def own_stub() -> Iterator[FrappeStub]:
    with FrappeStub() as listening:
        yield listening


@pytest.fixture
def start(own_stub: FrappeStub, tmp_path: Path) -> Iterator[Callable[..., Middleware]]:
    """Start a middleware of one's own in front of ``own_stub``; it is ended with the test."""
    started: list[Middleware] = []

    def start_one(**settings: str) -> Middleware:
        started.append(in_front_of(own_stub, tmp_path / "data", **settings))
        return started[-1].start()

    yield start_one
    for each in started:
        each.close()


def on(method: str, doctype: str, said: Said) -> Callable[[Asked], Said | None]:
    """Return what answers one kind of request so."""
    return lambda asked: said if (asked.method, asked.path) == (method, f"/api/resource/{doctype}") else None


def check_error(answer: Answer, status: int, error: str) -> None:
    """The envelope is ours, a person can read it, and nothing of the site's inside is in it."""
    assert (answer.status, answer.json["success"]) == (status, False), answer.text
    assert error in answer.json["error"]
    assert not [word for word in NOTHING_INSIDE if word in answer.text]


def test_all_products_come_over_all_pages(start: Callable[..., Middleware], own_stub: FrappeStub) -> None:
    with start().client() as phone:
        found = phone.get("/api/products").json
        phone.get("/api/products")
    assert found["success"] is True
    assert len(found["products"]) == ITEMS
    assert len({product["item_code"] for product in found["products"]}) == ITEMS
    fields = ["item_code", "item_name", "standard_rate", "image", "item_group", "description"]
    assert list(found["products"][0]) == fields
    asked = own_stub.asked[0]
    assert json.loads(asked.query["filters"]) == [["show_in_website", "=", 1], ["disabled", "=", 0]]
    assert asked.headers["authorization"] == f"token {KEY}:{SECRET}"
    assert own_stub.count("GET", "Item") == 4  # Three pages, and the empty one that ends them.


def test_an_order_is_one_insert_that_is_submitted(phone: Client, stub: FrappeStub) -> None:
    answer = phone.post("/api/orders", ORDER, headers={"Idempotency-Key": "key-insert"})
    assert answer.json == {"success": True, "order_id": "SAL-ORD-2026-00001", "total": 160.0}
    (asked,) = stub.asked
    assert asked.headers["idempotency-key"] == "key-insert"
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
    answer = phone.post("/api/orders", ORDER, headers={"Idempotency-Key": "key-cut"})
    assert answer.json == {"success": True, "order_id": "SAL-ORD-2026-00001", "total": 160.0}
    assert len(stub.orders) == 1


def test_a_slow_site_is_given_up_in_time_and_the_order_is_made_once(phone: Client, stub: FrappeStub) -> None:
    stub.misbehave = on("POST", "Sales%20Order", Said(is_late=True, body=b"{}"))
    key = {"Idempotency-Key": unique("slow")}
    check_error(phone.post("/api/orders", ORDER, headers=key), 504, "not known whether it has your order")
    stub.misbehave = lambda _: None
    assert phone.post("/api/orders", ORDER, headers=key).status == 200
    again = phone.post("/api/orders", ORDER, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(stub.orders) == 1


def test_an_order_can_wait_for_a_site_that_is_down(phone: Client, stub: FrappeStub) -> None:
    stub.misbehave = lambda _: PROXY_502
    answer = phone.post("/api/orders", ORDER, headers={"Idempotency-Key": "key-wait", "Prefer": "respond-async"})
    assert (answer.status, answer.json["status"]) == (202, "queued")
    assert answer.headers["Location"] == "/api/orders/key-wait"
    assert phone.get("/api/orders/key-wait").json["status"] == "queued"
    stub.misbehave = lambda _: None

    def done() -> Any:
        told = phone.get("/api/orders/key-wait").json
        return told if told["status"] == "done" else None

    assert wait_for("the order", done, within_s=30)["order_id"] == "SAL-ORD-2026-00001"
    assert len(stub.orders) == 1


def test_the_catalogue_stays_while_the_site_is_ill_and_says_that_it_is_old(
    start: Callable[..., Middleware], own_stub: FrappeStub, tmp_path: Path
) -> None:
    mapping = tmp_path / "impatient.toml"
    default = (ROOT / "src" / "demitasse" / "middleware" / "mappings" / "scoopjoy.toml").read_text()
    mapping.write_text(default.replace("cache_s = 300", "cache_s = 0"))
    middleware = start(MAPPING_FILE=str(mapping))
    with middleware.client() as phone:
        fresh = phone.get("/api/products").json["products"]

        def stale_after_asking() -> Answer | None:
            answer = phone.get("/api/products")
            return answer if len(own_stub.asked) > asked else None

        for said in (
            HTML_500,
            LOGIN_PAGE,
            Said(body=b'{"data": [{"item_', cut_after=9),
            as_recorded("errors", "bad token"),
        ):
            asked = len(own_stub.asked)
            own_stub.misbehave = lambda _, said=said: said  # type: ignore[misc] # The loop's value, as it now is.
            stale = wait_for("an answer after the site was asked", stale_after_asking)
            assert (stale.status, stale.json["stale"], stale.json["products"]) == (200, True, fresh)
            assert stale.headers["Warning"].startswith("110")


def test_after_a_restart_the_catalogue_of_before_is_there_while_the_site_is_down(
    start: Callable[..., Middleware], own_stub: FrappeStub
) -> None:
    middleware = start()
    with middleware.client() as phone:
        fresh = phone.get("/api/products").json["products"]
        middleware.stop()
        own_stub.misbehave = lambda _: PROXY_502
        middleware.start()
        stale = phone.get("/api/products")
        assert (stale.status, stale.json["stale"], stale.json["products"]) == (200, True, fresh)
        check_error(phone.get("/api/stock"), 502, "Please try again")


def test_a_site_that_stays_ill_is_left_alone(start: Callable[..., Middleware], own_stub: FrappeStub) -> None:
    own_stub.misbehave = lambda _: PROXY_502
    with start().client() as phone:
        answer = [phone.post("/api/orders", ORDER) for _ in range(10)][-1]
        check_error(answer, 503, "cannot be reached")
        assert int(answer.headers["Retry-After"]) >= 1
        asked = len(own_stub.asked)
        phone.post("/api/orders", ORDER)
        assert len(own_stub.asked) == asked


def test_nothing_secret_stands_in_the_log(start: Callable[..., Middleware], own_stub: FrappeStub) -> None:
    middleware = start()
    own_stub.misbehave = lambda asked: Said(status=500, body=asked.headers["authorization"].encode())
    with middleware.client() as phone:
        phone.post("/api/orders", ORDER)
        phone.get("/api/products")
    assert "upstream.failed" in middleware.log
    assert SECRET not in middleware.log
    assert "hush" not in middleware.log
