"""Who is behind a proxy."""

from typing import Any

import pytest

from demitasse.settings.errors import InvalidSettings
from demitasse.web.proxies import TrustedProxies


def scope(peer: str, **headers: str) -> dict[str, Any]:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (peer, 1), "scheme": "http", "headers": sent}


def applied(peer: str, *trusted: str, **headers: str) -> tuple[str, str]:
    request = scope(peer, **headers)
    TrustedProxies(trusted).apply(request)
    return request["client"][0], request["scheme"]


def test_a_trusted_proxy_tells_who_asks_and_how() -> None:
    told = applied("10.0.0.1", "10.0.0.0/8", x_forwarded_for="203.0.113.7", x_forwarded_proto="https")

    assert told == ("203.0.113.7", "https")


def test_nobody_else_is_believed() -> None:
    told = applied("203.0.113.9", "10.0.0.0/8", x_forwarded_for="1.2.3.4", x_forwarded_proto="https")

    assert told == ("203.0.113.9", "http")


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("1.2.3.4, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("made up, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, nonsense", "10.0.0.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_is_the_client(chain: str, client: str) -> None:
    assert applied("10.0.0.1", "10.0.0.0/8", x_forwarded_for=chain)[0] == client


def test_a_scheme_that_is_none_is_not_taken() -> None:
    assert applied("10.0.0.1", "10.0.0.1", x_forwarded_proto="gopher")[1] == "http"


def test_what_is_no_address_is_refused_when_the_site_starts() -> None:
    with pytest.raises(InvalidSettings, match="trusted_proxies"):
        TrustedProxies(["proxy.example.com"])
