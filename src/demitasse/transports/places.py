"""Who may have a connection: so many in all, so many per receiver, and the rest waits its turn."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Places(Generic[T]):
    """Counts who is in, and queues who is not.

    libcurl has caps and a queue of its own, but only one queue: there, those who wait for a receiver that hangs hold up
    all behind them. Here each receiver has its own, and they take turns.
    """

    def __init__(self, *, total: int, per_receiver: int) -> None:
        self._total = total
        self._per_receiver = per_receiver
        self._taken: dict[str, int] = {}
        self._taken_in_all = 0
        self._waiting: dict[str, deque[T]] = {}

    def enter(self, receiver: str, guest: T) -> bool:
        """Take a place, or else stand in line and return False."""
        taken = self._taken.get(receiver, 0)
        if taken < self._per_receiver and self._taken_in_all < self._total:
            self._taken[receiver] = taken + 1
            self._taken_in_all += 1
            return True
        self._waiting.setdefault(receiver, deque()).append(guest)
        return False

    def leave(self, receiver: str) -> T | None:
        """Give a place back; who is returned has it now."""
        was_full = self._taken_in_all >= self._total
        taken = self._taken[receiver] - 1
        if taken:
            self._taken[receiver] = taken
        else:
            del self._taken[receiver]
        self._taken_in_all -= 1
        if not self._waiting:
            return None
        for candidate in tuple(self._waiting) if was_full else (receiver,):
            if candidate in self._waiting and self._taken.get(candidate, 0) < self._per_receiver:
                return self._admit(candidate)
        return None

    def give_up(self, receiver: str, guest: T) -> None:
        """Leave the line."""
        line = self._waiting[receiver]
        line.remove(guest)
        if not line:
            del self._waiting[receiver]

    def clear(self) -> list[T]:
        """Send away all who wait, and return them."""
        guests = [guest for line in self._waiting.values() for guest in line]
        self._waiting.clear()
        return guests

    def _admit(self, receiver: str) -> T:
        line = self._waiting.pop(receiver)
        guest = line.popleft()
        if line:
            self._waiting[receiver] = line  # Behind the other receivers: they take turns.
        self._taken[receiver] = self._taken.get(receiver, 0) + 1
        self._taken_in_all += 1
        return guest
