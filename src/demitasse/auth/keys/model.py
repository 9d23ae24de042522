"""API keys: a user may have several, each with a label, and one without that Frappe knows of."""

from dataclasses import dataclass
from datetime import datetime

MOST_KEYS = 50
"""Of one user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is kept of a key; its secret cannot be read again.

    Args:
        label: What it is for; ``None``: the user's only key without one, ``User.api_key``.
        last_used_at: To within a minute; ``None``: not since this was kept.
        expires_at: It is worth nothing from then on; ``None``: it does not end.
    """

    api_key: str
    user: str
    label: str | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None

    def has_expired(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and now >= self.expires_at
