"""What becomes of a delivery after an attempt."""

from datetime import UTC, datetime
from typing import Any

import pytest

from demitasse.delivery.attempt import Sent, conclude
from demitasse.delivery.classification import judge
from demitasse.delivery.policy import RetrySchedule
from demitasse.outbox.model import Attempt, DeliveryState, QueuedDelivery, Settlement, to_microseconds
from demitasse.transports.model import Outcome, SendResult
from tests.unit.delivery.test_request import message

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SCHEDULE = RetrySchedule(delays_s=(10.0, 20.0))


def concluded(result: SendResult, *, is_active: bool = True, body: bytes = b"{}", **delivery: Any) -> Settlement:
    values: dict[str, Any] = {
        "id": 1,
        "name": "msg_1",
        "webhook": "crm",
        "state": DeliveryState.QUEUED,
        "order_key": None,
        "due_at_us": 0,
    }
    queued = QueuedDelivery(**{**values, **delivery})
    sent = Sent(
        delivery=queued,
        message=message(body=body),
        number=queued.attempts + 1,
        at=NOW,
        shown_url="https://crm.example.com/",
    )
    return conclude(sent, result, judge(result), schedule=SCHEDULE, is_active=is_active, now=NOW, random=lambda: 0.5)


def answered(status: int, body: bytes = b"", **headers: str) -> SendResult:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return SendResult(outcome=Outcome.ANSWERED, status=status, headers=named, body=body, duration_s=0.0126)


def logged(result: SendResult, **more: Any) -> Attempt:
    return concluded(result, **more).attempt


def test_a_success_ends_it() -> None:
    settled = concluded(answered(204))

    assert (settled.state, settled.is_final, settled.attempt.error) == (DeliveryState.DELIVERED, True, None)
    assert (settled.attempt.status_code, settled.attempt.duration_ms) == (204, 13)


@pytest.mark.parametrize(
    ("attempts", "round_started_at", "state", "delay_s"),
    [
        (0, 0, DeliveryState.RETRYING, 10),
        (1, 0, DeliveryState.RETRYING, 20),
        (2, 0, DeliveryState.FAILED, 0),
        (2, 2, DeliveryState.RETRYING, 10),
        (9, 2, DeliveryState.FAILED, 0),
    ],
)
def test_a_failure_waits_as_its_round_of_the_schedule_says(
    attempts: int, round_started_at: int, state: DeliveryState, delay_s: int
) -> None:
    settled = concluded(answered(500), attempts=attempts, round_started_at=round_started_at)

    assert (settled.state, settled.retry_after_us) == (state, delay_s * 1_000_000)


def test_a_failure_of_a_paused_webhook_is_held() -> None:
    assert concluded(answered(500), is_active=False).state is DeliveryState.HELD


def test_a_success_of_a_paused_webhook_is_a_success() -> None:
    assert concluded(answered(200), is_active=False).state is DeliveryState.DELIVERED


def test_410_holds_it() -> None:
    assert concluded(answered(410), attempts=2).state is DeliveryState.HELD


@pytest.mark.parametrize("status", [429, 503, 500])
def test_the_wait_that_a_receiver_asks_for_is_kept(status: int) -> None:
    assert concluded(answered(status, Retry_After="99")).retry_after_us == 99_000_000


def test_since_when_it_fails_is_remembered_from_the_first_failure() -> None:
    assert concluded(answered(500)).failing_since_us == to_microseconds(NOW)
    assert concluded(answered(500), attempts=1, failing_since_us=5).failing_since_us == 5
    assert concluded(answered(200), attempts=1, failing_since_us=5).failing_since_us == 0


def test_the_log_keeps_a_bounded_part_of_a_large_body() -> None:
    data = logged(answered(200), body="é".encode() * 50_000).data

    assert len(data.encode()) <= 65_536
    assert set(data) == {"é"}


def test_an_answer_that_is_no_text_is_kept_as_far_as_it_is() -> None:
    assert logged(answered(200, b"a\xff\x00b")).response == "a\ufffd\ufffdb"


def test_a_compressed_answer_is_not_kept_as_text() -> None:
    assert logged(answered(200, b"\x1f\x8b\x08", Content_Encoding="gzip")).response == "(3 bytes, gzip)"


def test_an_attempt_without_an_answer_has_its_reason() -> None:
    attempt = logged(SendResult(outcome=Outcome.DNS, error="The host name was not found"))

    assert (attempt.outcome, attempt.status_code, attempt.error) == ("dns", 0, "The host name was not found")
