"""Secrets never reach a log."""

from typing import Any

import pytest

from demitasse.incoming.redaction import holds_secret, redact, scrub, secrets_in


@pytest.mark.parametrize("name", ["appid", "api_key", "Authorization", "password", "access_token", "X-Api-Key", "cvv"])
def test_names_of_secrets_are_known(name: str) -> None:
    assert holds_secret(name)


@pytest.mark.parametrize("name", ["city", "order_id", "units", "quantity", "Content-Type"])
def test_other_names_are_not(name: str) -> None:
    assert not holds_secret(name)


def test_secrets_are_hidden_at_any_depth_and_the_value_is_not_changed() -> None:
    value = {
        "user": "a",
        "password": "p",
        "rows": [{"token": 12345, "n": 1}],
        "secret": "",
        "auth": {"x": 1},
        "key": None,
    }
    before = repr(value)
    assert redact(value) == {
        "user": "a",
        "password": "***",
        "rows": [{"token": "***", "n": 1}],
        "secret": "",
        "auth": "***",
        "key": None,
    }
    assert repr(value) == before


def test_depth_is_bounded() -> None:
    value: Any = {"password": "deep"}
    for _ in range(100):
        value = {"in": [value]}
    assert "deep" not in repr(redact(value))
    assert secrets_in(value) == set()


def test_secrets_are_found_by_name() -> None:
    assert secrets_in({"appid": "k1", "q": "Mumbai", "more": [{"token": 7}], "auth": {"password": "p2"}}) == {
        "k1",
        "7",
        "p2",
    }


def test_a_secret_is_scrubbed_from_text_also_as_part_of_a_url() -> None:
    text = "GET /data?appid=a%2Fb+c&q=x failed: a/b c, a%2Fb%20c"
    assert scrub(text, {"a/b c"}) == "GET /data?appid=***&q=x failed: ***, ***"
    assert scrub("abc", {"a", ""}) == "abc"
    assert scrub("secret-longer secret", {"secret", "secret-longer"}) == "*** ***"
