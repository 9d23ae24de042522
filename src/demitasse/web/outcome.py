"""What a request's work comes to, and its answer in the version of the API that was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demitasse.web import envelope, envelope_v2
from demitasse.web.envelope import Answer

_UNKNOWN_FIELDS = b"x-demitasse-unknown-fields"
_MAX_HEADER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What goes out when all went well.

    Args:
        key: Under which version 1 answers; version 2 always answers ``data``.
        more: Keys beside it.
        unknown: Names in the request that are no fields of the document.
    """

    value: Any
    key: str = "data"
    status: int = 200
    more: Mapping[str, Any] = field(default_factory=dict)
    unknown: Sequence[str] = ()


def answer_of(outcome: Outcome, *, is_v2: bool, messages: Sequence[Mapping[str, Any]] = ()) -> Answer:
    """Return the answer that tells an outcome."""
    if is_v2:
        answer = envelope_v2.success(outcome.value, status=outcome.status, messages=messages, more=outcome.more)
    else:
        answer = envelope.success(
            outcome.key, outcome.value, status=outcome.status, messages=messages, more=outcome.more
        )
    if not outcome.unknown:
        return answer
    # Names are the client's: a line break in one must not end the header.
    names = ", ".join(sorted(set(outcome.unknown))).encode("unicode_escape")[:_MAX_HEADER]
    return answer.with_headers((_UNKNOWN_FIELDS, names))


def failure_of(
    error: Exception,
    *,
    is_v2: bool,
    messages: Sequence[Mapping[str, Any]] = (),
    developer_mode: bool,
    has_expired: bool = False,
) -> Answer:
    """Return the answer that tells an error."""
    if is_v2:
        return envelope_v2.failure(error, messages=messages, developer_mode=developer_mode)
    return envelope.failure(error, messages=messages, developer_mode=developer_mode, has_expired=has_expired)
