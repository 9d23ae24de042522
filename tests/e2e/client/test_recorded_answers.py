"""The client reads each answer that a real Frappe site was recorded to give."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demitasse.client.errors import ClientError, SiteError, UnusableAnswer
from demitasse.client.model import ApiRequest, Shape
from demitasse.client.retrying import NO_RETRIES
from demitasse.client.site import FrappeClient
from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.replay import Recorded, recorded

FILES = ("list", "document", "method", "auth", "errors")
_UNSENT = frozenset({"HEAD", "OPTIONS"})
"""Methods that the client does not use."""
EXCHANGES = {
    exchange.key: exchange
    for file in FILES
    for exchange in recorded(file)
    if exchange.request["method"] not in _UNSENT and exchange.body != {}
}
_PAGE = b"<!DOCTYPE html><html><head><title>Server Error</title></head></html>"


@pytest.fixture(scope="module")
def peer() -> Iterator[Receiver]:
    """A stub that answers as was recorded; which exchange is asked for stands in a header."""

    def reply(arrived: Arrived) -> Reply:
        exchange = EXCHANGES[arrived.headers["x-recorded"]]
        if exchange.body is None:
            return Reply(status=exchange.status, body=_PAGE, headers={"Content-Type": "text/html"})
        body = json.dumps(exchange.body).encode()
        return Reply(status=exchange.status, body=body, headers={"Content-Type": "application/json"})

    with Receiver(reply=reply) as receiver:
        yield receiver


@pytest.mark.parametrize("exchange", [pytest.param(each, id=key) for key, each in EXCHANGES.items()])
def test_a_recorded_answer_is_understood(peer: Receiver, exchange: Recorded) -> None:
    key = "data" if "/resource/" in exchange.request["path"] else "message"
    request = ApiRequest(
        method=exchange.request["method"],
        path=exchange.request["path"],
        headers=(("X-Recorded", exchange.key),),
        key=key,
        shape=Shape.ANYTHING,
    )
    with FrappeClient(peer.url(""), retries=NO_RETRIES) as client:
        if exchange.status < 400 and exchange.body is not None:
            assert client.send(request) == exchange.body.get(key)
        else:
            assert_error(client, request, exchange)


def assert_error(client: FrappeClient, request: ApiRequest, exchange: Recorded) -> None:
    with pytest.raises(ClientError) as caught:
        client.send(request)
    told: Any = exchange.body
    if exchange.status < 400:
        assert isinstance(caught.value, UnusableAnswer)
        return
    assert isinstance(caught.value, SiteError)
    assert caught.value.status == exchange.status
    assert caught.value.exc_type == (told or {}).get("exc_type", "")
    assert "<" not in caught.value.message
