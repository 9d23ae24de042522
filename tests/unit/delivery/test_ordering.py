"""How long a failing delivery keeps others back."""

from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.ordering import HOLD_US, HoldClock

SECOND = 1_000_000


def test_without_pauses_it_is_a_minute() -> None:
    clock = HoldClock()

    assert clock.floor_us(100 * SECOND) == 40 * SECOND
    assert clock.passes_at_us(50 * SECOND, now_us=100 * SECOND) == 110 * SECOND
    assert clock.passes_at_us(10 * SECOND, now_us=100 * SECOND) == 100 * SECOND


def test_a_pause_does_not_count() -> None:
    clock = HoldClock()
    clock.pause(100 * SECOND)
    clock.pause(120 * SECOND)
    clock.resume(400 * SECOND)
    clock.resume(410 * SECOND)

    assert clock.floor_us(430 * SECOND) == 70 * SECOND
    assert clock.passes_at_us(90 * SECOND, now_us=430 * SECOND) == 450 * SECOND


def test_while_it_is_paused_nothing_passes() -> None:
    clock = HoldClock()
    clock.pause(100 * SECOND)

    assert clock.is_paused
    assert clock.floor_us(1_000 * SECOND) == 40 * SECOND
    assert clock.passes_at_us(90 * SECOND, now_us=1_000 * SECOND) is None


@given(
    pauses=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 500)), max_size=30), failed_at=st.integers(0, 5_000)
)
def test_what_passes_has_held_for_a_minute_of_time_that_counts(pauses: list[tuple[int, int]], failed_at: int) -> None:
    clock, now = HoldClock(), 0
    paused: set[int] = set()
    for runs, stands in pauses:
        now += runs
        clock.pause(now * SECOND)
        paused.update(range(now, now + stands))
        now += stands
        clock.resume(now * SECOND)
    now += 30
    failed_at = min(failed_at, now)
    counted = sum(1 for second in range(failed_at, now) if second not in paused)

    passes = failed_at * SECOND <= clock.floor_us(now * SECOND)

    assert passes == (counted * SECOND >= HOLD_US)
