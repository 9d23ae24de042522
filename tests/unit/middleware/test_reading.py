"""From a phone's JSON to the values of a document."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demitasse.middleware.errors import Refusal
from demitasse.middleware.mapping import CreateRoute, Value
from demitasse.middleware.mapping_file import read_mapping
from demitasse.middleware.reading import fingerprint, key_in, read_document, read_values, set_values

ROUTE: CreateRoute = read_mapping(None).creates[0]
GOOD = {"customer": "Asha", "items": [{"sku": "IC-CONE-VAN", "qty": 2}], "outlet_id": "OUT-1"}


def test_an_order_becomes_a_document_s_values() -> None:
    order = {**GOOD, "items": [{"sku": "A", "qty": 2, "price": 10.5}, {"sku": "B", "qty": 0.5}], "debug": True}
    assert read_document(order, ROUTE) == {
        "customer": "Asha",
        "custom_outlet_id": "OUT-1",
        "items": [{"item_code": "A", "qty": 2, "rate": 10.5}, {"item_code": "B", "qty": 0.5}],
    }


def test_the_outlet_may_be_missing() -> None:
    assert "custom_outlet_id" not in read_document({"customer": "Asha", "items": GOOD["items"]}, ROUTE)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"customer": None}, "customer is missing"),
        ({"customer": "  "}, "customer is missing"),
        ({"customer": ["Asha"]}, "customer must be a text"),
        ({"customer": "x" * 141}, "customer is longer than 140"),
        ({"customer": "A\x00"}, "customer holds characters"),
        ({"items": None}, "items must be a list"),
        ({"items": []}, "items must be a list with at least one"),
        ({"items": {"sku": "A"}}, "items must be a list"),
        ({"items": ["A"]}, r"items\[0\] must be a JSON object"),
        ({"items": [{"sku": "A", "qty": 1}, {"qty": 1}]}, r"items\[1\].sku is missing"),
        ({"items": [{"sku": "A"}]}, r"items\[0\].qty is missing"),
        ({"items": [{"sku": "A", "qty": 0}]}, r"items\[0\].qty must be more than 0"),
        ({"items": [{"sku": "A", "qty": -1}]}, r"items\[0\].qty must be more than 0"),
        ({"items": [{"sku": "A", "qty": "2"}]}, r"items\[0\].qty must be a number"),
        ({"items": [{"sku": "A", "qty": True}]}, r"items\[0\].qty must be a number"),
        ({"items": [{"sku": "A", "qty": 1e300}]}, r"items\[0\].qty must be a number"),
        ({"items": [{"sku": "A", "qty": 1, "price": -1}]}, r"items\[0\].price must be at least 0"),
        ({"items": [{"sku": "A", "qty": 1}] * 201}, "items has 201 entries"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(Refusal, match=error) as caught:
        read_document({**GOOD, **changes}, ROUTE)
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [None, [], "order", 7])
def test_an_order_is_a_json_object(body: object) -> None:
    with pytest.raises(Refusal, match="must be a JSON object"):
        read_document(body, ROUTE)


def test_a_day_counts_in_the_shop_s_calendar() -> None:
    late = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    assert set_values(ROUTE, now=late, zone=ZoneInfo("Asia/Kolkata"))["delivery_date"] == "2026-11-29"
    assert set_values(ROUTE, now=late, zone=ZoneInfo("UTC"))["delivery_date"] == "2026-11-28"


def test_dates_flags_and_defaults_are_read() -> None:
    values = {
        "day": Value(source="day", type="date"),
        "gift": Value(source="gift", type="flag"),
        "count": Value(source="count", type="whole", default=1),
    }
    assert read_values({"day": "2026-02-28", "gift": True}, values) == {"day": "2026-02-28", "gift": 1, "count": 1}
    for bad in ({"day": "2026-02-30"}, {"day": 7}, {"gift": "yes"}, {"count": 1.5}):
        with pytest.raises(Refusal):
            read_values(bad, values)


def test_the_phone_s_own_id_is_found_under_any_of_its_names() -> None:
    names = ["client_order_id", "order_id"]
    assert key_in({"order_id": 17}, names) == "17"
    assert key_in({"client_order_id": "a", "order_id": "b"}, names) == "a"
    assert key_in({"client_order_id": ""}, names) is None
    with pytest.raises(Refusal, match="order_id"):
        key_in({"order_id": {"no": 1}}, names)


def test_the_same_order_has_the_same_fingerprint_however_its_keys_are_ordered() -> None:
    again = dict(reversed(list(GOOD.items())))
    assert fingerprint(read_document(GOOD, ROUTE)) == fingerprint(read_document(again, ROUTE))
    other = {**GOOD, "items": [{"sku": "IC-CONE-VAN", "qty": 3}]}
    assert fingerprint(read_document(GOOD, ROUTE)) != fingerprint(read_document(other, ROUTE))
