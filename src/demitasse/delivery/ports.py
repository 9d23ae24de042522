"""What delivery needs of the rooms beside and above it; ``app`` fills these."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeVar

from demitasse.db.transaction import Transaction
from demitasse.delivery.fairness import DEFAULT_CONCURRENCY
from demitasse.delivery.policy import DEFAULT_SCHEDULE, RetrySchedule
from demitasse.outbox.model import QueuedDelivery, Settlement
from demitasse.transports.model import OutgoingRequest, SendResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A webhook as delivery sees it. Texts marked (reference) may be ``env:NAME`` or ``conf:key``.

    Args:
        url: (reference) Where deliveries go that bring no URL of their own.
        dynamic_hosts: Hosts beside that of ``url`` to which a delivery's own URL may lead.
        timeout_s: For one attempt, from the look-up of the name to the last byte.
        is_active: Neither switched off nor paused; while it is not, deliveries are held.
        secret: (reference) Signs; ``None``: nothing is signed.
        previous_secret: (reference) The one before it, until ``previous_secret_until``.
        signs_for_frappe: Frappe's header is sent (``enable_security``).
        max_concurrency: Requests under way at a time.
        rate_per_s: Requests per second; 0 is no limit.
        ca_certificate: PEM, instead of the public authorities.
        client_certificate: PEM, for mutual TLS.
        client_key: (reference) Its key, PEM.
    """

    url: str
    dynamic_hosts: tuple[str, ...] = ()
    timeout_s: float = 5.0
    is_active: bool = True
    secret: str | None = field(default=None, repr=False)
    previous_secret: str | None = field(default=None, repr=False)
    previous_secret_until: datetime | None = None
    signs_for_frappe: bool = False
    schedule: RetrySchedule = DEFAULT_SCHEDULE
    max_concurrency: int = DEFAULT_CONCURRENCY
    rate_per_s: float = 0.0
    ca_certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = field(default=None, repr=False)


class Endpoints(Protocol):
    """The webhooks of the site."""

    def get(self, webhook: str) -> Endpoint | None:
        """Return a webhook, also one that is switched off; ``None`` when there is none of this name.

        Called for each attempt: return the same object until the webhook changes.
        """

    async def disable(self, webhook: str, *, reason: str) -> None:
        """Pause a webhook by itself: its events are held until a person resumes it."""


class AlertKind(Enum):
    """What a person should hear of."""

    WEBHOOK_PAUSED = "webhook_paused"
    DELIVERY_FAILED = "delivery_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person should hear of; it is durable when it is told.

    Args:
        delivery: The ``webhook-id`` of the delivery that brought it about.
        message: For people: what happened and what to do.
    """

    kind: AlertKind
    webhook: str
    delivery: str
    message: str


class Alerts(Protocol):
    """Tells the owners of webhooks."""

    async def alert(self, alert: Alert) -> None:
        """Pass an alert on; what it raises is logged and goes no further."""


class Database(Protocol):
    """The site's database as the event loop uses it."""

    def read(self, work: Callable[[Transaction], T], *, is_long: bool = False) -> Awaitable[T]:
        """Run a read in one snapshot; it may be run twice, so ``work`` changes nothing but what it returns."""

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """Run a write as one unit and return its result once it is durable."""


class Sender(Protocol):
    """Sends one request; every fault is a result."""

    def start(self, request: OutgoingRequest, on_done: Callable[[SendResult], None]) -> None:
        """Send a request; ``on_done`` gets its result later, on the loop, once."""


class Resolver(Protocol):
    """Looks up secrets that are named instead of stored."""

    def resolve(self, text: str) -> str:
        """Return the text itself, or what it refers to.

        Raises:
            MissingSecret: it refers to nothing.
        """


class Cancellable(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Make it not happen."""


class Time(Protocol):
    """The clocks, and being called at a moment, on the event loop."""

    def utc_now(self) -> datetime:
        """Return the present moment, aware, in UTC."""

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """Call back after a time; a delay of 0 is soon, and never at once."""


class Claims(Protocol):
    """Decides which rows of the queue this process may send now. Its methods belong to the event loop.

    One process that owns the queue claims in memory; several that share it claim by leases.
    """

    @property
    def poll_s(self) -> float | None:
        """How often to look for what other processes have queued; ``None`` where there are none."""

    @property
    def first_window(self) -> int:
        """First attempts of a webhook that may be kept in memory."""

    @property
    def retry_window(self) -> int:
        """Retries of a webhook that may be kept in memory."""

    async def channels(self, *, everything: bool) -> Sequence[str]:
        """Return the webhooks that have anything in the queue, or (not ``everything``) something to claim now."""

    def offered(self, delivery: QueuedDelivery, *, has_room: bool) -> bool:
        """Hear of a new row, and return whether it is claimed with that, without a read."""

    async def take(self, channel: str, want: "Want") -> "Taken":
        """Return rows of a webhook that may be sent now, and count them as claimed. One call at a time per webhook."""

    def has_more(self, channel: str, *, firsts: bool, retries: bool, now_us: int, hold_floor_us: int) -> bool:
        """Return whether ``take`` may find rows of the kinds that there is room for."""

    def is_awaited(self, delivery: QueuedDelivery) -> bool:
        """Return whether others may go once a claimed row is settled."""

    def next_look_us(self, channel: str, *, hold_passes: Callable[[int], int | None]) -> int | None:
        """Return when ``take`` may find something that it does not find now.

        Args:
            hold_passes: Tells when a row that first failed at a moment no longer keeps others back.
        """

    async def settle(self, batch: Sequence[Settlement], also: Callable[[Transaction], None]) -> None:
        """Write what attempts made of their deliveries; returns when it is durable, or raises having written nothing.

        Args:
            also: Runs in the same transaction.
        """

    def removed(self, delivery: QueuedDelivery) -> None:
        """Note that a row which was claimed has been taken out of the queue without an attempt."""

    async def give_back(self, channel: str, deliveries: Sequence[QueuedDelivery]) -> None:
        """Count rows that were not sent as no longer claimed."""

    def look_again(self, channel: str) -> None:
        """Read a webhook's part of the queue anew: somebody else has changed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """How much ``take`` should find.

    Args:
        first: First attempts wanted.
        retries: Retries wanted.
        hold_floor_us: Rows that first failed after this still keep back the later ones of their document.
        lease_s: How long the rows may be kept, where they are leased.
    """

    first: int
    retries: int
    now_us: int
    hold_floor_us: int
    lease_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What ``take`` found; ``orphans`` are rows whose delivery has been deleted."""

    deliveries: Sequence[QueuedDelivery] = ()
    orphans: Sequence[QueuedDelivery] = ()
