"""Connected Apps and what a user has granted them: values, and the rules that need nothing but values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Self
from urllib.parse import quote, quote_plus, urlsplit

from demitasse.connect.errors import UnsafeAddress

MAX_LEEWAY_S = 60.0
_LEEWAY_SHARE = 0.1
"""Of a token's life: with a fixed minute, a token that lives for less would be refreshed at each call."""
UNKNOWN_LIFETIME_S = 3600.0
_SHORTEST_SECRET = 4
_MAX_TOLD = 300
_CONTROLS = frozenset(map(chr, (*range(0x20), 0x7F)))


class GrantState(IntEnum):
    """Whether a grant can be used."""

    USABLE = 0
    REVOKED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a provider does what; empty where it is not known.

    Args:
        issuer: The provider's own name for itself, where its discovery document told (RFC 8414, section 2).
    """

    authorization_uri: str = ""
    token_uri: str = ""
    revocation_uri: str = ""
    userinfo_uri: str = ""
    introspection_uri: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """A Connected App, as it is used: references are resolved.

    Args:
        client_secret: ``None`` for a public client.
        redirect_uri: As it was given; empty where the site's own callback is meant.
    """

    name: str
    provider_name: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str = ""
    scopes: tuple[str, ...] = ()
    endpoints: Endpoints = field(default_factory=Endpoints)
    openid_configuration: str = ""
    query_parameters: tuple[tuple[str, str], ...] = ()

    @property
    def wants_refresh_token(self) -> bool:
        """Whether it asks to act for its users while they are away."""
        return "offline_access" in self.scopes or ("access_type", "offline") in self.query_parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a provider gave.

    Args:
        expires_in: Seconds from ``issued_at``; ``None``: it did not say.
        scopes: ``None``: it did not say, which means those that were asked for (RFC 6749, section 5.1).
        id_token: The OpenID token as it came.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - its kind, RFC 6750
    expires_in: float | None
    scopes: tuple[str, ...] | None
    issued_at: datetime
    id_token: str | None = field(default=None, repr=False)

    @property
    def expires_at(self) -> datetime | None:
        """When the access token ends; ``None``: nobody knows."""
        return None if self.expires_in is None else self.issued_at + timedelta(seconds=self.expires_in)

    def is_expired(self, now: datetime) -> bool:
        """Return whether the access token is known to have ended."""
        return self.expires_at is not None and now >= self.expires_at

    def is_stale(self, now: datetime) -> bool:
        """Return whether it is time for another access token: shortly before it ends.

        One whose life nobody knows is not taken to live for ever: it is replaced after an hour, where it can be.
        """
        if self.expires_at is None or self.expires_in is None:
            return self.refresh_token is not None and now >= self.issued_at + timedelta(seconds=UNKNOWN_LIFETIME_S)
        return now >= self.expires_at - timedelta(seconds=leeway_s(self.expires_in))

    def after(self, older: "Tokens") -> Self:
        """Return what is to be kept after a refresh: what the provider did not say is as it was."""
        return replace(
            self,
            refresh_token=self.refresh_token or older.refresh_token,
            scopes=older.scopes if self.scopes is None else self.scopes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a user has granted an app, as of now.

    Args:
        name: Of the Token Cache.
        user: ``None`` for the app's own token (client credentials).
        grant_id: Made anew with each authorisation: what was refreshed of an older one is not this one's.
        generation: Counts the tokens of this grant; the higher one is the newer one.
        asked: The scopes that were asked for.
        account: Who the provider says the user is.
    """

    name: str
    app: str
    user: str | None
    grant_id: str
    generation: int
    tokens: Tokens
    state: GrantState = GrantState.USABLE
    asked: tuple[str, ...] = ()
    account: str | None = None
    subject: str | None = None
    connected_at: datetime | None = None
    refreshed_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None

    @property
    def granted(self) -> tuple[str, ...]:
        """The scopes that the provider gave."""
        return self.asked if self.tokens.scopes is None else self.tokens.scopes

    def is_newer_than(self, other: "Grant") -> bool:
        """Return whether it was written after ``other`` was."""
        return self.grant_id != other.grant_id or self.generation > other.generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """An authorisation that is under way; it can be finished once.

    Args:
        session: What the browser's session is known by; only in it the callback counts.
        verifier: The secret of PKCE (RFC 7636).
        nonce: What the OpenID token must repeat.
    """

    app: str
    user: str
    session: str
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect_uri: str
    success_uri: str
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What the ledger knows of a token.

    Args:
        sealed: Refreshed tokens that may not be in their Token Cache yet, encrypted.
        failed_at: When the provider last could not be asked, and ``failure`` is why.
    """

    grant_id: str | None
    generation: int
    sealed: str | None = field(repr=False)
    failed_at: datetime | None
    failure: str


def leeway_s(lifetime_s: float) -> float:
    """Return how long before its end an access token is replaced: a tenth of its life, at most a minute."""
    return min(MAX_LEEWAY_S, max(lifetime_s, 0.0) * _LEEWAY_SHARE)


def split_scopes(value: Any) -> tuple[str, ...] | None:
    """Return the scopes of an answer: a text with blanks or commas between them, or a list; ``None`` where it has none."""
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if not isinstance(value, list | tuple):
        return None
    return tuple(dict.fromkeys(str(scope) for scope in value if scope))


def missing_scopes(asked: Iterable[str], granted: Iterable[str]) -> tuple[str, ...]:
    """Return what was asked for and not granted; what only asks for a refresh token is never listed as granted."""
    have = set(granted) | {"offline_access"}
    return tuple(scope for scope in asked if scope not in have)


def account_of(claims: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return how a person calls the account that claims are about, and what the provider calls it."""
    named = next(
        (claims[key] for key in ("email", "preferred_username", "name", "sub") if _is_text(claims.get(key))), None
    )
    subject = claims.get("sub") or claims.get("id")
    return (None if named is None else plain_text(named)), (None if subject is None else str(subject)[:_MAX_TOLD])


def safe_success_uri(uri: str | None, *, bases: Iterable[str]) -> str:
    """Return where a person may be sent afterwards: a path of this site, or a page of it; empty for none.

    Args:
        bases: The addresses of this site.

    Raises:
        UnsafeAddress: it leads, or might lead, to another site.
    """
    if not uri:
        return ""
    is_clean = not _CONTROLS.intersection(uri) and "\\" not in uri
    if is_clean and uri.startswith("/") and not uri.startswith("//"):
        return uri
    if is_clean and any(origin_of(uri) == origin_of(base) != "" for base in bases):
        return uri
    message = "success_uri must be a path of this site, such as /app, or a page under its own address"
    raise UnsafeAddress(message)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address; empty where it has none that can be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"


def scrub(text: str, secrets: Iterable[str | None]) -> str:
    """Return a text with ``***`` wherever one of the secrets stands in it, also as a part of a URL."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            for form in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}:
                text = text.replace(form, "***")
    return text


def plain_text(text: str) -> str:
    """Return what another server said as one line that can be shown: cut, without control characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _MAX_TOLD else f"{line[:_MAX_TOLD]}…"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
