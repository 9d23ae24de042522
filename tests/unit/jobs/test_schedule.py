from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from demitasse.jobs.errors import InvalidSchedule
from demitasse.jobs.schedule import Entry, entries_of, next_run

ROME = ZoneInfo("Europe/Rome")
KOLKATA = ZoneInfo("Asia/Kolkata")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc] # year, month, day, hour, minute


def test_hooks_of_all_kinds_are_read() -> None:
    events = {
        "all": ["a.all"],
        "hourly": "a.hourly",
        "daily_long": ["a.long"],
        "monthly": ["a.one", "a.two"],
        "cron": {"*/15 * * * *": ["a.quarter"], "0 6 * * 1": "a.monday"},
    }

    assert list(entries_of(events)) == [
        Entry(method="a.all", frequency="All"),
        Entry(method="a.hourly", frequency="Hourly"),
        Entry(method="a.long", frequency="Daily Long"),
        Entry(method="a.one", frequency="Monthly"),
        Entry(method="a.two", frequency="Monthly"),
        Entry(method="a.quarter", frequency="Cron", cron_format="*/15 * * * *"),
        Entry(method="a.monday", frequency="Cron", cron_format="0 6 * * 1"),
    ]


def test_long_frequencies_have_the_long_queue() -> None:
    assert Entry(method="a", frequency="Daily Long").queue == "long"
    assert Entry(method="a", frequency="Daily").queue == "default"


@pytest.mark.parametrize(
    ("frequency", "after", "expected"),
    [
        ("All", utc(2026, 3, 1, 12, 1), utc(2026, 3, 1, 12, 4)),
        ("Hourly", utc(2026, 3, 1, 12, 0), utc(2026, 3, 1, 13, 0)),
        ("Daily", utc(2026, 3, 1, 12, 0), utc(2026, 3, 2, 0, 0)),
        ("Weekly", utc(2026, 3, 4, 12, 0), utc(2026, 3, 8, 0, 0)),
        ("Monthly Long", utc(2026, 3, 4, 12, 0), utc(2026, 4, 1, 0, 0)),
        ("Yearly", utc(2026, 3, 4, 12, 0), utc(2027, 1, 1, 0, 0)),
    ],
)
def test_frequencies_come_at_their_turns(frequency: str, after: datetime, expected: datetime) -> None:
    assert next_run(frequency, None, after=after, zone=UTC) == expected


def test_days_are_those_of_the_sites_zone() -> None:
    assert next_run("Daily", None, after=utc(2026, 3, 1, 12, 0), zone=KOLKATA) == utc(2026, 3, 1, 18, 30)


def test_a_moment_that_the_clock_leaves_out_comes_right_after() -> None:
    # On 29 March 2026 Rome goes from 02:00 to 03:00.
    assert next_run("Cron", "30 2 * * *", after=utc(2026, 3, 28, 12, 0), zone=ROME) == utc(2026, 3, 29, 1, 0)


def test_a_moment_that_the_clock_repeats_comes_once() -> None:
    # On 25 October 2026 Rome has 02:30 twice.
    first = next_run("Cron", "30 2 * * *", after=utc(2026, 10, 24, 12, 0), zone=ROME)
    assert first.date() == datetime(2026, 10, 25, tzinfo=UTC).date()
    assert next_run("Cron", "30 2 * * *", after=first, zone=ROME) == utc(2026, 10, 26, 1, 30)


@pytest.mark.parametrize(
    "events",
    [{"sometimes": ["a"]}, {"cron": {"every day": ["a"]}}, {"cron": {"0 0 30 2 *": ["a"]}}, {"cron": {"": ["a"]}}],
)
def test_what_is_no_schedule_is_refused(events: dict[str, object]) -> None:
    with pytest.raises(InvalidSchedule):
        list(entries_of(events))
