"""Named spans of days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.documents.timespan import days_of, span_names

TODAY = date(2026, 3, 18)  # a Wednesday


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("yesterday", "2026-03-17", "2026-03-17"),
        ("Today", "2026-03-18", "2026-03-18"),
        ("tomorrow", "2026-03-19", "2026-03-19"),
        ("last 7 days", "2026-03-11", "2026-03-18"),
        ("next 30 days", "2026-03-18", "2026-04-17"),
        ("last week", "2026-03-08", "2026-03-14"),
        ("this week", "2026-03-15", "2026-03-21"),
        ("next week", "2026-03-22", "2026-03-28"),
        ("last month", "2026-02-01", "2026-02-28"),
        ("this  MONTH", "2026-03-01", "2026-03-31"),
        ("next month", "2026-04-01", "2026-04-30"),
        ("last quarter", "2025-10-01", "2025-12-31"),
        ("this quarter", "2026-01-01", "2026-03-31"),
        ("next quarter", "2026-04-01", "2026-06-30"),
        ("last 6 months", "2025-07-01", "2025-12-31"),
        ("next 6 months", "2026-04-01", "2026-09-30"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("this year", "2026-01-01", "2026-12-31"),
        ("next year", "2027-01-01", "2027-12-31"),
    ],
)
def test_a_span_is_whole_days(name: str, first: str, last: str) -> None:
    assert days_of(name, today=TODAY) == (date.fromisoformat(first), date.fromisoformat(last))


def test_a_week_begins_on_sunday() -> None:
    sunday = date(2026, 3, 15)
    assert days_of("this week", today=sunday) == (sunday, sunday + timedelta(days=6))
    assert days_of("this week", today=sunday - timedelta(days=1)) == (sunday - timedelta(days=7), date(2026, 3, 14))


def _days(name: str, today: date) -> tuple[date, date]:
    found = days_of(name, today=today)
    assert found is not None
    return found


@given(today=st.dates(min_value=date(2, 1, 1), max_value=date(9997, 12, 31)))
def test_spans_that_follow_each_other_leave_no_gap(today: date) -> None:
    for kind in ("week", "month", "quarter", "year"):
        last, this, following = (_days(f"{word} {kind}", today) for word in ("last", "this", "next"))
        assert this[0] <= today <= this[1]
        assert last[1] + timedelta(days=1) == this[0]
        assert this[1] + timedelta(days=1) == following[0]


def test_an_unknown_span_is_none() -> None:
    assert days_of("last fortnight", today=TODAY) is None
    assert all(days_of(name, today=TODAY) for name in span_names())
