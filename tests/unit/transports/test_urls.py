from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.transports.errors import UnusableUrl
from demitasse.transports.urls import parse_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/Path", "https://example.com/Path"),
        ("http://example.com:80", "http://example.com/"),
        ("http://example.com:8080/a/b?c=d&e", "http://example.com:8080/a/b?c=d&e"),
        ("http://example.com:/a", "http://example.com/a"),
        ("http://example.com?q=1", "http://example.com/?q=1"),
        ("http://example.com#part", "http://example.com/"),
        ("http://example.com/a#part?x", "http://example.com/a"),
        ("  https://example.com/a ", "https://example.com/a"),
        ("https://example.com/a b/\u00fc?q=\u20ac%20", "https://example.com/a%20b/%C3%BC?q=%E2%82%AC%20"),
        ("https://example.com/\\evil", "https://example.com/%5Cevil"),
        ("https://example.com./", "https://example.com/"),
        ("http://127.1:9000/", "http://127.0.0.1:9000/"),
        ("http://[0::1]:9000/", "http://[::1]:9000/"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
    ],
)
def test_a_url_has_one_spelling(text: str, url: str) -> None:
    assert parse_url(text).url == url


def test_a_target_says_where_a_url_leads() -> None:
    target = parse_url("https://[::1]/x")
    assert (target.scheme, target.host, target.port) == ("https", IPv6Address("::1"), 443)
    assert target.authority == "[::1]:443"
    assert parse_url("http://0x7f000001:81").host == IPv4Address("127.0.0.1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/hook",
        "//example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http:example.com",
        "http:/example.com",
        "http://",
        "http:///path",
        "http://:80/",
        "http://?x",
    ],
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://@example.com/",
        "http://example.com\\@evil.example/",
        "http://example.com%40evil.example@x/",
    ],
)
def test_user_info_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl, match="user name"):
        parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com/\r\nX-Injected: 1",
        "http://example.com/\n",
        "http://exa\tmple.com/",
        "http://example.com/\x00",
        "http://example.com/\x7f",
        "http://example.com/\x85",
        "\nhttp://example.com/",
    ],
)
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(UnusableUrl, match="control"):
        parse_url(text)


@pytest.mark.parametrize("port", ["0", "65536", "99999", "000080000", "-1", "+80", "8a", "\u0661", "22", "25", "6667"])
def test_a_port_must_be_one_of_http(port: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_url(f"http://example.com:{port}/")


@pytest.mark.parametrize(
    "text", ["http://a b/", "http://a\\b/", "http://[::1/", "http://[::1]x/", "http://::1/", "http://a:80:80/"]
)
def test_an_impossible_host_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_url(text)


def test_an_endless_url_is_refused() -> None:
    with pytest.raises(UnusableUrl, match="longer"):
        parse_url("http://example.com/" + "a" * 9000)


def test_what_no_text_can_hold_is_refused() -> None:
    with pytest.raises(UnusableUrl):
        parse_url("http://example.com/\ud800")


URLS = st.one_of(
    st.text(max_size=60),
    st.text(max_size=60).map("http://example.com/{}".format),
    st.text(max_size=40).map("http://{}/".format),
    st.tuples(st.text(max_size=20), st.text(max_size=20)).map("https://{0[0]}:80/{0[1]}".format),
)


@given(URLS)
def test_no_other_parser_can_read_another_host_out_of_a_normalised_url(text: str) -> None:
    try:
        target = parse_url(text)
    except UnusableUrl:
        return
    assert parse_url(target.url) == target
    assert target.url.isascii()
    assert target.url.isprintable()
    assert " " not in target.url
    parts = urlsplit(target.url)
    assert parts.scheme in {"http", "https"}
    assert parts.hostname == str(target.host)
    assert (parts.port or {"http": 80, "https": 443}[parts.scheme]) == target.port
    assert parts.username is None
