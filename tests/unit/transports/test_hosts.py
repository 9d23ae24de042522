from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.transports.errors import UnusableUrl
from demitasse.transports.hosts import in_url, parse_address, parse_host

LOOPBACK = IPv4Address("127.0.0.1")


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0177.0.0.1",
        "0177.0.0.0x1",
        "017700000001",
        "0x7f.0.0x0.01",
        "127.0x.0.1",  # Browsers read a bare prefix as zero.
        "\uff11\uff12\uff17.0.0.1",  # Full-width digits.
        "127\u30020\u30020\u30021",  # Ideographic full stops.
        "\u2460\u2461\u2466.0.0.\u2460",  # Circled digits.
    ],
)
def test_every_spelling_of_an_ipv4_address_is_that_address(text: str) -> None:
    assert parse_host(text) == LOOPBACK


@given(st.ip_addresses(v=4), st.integers(0, 3), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_short_and_based_spellings_are_read_as_inet_aton_reads_them(address: IPv4Address, dots: int, form: str) -> None:
    packed = address.packed
    parts = [*packed[:dots], int.from_bytes(packed[dots:], "big")]
    assert parse_host(".".join(form.format(part) for part in parts)) == address


@pytest.mark.parametrize(
    "text",
    ["256.0.0.1", "1.2.3.4.5", "1.2.3.256", "4294967296", "0x100000000", "08.0.0.1", "1..2", "a.1", "0x7g.1"],
)
def test_what_ends_in_a_number_and_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_host(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [("[::1]", "::1"), ("[0:0:0:0:0:0:0:1]", "::1"), ("[::FFFF:127.0.0.1]", "::ffff:7f00:1"), ("[fe80::1]", "fe80::1")],
)
def test_an_ipv6_address_stands_in_brackets(text: str, address: str) -> None:
    assert parse_host(text) == IPv6Address(address)


@pytest.mark.parametrize("text", ["[fe80::1%eth0]", "[fe80::1%25eth0]", "[::1", "[]", "[127.0.0.1]", "[v1.a]", "::1"])
def test_a_zone_or_a_broken_ipv6_address_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_host(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("my_service", "my_service"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("fa\u00df.de", "xn--fa-hia.de"),
        ("1password.example", "1password.example"),
        ("localhost", "localhost"),
    ],
)
def test_a_name_has_one_spelling(text: str, name: str) -> None:
    assert parse_host(text) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a..b", ".a", "example.com..", "-a.b", "a-.b", "a" * 64, "a." * 127 + "ab", "a b", "a%62c", "a\\b"],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_host(text)


@pytest.mark.parametrize("text", ["\ud800.example", "\u200b.example", "a\u0301\u2e3a.ex\u2024ample"])
def test_names_that_idna_does_not_allow_are_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        parse_host(text)


@given(st.ip_addresses())
def test_an_address_survives_its_way_through_a_url(address: IPv4Address | IPv6Address) -> None:
    assert parse_host(in_url(address)) == address


@given(st.text(max_size=40))
def test_a_host_is_normalised_once_and_for_all(text: str) -> None:
    try:
        host = parse_host(text)
    except UnusableUrl:
        return
    assert parse_host(in_url(host)) == host
    assert str(host).isascii()


def test_a_scope_does_not_make_another_address() -> None:
    assert parse_address("fe80::1%eth0") == IPv6Address("fe80::1")
