"""How often a login may fail: for each user, and for each address that tries.

Kept in memory: a restart forgives. A success forgives the user, but not the address, which may be guessing at others. An
address from which a user has logged in before counts by itself, so that strangers who guess do not keep the user out.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from demitasse.auth.errors import TooManyLogins

_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """So many failures in so long a time."""

    failures: int
    within: timedelta


FOR_USER = Allowance(failures=5, within=timedelta(minutes=1))
FOR_ADDRESS = Allowance(failures=50, within=timedelta(minutes=5))


class LoginThrottle:
    """Counts failed logins. Every method belongs to the loop's thread."""

    def __init__(self, *, for_user: Allowance = FOR_USER, for_address: Allowance = FOR_ADDRESS) -> None:
        self._users = _Counter(for_user)
        self._addresses = _Counter(for_address)
        self._at_home: dict[tuple[str, str], None] = {}

    def check(self, *, user: str, address: str, now: datetime) -> None:
        """Let a login be tried, and count it as failed until ``succeeded``, so that many at once are counted too.

        Raises:
            TooManyLogins: too many have failed.
        """
        key = self._key(user, address)
        waits = (self._users.wait(key, now=now), self._addresses.wait(address, now=now))
        if any(waits):
            seconds = int(max(waits).total_seconds()) + 1
            message = f"Too many failed logins: try again in {seconds} seconds"
            raise TooManyLogins(message, retry_after_s=seconds)
        self._users.add(key, now=now)
        self._addresses.add(address, now=now)

    def succeeded(self, *, user: str, address: str) -> None:
        """Forgive the user's failures, and what this login was counted for the address, which is known from now on."""
        self._users.clear(self._key(user, address))
        self._addresses.take_back(address)
        if len(self._at_home) >= _MOST_KEPT:
            del self._at_home[next(iter(self._at_home))]
        self._at_home[user, address] = None

    def _key(self, user: str, address: str) -> str:
        return f"{user} {address}" if (user, address) in self._at_home else user


class _Counter:
    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._failures: dict[str, deque[datetime]] = {}

    def wait(self, key: str, *, now: datetime) -> timedelta:
        """Return how long until another failure is allowed; nothing when it is now."""
        failures = self._failures.get(key)
        while failures and now - failures[0] >= self._allowance.within:
            failures.popleft()
        if failures is None or len(failures) < self._allowance.failures:
            return timedelta()
        return failures[0] + self._allowance.within - now

    def add(self, key: str, *, now: datetime) -> None:
        if key not in self._failures and len(self._failures) >= _MOST_KEPT:
            del self._failures[next(iter(self._failures))]  # the one that began first
        self._failures.setdefault(key, deque()).append(now)

    def take_back(self, key: str) -> None:
        failures = self._failures.get(key)
        if failures:
            failures.pop()

    def clear(self, key: str) -> None:
        self._failures.pop(key, None)
