"""Who is behind a proxy (``trusted_proxies``): the client's own address and scheme, from headers that only a proxy may set."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from demitasse.settings.errors import InvalidSettings
from demitasse.web.request import Scope


class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.

    Args:
        trusted: Addresses and networks.

    Raises:
        InvalidSettings: one is neither.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        try:
            self._networks = tuple(ip_network(each, strict=False) for each in trusted)
        except ValueError as error:
            message = f"trusted_proxies takes addresses and networks such as 10.0.0.0/8: {error}"
            raise InvalidSettings(message, key="trusted_proxies") from error

    def __bool__(self) -> bool:
        return bool(self._networks)

    def apply(self, scope: Scope) -> None:
        """Put the client's own address and scheme into a request's scope, where a trusted proxy has sent it."""
        client = scope.get("client")
        if not client or not self._trusts(client[0]):
            return
        headers = dict(scope["headers"])
        chain = [part.strip() for part in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")]
        # The nearest proxy writes last; what stands before the first address that is not ours may be made up.
        named = next((part for part in reversed(chain) if part and not self._trusts(part)), "")
        if _is_address(named):
            scope["client"] = (named, 0)
        proto = headers.get(b"x-forwarded-proto", b"").decode("latin-1").strip().lower()
        if proto in {"http", "https"}:
            scope["scheme"] = proto

    def _trusts(self, text: str) -> bool:
        if not _is_address(text):
            return False
        address = ip_address(text)
        return any(address.version == network.version and address in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
