"""Phones come back: no update is lost, none is shown twice, and the last state is right, whatever is killed."""

from collections.abc import Callable
from pathlib import Path

from tests.e2e.middleware.node_phone import NodePhone, running_phone
from tests.e2e.middleware.plant import Shop
from tests.e2e.redis_server import running_redis
from tests.e2e.site import Client

LATE_S = 35.0
"""A site that met a dead middleware leaves it alone for about 15 s."""


def order_some(shop: Shop, client: Client, count: int) -> None:
    """Order one at a time, each as often as it takes under its own key."""
    for _ in range(count):
        assert shop.order(client).status == 200


def check_shown(phone: NodePhone) -> None:
    """Only orders change this stock, so what is pushed gets less each time: nothing came twice, and nothing late."""
    pushed = phone.pushes()
    assert pushed == sorted(set(pushed), reverse=True)


def test_a_killed_middleware_s_phones_come_back_to_the_last_state(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop().start()
    middleware = shop.middleware
    before = shop.stock()["projected_qty"]
    with running_phone(middleware.url) as phone, middleware.client() as client:
        phone.wait_until_current()
        order_some(shop, client, 5)
        phone.wait_for_left(before - 5)
        middleware.kill()
        with shop.site.client() as owner:  # The shop sells on, past the middleware.
            row = {"item_code": "IC-CONE-VAN", "qty": 2, "warehouse": "Stores - SJF"}
            sold = {"customer": "Asha Rao", "company": "ScoopJoy Foods Pvt Ltd", "docstatus": 1, "items": [row]}
            assert owner.post("/api/resource/Sales Order", sold).status == 200
        middleware.start()
        phone.wait_for_left(before - 7, within_s=LATE_S)
        phone.wait_until_current(2)
        order_some(shop, client, 3)
        phone.wait_for_left(before - 10, within_s=LATE_S)
        check_shown(phone)
    assert shop.stock()["projected_qty"] == before - 10


def test_a_killed_site_loses_no_update_and_repeats_none(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop().start()
    before = shop.stock()["projected_qty"]
    taken = 0
    with running_phone(shop.middleware.url) as phone, shop.middleware.client() as client:
        phone.wait_until_current()
        for _ in range(2):
            for _ in range(4):
                taken += shop.order(client).status == 200
            shop.site.kill()
            assert shop.order(client).status in {502, 503, 504}
            shop.site.start()
        left = shop.stock()["projected_qty"]
        assert left == before - taken
        phone.wait_for_left(left, within_s=LATE_S)
        check_shown(phone)
    assert shop.order(shop.middleware.client()).status == 200


def test_an_order_under_a_key_is_made_once_through_kills_of_everything(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop().start()
    before = len(shop.orders())
    keys = [{"Idempotency-Key": f"order-{number}"} for number in range(5)]
    with shop.middleware.client() as client:
        first = [shop.order(client, headers=key) for key in keys]
        assert [answer.status for answer in first] == [200] * 5
        shop.middleware.kill()
        shop.site.kill()
        shop.middleware.start()
        shop.site.start()
        for key, answer in zip(keys, first, strict=True):
            again = shop.order(client, headers=key)
            assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
            assert again.json == answer.json
    assert len(shop.orders()) == before + 5


def test_through_redis_a_phone_goes_on_at_another_process_where_it_was(
    open_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    with running_redis(tmp_path) as redis:
        shop = open_shop(REDIS_URL=redis.url).start()
        other = shop.another().start()
        try:
            before = shop.stock()["projected_qty"]
            with (
                running_phone(shop.middleware.url) as steady,
                running_phone(other.url, shop.middleware.url) as moving,
                shop.middleware.client() as client,
            ):
                steady.wait_until_current()
                moving.wait_until_current()
                order_some(shop, client, 5)
                moving.wait_for_left(before - 5)
                other.kill()
                order_some(shop, client, 5)
                moving.wait_for_left(before - 10)
                steady.wait_for_left(before - 10)
                assert moving.count("refetch") == 0
                assert moving.pushes() == steady.pushes()
                check_shown(moving)
        finally:
            other.close()


def test_a_killed_redis_makes_phones_fetch_anew_and_go_on(open_shop: Callable[..., Shop], tmp_path: Path) -> None:
    with running_redis(tmp_path) as redis:
        shop = open_shop(REDIS_URL=redis.url).start()
        other = shop.another().start()
        try:
            before = shop.stock()["projected_qty"]
            with (
                running_phone(shop.middleware.url) as first,
                running_phone(other.url) as second,
                shop.middleware.client() as client,
            ):
                first.wait_until_current()
                second.wait_until_current()
                order_some(shop, client, 4)
                for phone in (first, second):
                    phone.wait_for_left(before - 4)
                redis.kill()
                order_some(shop, client, 4)  # Orders need no Redis.
                redis.start()
                for phone in (first, second):
                    phone.wait_for_left(before - 8, within_s=LATE_S)
                order_some(shop, client, 2)
                for phone in (first, second):
                    phone.wait_for_left(before - 10, within_s=LATE_S)
                    check_shown(phone)
        finally:
            other.close()
