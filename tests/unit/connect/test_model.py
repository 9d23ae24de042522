"""The rules of connections that need nothing but values."""

from datetime import timedelta

import pytest

from demitasse.connect.errors import UnsafeAddress
from demitasse.connect.model import (
    Tokens,
    account_of,
    leeway_s,
    missing_scopes,
    origin_of,
    plain_text,
    safe_success_uri,
    scrub,
    split_scopes,
)
from tests.unit.connect.plant import START


def tokens(**more: object) -> Tokens:
    given = {"access_token": "a", "refresh_token": "r", "expires_in": 3600.0, "scopes": None, "issued_at": START}
    return Tokens(**{**given, **more})  # type: ignore[arg-type] # the test's own values


@pytest.mark.parametrize(("lifetime_s", "expected"), [(3600, 60), (600, 60), (300, 30), (3, 0.3), (0, 0), (-5, 0)])
def test_the_leeway_is_a_tenth_of_the_life_and_at_most_a_minute(lifetime_s: float, expected: float) -> None:
    assert leeway_s(lifetime_s) == pytest.approx(expected)


def test_a_token_of_three_seconds_is_not_stale_when_it_is_new() -> None:
    brief = tokens(expires_in=3.0)
    assert not brief.is_stale(START + timedelta(seconds=2))
    assert brief.is_stale(START + timedelta(seconds=2.8))
    assert not brief.is_expired(START + timedelta(seconds=2.8))
    assert brief.is_expired(START + timedelta(seconds=3))


def test_a_token_whose_end_nobody_knows_is_neither_expired_nor_for_ever() -> None:
    unknown = tokens(expires_in=None)
    assert unknown.expires_at is None
    assert not unknown.is_expired(START + timedelta(days=400))
    assert not unknown.is_stale(START + timedelta(minutes=59))
    assert unknown.is_stale(START + timedelta(minutes=60))
    assert not tokens(expires_in=None, refresh_token=None).is_stale(START + timedelta(days=400))


def test_what_a_refresh_does_not_say_is_as_it_was() -> None:
    older = tokens(refresh_token="old", scopes=("a", "b"))
    silent = tokens(access_token="new", refresh_token=None, scopes=None).after(older)
    assert (silent.access_token, silent.refresh_token, silent.scopes) == ("new", "old", ("a", "b"))
    told = tokens(refresh_token="newer", scopes=("a",)).after(older)
    assert (told.refresh_token, told.scopes) == ("newer", ("a",))


def test_tokens_do_not_show_in_their_text() -> None:
    assert "SECRET" not in repr(tokens(access_token="SECRET", refresh_token="SECRET", id_token="SECRET"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a b", ("a", "b")), ("a,b  a", ("a", "b")), (["a", "b"], ("a", "b")), ("", ()), (None, None), (7, None)],
)
def test_scopes_come_as_text_or_as_a_list(value: object, expected: object) -> None:
    assert split_scopes(value) == expected


def test_what_only_asks_for_a_refresh_token_is_never_missing() -> None:
    assert missing_scopes(["a", "offline_access", "b"], ["a"]) == ("b",)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"sub": "1", "email": "a@b.test", "name": "A"}, ("a@b.test", "1")),
        ({"sub": "1", "name": " A \x00 B "}, ("A B", "1")),
        ({"id": 7, "name": "A"}, ("A", "7")),
        ({"sub": "1", "email": ""}, ("1", "1")),
        ({}, (None, None)),
    ],
)
def test_an_account_is_called_as_people_call_it(
    claims: dict[str, object], expected: tuple[str | None, str | None]
) -> None:
    assert account_of(claims) == expected


BASES = ["https://shop.test"]


@pytest.mark.parametrize(
    "uri", ["/app", "/app/todo?x=//y#z", "https://shop.test/app", "https://SHOP.test:443/", "", None]
)
def test_pages_of_this_site_are_safe(uri: str | None) -> None:
    assert safe_success_uri(uri, bases=BASES) == (uri or "")


@pytest.mark.parametrize(
    "uri",
    [
        "//evil.test",
        "/\\evil.test",
        "\\/evil.test",
        "https://evil.test",
        "https://shop.test.evil.test",
        "https://shop.test@evil.test/",
        "https://shop.test:8443/",
        "http://shop.test/",
        "javascript:alert(1)",
        "app",
        " /app",
        "/app\n",
        "https://[",
    ],
)
def test_other_sites_are_not_safe(uri: str) -> None:
    with pytest.raises(UnsafeAddress, match="success_uri"):
        safe_success_uri(uri, bases=[*BASES, ""])


def test_an_origin_has_its_port() -> None:
    assert origin_of("https://Shop.test/x") == origin_of("https://shop.test:443") == "https://shop.test:443"
    assert origin_of("ftp://shop.test") == origin_of("nonsense") == ""


def test_secrets_are_scrubbed_in_every_spelling() -> None:
    told = scrub("abc/d+ef abc%2Fd%2Bef a abc/d%2Bef", ["abc/d+ef", "a", None])
    assert "abc" not in told
    assert " a " in told  # One letter stands everywhere by chance.


def test_another_server_s_words_become_one_line() -> None:
    assert plain_text("a\r\n\x1b[31mb\u202e" + "c" * 400).startswith("a [31mb c")
    assert len(plain_text("c" * 400)) == 301
