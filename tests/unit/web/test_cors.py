"""Which origins are let in, and with what."""

import pytest

from demitasse.web.cors import headers

SHOP = b"https://shop.example.com"
LISTED = ("https://shop.example.com",)


def test_a_listed_origin_may_send_credentials() -> None:
    told = dict(headers("GET", [(b"origin", SHOP)], allowed=LISTED))

    assert told[b"access-control-allow-origin"] == SHOP
    assert told[b"access-control-allow-credentials"] == b"true"


@pytest.mark.parametrize(
    "origin", [b"https://evil.example.com", b"https://shop.example.com.evil.com", b"null", b"\xff"]
)
def test_another_origin_is_not_let_in(origin: bytes) -> None:
    told = headers("GET", [(b"origin", origin)], allowed=LISTED)

    assert told == [(b"vary", b"Origin")]


def test_everybody_is_let_in_without_credentials() -> None:
    told = dict(headers("GET", [(b"origin", b"https://any.example.com")], allowed=("*",)))

    assert told[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in told


def test_a_preflight_is_told_methods_and_the_headers_it_asks_for() -> None:
    asked = [
        (b"origin", SHOP),
        (b"access-control-request-method", b"PATCH"),
        (b"access-control-request-headers", b"authorization, x-more"),
    ]
    told = dict(headers("OPTIONS", asked, allowed=LISTED))

    assert b"PATCH" in told[b"access-control-allow-methods"]
    assert told[b"access-control-allow-headers"] == b"authorization, x-more"


def test_a_request_of_no_page_gets_nothing_but_vary() -> None:
    assert headers("GET", [], allowed=LISTED) == [(b"vary", b"Origin")]
