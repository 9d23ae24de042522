"""Tickets for who can send neither a header nor a message before the connection stands: browsers with server-sent events.

A ticket stands in a URL, which proxies and servers log: so it works once, and for seconds only.
"""

from collections import deque

from demitasse.kernel.ids import random_secret
from demitasse.live.model import Subject

LIFE_S = 30.0
_MAX_TICKETS = 10_000


class Tickets:
    """Gives out tickets and takes them back; in this process only. No clock."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Subject, float]] = {}
        self._in_order: deque[tuple[str, float]] = deque()

    def issue(self, subject: Subject, *, now_s: float) -> str:
        """Return a new ticket; the oldest ends when there are too many."""
        self._drop_old(now_s)
        ticket = random_secret()
        self._open[ticket] = (subject, now_s + LIFE_S)
        self._in_order.append((ticket, now_s + LIFE_S))
        return ticket

    def redeem(self, ticket: str, *, now_s: float) -> Subject | None:
        """Return who a ticket was given to, once; ``None`` where it is unknown, used or too old."""
        found = self._open.pop(ticket, None)
        if found is None or found[1] < now_s:
            return None
        return found[0]

    def _drop_old(self, now_s: float) -> None:
        while self._in_order and (self._in_order[0][1] < now_s or len(self._in_order) >= _MAX_TICKETS):
            self._open.pop(self._in_order.popleft()[0], None)
