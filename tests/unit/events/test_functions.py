"""The functions of conditions and templates, by Frappe's names."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.events.errors import BudgetExceeded
from demitasse.events.functions import FUNCTION_NAMES, Functions

NOW = datetime(2026, 1, 31, 23, 5, 6, 7)  # noqa: DTZ001 - the site's time is naive
UTILS = Functions(NOW)


def moment(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


CASES: list[tuple[str, tuple[Any, ...], object]] = [
    ("nowdate", (), "2026-01-31"),
    ("today", (), "2026-01-31"),
    ("nowtime", (), "23:05:06.000007"),
    ("now", (), "2026-01-31 23:05:06.000007"),
    ("now_datetime", (), NOW),
    ("getdate", (), date(2026, 1, 31)),
    ("getdate", ("",), date(2026, 1, 31)),
    ("getdate", ("2026-02-01 10:00:00",), date(2026, 2, 1)),
    ("getdate", (date(2026, 2, 1),), date(2026, 2, 1)),
    ("get_datetime", (), NOW),
    ("get_datetime", ("2026-02-01",), moment(2026, 2, 1)),
    ("get_datetime", (date(2026, 2, 1),), moment(2026, 2, 1)),
    ("get_datetime", ("2026-02-01T10:00:00Z",), moment(2026, 2, 1, 10)),
    ("add_days", ("2026-01-31", 1), "2026-02-01"),
    ("add_days", (date(2026, 1, 31), -1), date(2026, 1, 30)),
    ("add_days", (moment(2026, 1, 31, 5), "2"), moment(2026, 2, 2, 5)),
    ("add_days", (None, 1), moment(2026, 2, 1, 23, 5, 6, 7)),
    ("add_months", ("2026-01-31", 1), "2026-02-28"),
    ("add_months", (date(2026, 1, 31), -2), date(2025, 11, 30)),
    ("add_years", (date(2024, 2, 29), 1), date(2025, 2, 28)),
    ("add_to_date", ("2026-01-31", 1, 1, 1), "2027-03-07"),
    ("add_to_date", ("2026-01-31", 0, 0, 0, 0, 1), "2026-01-31 01:00:00"),
    ("add_to_date", ("2026-01-31 10:00:00", 0, 0, 0, 1), "2026-02-01 10:00:00"),
    ("date_diff", ("2026-02-02", date(2026, 1, 31)), 2),
    ("date_diff", (None, "2026-02-01"), -1),
    ("time_diff_in_seconds", ("2026-02-01 00:00:10", "2026-02-01"), 10.0),
    ("time_diff_in_hours", ("2026-02-01 01:30:00", "2026-02-01"), 1.5),
    ("get_first_day", (), date(2026, 1, 1)),
    ("get_last_day", ("2028-02-03",), date(2028, 2, 29)),
    ("flt", ("1,234.5",), 1234.5),
    ("flt", (" -7 ",), -7.0),
    ("flt", (None,), 0.0),
    ("flt", ("abc",), 0.0),
    ("flt", ("nan",), 0.0),
    ("flt", (float("inf"),), 0.0),
    ("flt", ([1],), 0.0),
    ("flt", (Decimal("1.5"),), 1.5),
    ("flt", (True,), 1.0),
    ("flt", ("1" * 100,), 0.0),
    ("flt", (2.675, 2), 2.68),
    ("flt", ("0.125", 2), 0.12),
    ("rounded", (2.5,), 2.0),
    ("rounded", (3.5,), 4.0),
    ("rounded", (1234.5, -2), 1200.0),
    ("rounded", (1e300, 2), 1e300),
    ("cint", ("7.9",), 7),
    ("cint", ("x",), 0),
    ("cint", (2**70,), 2**70),
    ("cint", (None,), 0),
    ("cstr", (None,), ""),
    ("cstr", (5,), "5"),
    ("strip_html", ("<p>a <!-- <b> --><b>b</b>&amp;\n c</p>",), "a b& c"),
    ("strip_html", ("1 < 2",), "1 < 2"),
    ("strip_html", (None,), ""),
]


@pytest.mark.parametrize(("call", "args", "expected"), CASES)
def test_it_gives(call: str, args: tuple[Any, ...], expected: object) -> None:
    found = getattr(UTILS, call)(*args)
    assert found == expected
    assert type(found) is type(expected)


def test_each_function_is_tried() -> None:
    assert {call for call, _, _ in CASES} == FUNCTION_NAMES


@pytest.mark.parametrize("value", ["soon", "2026-13-01", 5, [], True])
def test_what_is_no_date_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError), match="date"):
        UTILS.getdate(value)  # type: ignore[arg-type]


def test_a_year_outside_the_calendar_is_refused() -> None:
    for years in (10_000, -10_000):
        with pytest.raises(ValueError, match="outside the calendar"):
            UTILS.add_years("2026-01-01", years)
    with pytest.raises(OverflowError):
        UTILS.add_days("9999-12-31", 1)


def test_a_precision_beyond_reason_is_refused() -> None:
    with pytest.raises(BudgetExceeded):
        UTILS.flt(1.5, 10**9)


@given(texts=st.lists(st.text(st.sampled_from("ab ")), min_size=1))
def test_no_tag_is_left_in_the_text_of_html(texts: list[str]) -> None:
    html = "<p class='x'>".join(texts) + "<!-- > -->"
    assert UTILS.strip_html(html) == " ".join("".join(texts).split())
