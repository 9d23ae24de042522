"""Hosts: a name or an address, in the one spelling that the rest compares, resolves and connects to."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import idna

from demitasse.transports.errors import UnusableUrl

IpAddress = IPv4Address | IPv6Address

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MAX_NAME_LENGTH = 253
_MAX_IPV4_PARTS = 4


def parse_host(text: str) -> str | IpAddress:
    """Return the address that a host spells, in whatever form, or else its name: ASCII, lower case, no trailing dot.

    An IPv6 address stands in brackets. Short, decimal, octal and hexadecimal IPv4 (``127.1``, ``2130706433``,
    ``0177.0.0.1``, ``0x7f000001``) mean what a browser or ``inet_aton`` takes them for.

    Raises:
        UnusableUrl: the text is neither an address nor a host name.

    Source: WHATWG URL, section 3.5 (host parsing).
    """
    if text.startswith("["):
        return _ipv6(text)
    name = text if text.isascii() else _to_ascii(text)
    name = name.lower().removesuffix(".")
    if not name:
        message = "The URL has no host. Write it as https://example.com/path."
        raise UnusableUrl(message)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(text, labels)
    if len(name) > _MAX_NAME_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        message = f"{text!r} is not a host name. Use letters, digits, hyphens and dots."
        raise UnusableUrl(message)
    return name


def parse_address(text: str) -> IpAddress:
    """Return an address from its usual text; the scope of a link-local one is dropped.

    Raises:
        ValueError: the text is not an address.
    """
    return ip_address(text.partition("%")[0])


def in_url(host: str | IpAddress) -> str:
    """Return a host as a URL spells it: IPv6 in brackets."""
    return f"[{host}]" if isinstance(host, IPv6Address) else str(host)


def _to_ascii(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except UnicodeError as error:  # The base of idna's own errors.
        message = f"{text!r} is not an internationalised host name: {error}. Check its spelling."
        raise UnusableUrl(message) from error


def _ipv6(text: str) -> IPv6Address:
    inner = text[1:-1]
    if text.endswith("]") and "%" not in inner:
        try:
            return IPv6Address(inner)
        except ValueError:
            pass
    message = f"{text!r} is not an IPv6 address. Write it in brackets and without a zone, as [2001:db8::1]."
    raise UnusableUrl(message)


def _ipv4(text: str, labels: list[str]) -> IPv4Address:
    if len(labels) <= _MAX_IPV4_PARTS and all(map(_NUMBER.fullmatch, labels)):
        try:
            *leading, last = map(_number, labels)
        except ValueError:
            pass
        else:
            room = 8 * (_MAX_IPV4_PARTS - len(leading))
            if all(part < 256 for part in leading) and last < 1 << room:  # noqa: PLR2004 (a byte)
                value = int.from_bytes(bytes(leading), "big") << room
                return IPv4Address(value | last)
    message = f"{text!r} is not an IPv4 address. Write it as four numbers from 0 to 255."
    raise UnusableUrl(message)


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    if part.startswith("0") and part != "0":
        return int(part, 8)
    return int(part)
