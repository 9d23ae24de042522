"""When a request is sent once more."""

from datetime import UTC, datetime

import pytest

from demitasse.frappe.integrations.retrying import delay_before_retry, retry_after_s

NOW = datetime(2026, 3, 9, 12, 0, 0, tzinfo=UTC)


def delay(
    method: str = "GET",
    *,
    attempts: int = 1,
    status: int | None = 503,
    retry_after: str | None = None,
    remaining_s: float = 30,
) -> float | None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return delay_before_retry(
        method, attempts=attempts, status=status, headers=headers, remaining_s=remaining_s, now=NOW
    )


@pytest.mark.parametrize("status", [None, 429, 500, 502, 503, 504])
def test_a_read_that_failed_in_passing_is_repeated_soon_then_later(status: int | None) -> None:
    first, second = delay(status=status), delay(status=status, attempts=2)
    assert first is not None
    assert second is not None
    assert 0.2 <= first <= 0.3
    assert 0.6 <= second <= 0.9


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 422, 501])
def test_what_will_not_get_better_is_not_repeated(status: int) -> None:
    assert delay(status=status) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_what_may_change_something_is_not_repeated(method: str) -> None:
    assert delay(method) is None
    assert delay(method, status=None) is None


def test_there_are_three_attempts_within_the_time_for_all_of_them() -> None:
    assert delay(attempts=3) is None
    assert delay(remaining_s=0.1) is None
    assert delay(retry_after="2", remaining_s=1.5) is None


def test_a_server_is_asked_again_when_it_wants_to_be() -> None:
    assert delay(retry_after="0") == 0
    assert delay(retry_after="5") == 5
    assert delay(retry_after="6") is None
    assert delay(retry_after="Mon, 09 Mar 2026 12:00:03 GMT") == 3
    assert delay(retry_after="Mon, 09 Mar 2026 11:00:00 GMT") == 0
    assert delay(retry_after="soon") is not None


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1.5", "٣", "1e3", "Mon, 99 Mar 2026"])
def test_a_time_that_cannot_be_read_asks_for_nothing(value: str | None) -> None:
    assert retry_after_s(value, now=NOW) is None


def test_an_absurd_time_is_a_number() -> None:
    assert (retry_after_s("9" * 400, now=NOW) or 0) > 10**8
