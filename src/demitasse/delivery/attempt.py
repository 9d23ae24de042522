"""From the result of a request to what becomes of its delivery: decisions without I/O."""

from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from demitasse.delivery.classification import Judgement, Verdict, header
from demitasse.delivery.policy import Random, RetrySchedule, parse_retry_after, retry_delay_s
from demitasse.delivery.redaction import redact_headers
from demitasse.kernel import json
from demitasse.outbox.model import (
    Attempt,
    DeliveryState,
    Message,
    QueuedDelivery,
    Settlement,
    storable,
    to_microseconds,
)
from demitasse.transports.model import Outcome, SendResult

_SHOWN_BODY_BYTES = 65_536
_MICROSECONDS = 1_000_000


class Sent(Struct, frozen=True, kw_only=True, gc=False):
    """An attempt that is under way, or could not be made.

    Args:
        number: Counts the attempts of the delivery from 1.
        shown_url: What the log may show of the URL; so with the headers.
    """

    delivery: QueuedDelivery
    message: Message
    number: int
    at: datetime
    shown_url: str
    shown_headers: str = "{}"


def retry_after_s(result: SendResult | None, *, now: datetime) -> float | None:
    """Return how long the receiver asked us to wait."""
    if result is None or result.outcome is not Outcome.ANSWERED:
        return None
    return parse_retry_after(header(result, "retry-after"), now=now)


def conclude(
    sent: Sent,
    result: SendResult | None,
    judgement: Judgement,
    *,
    schedule: RetrySchedule,
    is_active: bool,
    now: datetime,
    random: Random,
) -> Settlement:
    """Return what becomes of a delivery after an attempt.

    Args:
        result: ``None`` where nothing was sent.
        is_active: Whether the webhook still takes deliveries; if not, one that failed is held.
    """
    delivery, message = sent.delivery, sent.message
    state, delay_s, error = DeliveryState.DELIVERED, 0.0, judgement.error
    if judgement.verdict is not Verdict.DELIVERED:
        in_round = sent.number - delivery.round_started_at
        asked = retry_after_s(result, now=now)
        delay = retry_delay_s(in_round, schedule=schedule, random=random, retry_after_s=asked)
        if judgement.verdict is Verdict.DISABLE:
            state = DeliveryState.HELD
        elif delay is None:
            state = DeliveryState.FAILED
            error = f"{error}. This was the last of {schedule.attempts} attempts; it can be replayed"
        else:
            state, delay_s = (DeliveryState.RETRYING if is_active else DeliveryState.HELD), delay
    is_final = state is DeliveryState.DELIVERED or state is DeliveryState.FAILED
    return Settlement(
        delivery=delivery,
        state=state,
        now=now,
        attempt=_log_row(sent, result, outcome=judgement.outcome, error=error),
        doctype=message.doctype,
        document=message.document,
        owner=message.owner,
        retry_after_us=int(delay_s * _MICROSECONDS),
        failing_since_us=0 if is_final else delivery.failing_since_us or to_microseconds(now),
    )


def _log_row(sent: Sent, result: SendResult | None, *, outcome: str, error: str | None) -> Attempt:
    body = sent.message.body
    return Attempt(
        number=sent.number,
        at=sent.at,
        url=sent.shown_url,
        method=sent.message.method,
        headers=sent.shown_headers,
        data=body.decode() if len(body) <= _SHOWN_BODY_BYTES else body[:_SHOWN_BODY_BYTES].decode(errors="ignore"),
        response=_response_text(result) if result else "",
        outcome=outcome,
        status_code=(result.status or 0) if result else 0,
        duration_ms=round(result.duration_s * 1000) if result else 0,
        error=None if error is None else storable(error),
        response_headers=_shown_headers(result.headers) if result else "{}",
        is_response_cut=result.truncated if result else False,
    )


@lru_cache(maxsize=256)  # A receiver repeats itself, within a second to the letter.
def _shown_headers(headers: tuple[tuple[str, str], ...]) -> str:
    return storable(json.encode(redact_headers(headers)).decode())


def _response_text(result: SendResult) -> str:
    if not result.body:
        return ""
    coding = header(result, "content-encoding")
    if coding and coding.lower() != "identity":
        return storable(f"({len(result.body)} bytes, {coding})")
    text = result.body.decode(errors="replace")
    return text.replace("\x00", "\ufffd") if "\x00" in text else text
