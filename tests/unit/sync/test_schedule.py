"""When rules run by themselves."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from demitasse.jobs.errors import InvalidSchedule
from demitasse.sync.schedule import check_schedule, is_due, seconds_of

NOW = datetime(2026, 1, 31, 10, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(("schedule", "seconds"), [("30s", 30), (" 1 s ", 1), ("*/5 * * * *", None), ("", None)])
def test_seconds_and_cron_lines_are_told_apart(schedule: str, seconds: int | None) -> None:
    assert seconds_of(schedule) == seconds


@pytest.mark.parametrize("schedule", ["0s", "soon", "61 * * * *", "30", "1.5s"])
def test_what_never_comes_is_refused(schedule: str) -> None:
    with pytest.raises(InvalidSchedule):
        check_schedule(schedule)


@pytest.mark.parametrize("schedule", ["", "10s", "*/5 * * * *", "0 3 * * 1"])
def test_what_comes_is_taken(schedule: str) -> None:
    check_schedule(schedule)


def test_a_rule_without_a_schedule_is_never_due() -> None:
    assert not is_due("", last=None, now=NOW, zone=UTC)


def test_a_rule_that_never_ran_is_due() -> None:
    assert is_due("0 3 * * *", last=None, now=NOW, zone=UTC)


def test_seconds_count_from_the_last_look() -> None:
    assert not is_due("30s", last=NOW - timedelta(seconds=29), now=NOW, zone=UTC)
    assert is_due("30s", last=NOW - timedelta(seconds=30), now=NOW, zone=UTC)


def test_a_cron_line_is_of_the_sites_zone() -> None:
    last = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
    assert not is_due("0 18 * * *", last=last, now=NOW, zone=ZoneInfo("Asia/Kolkata"))
    assert is_due("30 14 * * *", last=last, now=NOW, zone=ZoneInfo("Asia/Kolkata"))
