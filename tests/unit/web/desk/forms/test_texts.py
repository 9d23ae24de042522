"""Between values and the texts of controls."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.doctypes.errors import InvalidValue
from demitasse.doctypes.field_types import FIELD_TYPES
from demitasse.doctypes.model import Field
from demitasse.web.desk.forms.texts import is_same, moment_mark, read_mark, text_of, value_of

MUMBAI = ZoneInfo("Asia/Kolkata")
MOMENT = datetime(2026, 2, 28, 18, 29, 58, 123456, tzinfo=UTC)


def field(fieldtype: str, options: str | None = None) -> Field:
    return Field(name="f", fieldtype=fieldtype, type=FIELD_TYPES[fieldtype], label="F", options=options)


@pytest.mark.parametrize(
    ("fieldtype", "value", "text"),
    [
        ("Data", None, ""),
        ("Data", "a\r\nb", "a\nb"),
        ("Int", 0, "0"),
        ("Float", 12.0, "12"),
        ("Float", 0.1 + 0.2, "0.30000000000000004"),
        ("Check", 1, "1"),
        ("Date", date(2026, 2, 28), "2026-02-28"),
        ("Datetime", MOMENT, "2026-02-28T23:59:58"),
        ("Datetime", MOMENT.replace(second=0), "2026-02-28T23:59"),
        ("Time", timedelta(hours=7, minutes=8, seconds=9, microseconds=5), "07:08:09"),
        ("Duration", 93_784.0, "1d 2h 3m 4s"),
        ("Duration", 1.5, "1.5s"),
        ("Duration", 0.0, ""),
        ("Rating", 0.8, "4"),
        ("Password", "********", ""),
    ],
)
def test_a_value_has_a_text(fieldtype: str, value: Any, text: str) -> None:
    assert text_of(field(fieldtype), value, MUMBAI) == text


@pytest.mark.parametrize(
    ("fieldtype", "text", "value"),
    [
        ("Data", "", None),
        ("Duration", "1d 2h 3m 4s", 93_784.0),
        ("Duration", "90", 90.0),
        ("Duration", "1.5H", 5_400.0),
        ("Rating", "4", 0.8),
        ("Currency", "1,234.50", "1234.50"),
        ("Int", " 7 ", "7"),
        ("Datetime", "2026-02-28T23:59", "2026-02-28 23:59"),
        ("Data", " kept ", " kept "),
    ],
)
def test_a_text_stands_for_a_value(fieldtype: str, text: str, value: Any) -> None:
    assert value_of(field(fieldtype), text) == value


@pytest.mark.parametrize(("fieldtype", "text"), [("Duration", "soon"), ("Duration", "1d x"), ("Rating", "many")])
def test_what_cannot_be_read_is_said(fieldtype: str, text: str) -> None:
    with pytest.raises(InvalidValue, match=text.split(maxsplit=1)[0]):
        value_of(field(fieldtype), text)


@given(st.floats(min_value=0.5, max_value=1e8).map(lambda number: round(number, 1)))
def test_lengths_come_back_as_they_were(seconds: float) -> None:
    text = text_of(field("Duration"), seconds, UTC)
    assert value_of(field("Duration"), text) == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2026-02-28T23:59:00", "2026-02-28T23:59", True),
        ("2026-02-28T23:59:00.000", "2026-02-28T23:59", True),
        ("2026-02-28T23:59:01", "2026-02-28T23:59", False),
    ],
)
def test_seconds_that_are_none_make_no_difference(one: str, other: str, same: bool) -> None:
    assert is_same(field("Datetime"), one, other) is same
    assert is_same(field("Data"), "10:00:00", "10:00") is False


def test_the_mark_of_a_moment_is_exact_and_not_trusted() -> None:
    assert read_mark(moment_mark(MOMENT)) == MOMENT
    assert [read_mark(text) for text in ("", "yesterday", "2026-02-28 10:00")] == [None, None, None]
