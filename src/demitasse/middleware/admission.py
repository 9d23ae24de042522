"""Who may ask, and how often."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from demitasse.kernel.clock import monotonic_s
from demitasse.middleware.configuration import Configuration, is_loopback
from demitasse.middleware.devices import device_of, token_in
from demitasse.middleware.errors import Refusal
from demitasse.middleware.model import Device
from demitasse.middleware.store import Store

_EMULATOR = "10.0.2.2"
"""What an Android emulator calls the machine that it runs on."""
_OF_PROXIES = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded")
_MAX_CALLERS = 50_000
_MINUTE_S = 60.0


class Rate:
    """So many in a minute for each caller, refilled steadily. No I/O, no clock.

    Args:
        per_minute: Also how many may come at once; ``None`` lets all through.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, *, now_s: float) -> float | None:
        """Take one, or return after how many seconds there is one."""
        if self._per_minute is None:
            return None
        per_second = self._per_minute / _MINUTE_S
        left, since_s = self._left.pop(caller, (float(self._per_minute), now_s))
        left = min(float(self._per_minute), left + (now_s - since_s) * per_second)
        while len(self._left) >= _MAX_CALLERS:
            self._left.popitem(last=False)  # Who has not asked for longest has most left anyway.
        if left < 1:
            self._left[caller] = (left, now_s)
            return (1 - left) / per_second
        self._left[caller] = (left - 1, now_s)
        return None


class Admission:
    """Decides who may ask."""

    def __init__(self, configuration: Configuration, *, store: Store) -> None:
        self._requires_tokens = configuration.requires_tokens
        self._origins = frozenset(configuration.cors_origins)
        self._proxies = frozenset(configuration.trusted_proxies)
        self._store = store
        self._reads = Rate(configuration.rate_per_minute)
        self._writes = Rate(configuration.orders_per_minute)
        self._strangers = Rate(configuration.orders_per_minute)

    def device(self, headers: Mapping[str, str], *, token: str | None = None) -> Device | None:
        """Return whose token comes along; ``None`` where none is required.

        Args:
            token: Where it does not stand in the header.

        Raises:
            Refusal: it is missing or wrong, or a stranger reaches a middleware without tokens.
        """
        if not self._requires_tokens:
            self._check_local(headers)
            return None
        shown = token_in(headers.get("authorization")) if token is None else token
        if not shown:
            message = "This shop asks for a device token: send it as Authorization: Bearer dmt_..."
            raise Refusal(message, status=401)
        device = device_of(self._store, shown)
        if device is None:
            message = "The device token is not known here, or was revoked"
            raise Refusal(message, status=401)
        return device

    def is_active(self, device: Device) -> bool:
        """Return whether a device's token has not been revoked meanwhile."""
        return self._store.is_active(device.id)

    def check_rate(self, device: Device | None, address: str, *, is_write: bool) -> None:
        """Count a request.

        Raises:
            Refusal: there were too many in the last minute.
        """
        rate = self._writes if is_write else self._reads
        wait_s = rate.take(device.id if device else address, now_s=monotonic_s())
        if wait_s is not None:
            message = "Too many requests in a short time: please wait a moment"
            raise Refusal(message, status=429, retry_after_s=wait_s)

    def check_stranger(self, address: str) -> None:
        """Count a refused token.

        Raises:
            Refusal: this address guesses too often.
        """
        wait_s = self._strangers.take(address, now_s=monotonic_s())
        if wait_s is not None:
            message = "Too many refused requests in a short time: please wait"
            raise Refusal(message, status=429, retry_after_s=wait_s)

    def allows_origin(self, origin: str) -> bool:
        """Return whether pages of an origin may ask from a browser."""
        return "*" in self._origins or origin in self._origins

    def address(self, headers: Mapping[str, str], peer: str) -> str:
        """Return the address of the phone: the last one before our own proxies."""
        if peer not in self._proxies:
            return peer
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        while hops and hops[-1] in self._proxies:
            hops.pop()
        return hops[-1] if hops else peer

    def _check_local(self, headers: Mapping[str, str]) -> None:
        """Refuse what does not come from this machine's own programs: a proxy's request, a web page's of elsewhere."""
        if not _is_local(headers.get("host", "")) or any(name in headers for name in _OF_PROXIES):
            message = (
                "Without device tokens this middleware serves its own machine alone: "
                "set DEVICE_TOKENS=required to serve others"
            )
            raise Refusal(message, status=403)
        origin = headers.get("origin")
        if origin is not None and not self.allows_origin(origin) and urlsplit(origin).netloc != headers.get("host"):
            message = "Pages of this origin may not ask here: add it to CORS_ORIGINS"
            raise Refusal(message, status=403)


@lru_cache(maxsize=256)
def _is_local(host: str) -> bool:
    """Return whether a ``Host`` header names this machine, with or without a port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name == _EMULATOR
