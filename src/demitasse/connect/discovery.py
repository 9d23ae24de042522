"""OpenID discovery: a provider's addresses from its own document (OpenID Connect Discovery 1.0, section 4)."""

import threading
from urllib.parse import urlsplit

from demitasse.connect.errors import Misconfigured
from demitasse.connect.model import AppSettings, Endpoints
from demitasse.connect.ports import Http
from demitasse.kernel.clock import monotonic_s

WELL_KNOWN = "/.well-known/openid-configuration"
_REMEMBERED_S = 600.0
_OK = 200
_KEYS = {
    "authorization_uri": "authorization_endpoint",
    "token_uri": "token_endpoint",
    "revocation_uri": "revocation_endpoint",
    "userinfo_uri": "userinfo_endpoint",
    "introspection_uri": "introspection_endpoint",
    "issuer": "issuer",
}


class Discovery:
    """Reads discovery documents, and remembers them for ten minutes."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._guard = threading.Lock()
        self._known: dict[str, tuple[float, Endpoints]] = {}

    def endpoints_of(self, app: AppSettings, *, needed: str) -> Endpoints:
        """Return an app's addresses; where the one that is needed is empty, the provider's document is asked.

        Args:
            needed: The name of an address, such as ``token_uri``.

        Raises:
            ConnectError: the provider's document is needed and cannot be read.
        """
        own = app.endpoints
        if not app.openid_configuration or getattr(own, needed):
            return own
        found = self.read(app.openid_configuration)
        return Endpoints(**{name: getattr(own, name) or getattr(found, name) for name in _KEYS})

    def read(self, url: str) -> Endpoints:
        """Return the addresses in a discovery document; an issuer stands for its well-known place.

        Raises:
            Misconfigured: there is no such document at the address, or it is another provider's.
            ProviderUnavailable: the provider does not answer.
        """
        url = url.strip()
        if urlsplit(url).path in {"", "/"}:
            url = url.rstrip("/") + WELL_KNOWN
        with self._guard:
            known = self._known.get(url)
        if known is not None and known[0] > monotonic_s():
            return known[1]
        reply = self._http.send("GET", url, headers={"Accept": "application/json"})
        content = reply.json_object()
        if reply.status != _OK or content is None or not isinstance(content.get("token_endpoint"), str):
            message = f"There is no OpenID configuration at {url} (status {reply.status}): check the address"
            raise Misconfigured(message, url=url)
        found = Endpoints(**{name: _text(content.get(key)) for name, key in _KEYS.items()})
        if url.endswith(WELL_KNOWN) and found.issuer.rstrip("/") != url.removesuffix(WELL_KNOWN).rstrip("/"):
            message = f"The OpenID configuration at {url} is of another issuer ({found.issuer}): check the address"
            raise Misconfigured(message, url=url)
        with self._guard:
            self._known[url] = (monotonic_s() + _REMEMBERED_S, found)
        return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
