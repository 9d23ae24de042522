"""From an ``Authorization`` header to an actor. Source: Frappe's token and Basic schemes; RFC 7617."""

import base64
import hmac
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from demitasse.auth.errors import NotAuthenticated
from demitasse.auth.keys.operations import hash_secret
from demitasse.auth.keys.store import find_secret
from demitasse.auth.model import ADMINISTRATOR, ADMINISTRATOR_ACTOR, EVERYONE_ROLES, GUEST, GUEST_ACTOR, Actor
from demitasse.auth.store import roles_of
from demitasse.db.transaction import Transaction
from demitasse.kernel.clock import Clock, utc_now

_SCHEME_AND_VALUE = 2
_MAX_CACHED = 10_000
_NOTE_EVERY = timedelta(minutes=1)
_NO_USES: Mapping[str, datetime] = {}
_WRONG = "The API key or its secret is wrong"


def read_authorization(header: str | None) -> tuple[str, str] | None:
    """Return key and secret of an ``Authorization`` header; ``None`` means that nobody tried to log in.

    Raises:
        NotAuthenticated: the header cannot be read, or names a scheme that is not known.
    """
    parts = (header or "").split()
    if len(parts) != _SCHEME_AND_VALUE:
        return None
    scheme, value = parts[0].lower(), parts[1]
    if scheme == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode()
        except (Base64Error, ValueError) as error:
            message = "The Basic credentials are not base64 of key:secret"
            raise NotAuthenticated(message) from error
    elif scheme not in {"token", "bearer"}:
        message = f"The authorization scheme {parts[0]!r} is not known: use `token key:secret` or Basic"
        raise NotAuthenticated(message)
    key, colon, secret = value.partition(":")
    if not colon or not key or not secret:
        message = "The credentials must be an API key and its secret with a colon between them"
        raise NotAuthenticated(message)
    return key, secret


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the database said of a key."""

    secret_hash: str
    actor: Actor
    expires_at: datetime | None


class Authenticator:
    """Checks credentials; what the database said of a key is remembered until ``forget``."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._keys: dict[str, _Known] = {}
        self._changes = 0
        self._noted: dict[str, datetime] = {}
        self._uses: dict[str, datetime] = {}

    def remembered(self, header: str | None) -> Actor | None:
        """Return the actor where no database is needed for it, else ``None``.

        Raises:
            NotAuthenticated: the credentials are wrong.
        """
        credentials = read_authorization(header)
        if credentials is None:
            return GUEST_ACTOR
        found = self._keys.get(credentials[0])
        return self._verified(found, *credentials) if found else None

    def authenticate(self, tx: Transaction, header: str | None) -> Actor:
        """Return who the header stands for; without one that is Guest.

        Raises:
            NotAuthenticated: the credentials are malformed or wrong.
        """
        credentials = read_authorization(header)
        if credentials is None:
            return GUEST_ACTOR
        key, secret = credentials
        changes = self._changes
        found = self._keys.get(key)
        if found is None:
            owner = find_secret(tx, key)
            if owner is None:
                raise NotAuthenticated(_WRONG)
            found = _Known(secret_hash=owner[1], actor=actor_of(tx, owner[0]), expires_at=owner[2])
            if len(self._keys) >= _MAX_CACHED:
                self._keys.clear()
            if changes == self._changes:  # else this snapshot may be older than what was forgotten
                self._keys[key] = found
        return self._verified(found, key, secret)

    def forget(self) -> None:
        """Ask the database anew: a user, a role or a key has changed."""
        self._changes += 1
        self._keys.clear()

    def take_uses(self) -> Mapping[str, datetime]:
        """Return which keys were used when, to be written down: of each at most one use in a minute."""
        if not self._uses:
            return _NO_USES
        uses, self._uses = self._uses, {}
        return uses

    def _verified(self, found: _Known, key: str, secret: str) -> Actor:
        if not hmac.compare_digest(found.secret_hash, hash_secret(secret)):
            raise NotAuthenticated(_WRONG)
        now = self._clock()
        if found.expires_at is not None and now >= found.expires_at:
            message = f"The API key ended at {found.expires_at:%Y-%m-%d %H:%M} UTC: make a new one"
            raise NotAuthenticated(message)
        noted_at = self._noted.get(key)
        if noted_at is None or now - noted_at >= _NOTE_EVERY:
            if len(self._noted) >= _MAX_CACHED:
                self._noted.clear()
            self._noted[key] = self._uses[key] = now
        return found.actor


def actor_of(tx: Transaction, user: str) -> Actor:
    """Return the actor for a user name, with the roles it has now."""
    if user == ADMINISTRATOR:
        return ADMINISTRATOR_ACTOR
    if user == GUEST:
        return GUEST_ACTOR
    return Actor(user=user, roles=roles_of(tx, user) | EVERYONE_ROLES)
