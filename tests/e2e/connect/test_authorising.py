"""Connecting an account at a real provider, and everything that may go wrong on the way."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.connect.conftest import APP, CALLBACK, LOGIN_CALLBACK, METHODS, SCOPES, Shop
from tests.e2e.connect.provider import POST_CLIENT_ID, PUBLIC_CLIENT_ID
from tests.e2e.webhooks import unique

ASHA, RAVI = "asha@shop.test", "ravi@shop.test"


def test_a_person_connects_with_a_link_and_is_told_as_whom(shop: Shop) -> None:
    name = unique("First")
    shop.add_app(name)
    browser = shop.browser(ASHA)
    there = shop.begin(browser, name, success_uri="/app/todo?x=1")
    query = parse_qs(urlsplit(there).query)
    assert there.startswith(f"{shop.provider.issuer}/auth?")
    assert query["redirect_uri"] == [shop.site.url + LOGIN_CALLBACK]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == [" ".join(SCOPES)]
    assert query["prompt"] == ["consent"]
    assert len(query["state"][0]) >= 43
    back = shop.person("asha").agree(there)
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/app/todo?x=1")

    status = shop.status(browser, name)
    assert (status["connected"], status["needs_reauthorise"], status["connected_as"]) == (
        True,
        False,
        "asha@provider.test",
    )
    assert sorted(status["scopes_granted"]) == sorted(SCOPES)
    assert status["scopes_missing"] == []
    assert status["can_refresh"]
    assert len(shop.call(browser, "token", name=name)) == 16
    has = browser.get(f"/api/method/{METHODS}.has_token", connected_app=name)
    assert has.json()["message"] is True
    # With a refresh token in hand nobody is asked again; without one the provider has to ask, or it gives none.
    assert "prompt" not in parse_qs(urlsplit(shop.begin(browser, name)).query)


def test_frappe_s_own_callback_path_is_computed_where_none_is_given(shop: Shop) -> None:
    shop.add_app("Computed", redirect_uri=None)
    browser = shop.browser(RAVI)
    there = shop.begin(browser, "Computed", success_uri="/done")
    assert parse_qs(urlsplit(there).query)["redirect_uri"] == [f"{shop.site.url}{CALLBACK}/Computed"]
    back = shop.person("ravi").agree(there)
    assert back.startswith(f"{shop.site.url}{CALLBACK}/Computed?")
    assert browser.get(back).headers["Location"] == "/done"
    assert shop.status(browser, "Computed")["connected"]


def test_a_given_redirect_uri_is_kept_to_the_byte_over_saves(shop: Shop) -> None:
    given = "https://Shop.Example/api/method/frappe.integrations.oauth2_logins.login_via_oauth2?a=%2F&b"
    name = unique("Kept")
    shop.add_app(name, redirect_uri=given)
    for note in ("one", "two"):
        shop.admin.put(f"/api/resource/Connected App/{name}", {"provider_name": note})
    assert shop.admin.get(f"/api/resource/Connected App/{name}").data["redirect_uri"] == given
    there = shop.begin(shop.browser(ASHA), name)
    assert parse_qs(urlsplit(there).query)["redirect_uri"] == [given]


def test_addresses_come_from_openid_discovery_where_they_are_empty(shop: Shop) -> None:
    name = unique("Found")
    shop.add_app(name, authorization_uri=None, token_uri=None, userinfo_uri=None, revoke_uri=None)
    browser = shop.connect(ASHA, app=name)
    assert shop.status(browser, name)["connected_as"] == "asha@provider.test"
    found = shop.admin.call(f"{METHODS}.get_openid_configuration", openid_configuration=shop.provider.issuer).message
    assert found["token_uri"] == f"{shop.provider.issuer}/token"
    assert found["revocation_uri"] == f"{shop.provider.issuer}/token/revocation"


@pytest.mark.parametrize("client_id", [POST_CLIENT_ID, PUBLIC_CLIENT_ID])
def test_a_client_is_named_in_the_way_that_the_provider_wants(shop: Shop, client_id: str) -> None:
    name = unique("Client")
    shop.add_app(name, client_id=client_id, **({"client_secret": None} if client_id == PUBLIC_CLIENT_ID else {}))
    assert shop.status(shop.connect(ASHA, app=name), name)["connected"]


def test_a_guest_logs_in_first_and_comes_back(shop: Shop) -> None:
    browser = shop.browser()
    first = browser.get(f"/api/method/{METHODS}.connect", name=APP, success_uri="/done")
    assert first.status_code == 302
    there = urlsplit(first.headers["Location"])
    assert there.path == "/login"
    [again] = parse_qs(there.query)["redirect-to"]
    assert again == f"/api/method/{METHODS}.connect?name={APP}&success_uri=%2Fdone"
    browser.log_in(RAVI)
    back = shop.person("ravi").agree(browser.get(again).headers["Location"])

    # The session is lost on the way: the callback sends to the login too, and uses nothing up.
    guest = shop.browser()
    sent = guest.get(back)
    assert (sent.status_code, urlsplit(sent.headers["Location"]).path) == (302, "/login")
    assert browser.get(back).headers["Location"] == "/done"


def test_a_denied_consent_is_told_and_keeps_what_was_granted(shop: Shop) -> None:
    browser = shop.connect(ASHA)
    before = shop.call(browser, "token", name=APP)
    back = shop.person("asha").deny(shop.begin(browser))
    assert "error=access_denied" in back
    answer = browser.get(back)
    assert answer.status_code == 403
    assert answer.json()["exc_type"] == "ConsentDeniedError"
    assert "access_denied" in answer.text
    assert shop.call(browser, "token", name=APP) == before
    # The authorisation is over: what comes later under its state is refused.
    assert browser.get(back).status_code == 400


def test_a_browser_is_told_on_a_page(shop: Shop) -> None:
    browser = shop.browser(ASHA)
    back = shop.person("asha").deny(shop.begin(browser))
    answer = browser.see(back)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "The Provider was not connected" in answer.text
    unknown = browser.see(LOGIN_CALLBACK, state="<script>alert(1)</script>", error="<b>x</b>")
    assert unknown.status_code == 400
    assert "<script>" not in unknown.text


@pytest.mark.parametrize("state", ["", "wrong", "A" * 43])
def test_a_wrong_state_is_refused(shop: Shop, state: str) -> None:
    browser = shop.browser(RAVI)
    back = shop.person("ravi").agree(shop.begin(browser))
    code = parse_qs(urlsplit(back).query)["code"][0]
    before = shop.provider.counted()["token"]
    answer = browser.get(LOGIN_CALLBACK, code=code, state=state)
    assert (answer.status_code, answer.json()["exc_type"]) == (400, "InvalidStateError")
    assert shop.provider.counted()["token"] == before  # The code was shown to nobody.


def test_a_missing_state_is_refused_whatever_is_stored(shop: Shop) -> None:
    answer = shop.browser(RAVI).get(LOGIN_CALLBACK, code="somebody-else-s-code")
    assert (answer.status_code, answer.json()["exc_type"]) == (400, "InvalidStateError")


def test_a_state_counts_once(shop: Shop) -> None:
    browser = shop.browser(ASHA)
    back = shop.person("asha").agree(shop.begin(browser, success_uri="/done"))
    assert browser.get(back).status_code == 302
    again = browser.get(back)
    assert (again.status_code, again.json()["exc_type"]) == (400, "InvalidStateError")
    assert shop.status(browser)["connected"]


def test_a_callback_in_another_users_session_is_refused_and_connects_nobody(shop: Shop) -> None:
    name = unique("Foreign")
    shop.add_app(name)
    asha, ravi = shop.browser(ASHA), shop.browser(RAVI)
    back = shop.person("mallory").agree(shop.begin(asha, name))
    answer = ravi.get(back)
    assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError")
    assert "another user" in answer.text
    assert not shop.status(ravi, name)["connected"]
    assert asha.get(back).status_code == 400
    assert not shop.status(asha, name)["connected"]


def test_a_callback_in_another_session_of_the_same_user_is_refused(shop: Shop) -> None:
    first, second = shop.browser(ASHA), shop.browser(ASHA)
    back = shop.person("asha").agree(shop.begin(first))
    answer = second.get(back)
    assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError")


def test_two_flows_of_one_user_side_by_side_both_work(shop: Shop) -> None:
    other = unique("Other")
    shop.add_app(other)
    browser = shop.browser(RAVI)
    flows = [shop.begin(browser, success_uri="/one"), shop.begin(browser, other, success_uri="/two")]
    flows.append(shop.begin(browser, success_uri="/three"))
    backs = [shop.person("ravi").agree(there) for there in reversed(flows)]
    assert [browser.get(back).headers["Location"] for back in backs] == ["/three", "/two", "/one"]
    assert shop.status(browser, other)["connected"]


def test_another_provider_s_answer_is_refused(shop: Shop) -> None:
    browser = shop.browser(ASHA)
    back = shop.person("asha").agree(shop.begin(browser))
    assert "iss=" in back
    code, state = (parse_qs(urlsplit(back).query)[key][0] for key in ("code", "state"))
    answer = browser.get(LOGIN_CALLBACK, code=code, state=state, iss="https://evil.example")
    assert (answer.status_code, answer.json()["exc_type"]) == (403, "PermissionError")


@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/ok\r\nX: y", "http:evil"],
)
def test_nobody_is_sent_to_another_site_afterwards(shop: Shop, uri: str) -> None:
    browser = shop.browser(ASHA)
    answer = browser.get(f"/api/method/{METHODS}.connect", name=APP, success_uri=uri)
    assert answer.status_code == 417
    assert "success_uri" in answer.text


def test_a_page_of_this_site_may_be_given_whole(shop: Shop) -> None:
    browser = shop.browser(ASHA)
    back = shop.person("asha").agree(shop.begin(browser, success_uri=f"{shop.site.url}/app"))
    assert browser.get(back).headers["Location"] == f"{shop.site.url}/app"


def test_the_flow_begins_from_the_document_too_and_for_nobody_else(shop: Shop) -> None:
    path = f"/api/v2/document/Connected App/{APP}/method/initiate_web_application_flow"
    begun = shop.admin.post(path, {"success_uri": "/done"})
    assert begun.status == 200, begun.text
    back = shop.person("boss").agree(begun.json["data"])
    answer = shop.admin.get(back.removeprefix(shop.site.url))
    assert (answer.status, answer.headers["Location"]) == (302, "/done")
    for_another = shop.admin.post(path, {"user": ASHA})
    assert (for_another.status, "send them" in for_another.text) == (403, True)


def test_connections_of_others_are_for_system_managers(shop: Shop) -> None:
    shop.connect(ASHA)
    ravi = shop.browser(RAVI)
    for function, arguments in (
        ("get_connections", {"user": ASHA}),
        ("get_connections", {"all_users": "1"}),
        ("has_token", {"connected_app": APP, "connected_user": ASHA}),
    ):
        assert ravi.get(f"/api/method/{METHODS}.{function}", **arguments).status_code == 403
    listed = ravi.get("/api/resource/Token Cache", fields=json.dumps(["*"])).json()["data"]
    assert all(row["user"] == RAVI for row in listed)
    told = shop.admin.get(f"/api/method/{METHODS}.get_connections", params={"all_users": "1", "name": APP}).message
    assert ASHA in {row["user"] for row in told}


def test_redirects_of_apps_are_answered(shop: Shop) -> None:
    answer = shop.browser(ASHA).get("/api/method/linked.api.redirect", location="/app/x y\r\nSet-Cookie: a=b")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/app/x%20y%0D%0ASet-Cookie:%20a=b"
    assert "Set-Cookie" not in answer.headers
