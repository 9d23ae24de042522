"""When a request of app code is tried again: pure decisions."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_ATTEMPTS = 3
_SAFE = frozenset({"GET", "HEAD"})
_WORTH_RETRYING = frozenset({429, 500, 502, 503, 504})
_FIRST_DELAY_S = 0.25
_MAX_ASKED_DELAY_S = 5.0
_JITTER = 0.2


def delay_before_retry(
    method: str,
    *,
    attempts: int,
    status: int | None,
    headers: Mapping[str, str],
    remaining_s: float,
    now: datetime,
) -> float | None:
    """Return how many seconds to wait before the request is sent once more, ``None`` when it must not be.

    Only requests that change nothing are repeated, and only while the time for all attempts together lasts.

    Args:
        attempts: Made already, at least 1.
        status: ``None`` where no answer came.
        headers: Of the answer; ``Retry-After`` counts up to 5 s, a server that asks for more is not asked again.
        remaining_s: Until the deadline of the whole call.
        now: Aware, UTC.
    """
    if method.upper() not in _SAFE or attempts >= MAX_ATTEMPTS:
        return None
    if status is not None and status not in _WORTH_RETRYING:
        return None
    asked_s = retry_after_s(headers.get("Retry-After"), now=now)
    if asked_s is not None:
        delay_s = asked_s
        if delay_s > _MAX_ASKED_DELAY_S:
            return None
    else:
        spread = 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - it spreads load and guards nothing
        delay_s = _FIRST_DELAY_S * 3 ** (attempts - 1) * spread
    return delay_s if delay_s < remaining_s else None


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for; ``None`` where it is missing or cannot be read.

    Source: RFC 9110, section 10.2.3.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
