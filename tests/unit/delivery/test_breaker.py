"""The circuit breaker."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.breaker import FAILURES_TO_OPEN, FIRST_OPEN_S, HURRY_EVERY_S, MAX_OPEN_S, Breaker, BreakerState


def opened(now_s: float = 0.0, *, random: float = 0.5) -> Breaker:
    breaker = Breaker(random=lambda: random)
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s)
    return breaker


def test_a_few_failures_leave_it_closed() -> None:
    breaker = Breaker(random=lambda: 0.5)
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(0)

    assert breaker.state is BreakerState.CLOSED
    assert breaker.blocked_until_s(0) is None


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(random=lambda: 0.5)
    for _ in range(3 * FAILURES_TO_OPEN):
        breaker.failed(0)
        breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED


def test_failures_in_a_row_open_it_for_a_while() -> None:
    breaker = opened(100.0)

    assert breaker.state is BreakerState.OPEN
    assert breaker.blocked_until_s(100.0) == pytest.approx(100.0 + FIRST_OPEN_S)
    assert breaker.blocked_until_s(100.0 + FIRST_OPEN_S + 0.01) is None


def test_one_probe_at_a_time_goes_through() -> None:
    breaker = opened()
    breaker.started()

    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.blocked_until_s(20.0) == math.inf


def test_a_probe_that_arrives_closes_it() -> None:
    breaker = opened()
    breaker.started()
    breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED
    assert breaker.blocked_until_s(20.0) is None


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit() -> None:
    breaker = opened()
    times, now_s = [], 0.0
    for _ in range(8):
        until_s = breaker.blocked_until_s(now_s)
        assert until_s is not None
        times.append(until_s - now_s)
        now_s = until_s
        breaker.started()
        breaker.failed(now_s)

    assert times == pytest.approx([15, 30, 60, 120, 240, MAX_OPEN_S, MAX_OPEN_S, MAX_OPEN_S])


def test_a_probe_that_says_nothing_of_the_endpoint_makes_room_for_the_next() -> None:
    breaker = opened()
    breaker.started()
    breaker.abandoned()

    assert breaker.blocked_until_s(20.0) is None


def test_older_requests_that_end_in_failure_do_not_lengthen_it() -> None:
    breaker = opened()
    before = breaker.blocked_until_s(0.0)
    breaker.failed(10.0)

    assert breaker.blocked_until_s(10.0) == before


def test_an_older_request_that_arrives_closes_it() -> None:
    breaker = opened()
    breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED


@given(st.floats(0, 1, exclude_max=True))
def test_the_time_it_stays_open_varies_by_a_fifth(random: float) -> None:
    until_s = opened(random=random).blocked_until_s(0.0)

    assert until_s is not None
    assert FIRST_OPEN_S * 0.799 <= until_s <= FIRST_OPEN_S * 1.201


@given(st.lists(st.sampled_from(["start", "fail", "succeed", "abandon", "wait"]), max_size=60))
def test_it_never_blocks_for_ever(events: list[str]) -> None:
    breaker, now_s, out = Breaker(random=lambda: 0.5), 0.0, 0
    for event in events:
        now_s += 1
        if event == "start" and breaker.blocked_until_s(now_s) is None:
            breaker.started()
            out += 1
        elif event == "wait":
            now_s += 100
        elif out:
            out -= 1
            if event == "fail":
                breaker.failed(now_s)
            elif event == "succeed":
                breaker.succeeded()
            else:
                breaker.abandoned()
    while out:  # All that is under way ends.
        breaker.abandoned()
        out -= 1

    assert breaker.blocked_until_s(now_s + MAX_OPEN_S * 1.3) is None


def test_a_person_may_have_it_probe_at_once() -> None:
    breaker = opened()

    assert breaker.hurry(1)
    assert breaker.blocked_until_s(1) is None
    breaker.started()
    assert breaker.blocked_until_s(1) == math.inf
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED


def test_a_hurried_probe_that_fails_does_not_make_the_wait_longer() -> None:
    breaker = opened()
    breaker.hurry(1)
    breaker.started()
    breaker.failed(1)

    assert breaker.blocked_until_s(1) == 1 + FIRST_OPEN_S


def test_it_is_hurried_seldom_and_only_when_it_keeps_waiting() -> None:
    assert not Breaker(random=lambda: 0.5).hurry(0)
    breaker = opened()
    assert breaker.hurry(1)
    assert not breaker.hurry(1)
    breaker.started()
    assert not breaker.hurry(1 + HURRY_EVERY_S)
    breaker.failed(1)
    assert not breaker.hurry(HURRY_EVERY_S)
    assert breaker.hurry(1 + HURRY_EVERY_S)
