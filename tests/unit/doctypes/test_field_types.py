"""Each field type turns what comes from outside into what is kept, or refuses it with a sentence."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.doctypes.errors import InvalidValue
from demitasse.doctypes.field_types import FIELD_TYPES

KOLKATA = ZoneInfo("Asia/Kolkata")


def kept(fieldtype: str, value: Any, zone: Any = UTC) -> Any:
    return FIELD_TYPES[fieldtype].coerce(value, zone)


@pytest.mark.parametrize(
    ("fieldtype", "sent", "expected"),
    [
        ("Data", "", None),
        ("Data", 12, "12"),
        ("Data", True, "1"),
        ("JSON", {"a": 1}, '{"a":1}'),
        ("JSON", [1, 2], "[1,2]"),
        ("Int", "7", 7),
        ("Int", "7.9", 7),
        ("Int", None, 0),
        ("Check", "true", 1),
        ("Check", 5, 1),
        ("Check", "0", 0),
        ("Float", "1e3", 1000.0),
        ("Currency", "", 0.0),
        ("Date", "2026-02-28", date(2026, 2, 28)),
        ("Date", "2026-02-28 10:00:00", date(2026, 2, 28)),
        ("Time", "9:05", timedelta(hours=9, minutes=5)),
        ("Time", "23:59:59.5", timedelta(hours=23, minutes=59, seconds=59.5)),
        ("Datetime", "", None),
    ],
)
def test_a_value_is_kept_in_its_own_form(fieldtype: str, sent: Any, expected: Any) -> None:
    found = kept(fieldtype, sent)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("fieldtype", "sent"),
    [
        ("Int", "seven"),
        ("Int", 2**70),
        ("Float", "nan"),
        ("Currency", "1e999"),
        ("Currency", [1]),
        ("Date", "31-31-2025"),
        ("Date", 20250101),
        ("Datetime", "yesterday"),
        ("Time", "25:00"),
        ("Time", "10:75"),
        ("JSON", "{bad"),
        ("Rating", 3),
        ("Data", object()),
        ("Small Text", {"a": 1}),
        ("Data", ["a"]),
    ],
)
def test_what_does_not_fit_is_refused_with_the_value(fieldtype: str, sent: Any) -> None:
    with pytest.raises(InvalidValue):
        kept(fieldtype, sent)


def test_a_naive_moment_is_the_site_s_time() -> None:
    assert kept("Datetime", "2026-05-01 10:30:00", KOLKATA) == datetime(2026, 5, 1, 5, 0, tzinfo=UTC)


def test_a_moment_with_its_zone_keeps_its_meaning() -> None:
    assert kept("Datetime", "2026-05-01T10:30:00+02:00", KOLKATA) == datetime(2026, 5, 1, 8, 30, tzinfo=UTC)


@given(st.sampled_from(sorted(FIELD_TYPES)), st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans()))
def test_any_value_is_kept_or_refused_and_what_is_kept_stays(fieldtype: str, value: Any) -> None:
    try:
        first = kept(fieldtype, value)
    except InvalidValue:
        return

    assert kept(fieldtype, first) == first
