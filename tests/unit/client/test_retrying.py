import pytest

from demitasse.client import errors, protocol
from demitasse.client.retrying import NO_RETRIES, RetryPolicy

READ = protocol.list_request("Item")
WRITE = protocol.insert_request("Item", {}, idempotency_key="k")
LOST = errors.SiteUnreachable("no answer", was_sent=True)
REFUSED = errors.SiteUnreachable("refused", was_sent=False)
POLICY = RetryPolicy(max_attempts=4, first_delay_s=1, max_delay_s=10)


def busy(retry_after_s: float | None) -> errors.RateLimited:
    return errors.RateLimited("busy", status=429, retry_after_s=retry_after_s)


def test_waits_double_and_vary_by_half() -> None:
    assert [POLICY.delay_s(READ, LOST, attempts=made, chance=0) for made in (1, 2, 3)] == [1, 2, 4]
    assert [POLICY.delay_s(READ, LOST, attempts=made, chance=1) for made in (1, 2, 3)] == [0.5, 1, 2]


def test_waits_are_capped() -> None:
    patient = RetryPolicy(max_attempts=100, first_delay_s=1, max_delay_s=10)

    assert patient.delay_s(READ, LOST, attempts=50, chance=0) == 10


def test_attempts_are_bounded() -> None:
    assert POLICY.delay_s(READ, LOST, attempts=4, chance=0) is None
    assert NO_RETRIES.delay_s(READ, LOST, attempts=1, chance=0) is None


def test_a_write_that_may_have_happened_is_not_repeated() -> None:
    assert POLICY.delay_s(WRITE, LOST, attempts=1, chance=0) is None


@pytest.mark.parametrize("error", [REFUSED, busy(None)])
def test_a_write_that_surely_did_not_happen_is_repeated(error: errors.ClientError) -> None:
    assert POLICY.delay_s(WRITE, error, attempts=1, chance=0) == 1


def test_a_write_under_a_key_is_repeated_where_keys_are_honoured() -> None:
    policy = RetryPolicy(first_delay_s=1, honours_idempotency_keys=True)

    assert policy.delay_s(WRITE, LOST, attempts=1, chance=0) == 1
    assert policy.delay_s(protocol.insert_request("Item", {}), LOST, attempts=1, chance=0) is None


def test_retry_after_is_waited_for() -> None:
    assert POLICY.delay_s(READ, busy(7), attempts=1, chance=0) == 7
    assert POLICY.delay_s(READ, busy(0), attempts=1, chance=0) == 1


def test_a_retry_after_beyond_our_patience_is_told_at_once() -> None:
    assert POLICY.delay_s(READ, busy(60), attempts=1, chance=0) is None
