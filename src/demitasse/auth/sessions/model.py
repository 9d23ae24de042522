"""A logged-in browser, and how long that lasts."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from demitasse.auth.model import Actor

IDLE = timedelta(days=7)
"""A session ends when it is not used for so long."""
LONGEST = timedelta(days=30)
"""A session ends so long after its login, used or not."""
_SEEN_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that is open.

    Args:
        id: Names it; the cookie's secret cannot be had from it.
        csrf_token: What its pages send with each change.
        full_name: The user's, for greetings.
        is_system_user: Whether the Desk is for the user.
        seen_at: When it was last used, as far as it is written down.
        expires_at: When it ends, unless it is used before.
    """

    id: str
    actor: Actor
    csrf_token: str
    full_name: str
    is_system_user: bool
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Return whether it has ended."""
        return now >= self.expires_at

    def has_token(self, token: str) -> bool:
        """Return whether this is the session's CSRF token."""
        return hmac.compare_digest(self.csrf_token.encode(), token.encode())

    def should_be_noted(self, now: datetime) -> bool:
        """Return whether it is time to write down that it is used."""
        return now - self.seen_at >= _SEEN_EVERY

    def seen(self, now: datetime) -> "Session":
        """Return the session after it was used."""
        return replace(self, seen_at=now, expires_at=expiry(created_at=self.created_at, now=now))


def expiry(*, created_at: datetime, now: datetime) -> datetime:
    """Return when a session that is used now ends unless it is used again."""
    return min(now + IDLE, created_at + LONGEST)


def session_id(sid: str) -> str:
    """Return the id of the session that a cookie's value opens; the value has 256 random bits, so one round is enough."""
    return sha256(sid.encode()).hexdigest()
