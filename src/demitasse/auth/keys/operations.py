"""Making and ending API keys. Whoever remembers credentials must forget them after the commit."""

from datetime import datetime
from hashlib import sha256

from demitasse.auth.errors import InvalidKey
from demitasse.auth.keys import store
from demitasse.auth.keys.model import MOST_KEYS, ApiKey
from demitasse.auth.model import GUEST
from demitasse.db.transaction import Transaction
from demitasse.kernel.ids import random_name, random_secret

_KEY_LENGTH = 15
_LONGEST_LABEL = 140


def hash_secret(secret: str) -> str:
    """Return what is kept of an API secret; it has 256 random bits, so one round of SHA-256 is enough."""
    return sha256(secret.encode()).hexdigest()


def generate_keys(tx: Transaction, user: str, *, now: datetime, keeps_key: bool = False) -> tuple[str, str]:
    """Give a user a new key without a label, in place of the one that there is, and return it with its secret.

    Keys with a label are left alone. The secret cannot be read again.

    Args:
        keeps_key: Only the secret is new, as in Frappe, where there is such a key.
    """
    known = store.remove_unlabelled(tx, user)
    return _make(tx, user, label=None, now=now, api_key=known if keeps_key else None)


def create_key(
    tx: Transaction, user: str, *, label: str, now: datetime, expires_at: datetime | None = None
) -> tuple[str, str]:
    """Give a user one more key and return it with its secret, which cannot be read again.

    Raises:
        InvalidKey: the label, the end or the number of keys is not as it must be.
    """
    label = " ".join(label.split())
    if not label or len(label) > _LONGEST_LABEL:
        message = f"A key needs a label that says what it is for, of at most {_LONGEST_LABEL} characters"
        raise InvalidKey(message, field="label")
    if expires_at is not None and expires_at <= now:
        message = "The key would have ended already: choose a later time, or none"
        raise InvalidKey(message, field="expires_at")
    if user == GUEST:
        message = "Guest has no keys: choose another user"
        raise InvalidKey(message, field="user")
    known = store.keys_of(tx, user, limit=MOST_KEYS)
    if len(known) == MOST_KEYS:
        message = f"{user} has {MOST_KEYS} keys, which is the most: revoke some that are not used"
        raise InvalidKey(message, field="user")
    return _make(tx, user, label=label, now=now, expires_at=expires_at)


def _make(
    tx: Transaction,
    user: str,
    *,
    label: str | None,
    now: datetime,
    api_key: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, str]:
    secret = random_secret()
    key = ApiKey(
        api_key=api_key or random_name(_KEY_LENGTH),
        user=user,
        label=label,
        created_at=now,
        last_used_at=None,
        expires_at=expires_at,
    )
    store.put_key(tx, key, secret_hash=hash_secret(secret))
    return key.api_key, secret
