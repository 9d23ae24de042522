"""Where a URL that was made from a document may lead: to the host that the webhook names, or to one that is listed.

Else who writes documents would choose who gets the webhook's secrets.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_network

from demitasse.delivery.errors import HostNotListed
from demitasse.transports.errors import UnusableUrl
from demitasse.transports.hosts import IpAddress
from demitasse.transports.urls import parse_url

_LITERAL = re.compile(r"\s*(https?://[^/?#{}\s]+)(?=[/?#]|\s*\Z)", re.IGNORECASE)
"""The scheme and all of the authority, before any template begins."""


def check_address(url: str, *, webhook_url: str, listed: Sequence[str]) -> None:
    """Refuse a URL whose host is the document's choice; what is no URL at all is left to the sender, which says so.

    Args:
        webhook_url: The webhook's own URL, with its templates.
        listed: Names (``*`` for any letters), addresses and networks that documents may choose among.

    Raises:
        HostNotListed: the host is neither written in the webhook's URL nor listed.
    """
    try:
        host = parse_url(url).host
    except UnusableUrl:
        return
    if host == _literal_host(webhook_url) or any(_matches(entry, host) for entry in listed):
        return
    message = (
        f"The host {host} of the URL comes from the document: write it into the webhook's URL, or list it in "
        "webhook_dynamic_hosts in site_config.json"
    )
    raise HostNotListed(message, host=str(host))


@lru_cache(maxsize=512)
def _literal_host(webhook_url: str) -> str | IpAddress | None:
    found = _LITERAL.match(webhook_url)
    if found is None:
        return None
    try:
        return parse_url(f"{found[1]}/").host
    except UnusableUrl:
        return None


def _matches(entry: str, host: str | IpAddress) -> bool:
    if isinstance(host, str):
        return fnmatchcase(host, entry.lower())
    try:
        return host in ip_network(entry, strict=False)
    except ValueError:
        return False
