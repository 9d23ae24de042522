from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.transports.addresses import AllowList, Refusal, refusal
from demitasse.transports.errors import UnusableAllowList

PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0")
EMBEDDINGS = {
    "mapped": "::ffff:0:0",
    "NAT64": "64:ff9b::",
    "ISATAP": "2606:4700::5efe:0:0",
    "ISATAP of a unique IPv4": "2606:4700::200:5efe:0:0",
}


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", Refusal.UNSPECIFIED),
        ("0.255.255.255", Refusal.UNSPECIFIED),
        ("10.0.0.1", Refusal.PRIVATE),
        ("100.64.0.1", Refusal.SHARED),
        ("100.127.255.255", Refusal.SHARED),
        ("100.100.100.200", Refusal.METADATA),
        ("127.0.0.1", Refusal.LOOPBACK),
        ("127.255.255.254", Refusal.LOOPBACK),
        ("168.63.129.16", Refusal.METADATA),
        ("169.254.1.1", Refusal.LINK_LOCAL),
        ("169.254.169.254", Refusal.METADATA),
        ("169.254.170.2", Refusal.METADATA),
        ("172.16.0.1", Refusal.PRIVATE),
        ("172.31.255.255", Refusal.PRIVATE),
        ("192.0.0.1", Refusal.RESERVED),
        ("192.0.2.1", Refusal.DOCUMENTATION),
        ("192.88.99.1", Refusal.TRANSITION),
        ("192.168.0.1", Refusal.PRIVATE),
        ("198.18.0.1", Refusal.BENCHMARKING),
        ("198.19.255.255", Refusal.BENCHMARKING),
        ("198.51.100.1", Refusal.DOCUMENTATION),
        ("203.0.113.1", Refusal.DOCUMENTATION),
        ("224.0.0.1", Refusal.MULTICAST),
        ("239.255.255.255", Refusal.MULTICAST),
        ("240.0.0.1", Refusal.RESERVED),
        ("255.255.255.255", Refusal.RESERVED),
        ("::", Refusal.UNSPECIFIED),
        ("::1", Refusal.LOOPBACK),
        ("::7f00:1", Refusal.TRANSITION),
        ("::8.8.8.8", Refusal.TRANSITION),
        ("::ffff:0:8.8.8.8", Refusal.TRANSITION),
        ("64:ff9b:1::8.8.8.8", Refusal.TRANSITION),
        ("100::1", Refusal.RESERVED),
        ("2001::1", Refusal.TRANSITION),
        ("2001:2::1", Refusal.RESERVED),
        ("2001:10::1", Refusal.RESERVED),
        ("2001:db8::1", Refusal.DOCUMENTATION),
        ("2002:7f00:1::1", Refusal.TRANSITION),
        ("2002:808:808::1", Refusal.TRANSITION),
        ("3fff::1", Refusal.DOCUMENTATION),
        ("4000::1", Refusal.RESERVED),
        ("5f00::1", Refusal.RESERVED),
        ("fc00::1", Refusal.PRIVATE),
        ("fd00:ec2::254", Refusal.METADATA),
        ("fd20:ce::254", Refusal.METADATA),
        ("fdff::1", Refusal.PRIVATE),
        ("fe80::1", Refusal.LINK_LOCAL),
        ("fec0::1", Refusal.PRIVATE),
        ("ff02::1", Refusal.MULTICAST),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str, reason: Refusal) -> None:
    assert refusal(ip_address(address)) is reason


@pytest.mark.parametrize("address", [*PUBLIC, "2606:4700::1", "2a00:1450:4001:80e::200e", "2001:200::1"])
def test_public_addresses_are_let_through(address: str) -> None:
    assert refusal(ip_address(address)) is None


@given(st.ip_addresses(v=4) | st.sampled_from([IPv4Address(text) for text in ("169.254.169.254", *PUBLIC)]))
def test_an_ipv6_address_shares_the_fate_of_the_ipv4_one_that_it_stands_for(address: IPv4Address) -> None:
    for prefix in EMBEDDINGS.values():
        assert refusal(IPv6Address(int(IPv6Address(prefix)) | int(address))) is refusal(address)


@given(st.ip_addresses())
def test_nothing_is_let_through_that_the_registries_do_not_call_global(address: IPv4Address | IPv6Address) -> None:
    stands_for_ipv4 = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    if not address.is_global and not stands_for_ipv4:
        assert refusal(address) is not None


@given(st.ip_addresses(v=6, network="2000::/3"), st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_isatap_hides_nothing_in_any_network(prefix: IPv6Address, inside: IPv4Address) -> None:
    network = int(prefix) >> 64 << 64
    assert refusal(IPv6Address(network | 0x0000_5EFE << 32 | int(inside))) is not None


def test_an_allowed_name_opens_private_addresses() -> None:
    allow = AllowList.of(["crm.lan", "LocalHost."])
    assert allow.refusal("crm.lan", ip_address("10.1.2.3")) is None
    assert allow.refusal("localhost", ip_address("::1")) is None
    assert allow.refusal("other.lan", ip_address("10.1.2.3")) is Refusal.PRIVATE


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fd00:ec2::254", "169.254.1.1", "fe80::1", "0.0.0.0", "ff02::1"]
)
def test_an_allowed_name_does_not_open_what_must_be_listed_by_address(address: str) -> None:
    parsed = ip_address(address)
    assert AllowList.of(["crm.lan"]).refusal("crm.lan", parsed) is refusal(parsed)
    assert AllowList.of([address]).refusal("crm.lan", parsed) is None


@pytest.mark.parametrize("entry", ["10.1.0.0/16", "10.1.2.3", "0xA010203", "::ffff:10.1.0.0/112"])
def test_an_allowed_address_or_network_is_open_to_any_name(entry: str) -> None:
    allow = AllowList.of([f" {entry} "])
    assert (
        allow.refusal("anything.example", ip_address("10.1.2.3" if "ffff" not in entry else "::ffff:10.1.2.3")) is None
    )
    assert allow.refusal("anything.example", ip_address("10.2.2.3")) is Refusal.PRIVATE


def test_an_allowed_ipv4_network_counts_for_its_mapped_addresses() -> None:
    allow = AllowList.of(["127.0.0.0/8"])
    assert allow.refusal(IPv6Address("::ffff:7f00:1"), IPv6Address("::ffff:7f00:1")) is None
    assert allow.refusal(IPv6Address("::1"), IPv6Address("::1")) is Refusal.LOOPBACK


def test_nothing_is_allowed_by_an_empty_list() -> None:
    assert AllowList().refusal("localhost", ip_address("127.0.0.1")) is Refusal.LOOPBACK
    assert AllowList().refusal("example.com", ip_address("1.1.1.1")) is None


@pytest.mark.parametrize(
    "entry", ["", "http://crm.lan", "crm.lan:8080", "10.0.0.0/33", "*.lan", "a b", "[::1", "[::1]:80"]
)
def test_an_entry_that_is_no_host_is_named(entry: str) -> None:
    with pytest.raises(UnusableAllowList) as raised:
        AllowList.of(["crm.lan", entry])
    assert raised.value.data == {"entry": entry}
    assert repr(entry) in raised.value.message
