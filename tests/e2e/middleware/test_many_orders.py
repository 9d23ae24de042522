"""Many phones order at once while everything is killed: each order is made once, and the stock is exactly reserved."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.e2e.middleware.plant import Shop
from tests.e2e.waiting import wait_for

PHONES = 4
ORDERS_EACH = 6
PATIENCE_S = 40.0


def test_each_order_is_made_once_whatever_is_killed(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(UPSTREAM_TIMEOUT="5").start()
    before = shop.stock()
    done = threading.Event()

    def order_all(phone: int) -> list[dict[str, Any]]:
        with shop.middleware.client() as client:
            return [_order(shop, client, f"phone-{phone}-{number}") for number in range(ORDERS_EACH)]

    def kill_all() -> None:
        for killed in (shop.middleware, shop.site):
            done.wait(0.3)
            killed.kill()
            killed.start()

    with ThreadPoolExecutor(PHONES + 1) as threads:
        killing = threads.submit(kill_all)
        answers = [answer for phone in threads.map(order_all, range(PHONES)) for answer in phone]
        done.set()
        killing.result()
    names = [answer["order_id"] for answer in answers]
    assert len(set(names)) == PHONES * ORDERS_EACH
    with shop.site.client() as owner:
        params = {"limit_page_length": "0", "fields": json.dumps(["name", "docstatus", "custom_mobile_order"])}
        made = owner.get("/api/resource/Sales Order", params=params).data
    assert sorted(row["name"] for row in made) == sorted(names)
    assert {row["docstatus"] for row in made} == {1}
    assert len({row["custom_mobile_order"] for row in made}) == len(made)
    reserved = shop.stock()["reserved_qty"] - before["reserved_qty"]
    assert reserved == PHONES * ORDERS_EACH


def test_what_waits_goes_out_once_though_the_middleware_is_killed_meanwhile(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop().start()
    before = len(shop.orders())
    shop.site.kill()
    with shop.middleware.client() as client:
        for number in range(5):
            answer = shop.order(client, order_id=f"waits-{number}", queue=True)
            assert (answer.status, answer.json["status"]) == (202, "queued")
    shop.middleware.kill()
    shop.site.start()
    shop.middleware.start()
    with shop.middleware.client() as client:

        def states() -> bool:
            told = [client.get(f"/api/orders/waits-{number}").json["status"] for number in range(5)]
            return told == ["done"] * 5

        wait_for("all five orders", states, within_s=PATIENCE_S)
    assert len(shop.orders()) == before + 5
    assert shop.middleware.stop() == 0


def _order(shop: Shop, client: Any, key: str) -> dict[str, Any]:
    """Order as an app does: under one key, until there is an answer."""
    until = time.monotonic() + PATIENCE_S
    last: Any = None
    while time.monotonic() < until:
        try:
            last = shop.order(client, headers={"Idempotency-Key": key})
        except requests.RequestException as error:
            last = error
        else:
            if last.status == 200:
                return dict(last.json)
            assert last.status in {409, 502, 503, 504}, last.text
        time.sleep(0.1)
    message = f"{key} was not taken: {last}"
    raise AssertionError(message)
