"""Concurrency and rates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.fairness import FIRST_CONCURRENCY, Pace, TokenBucket, fair_share


def test_without_a_limit_the_bucket_is_never_empty() -> None:
    bucket = TokenBucket()
    for _ in range(1_000):
        bucket.take()

    assert bucket.empty_until_s(0.0) is None


def test_a_limit_allows_a_seconds_worth_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket()
    bucket.set_rate(4.0, now_s=0.0)
    sent_at_s: list[float] = []
    now_s = 0.0
    while len(sent_at_s) < 12:
        until_s = bucket.empty_until_s(now_s)
        if until_s is None:
            bucket.take()
            sent_at_s.append(now_s)
        else:
            now_s = until_s

    assert sent_at_s == pytest.approx([0.0] * 4 + [n / 4 for n in range(1, 9)])


def test_a_limit_below_one_per_second_is_kept_too() -> None:
    bucket = TokenBucket()
    bucket.set_rate(0.1, now_s=0.0)
    first = bucket.empty_until_s(0.0)
    bucket.take()

    assert first is None
    assert bucket.empty_until_s(0.0) == pytest.approx(10.0)
    assert bucket.empty_until_s(10.01) is None


def test_the_same_limit_again_does_not_fill_the_bucket() -> None:
    bucket = TokenBucket()
    bucket.set_rate(1.0, now_s=0.0)
    bucket.take()
    bucket.set_rate(1.0, now_s=0.0)

    assert bucket.empty_until_s(0.0) is not None


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 64))
def test_the_pace_stays_between_one_and_its_ceiling(results: list[bool], ceiling: int) -> None:
    pace = Pace()
    pace.ceiling = ceiling
    for kept_up in results:
        if kept_up:
            pace.kept_up()
        else:
            pace.fell_behind()
        assert 1 <= pace.limit <= ceiling


def test_the_pace_grows_one_by_one_and_falls_by_half() -> None:
    pace = Pace()
    pace.ceiling = 12
    start = pace.limit
    for _ in range(20):
        pace.kept_up()
    top = pace.limit
    pace.fell_behind()

    assert (start, top, pace.limit) == (FIRST_CONCURRENCY, 12, 6)


@given(st.integers(1, 500))
def test_however_many_take_their_share_something_is_left_unless_they_are_very_many(takers: int) -> None:
    slots, held = 256, [0] * takers
    growing = True
    while growing:
        growing = False
        for taker in range(takers):
            if sum(held) < slots and held[taker] < fair_share(slots - sum(held)):
                held[taker] += 1
                growing = True

    assert sum(held) < slots or takers >= slots // 4
