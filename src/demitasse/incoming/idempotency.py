"""What to do with a request that carries a key: pure decisions."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from demitasse.incoming.tables import MAX_KEY_LENGTH

RETENTION_S = 24 * 3600
RESERVATION_S = 300
_MAX_SCOPE_LENGTH = 140


class Step(Enum):
    """What comes next."""

    RUN = "run"
    ANSWER_AGAIN = "answer_again"
    IN_PROGRESS = "in_progress"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """A first answer, for those who ask again.

    Args:
        content: JSON, as the caller of this room wrote it.
    """

    status: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is stored under a key.

    Args:
        answer: ``None`` while the first request is being worked on.
        created_at_s: When the key was reserved.
    """

    request_hash: str
    answer: StoredAnswer | None
    created_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What comes next, with the answer to give again where there is one."""

    step: Step
    answer: StoredAnswer | None = None


RUN = Decision(step=Step.RUN)
IN_PROGRESS = Decision(step=Step.IN_PROGRESS)
CHANGED = Decision(step=Step.CHANGED)


def decide(entry: Entry | None, *, request_hash: str, now_s: int, is_only_process: bool) -> Decision:
    """Return what comes next for a request whose key nobody in this process works on.

    Args:
        entry: What is stored under its key.
        is_only_process: No other process serves the site, so that a reservation without an answer is what a crash left.
    """
    if entry is None or now_s - entry.created_at_s >= RETENTION_S:
        return RUN
    if entry.request_hash != request_hash:
        return CHANGED
    if entry.answer is not None:
        return Decision(step=Step.ANSWER_AGAIN, answer=entry.answer)
    if is_only_process or now_s - entry.created_at_s >= RESERVATION_S:
        return RUN
    return IN_PROGRESS


def combine(decisions: Iterable[Decision]) -> Decision:
    """Return what comes next for a request with several keys: the first that is more than to run it, refusals first."""
    found = list(decisions)
    for step in (Step.CHANGED, Step.IN_PROGRESS, Step.ANSWER_AGAIN):
        for decision in found:
            if decision.step is step:
                return decision
    return RUN


def is_usable_key(key: str) -> bool:
    """Return whether a key can be stored as it is: 1 to 250 visible ASCII characters, blanks inside allowed."""
    return 0 < len(key) <= MAX_KEY_LENGTH - 5 and key.isascii() and key.isprintable() and key == key.strip()


def is_kept(status: int) -> bool:
    """Return whether an answer of this status is given again; a failure may go better the next time."""
    return status < 400  # noqa: PLR2004 - RFC 9110: from here on an error


def hash_request(method: str, body: bytes, *, query: bytes = b"") -> str:
    """Return what is the same for the same request, and different for any other."""
    found = sha256(f"{method}\n{len(query)}\n".encode())
    found.update(query)
    found.update(body)
    return found.hexdigest()


def scope_of(function: str, *, who: str) -> str:
    """Return where a key counts: at one endpoint, for one caller. What is too long for its column is hashed."""
    scope = f"{function} {who}"
    return scope if len(scope) <= _MAX_SCOPE_LENGTH else f"sha256:{sha256(scope.encode()).hexdigest()}"
