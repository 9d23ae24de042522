"""URLs: what is requested, taken apart once and put together again, so that no two parsers can disagree."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from demitasse.transports.errors import UnusableUrl
from demitasse.transports.hosts import IpAddress, in_url, parse_host

_PARTS = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SAFE = "!$%&'()*+,;=:@/?~-._[]"
_MAX_LENGTH = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535
_FORBIDDEN_PORTS = frozenset({
    *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
    *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389),
    *(427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995),
    *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
})  # fmt: skip
"""Ports of other protocols, which bytes of an HTTP request could abuse (Fetch, section 2.9, "bad port")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request goes.

    Args:
        host: A name or an address; never a differently spelt address.
        port: Given or implied.
        authority: Host and port, as people read them.
        url: The whole URL, normalised: what is handed to the HTTP library.
    """

    scheme: str
    host: str | IpAddress
    port: int
    authority: str
    url: str


@lru_cache(maxsize=1024)
def parse_url(text: str) -> Target:
    """Return where a URL leads.

    A fragment is dropped; what a path or query may not hold as it is (spaces, letters beyond ASCII) is percent-encoded.

    Raises:
        UnusableUrl: no http or https URL, user-info, control characters, an impossible host or port.
    """
    if len(text) > _MAX_LENGTH:
        message = f"The URL is longer than {_MAX_LENGTH} characters. Send data in the body instead."
        raise UnusableUrl(message)
    if _CONTROL.search(text):
        message = "The URL has line breaks or control characters. Remove them."
        raise UnusableUrl(message)
    match = _PARTS.match(text.strip(" "))
    if match is None:
        message = "The URL must start with http:// or https://."
        raise UnusableUrl(message)
    scheme, authority, rest = match.groups()
    scheme = scheme.lower()
    host, port = _split(authority, default_port=_DEFAULT_PORTS[scheme])
    suffix = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    path = _quoted(rest)
    written = in_url(host)
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        authority=f"{written}:{port}",
        url=f"{scheme}://{written}{suffix}{path}",
    )


def _split(authority: str, *, default_port: int) -> tuple[str | IpAddress, int]:
    if "@" in authority:
        message = "The URL holds a user name or password. Send them in an Authorization header instead."
        raise UnusableUrl(message)
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None:
        message = f"{authority!r} is not a host. Write the URL as https://example.com/path."
        raise UnusableUrl(message)
    host, digits = match.groups()
    port = int(digits) if digits else default_port
    if not 0 < port <= _MAX_PORT or port in _FORBIDDEN_PORTS:
        message = f"Port {port} cannot be requested: it is out of range, or belongs to another protocol than HTTP."
        raise UnusableUrl(message)
    return parse_host(host), port


def _quoted(rest: str) -> str:
    try:
        quoted = quote(rest, safe=_SAFE)
    except UnicodeEncodeError as error:
        message = "The URL has characters that no text can have. Type it again."
        raise UnusableUrl(message) from error
    return quoted if quoted.startswith("/") else f"/{quoted}"
