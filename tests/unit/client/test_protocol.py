import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.client import protocol
from demitasse.client.errors import UnusableName
from demitasse.client.model import Credentials, Shape


def test_a_list_is_asked_for_with_its_limits() -> None:
    request = protocol.list_request(
        "Sales Order", fields=["name", "total"], filters=[["total", ">", 5]], order_by="name asc", limit_page_length=50
    )

    assert request.method == "GET"
    assert request.path == "/api/resource/Sales%20Order"
    assert dict(request.query) == {
        "fields": '["name","total"]',
        "filters": '[["total",">",5]]',
        "order_by": "name asc",
        "limit_start": "0",
        "limit_page_length": "50",
    }
    assert request.is_safe
    assert (request.key, request.shape) == ("data", Shape.ROWS)


def test_filters_too_long_for_a_url_are_posted() -> None:
    names = [f"ITEM-{number:05}" for number in range(1000)]

    request = protocol.list_request("Item", filters={"name": ["in", names]}, limit_page_length=0)

    assert (request.method, request.path) == ("POST", "/api/method/frappe.client.get_list")
    assert json.loads(request.body)["filters"] == {"name": ["in", names]}
    assert json.loads(request.body)["limit_page_length"] == 0
    assert request.is_safe
    assert (request.key, request.shape) == ("message", Shape.ROWS)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("A/B", "/api/resource/Item/A%2FB"),
        ("50% off #1", "/api/resource/Item/50%25%20off%20%231"),
        ("Crème?", "/api/resource/Item/Cr%C3%A8me%3F"),
        ("%2F", "/api/resource/Item/%252F"),
        (7, "/api/resource/Item/7"),
    ],
)
def test_a_name_is_encoded_once(name: str | int, path: str) -> None:
    assert protocol.get_request("Item", name).target == path


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_a_url_would_lose_is_refused(name: str) -> None:
    with pytest.raises(UnusableName):
        protocol.delete_request("Item", name)


@given(st.text(min_size=1).filter(lambda text: text not in {".", ".."} and text.isprintable()))
def test_any_other_name_stays_one_segment(name: str) -> None:
    assert protocol.get_request("Item", name).path.count("/") == 4


def test_a_write_carries_its_key_and_is_not_safe() -> None:
    request = protocol.insert_request("Lead", {"lead_name": "Ann"}, idempotency_key="k1")

    assert ("Idempotency-Key", "k1") in request.headers
    assert json.loads(request.body) == {"lead_name": "Ann"}
    assert not request.is_safe


def test_submit_and_cancel_set_the_docstatus() -> None:
    assert json.loads(protocol.submit_request("Sales Order", "SO-1").body) == {"docstatus": 1}
    assert json.loads(protocol.cancel_request("Sales Order", "SO-1").body) == {"docstatus": 2}


def test_a_call_by_get_writes_its_arguments_as_json_into_the_query() -> None:
    request = protocol.call_request("app.api.find", {"text": "a b", "tags": ["x"], "limit": 3}, method="GET")

    assert request.target == "/api/method/app.api.find?text=a%20b&tags=%5B%22x%22%5D&limit=3"
    assert request.is_safe


def test_a_call_by_post_is_not_safe() -> None:
    assert not protocol.call_request("app.api.pay", {"amount": 3}).is_safe


def test_credentials_are_not_shown() -> None:
    credentials = Credentials(api_key="key", api_secret="hush", access_token="whisper")

    assert "hush" not in repr(credentials)
    assert "whisper" not in repr(credentials)


def test_secrets_that_an_answer_repeats_are_hidden() -> None:
    credentials = Credentials(api_key="key", api_secret="hush")

    assert credentials.hide_in(b"Authorization: token key:hush / Basic a2V5Omh1c2g=") == (
        b"Authorization: token key:*** / Basic ***"
    )
