"""Server-sent events, for those who have HTTP only: the same messages, and the browser's own way of coming back."""

import json
from collections.abc import Iterator
from typing import Any

import requests

from tests.e2e.middleware.plant import Shop
from tests.e2e.site import Client


def messages(stream: requests.Response) -> Iterator[dict[str, Any]]:
    """Yield what a stream tells, each with the id that the browser would keep."""
    event_id = None
    for line in stream.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield {**json.loads(line.removeprefix("data: ")), "id": event_id}


def test_a_stream_that_comes_back_is_told_what_it_missed_and_nothing_twice(shop: Shop, phone: Client) -> None:
    url = f"{shop.middleware.url}/events?topic=stock:IC-SHK-COFFEE"
    left = shop.stock("IC-SHK-COFFEE")["projected_qty"]
    with requests.get(url, stream=True, timeout=15) as stream:
        heard = messages(stream)
        assert next(message for message in heard if message["type"] == "up-to-date")
        assert shop.order(phone, "IC-SHK-COFFEE").status == 200
        update = next(message for message in heard if message["type"] == "stock_update")
    assert update["projected_qty"] == left - 1
    assert update["id"] == update["seq"]
    with requests.get(f"{shop.middleware.url}/events?topic=stock:IC-SHK-COFFEE", stream=True, timeout=15) as other:
        witness = messages(other)
        assert next(message for message in witness if message["type"] == "up-to-date")
        for _ in range(3):
            assert shop.order(phone, "IC-SHK-COFFEE").status == 200
        while next(message for message in witness if message["type"] == "stock_update")["projected_qty"] != left - 4:
            pass
    with requests.get(url, stream=True, timeout=15, headers={"Last-Event-ID": update["id"]}) as stream:
        missed = []
        for message in messages(stream):
            if message["type"] == "up-to-date":
                break
            missed.append(message["projected_qty"])
    assert missed[-1] == left - 4
    assert missed == sorted(set(missed), reverse=True)
    assert left - 1 not in missed


def test_a_cursor_of_another_life_makes_the_phone_fetch_anew(shop: Shop) -> None:
    url = f"{shop.middleware.url}/events?topic=stock&since=gone-17"
    with requests.get(url, stream=True, timeout=15) as stream:
        first = next(message for message in messages(stream) if "type" in message)
    assert (first["type"], first["reason"]) == ("must-refetch", "too_old")


def test_a_stream_names_its_topics(shop: Shop) -> None:
    assert requests.get(f"{shop.middleware.url}/events", timeout=10).status_code == 403
    assert requests.get(f"{shop.middleware.url}/events?topic=secrets", timeout=10).status_code == 403
