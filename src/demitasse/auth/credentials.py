"""From an ``Authorization`` header to an actor. Source: Frappe's token and Basic schemes; RFC 7617."""

import base64
import hmac
from binascii import Error as Base64Error
from hashlib import sha256

from demitasse.auth.errors import NotAuthenticated
from demitasse.auth.model import ADMINISTRATOR, ADMINISTRATOR_ACTOR, EVERYONE_ROLES, GUEST, GUEST_ACTOR, Actor
from demitasse.auth.store import key_owner, roles_of
from demitasse.db.transaction import Transaction

_SCHEME_AND_VALUE = 2
_MAX_CACHED = 10_000


def hash_secret(secret: str) -> str:
    """Return what is kept of an API secret; it has 256 random bits, so one round of SHA-256 is enough."""
    return sha256(secret.encode()).hexdigest()


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


class Authenticator:
    """Checks credentials; what the database said of a key is remembered until ``forget``."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, Actor]] = {}
        self._changes = 0

    def remembered(self, header: str | None) -> Actor | None:
        """Return the actor where no database is needed for it, else ``None``.

        Raises:
            NotAuthenticated: the credentials are wrong.
        """
        credentials = read_authorization(header)
        if credentials is None:
            return GUEST_ACTOR
        found = self._keys.get(credentials[0])
        return _verified(found, credentials[1]) if found else None

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
            owner = key_owner(tx, key)
            if owner is None:
                message = "The API key or its secret is wrong"
                raise NotAuthenticated(message)
            found = (owner[1], actor_of(tx, owner[0]))
            if len(self._keys) >= _MAX_CACHED:
                self._keys.clear()
            if changes == self._changes:  # else this snapshot may be older than what was forgotten
                self._keys[key] = found
        return _verified(found, secret)

    def forget(self) -> None:
        """Ask the database anew: a user, a role or a key has changed."""
        self._changes += 1
        self._keys.clear()


def actor_of(tx: Transaction, user: str) -> Actor:
    """Return the actor for a user name, with the roles it has now."""
    if user == ADMINISTRATOR:
        return ADMINISTRATOR_ACTOR
    if user == GUEST:
        return GUEST_ACTOR
    return Actor(user=user, roles=roles_of(tx, user) | EVERYONE_ROLES)


def _verified(found: tuple[str, Actor], secret: str) -> Actor:
    if not hmac.compare_digest(found[0], hash_secret(secret)):
        message = "The API key or its secret is wrong"
        raise NotAuthenticated(message)
    return found[1]
