"""Setting and checking passwords."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from demitasse.auth.errors import WeakPassword
from demitasse.auth.sessions.store import remove_sessions
from demitasse.auth.store import password_hash, put_password
from demitasse.db.transaction import Transaction

_SHORTEST_PASSWORD = 8
_LONGEST_PASSWORD = 1024
_hasher = PasswordHasher()
_UNKNOWN_USER = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def set_password(tx: Transaction, user: str, password: str, *, keep_session: str | None = None) -> None:
    """Set a user's password and end the user's sessions; takes tens of milliseconds, so never on the event loop.

    Whoever remembers sessions must forget them after the commit.

    Args:
        keep_session: Id of the session that goes on: the one in which the password was changed.
    """
    put_password(tx, user=user, password_hash=_hasher.hash(password))
    remove_sessions(tx, user, but=keep_session)


def check_new_password(password: str) -> None:
    """Refuse a password that is too easy to guess, or too long to hash.

    Raises:
        WeakPassword: it is. Source: NIST SP 800-63B, 5.1.1.2: length is what counts.
    """
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        message = f"A password has {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters: choose another"
        raise WeakPassword(message)


def check_password(tx: Transaction, user: str, password: str) -> bool:
    """Return whether this is the user's password; takes as long when there is no such user."""
    stored = password_hash(tx, user)
    try:
        _hasher.verify(stored or _UNKNOWN_USER, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return stored is not None
