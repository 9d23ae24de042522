"""What message brokers have in common: streams that are published to, and groups that read them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Take = Callable[[Sequence[bytes]], Awaitable[Mapping[int, str]]]
"""Takes bodies in order; returns the places of those that can never be taken, with the reason. Others are acknowledged
when it returns. What it raises leaves all of them unacknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be taken.

    Args:
        id: By which it can be removed.
        reason: Why; empty where the broker gave it up after too many deliveries.
    """

    id: str
    body: bytes
    reason: str


class StreamPublisher(Protocol):
    """Publishes to streams."""

    async def publish(self, stream: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish messages, ids and bodies, in order; when it returns the broker keeps them all.

        Raises:
            BrokerUnavailable: it does not, or not all.
        """

    async def close(self) -> None:
        """Close the connection."""


class GroupReader(Protocol):
    """Reads a stream for one group; each message goes to one reader of the group, until that has taken it."""

    async def open(self) -> bool:
        """Make the group where it is not there; return whether it was: else messages may have been missed.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """

    async def run(self, take: Take) -> None:
        """Read until cancelled.

        Raises:
            BrokerUnavailable: the broker cannot be reached any more, or has lost the group.
        """

    async def dead_letters(self, *, limit: int) -> list[DeadLetter]:
        """Return messages that could not be taken, oldest first; they stay."""

    async def remove_dead(self, ids: Sequence[str]) -> None:
        """Remove messages that `dead_letters` has returned."""

    async def close(self) -> None:
        """Close the connection; what was not taken goes to others, or to this reader when it is back."""
