"""A provider's addresses from its own document."""

from typing import Any

import pytest

from demitasse.connect.discovery import Discovery
from demitasse.connect.errors import Misconfigured
from demitasse.connect.model import AppSettings, Endpoints
from demitasse.connect.ports import Reply
from tests.unit.connect.plant import FakeProvider, reply

ISSUER = "https://provider.test"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/me",
}


def app(**endpoints: str) -> AppSettings:
    return AppSettings(
        name="App",
        provider_name="P",
        client_id="c",
        client_secret=None,
        endpoints=Endpoints(**endpoints),
        openid_configuration=f"{ISSUER}/.well-known/openid-configuration",
    )


def test_what_the_app_leaves_empty_is_found_and_what_it_says_is_kept() -> None:
    http = FakeProvider()
    http.answers(reply(**DOCUMENT))
    found = Discovery(http).endpoints_of(app(token_uri="https://own.test/token"), needed="authorization_uri")
    assert (found.authorization_uri, found.token_uri) == (f"{ISSUER}/auth", "https://own.test/token")
    assert (found.userinfo_uri, found.revocation_uri) == (f"{ISSUER}/me", "")


def test_the_document_is_asked_only_where_it_is_needed_and_remembered() -> None:
    http = FakeProvider()
    http.answers(reply(**DOCUMENT))
    discovery = Discovery(http)
    discovery.endpoints_of(app(token_uri="https://own.test/token"), needed="token_uri")
    assert http.asked == []
    for _ in range(3):
        discovery.endpoints_of(app(), needed="token_uri")
    assert len(http.asked) == 1


def test_an_issuer_stands_for_its_document() -> None:
    http = FakeProvider()
    http.answers(reply(**DOCUMENT))
    Discovery(http).read(f" {ISSUER}/ ")
    assert http.asked[0].url == f"{ISSUER}/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "answer",
    [reply(404), reply(200), Reply(status=200, body=b"<html>"), reply(token_endpoint=7), reply(302, **DOCUMENT)],
)
def test_what_is_no_document_is_refused(answer: Reply) -> None:
    http = FakeProvider()
    http.answers(answer)
    with pytest.raises(Misconfigured, match="no OpenID configuration"):
        Discovery(http).read(ISSUER)


def test_another_issuer_s_document_is_refused() -> None:
    http = FakeProvider()
    other: dict[str, Any] = {**DOCUMENT, "issuer": "https://evil.test"}
    http.answers(reply(**other))
    with pytest.raises(Misconfigured, match="another issuer"):
        Discovery(http).read(ISSUER)
