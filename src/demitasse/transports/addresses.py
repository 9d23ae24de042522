"""Which addresses requests may reach: by default the public ones, and nothing of this machine or its network."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from demitasse.transports.errors import UnusableAllowList, UnusableUrl
from demitasse.transports.hosts import IpAddress, parse_host

IpNetwork = IPv4Network | IPv6Network


class Refusal(Enum):
    """Why an address may not be reached; for operators, as it tells something of the network."""

    BENCHMARKING = "benchmarking"
    DOCUMENTATION = "documentation"
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    METADATA = "cloud metadata"
    MULTICAST = "multicast"
    PRIVATE = "private"
    RESERVED = "reserved"
    SHARED = "carrier-grade NAT"
    TRANSITION = "IPv6 transition"
    UNSPECIFIED = "unspecified"


_METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google and most others.
            "169.254.170.2",  # AWS: credentials of containers.
            "100.100.100.200",  # Alibaba.
            "168.63.129.16",  # Azure: a public number that answers on each host.
            "192.0.0.192",  # Oracle.
            "fd00:ec2::254",  # AWS.
            "fd00:ec2::23",  # AWS: credentials of pods.
            "fd20:ce::254",  # Google.
        ),
    ),
)
_REFUSED_IPV4 = tuple(
    (IPv4Network(network), refusal)
    for network, refusal in (
        ("0.0.0.0/8", Refusal.UNSPECIFIED),
        ("10.0.0.0/8", Refusal.PRIVATE),
        ("100.64.0.0/10", Refusal.SHARED),
        ("127.0.0.0/8", Refusal.LOOPBACK),
        ("169.254.0.0/16", Refusal.LINK_LOCAL),
        ("172.16.0.0/12", Refusal.PRIVATE),
        ("192.0.0.0/24", Refusal.RESERVED),  # IETF protocol assignments, DS-Lite.
        ("192.0.2.0/24", Refusal.DOCUMENTATION),
        ("192.88.99.0/24", Refusal.TRANSITION),  # 6to4 relays.
        ("192.168.0.0/16", Refusal.PRIVATE),
        ("198.18.0.0/15", Refusal.BENCHMARKING),
        ("198.51.100.0/24", Refusal.DOCUMENTATION),
        ("203.0.113.0/24", Refusal.DOCUMENTATION),
        ("224.0.0.0/4", Refusal.MULTICAST),
        ("240.0.0.0/4", Refusal.RESERVED),  # With the broadcast address.
    )
)
_REFUSED_IPV6 = tuple(
    (IPv6Network(network), refusal)
    for network, refusal in (
        ("::/128", Refusal.UNSPECIFIED),
        ("::1/128", Refusal.LOOPBACK),
        ("::/96", Refusal.TRANSITION),  # IPv4-compatible.
        ("::ffff:0:0:0/96", Refusal.TRANSITION),  # SIIT.
        ("64:ff9b:1::/48", Refusal.TRANSITION),  # NAT64 of one's own network.
        ("2001::/32", Refusal.TRANSITION),  # Teredo.
        ("2001::/23", Refusal.RESERVED),  # IETF protocol assignments, with benchmarking and ORCHID.
        ("2001:db8::/32", Refusal.DOCUMENTATION),
        ("2002::/16", Refusal.TRANSITION),  # 6to4.
        ("3fff::/20", Refusal.DOCUMENTATION),
        ("fc00::/7", Refusal.PRIVATE),
        ("fe80::/10", Refusal.LINK_LOCAL),
        ("fec0::/10", Refusal.PRIVATE),  # Site-local, before there was fc00::/7.
        ("ff00::/8", Refusal.MULTICAST),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_LISTED_BY_ADDRESS_ONLY = frozenset(
    {
        Refusal.LINK_LOCAL,
        Refusal.METADATA,
        Refusal.MULTICAST,
        Refusal.UNSPECIFIED,
    }
)


def refusal(address: IpAddress) -> Refusal | None:
    """Return why an address may not be reached, or ``None`` for a public one.

    An IPv6 address that stands for an IPv4 one (mapped, NAT64, ISATAP) shares its fate. IPv6 is refused by default:
    only global unicast space is public.

    Source: IANA's special-purpose address registries; RFC 6052, RFC 5214.
    """
    if address in _METADATA:
        return Refusal.METADATA
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in _REFUSED_IPV4 if address in network), None)
    embedded = _meant_ipv4(address)
    if embedded is not None:
        return refusal(embedded)
    for network, reason in _REFUSED_IPV6:
        if address in network:
            return reason
    if address not in _GLOBAL_UNICAST:
        return Refusal.RESERVED
    bits = int(address)
    return refusal(IPv4Address(bits & 0xFFFF_FFFF)) if bits >> 32 & 0xFFFF_FFFF in _ISATAP else None


def _meant_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowList:
    """What an operator lets through although it is not public.

    A host name opens what it resolves to, but never the link-local space where clouds keep credentials, nor multicast:
    who wants these lists the address.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Return the list of these host names, addresses and networks (``crm.lan``, ``127.0.0.1``, ``fd00::/8``).

        Raises:
            UnusableAllowList: an entry is none of them.
        """
        hosts: set[str] = set()
        networks: list[IpNetwork] = []
        for entry in entries:
            parsed = _parse_entry(entry.strip())
            if isinstance(parsed, str):
                hosts.add(parsed)
            else:
                networks.append(parsed)
        return cls(hosts=frozenset(hosts), networks=tuple(networks))

    def refusal(self, host: str | IpAddress, address: IpAddress) -> Refusal | None:
        """Return why ``address``, to which ``host`` leads, may not be reached, or ``None`` when it may."""
        reason = refusal(address)
        if reason is None or self._lists(address):
            return None
        named = host in self.hosts and reason not in _LISTED_BY_ADDRESS_ONLY
        return None if named else reason

    def _lists(self, address: IpAddress) -> bool:
        embedded = _meant_ipv4(address) if isinstance(address, IPv6Address) else None
        return any(address in network or (embedded is not None and embedded in network) for network in self.networks)


def _parse_entry(entry: str) -> str | IpNetwork:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        pass
    try:
        host = parse_host(entry)
    except UnusableUrl as error:
        message = (
            f"webhook_allow_hosts has {entry!r}. Write a host name, an address or a network, without scheme and port, "
            "for example crm.lan, 127.0.0.1 or 10.1.0.0/16."
        )
        raise UnusableAllowList(message, entry=entry) from error
    return host if isinstance(host, str) else ip_network(host)
