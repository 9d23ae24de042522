"""Opening, resuming and ending sessions."""

from datetime import datetime

from demitasse.auth.credentials import actor_of
from demitasse.auth.errors import WrongLogin
from demitasse.auth.sessions import store
from demitasse.auth.sessions.model import Session, expiry, session_id
from demitasse.db.transaction import Transaction
from demitasse.kernel.ids import random_secret

_SYSTEM_USER = "System User"
_MOST_SID = 100


def open_session(tx: Transaction, user: str, *, now: datetime) -> tuple[str, Session]:
    """Open a session for a user whose password was right, and return the cookie's secret with it.

    The secret cannot be read again. Sessions that have ended by themselves are removed on the way.

    Raises:
        WrongLogin: the user was disabled in the meantime.
    """
    found = store.find_user(tx, user)
    if found is None:
        message = "Invalid login credentials"
        raise WrongLogin(message)
    store.remove_expired(tx, now=now)
    sid = random_secret()
    session = Session(
        id=session_id(sid),
        actor=actor_of(tx, found[0]),
        csrf_token=random_secret(),
        full_name=found[1] or found[0],
        is_system_user=found[2] == _SYSTEM_USER,
        created_at=now,
        seen_at=now,
        expires_at=expiry(created_at=now, now=now),
    )
    store.put_session(tx, session)
    return sid, session


class Sessions:
    """The open sessions; what the database said of one is remembered until ``forget``."""

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._found: dict[str, Session] = {}
        self._changes = 0

    def remembered(self, sid: str, *, now: datetime) -> Session | None:
        """Return the session that a cookie's value opens, where no database is needed for it."""
        session = self._found.get(session_id(sid))
        return None if session is None or session.is_over(now) else session

    def resume(self, tx: Transaction, sid: str, *, now: datetime) -> Session | None:
        """Return the session that a cookie's value opens; ``None`` when it has ended or never was."""
        if len(sid) > _MOST_SID:
            return None
        changes = self._changes
        key = session_id(sid)
        found = store.find_session(tx, key)
        if found is None:
            return None
        (user, csrf_token, full_name, user_type), (created_at, seen_at, expires_at) = found
        session = Session(
            id=key,
            actor=actor_of(tx, user),
            csrf_token=csrf_token,
            full_name=full_name or user,
            is_system_user=user_type == _SYSTEM_USER,
            created_at=created_at,
            seen_at=seen_at,
            expires_at=expires_at,
        )
        if session.is_over(now):
            return None
        if changes == self._changes:  # else this snapshot may be older than what was forgotten
            self._remember(session)
        return session

    def note_seen(self, session: Session, *, now: datetime) -> Session:
        """Return the session after it was used, and remember it so; ``store.note_seen`` writes it down."""
        seen = session.seen(now)
        if session.id in self._found:
            self._found[session.id] = seen
        return seen

    def forget(self) -> None:
        """Ask the database anew: a session has ended, or a user or a role has changed."""
        self._changes += 1
        self._found.clear()

    def _remember(self, session: Session) -> None:
        if len(self._found) >= self._most:
            self._found.clear()
        self._found[session.id] = session
