"""What an app puts into its public folder is served, and nothing beside it."""

import pytest

from tests.e2e.site import Client, ServedSite


def test_every_item_s_image_can_be_fetched(shop: ServedSite, owner: Client) -> None:
    params = {"fields": '["item_code", "image"]', "limit_page_length": "0"}
    items = owner.get("/api/resource/Item", params=params).data
    with shop.guest() as guest:
        answers = [guest.get(item["image"]) for item in items]

    assert len(items) == 14
    assert {(answer.status, answer.headers["content-type"]) for answer in answers} == {(200, "image/svg+xml")}


@pytest.mark.parametrize(
    "path",
    [
        "/assets/scoopjoy/../hooks.py",
        "/assets/scoopjoy/%2e%2e/hooks.py",
        "/assets/scoopjoy/nosuch.svg",
        "/assets/trade/x",
    ],
)
def test_what_is_not_public_is_not_served(shop: ServedSite, path: str) -> None:
    with shop.guest() as guest:
        assert guest.get(path).status == 404
