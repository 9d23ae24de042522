"""Values as people read them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demitasse.doctypes.field_types import FIELD_TYPES
from demitasse.doctypes.model import Field
from demitasse.web.desk.format import absolute, duration, plain, relative, words

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (7, "7 s ago"),
        (61, "1 min ago"),
        (7_199, "1 h ago"),
        (86_400, "1 d ago"),
        (86_400 * 8, "1 w ago"),
        (86_400 * 400, "1 y ago"),
        (-90, "in 1 min"),
        (-3, "just now"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(seconds: int, text: str) -> None:
    assert relative(NOW - timedelta(seconds=seconds), now=NOW) == text


def test_exact_times_are_the_site_s() -> None:
    assert absolute(NOW, ZoneInfo("Asia/Kolkata")) == "2026-03-01 17:30:00 IST"


@pytest.mark.parametrize(
    ("fieldtype", "value", "text"),
    [
        ("Currency", 1234567.5, "1,234,567.50"),
        ("Float", 1234.25, "1,234.25"),
        ("Float", 3.0, "3"),
        ("Int", 1234, "1,234"),
        ("Percent", 12.5, "12.50 %"),
        ("Check", 0, "No"),
        ("Rating", 0.5, "2.5 of 5"),
        ("Duration", 90.0, "1m 30s"),
        ("Password", "********", "••••••••"),
        ("Date", date(2026, 3, 1), "2026-03-01"),
        ("Datetime", NOW, "2026-03-01 12:00"),
        ("Time", timedelta(hours=7, microseconds=500_000), "07:00:00.5"),
        ("Data", "", ""),
        ("Data", None, ""),
    ],
)
def test_a_value_is_shown_by_its_type(fieldtype: str, value: Any, text: str) -> None:
    field = Field(name="f", fieldtype=fieldtype, type=FIELD_TYPES[fieldtype], label="F")
    assert plain(value, field, UTC) == text


def test_the_decimals_are_the_field_s() -> None:
    field = Field(name="f", fieldtype="Currency", type=FIELD_TYPES["Currency"], label="F", precision=3)
    assert plain(1.5, field, UTC) == "1.500"


def test_lengths_name_what_they_have() -> None:
    assert [duration(seconds) for seconds in (0, 59, 3_600, 90_061.5)] == ["0s", "59s", "1h", "1d 1h 1m 1.5s"]


def test_frappe_s_tags_go_and_everything_else_stays_text() -> None:
    message = "Item <strong><img src=x onerror=alert(1)></strong> is <b>taken</b><br>Choose &lt;another&gt;"
    assert words(message) == "Item <img src=x onerror=alert(1)> is taken · Choose <another>"
