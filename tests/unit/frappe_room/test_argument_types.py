"""Arguments are put into the types that a function says, or refused."""

from collections.abc import Callable
from typing import Any

import pytest

from demitasse.frappe.argument_types import FrappeTypeError, checked


def takes_int(value: int) -> None: ...
def takes_float(value: float) -> None: ...
def takes_bool(value: bool = False) -> None: ...
def takes_text(value: str) -> None: ...
def takes_name(value: str | int) -> None: ...
def takes_list(value: list[str] | None = None) -> None: ...
def takes_text_or_dict(value: str | dict[str, Any]) -> None: ...
def takes_anything(value: Any, *more: int, **others: int) -> None: ...
def takes_own(value: "Callable[..., Any] | pytest.Mark") -> None: ...
def takes_int_or_text_default(value: int = "") -> None: ...  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("function", "sent", "wanted"),
    [
        (takes_int, 5, 5),
        (takes_int, "6", 6),
        (takes_int, 5.0, 5),
        (takes_int, True, True),
        (takes_float, 3, 3.0),
        (takes_float, " 2.5 ", 2.5),
        (takes_bool, "true", True),
        (takes_bool, "0", False),
        (takes_bool, 2, True),
        (takes_text, "5", "5"),
        (takes_name, 5, 5),
        (takes_name, "7", "7"),
        (takes_list, ["a"], ["a"]),
        (takes_list, None, None),
        (takes_text_or_dict, {"a": 1}, {"a": 1}),
        (takes_anything, 0.5, 0.5),
        (takes_own, 7, 7),
        (takes_int_or_text_default, "text", "text"),
    ],
)
def test_a_fitting_value_goes_through(function: Callable[..., Any], sent: Any, wanted: Any) -> None:
    found = checked(function, {"value": sent})["value"]

    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("function", "sent"),
    [
        (takes_int, "five"),
        (takes_int, 5.5),
        (takes_int, float("inf")),
        (takes_int, [5]),
        (takes_float, {"a": 1}),
        (takes_bool, "notabool"),
        (takes_bool, {"a": 1}),
        (takes_text, 5),
        (takes_text, ["a"]),
        (takes_list, "a"),
        (takes_text_or_dict, [1]),
    ],
)
def test_another_value_is_refused_with_its_name(function: Callable[..., Any], sent: Any) -> None:
    with pytest.raises(FrappeTypeError, match="Argument 'value' should be of type") as refused:
        checked(function, {"value": sent})

    assert refused.value.data["argument"] == "value"
