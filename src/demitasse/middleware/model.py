"""Values of the middleware."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

LOCAL = "local"
"""Who asks where no device tokens are required."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A phone, or an app on many: who a token was given to.

    Args:
        id: Public; also the first part of its token.
        created_at_s: Seconds since 1970, as all times of this room.
        revoked_at_s: Since when its token is refused.
    """

    id: str
    name: str
    created_at_s: int
    revoked_at_s: int | None = None


class OrderState(Enum):
    """Where an order under a key stands."""

    PLACING = "placing"
    """A process works on it now; when its lease ends without an answer, nobody knows whether the site has it."""
    QUEUED = "queued"
    UNKNOWN = "unknown"
    """The site may have it: it is looked for before it is sent again."""
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A document that is to be made once.

    Args:
        owner: The device; with its key it names the order.
        path: The route that it came by.
        reference: What the document on the site carries, so that it can be found.
        fingerprint: Of the request: the same key must come with the same order.
        sent_key: The ``Idempotency-Key`` that goes to the site.
        document: Its values.
        answer: What the phone was or will be answered: the fields, or the error.
        status: Of that answer.
        is_queued_on_failure: The phone would rather wait than be refused.
    """

    owner: str
    path: str
    key: str
    reference: str
    fingerprint: str
    sent_key: str
    document: dict[str, Any]
    state: OrderState
    is_queued_on_failure: bool = False
    answer: dict[str, Any] | None = None
    status: int = 0
    attempts: int = 0
    due_at_s: float = 0.0
    lease_until_s: float = 0.0
    created_at_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which state of a document a webhook tells.

    Args:
        sequence: The number that our site counts a document's events with; ``None`` where none is signed for.
        modified: The document's moment of change, as the site writes it.
        digest: Of the body.
    """

    sequence: int | None
    modified: str | None
    digest: str

    def is_news_after(self, known: "Version | None") -> bool:
        """Return whether this is a later state than the one that is known.

        The greater sequence is later, and so is the later moment: after a restored backup a site counts from a lower
        number again. Where there is neither, what comes last counts, unless it is the very same once more.
        """
        if known is None:
            return True
        if self.sequence is not None and known.sequence is not None:
            if self.sequence > known.sequence:
                return True
            return bool(self.modified and known.modified and self.modified > known.modified)
        if self.modified and known.modified and self.modified != known.modified:
            return self.modified > known.modified
        return self.digest != known.digest
