"""What is said to a provider, and what its answers mean."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from demitasse.connect.errors import ConnectError, GrantRefused, Misconfigured, ProviderUnavailable
from demitasse.connect.model import AppSettings, Endpoints
from demitasse.connect.ports import Reply
from demitasse.connect.protocol import Provider
from demitasse.connect.speaking import Styles
from tests.unit.connect.plant import START, FakeProvider, gives, reply

ENDPOINTS = Endpoints(
    authorization_uri="https://provider.test/auth?tenant=1",
    token_uri="https://provider.test/token",
    revocation_uri="https://provider.test/revoke",
    userinfo_uri="https://provider.test/me",
)
WRONG_CLIENT = reply(401, error="invalid_client")


def provider(
    http: FakeProvider, *, endpoints: Endpoints = ENDPOINTS, styles: Styles | None = None, **more: Any
) -> Provider:
    given: dict[str, Any] = {"client_id": "a client", "client_secret": "s%c:et", "scopes": ("openid", "x"), **more}
    app = AppSettings(name="App", provider_name="The Provider", **given)
    return Provider(app, endpoints, http=http, styles=styles or Styles(), clock=lambda: START)


def test_the_authorization_address_holds_what_guards_the_flow_whatever_the_app_adds() -> None:
    extra = (("access_type", "offline"), ("state", "evil"), ("code_challenge_method", "plain"), ("redirect_uri", "x"))
    url = provider(FakeProvider(), query_parameters=extra).authorization_url(
        state="the-state",
        verifier="v" * 64,
        nonce="the-nonce",
        redirect_uri="https://shop.test/cb?a=1",
        scopes=("openid", "x"),
        asks_consent=True,
    )
    query = parse_qs(urlsplit(url).query)
    assert query == {
        "tenant": ["1"],
        "response_type": ["code"],
        "client_id": ["a client"],
        "redirect_uri": ["https://shop.test/cb?a=1"],
        "scope": ["openid x"],
        "state": ["the-state"],
        "nonce": ["the-nonce"],
        "prompt": ["consent"],
        "access_type": ["offline"],
        "code_challenge": query["code_challenge"],
        "code_challenge_method": ["S256"],
    }


def test_what_the_app_says_of_the_prompt_counts() -> None:
    url = provider(FakeProvider(), query_parameters=(("prompt", "select_account consent"),)).authorization_url(
        state="s", verifier="v" * 64, nonce="n", redirect_uri="https://x", scopes=(), asks_consent=True
    )
    assert parse_qs(urlsplit(url).query)["prompt"] == ["select_account consent"]
    assert "nonce" not in url


def test_the_client_is_named_by_basic_first_and_in_the_form_where_that_is_not_known() -> None:
    http, styles = FakeProvider(), Styles()
    http.answers(WRONG_CLIENT, gives("one"))
    assert provider(http, styles=styles).refresh("r/1").access_token == "one"
    first, second = http.asked
    assert base64.b64decode(first.headers["Authorization"].removeprefix("Basic ")) == b"a+client:s%25c%3Aet"
    assert "client_secret" not in first.form
    assert second.form == {
        "grant_type": "refresh_token",
        "refresh_token": "r/1",
        "client_id": "a client",
        "client_secret": "s%c:et",
    }
    # What has worked is remembered, until it does not.
    assert provider(http, styles=styles).refresh("r/1").access_token == "one"
    assert len(http.asked) == 3
    http.answers(WRONG_CLIENT)
    with pytest.raises(Misconfigured, match="Client Secret"):
        provider(http, styles=styles).refresh("r/1")
    http.answers(gives("two"))
    provider(http, styles=styles).refresh("r/1")
    assert "Authorization" in http.asked[-1].headers


def test_a_public_client_has_no_secret_to_send() -> None:
    http = FakeProvider()
    http.answers(gives("one"))
    provider(http, client_secret=None).exchange("code", verifier="v", redirect_uri="https://x")
    assert http.asked[0].form == {
        "grant_type": "authorization_code",
        "redirect_uri": "https://x",
        "code": "code",
        "code_verifier": "v",
        "client_id": "a client",
    }


@pytest.mark.parametrize(
    ("expires_in", "expected"),
    [
        (3600, 3600.0),
        ("60", 60.0),
        (None, None),
        ("soon", None),
        (0, None),
        (-1, None),
        ([], None),
        (1e99, 315360000.0),
    ],
)
def test_a_life_is_seconds_or_unknown(expires_in: Any, expected: float | None) -> None:
    http = FakeProvider()
    http.answers(gives("one", expires_in=expires_in))
    found = provider(http).refresh("r")
    assert (found.expires_in, found.issued_at) == (expected, START)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400, error="invalid_grant"), GrantRefused),
        (reply(200, error="invalid_grant"), GrantRefused),
        (reply(401, error="invalid_client"), Misconfigured),
        (reply(401), Misconfigured),
        (reply(400, error="unauthorized_client"), Misconfigured),
        (reply(400, error="invalid_scope"), Misconfigured),
        (reply(500), ProviderUnavailable),
        (reply(503, error="invalid_grant_x"), ProviderUnavailable),
        (reply(429), ProviderUnavailable),
        (reply(400, error="temporarily_unavailable"), ProviderUnavailable),
        (reply(200), ProviderUnavailable),
        (reply(200, access_token=""), ProviderUnavailable),
        (Reply(status=200, body=b"<html>"), ProviderUnavailable),
        (Reply(status=200, body=b"[]"), ProviderUnavailable),
        (Reply(status=302, body=b""), ProviderUnavailable),
        (reply(404), ProviderUnavailable),
    ],
)
def test_every_refusal_has_its_meaning(answer: Reply, kind: type[ConnectError]) -> None:
    http = FakeProvider()
    http.answers(answer)
    with pytest.raises(kind):
        provider(http).refresh("r")


def test_what_cannot_have_been_done_is_asked_twice_and_a_timeout_is_not() -> None:
    http = FakeProvider()
    http.answers(reply(503), gives("one"))
    assert provider(http).refresh("r").access_token == "one"
    http.answers(ProviderUnavailable("refused", may_be_repeated=True), gives("two"))
    assert provider(http).refresh("r").access_token == "two"
    http.asked.clear()
    http.answers(ProviderUnavailable("in time"), gives("three"))
    with pytest.raises(ProviderUnavailable):
        provider(http).refresh("r")
    assert len(http.asked) == 1


def test_a_provider_that_repeats_secrets_is_not_quoted_with_them() -> None:
    http = FakeProvider()
    http.answers(
        reply(400, error="invalid_grant", error_description="no token refresh-secret for s%c:et or s%25c%3Aet")
    )
    with pytest.raises(GrantRefused) as caught:
        provider(http).refresh("refresh-secret")
    assert "refresh-secret" not in caught.value.message
    assert "c:et" not in caught.value.message
    assert "c%3Aet" not in caught.value.message
    assert "no token ***" in caught.value.message


def test_revocation_says_which_token_it_is() -> None:
    http = FakeProvider()
    http.answers(Reply(status=200, body=b""))
    provider(http).revoke("r", hint="refresh_token")
    assert http.asked[0].form == {"token": "r", "token_type_hint": "refresh_token"}
    http.answers(reply(503))
    with pytest.raises(ProviderUnavailable):
        provider(http).revoke("r", hint="refresh_token")


def test_userinfo_refuses_a_token_in_its_own_way() -> None:
    http = FakeProvider()
    http.answers(reply(sub="1"))
    assert provider(http).claims("token") == {"sub": "1"}
    assert http.asked[0].headers["Authorization"] == "Bearer token"
    http.answers(reply(401))
    with pytest.raises(GrantRefused):
        provider(http).claims("token")


def test_an_address_that_is_missing_is_named() -> None:
    with pytest.raises(Misconfigured, match="Token URI"):
        provider(FakeProvider(), endpoints=Endpoints()).client_credentials()


def test_the_app_s_own_token_is_asked_for_with_its_scopes() -> None:
    http = FakeProvider()
    http.answers(gives("own", scope="x"))
    assert provider(http).client_credentials().scopes == ("x",)
    assert http.asked[0].form == {"grant_type": "client_credentials", "scope": "openid x"}
    assert json.dumps(http.asked[0].form)
