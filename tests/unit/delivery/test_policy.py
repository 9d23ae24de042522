"""When to try again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.errors import InvalidSchedule
from demitasse.delivery.policy import (
    DEFAULT_SCHEDULE,
    MAX_RETRY_AFTER_S,
    RetrySchedule,
    parse_retry_after,
    parse_schedule,
    retry_delay_s,
    wait_s,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def test_the_default_schedule_has_eight_attempts_over_a_little_more_than_a_day() -> None:
    assert DEFAULT_SCHEDULE.attempts == 8
    assert DEFAULT_SCHEDULE.delays_s == (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)


def test_each_attempt_waits_as_long_as_the_schedule_says() -> None:
    delays = [retry_delay_s(made, schedule=DEFAULT_SCHEDULE, random=lambda: 0.5) for made in range(1, 8)]

    assert delays == pytest.approx(list(DEFAULT_SCHEDULE.delays_s))


def test_an_exhausted_schedule_gives_up() -> None:
    assert retry_delay_s(8, schedule=DEFAULT_SCHEDULE, random=lambda: 0.5) is None
    assert retry_delay_s(1, schedule=RetrySchedule(delays_s=()), random=lambda: 0.5) is None


@given(made=st.integers(1, 7), random=st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(made: int, random: float) -> None:
    delay = retry_delay_s(made, schedule=DEFAULT_SCHEDULE, random=lambda: random)
    base = DEFAULT_SCHEDULE.delays_s[made - 1]

    assert delay is not None
    assert base * 0.799 <= delay <= base * 1.201


@pytest.mark.parametrize(
    ("asked_s", "expected"), [(1, 300), (1_000, 1_000), (10_000_000, MAX_RETRY_AFTER_S), (0, 300), (None, 300)]
)
def test_a_receiver_can_lengthen_the_wait_to_a_day_and_not_shorten_it(asked_s: float | None, expected: float) -> None:
    delay = retry_delay_s(2, schedule=DEFAULT_SCHEDULE, random=lambda: 0.5, retry_after_s=asked_s)

    assert delay == pytest.approx(expected)


def test_attempts_that_were_not_made_have_no_delay() -> None:
    with pytest.raises(ValueError, match="already made"):
        retry_delay_s(0, schedule=DEFAULT_SCHEDULE, random=lambda: 0.5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90.0),
        ("Sunday, 01-Mar-26 12:01:30 GMT", 90.0),
        ("Sun Mar  1 12:01:30 2026", 90.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 13:01:30 +0100", 90.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("99999999999999999999", None),
        ("Sun, 99 Mar 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == expected


@given(st.text(max_size=60))
def test_no_retry_after_is_an_error(value: str) -> None:
    found = parse_retry_after(value, now=NOW)

    assert found is None or found >= 0


@given(st.integers(-(10**6), 10**6))
def test_a_date_is_as_far_away_as_it_says(seconds: int) -> None:
    moment = (NOW + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert parse_retry_after(moment, now=NOW) == max(0, seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5, 300, 1800", (5, 300, 1_800)),
        ("5 300\n1800", (5, 300, 1_800)),
        ("0.5,0", (0.5, 0)),
        ("", None),
        (None, None),
        (" , ", None),
    ],
)
def test_a_schedule_is_seconds_with_commas(text: str | None, expected: tuple[float, ...] | None) -> None:
    found = parse_schedule(text)

    assert (found and found.delays_s) == expected


@pytest.mark.parametrize("text", ["5m", "-1", "nan", "inf", "1e9", "5,,x", ",".join("1" for _ in range(31))])
def test_a_schedule_that_makes_no_sense_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidSchedule, match="5, 300, 1800"):
        parse_schedule(text)


@pytest.mark.parametrize(("asked_s", "expected"), [(None, 5.0), (0.0, 0.0), (30.0, 30.0), (99_999.0, 3_600.0)])
def test_an_overloaded_endpoint_is_left_alone_for_at_most_an_hour(asked_s: float | None, expected: float) -> None:
    assert wait_s(asked_s) == expected
