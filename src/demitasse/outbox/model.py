"""A delivery on its way: what is handed in, what waits, what an attempt made of it."""

from datetime import UTC, datetime, timedelta
from enum import Enum

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class DeliveryState(Enum):
    """Where a delivery stands; the value is what its document says."""

    QUEUED = "Queued"
    RETRYING = "Retrying"
    HELD = "Held"
    DELIVERED = "Delivered"
    FAILED = "Failed"


class NewDelivery(Struct, frozen=True, kw_only=True, gc=False):
    """One request of one webhook for one event of a document, rendered.

    Args:
        sequence: Counts the events of the document.
        url: Where it depends on the document; ``None`` is the webhook's own at the time of sending.
        headers: Values may be references (``env:NAME``, ``conf:key``); they are resolved when it is sent.
        body: The bytes that will be signed and sent, UTF-8; ``None`` where they could not be made.
        error: Why they could not be made; such a delivery is Failed from the start.
        order_key: Deliveries of a webhook with the same key go out one after the other.
        held: The webhook is paused.
        owner: The user whose doing the event is.
    """

    webhook: str
    doctype: str
    document: str
    event: str
    sequence: int
    url: str | None = None
    method: str = "POST"
    headers: Headers = ()
    content_type: str = "application/json"
    body: bytes | None = None
    error: str | None = None
    order_key: str | None = None
    held: bool = False
    owner: str = "Administrator"


class Message(Struct, frozen=True, kw_only=True, gc=False):
    """What is sent, apart from what is only known at the time of sending."""

    doctype: str
    document: str
    event: str
    sequence: int
    url: str | None
    method: str
    headers: Headers
    content_type: str
    body: bytes
    owner: str


class QueuedDelivery(Struct, frozen=True, kw_only=True, gc=False):
    """A delivery that waits for its next attempt.

    Args:
        id: Its place in the queue, never used twice; 0 where there is nothing to send (the template failed).
        name: The ``webhook-id``, the same over retries and replays.
        due_at_us: When it may be sent, microseconds since 1970 in UTC.
        attempts: Made so far.
        round_started_at: How many of them belong to earlier rounds: a replay starts a new round of the schedule.
        failing_since_us: When it first failed in this round; 0 when it has not.
        lease_token: What a settle must show; 0 where one process owns the queue.
        lease_ends_at_s: When the lease is over, on the monotonic clock; 0 where there is none.
        message: ``None`` where it is still to be read (it is large, or memory is short).
    """

    id: int
    name: str
    webhook: str
    state: DeliveryState
    order_key: str | None
    due_at_us: int
    attempts: int = 0
    round_started_at: int = 0
    failing_since_us: int = 0
    lease_token: int = 0
    lease_ends_at_s: float = 0.0
    message: Message | None = None

    @property
    def is_first_attempt(self) -> bool:
        """Whether it has not been tried, nor asked for again by a person: such go before all others."""
        return self.state is DeliveryState.QUEUED

    @property
    def is_asked_for(self) -> bool:
        """Whether a person has asked for it again and it has not been tried since."""
        return self.state is DeliveryState.RETRYING and self.attempts == self.round_started_at

    @property
    def is_due(self) -> bool:
        """Whether somebody must send it."""
        return self.state is DeliveryState.QUEUED or self.state is DeliveryState.RETRYING


class Attempt(Struct, frozen=True, kw_only=True, gc=False):
    """What the log keeps of one attempt.

    Args:
        number: Counts the attempts of the delivery from 1.
        headers: As JSON, secrets taken out.
        response: As text, cut to what is kept.
        response_headers: As ``headers``.
        is_response_cut: The answer went on after what is kept.
        outcome: A word for machines, such as ``delivered`` or ``timeout``.
        status_code: 0 where there was no answer.
        error: For people; ``None`` when delivered.
    """

    number: int
    at: datetime
    url: str
    method: str
    headers: str
    data: str
    response: str
    outcome: str
    status_code: int
    duration_ms: int
    error: str | None
    response_headers: str = "{}"
    is_response_cut: bool = False


class Settlement(Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of a delivery after an attempt.

    Args:
        state: Delivered and Failed end it; Retrying and Held keep it in the queue.
        retry_after_us: How long until the next attempt, from ``now``; only where it stays in the queue.
        failing_since_us: When it first failed in this round; 0 where it ends.
    """

    delivery: QueuedDelivery
    state: DeliveryState
    now: datetime
    attempt: Attempt
    doctype: str
    document: str
    owner: str
    retry_after_us: int = 0
    failing_since_us: int = 0

    @property
    def is_final(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.state is DeliveryState.DELIVERED or self.state is DeliveryState.FAILED


def order_key(doctype: str, document: str) -> str:
    """Return the key under which the deliveries of one document keep their order."""
    return f"{doctype}/{document}"


def to_microseconds(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(moment_us: int) -> datetime:
    """Return the aware moment, in UTC, that ``to_microseconds`` was given."""
    return _EPOCH + timedelta(microseconds=moment_us)


def storable(text: str) -> str:
    """Return the text as every database can keep it: no NUL and no half of a surrogate pair."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
