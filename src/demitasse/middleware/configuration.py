"""What the middleware is told by its environment, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from demitasse.client.model import Credentials
from demitasse.middleware.errors import InvalidConfiguration

DEFAULT_PORT = 3001
DEFAULT_FOLDER = "middleware-data"
_LOG_LEVELS = ("debug", "info", "warning", "error")
_MAX_PORT = 65_535
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


class DeviceTokens(Enum):
    """Who may ask: anybody on this machine, or who shows a device token."""

    OFF = "off"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the middleware was told.

    Args:
        site_url: Of the Frappe or ERPNext site, without a slash at its end.
        webhook_secrets: The present one, and the one before while it is being changed.
        redis_url: Where several processes meet; ``None`` when this is the only one.
        cors_origins: What pages of other places may ask; ``*`` is all.
        folder: Where device tokens, queued orders and what has been seen are kept.
        mapping: A mapping file in place of ScoopJoy's.
        rate_per_minute: Requests of one device or address; ``None`` counts none.
        orders_per_minute: Writes of one device or address.
        shows_phone: Whether the phone's page is served at ``/``.
        trusted_proxies: Addresses whose ``X-Forwarded-For`` is believed.
    """

    site_url: str
    credentials: Credentials
    webhook_secrets: tuple[str, ...] = field(repr=False)
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    redis_url: str | None = field(default=None, repr=False)
    device_tokens: DeviceTokens = DeviceTokens.OFF
    cors_origins: tuple[str, ...] = ()
    folder: Path = Path(DEFAULT_FOLDER)
    mapping: Path | None = None
    rate_per_minute: int | None = None
    orders_per_minute: int | None = None
    upstream_timeout_s: float = 10.0
    shows_phone: bool = False
    trusted_proxies: tuple[str, ...] = ()
    log_level: str = "info"

    @property
    def requires_tokens(self) -> bool:
        """Whether every phone must show a device token."""
        return self.device_tokens is DeviceTokens.REQUIRED


def read_configuration(environ: Mapping[str, str]) -> Configuration:
    """Return what the environment says.

    Raises:
        InvalidConfiguration: something is missing or cannot be used, or it would serve the network without tokens.
    """
    read = _Reader(environ)
    tokens = _device_tokens(read)
    found = Configuration(
        site_url=_site_url(read.needed("ERPNEXT_URL", "the site's address, such as https://erp.example.com")),
        credentials=_credentials(read),
        webhook_secrets=_secrets(read),
        host=read.text("HOST", "127.0.0.1"),
        port=read.number("PORT", DEFAULT_PORT, most=_MAX_PORT),
        redis_url=_redis_url(read),
        device_tokens=tokens,
        cors_origins=_origins(read),
        folder=Path(read.text("DATA_DIR", DEFAULT_FOLDER)),
        mapping=Path(path) if (path := read.text("MAPPING_FILE")) else None,
        rate_per_minute=_rate(read, "RATE_LIMIT", 600, tokens),
        orders_per_minute=_rate(read, "ORDER_RATE_LIMIT", 60, tokens),
        upstream_timeout_s=float(read.number("UPSTREAM_TIMEOUT", 10, least=1, most=300)),
        shows_phone=read.flag("PHONE_PAGE"),
        trusted_proxies=read.texts("TRUSTED_PROXIES"),
        log_level=_log_level(read),
    )
    _check_reach(found)
    return found


def is_loopback(host: str) -> bool:
    """Return whether what listens there is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def needed(self, name: str, what: str) -> str:
        value = self.text(name)
        if not value:
            message = f"{name} is missing from the environment: set it to {what}"
            raise InvalidConfiguration(message, setting=name)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(part for part in (each.strip() for each in self.text(name).split(",")) if part)

    def number(self, name: str, default: int, *, least: int = 0, most: int = 1_000_000) -> int:
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            message = f"{name} is {text!r}: write a whole number from {least} to {most}"
            raise InvalidConfiguration(message, setting=name)
        return int(text)

    def flag(self, name: str) -> bool:
        text = self.text(name).lower()
        if text not in _TRUE | _FALSE:
            message = f"{name} is {text!r}: write 1 or 0"
            raise InvalidConfiguration(message, setting=name)
        return text in _TRUE


def _site_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_usable = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and not (parts.username or parts.password or parts.query or parts.fragment)
        )
    except ValueError:
        is_usable = False
    if not is_usable:
        # The text is not repeated: a password may stand in it.
        message = "ERPNEXT_URL cannot be used: write https://host or https://host:port, without user, query or #"
        raise InvalidConfiguration(message, setting="ERPNEXT_URL")
    return text.rstrip("/")


def _credentials(read: _Reader) -> Credentials:
    what = "that of the site's user whom the middleware acts for (User > Settings > API Access)"
    key = read.needed("ERPNEXT_API_KEY", what)
    secret = read.needed("ERPNEXT_API_SECRET", what)
    for name, value in (("ERPNEXT_API_KEY", key), ("ERPNEXT_API_SECRET", secret)):
        if not (value.isascii() and value.isprintable() and " " not in value):
            message = f"{name} holds characters that no key has: copy it again"
            raise InvalidConfiguration(message, setting=name)
    return Credentials(api_key=key, api_secret=secret)


def _secrets(read: _Reader) -> tuple[str, ...]:
    present = read.needed("WEBHOOK_SECRET", "the secret of the site's webhooks that come here")
    previous = read.text("WEBHOOK_SECRET_PREVIOUS")
    return (present, previous) if previous else (present,)


def _device_tokens(read: _Reader) -> DeviceTokens:
    text = read.text("DEVICE_TOKENS", "off").lower()
    try:
        return DeviceTokens(text)
    except ValueError as error:
        message = f"DEVICE_TOKENS is {text!r}: write required or off"
        raise InvalidConfiguration(message, setting="DEVICE_TOKENS") from error


def _rate(read: _Reader, name: str, default: int, tokens: DeviceTokens) -> int | None:
    """Return a limit; programs of this machine alone have none unless one is set."""
    if not read.text(name) and tokens is DeviceTokens.OFF:
        return None
    return read.number(name, default, least=1)


def _log_level(read: _Reader) -> str:
    text = read.text("LOG_LEVEL", "info").lower()
    if text not in _LOG_LEVELS:
        message = f"LOG_LEVEL is {text!r}: write one of {', '.join(_LOG_LEVELS)}"
        raise InvalidConfiguration(message, setting="LOG_LEVEL")
    return text


def _redis_url(read: _Reader) -> str | None:
    text = read.text("REDIS_URL")
    if text and urlsplit(text).scheme not in {"redis", "rediss", "unix"}:
        message = "REDIS_URL cannot be used: write redis://host:6379/0"
        raise InvalidConfiguration(message, setting="REDIS_URL")
    return text or None


def _origins(read: _Reader) -> tuple[str, ...]:
    found = read.texts("CORS_ORIGINS")
    for origin in found:
        parts = urlsplit(origin)
        if origin != "*" and (not parts.scheme or not parts.netloc or parts.path or parts.query):
            message = f"CORS_ORIGINS holds {origin!r}: write origins such as https://shop.example.com, or *"
            raise InvalidConfiguration(message, setting="CORS_ORIGINS")
    return found


def _check_reach(found: Configuration) -> None:
    """Refuse to let strangers order with the site's key."""
    if found.requires_tokens:
        return
    if not is_loopback(found.host):
        message = (
            f"Without device tokens the middleware serves this machine alone, and HOST is {found.host}. "
            "Set DEVICE_TOKENS=required and give each phone a token with `demitasse middleware token create NAME`, "
            "or leave HOST at 127.0.0.1"
        )
        raise InvalidConfiguration(message, setting="HOST")
    if "*" in found.cors_origins:
        message = (
            "Without device tokens every web page that somebody on this machine opens could order. "
            "Name the origins in CORS_ORIGINS instead of *, or set DEVICE_TOKENS=required"
        )
        raise InvalidConfiguration(message, setting="CORS_ORIGINS")
