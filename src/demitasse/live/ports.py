"""What live push needs from those who use it; a site's ``app`` and the middleware fill these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from demitasse.live.model import Entry, Message, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """How a connection introduces itself.

    Args:
        headers: Names in lower case.
        query: The parameters of the URL, each with all its values.
    """

    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    address: str | None


class Doorkeeper(Protocol):
    """Decides who may connect, and what they may hear."""

    async def admit(self, knock: Knock) -> Subject | None:
        """Return who the headers, a cookie or a ticket stand for; ``None`` lets a WebSocket say it in a message.

        Raises:
            NotAdmitted: there are credentials, and they are wrong.
            ForbiddenOrigin: a cookie came along with a page of another site.
        """

    async def admit_by(self, credentials: Mapping[str, Any], knock: Knock) -> Subject:
        """Return who the first message ``{"type": "auth", ...}`` stands for.

        Raises:
            NotAdmitted: they are missing or wrong.
        """

    async def renew(self, subject: Subject) -> Subject:
        """Return the subject with the rights it has now.

        Raises:
            NotAdmitted: its session, its key or its user has ended.
        """

    async def check_topic(self, subject: Subject, topic: str) -> None:
        """Return if the subject may hear the topic.

        Raises:
            SubscriptionRefused: it may not.
        """

    def may_receive(self, subject: Subject, entry: Entry) -> bool:
        """Return whether the subject may be sent this entry; asked where the entry says what it is ``about``."""


class Carrier(Protocol):
    """Brings messages to the hubs of all processes."""

    def publish(self, message: Message) -> None:
        """Bring the message to every hub, this process's included, in one order for all."""

    async def written(self) -> None:
        """Return once everything that was published here can no longer be lost with this process."""

    async def ready(self) -> None:
        """Return once what was published before is known."""
