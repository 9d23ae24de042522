"""When a field is shown."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.web.desk.forms.depends import holds, parse

FORM = {"state": "Closed", "number": "10", "is_good": "1", "is_bad": "0", "empty": ""}


def shown(expression: str, form: Mapping[str, str] = FORM) -> bool:
    condition = parse(expression)
    assert condition is not None, expression
    return holds(condition, lambda name: form.get(name, ""))


@pytest.mark.parametrize(
    ("expression", "is_shown"),
    [
        ("is_good", True),
        ("is_bad", False),
        ("empty", False),
        ("eval:doc.is_good", True),
        ("eval:!doc.is_good", False),
        ("eval:!doc.empty", True),
        ("eval:doc.state == 'Closed'", True),
        ('eval:doc.state === "Open"', False),
        ("eval:doc.state != 'Open'", True),
        ("eval:doc.number > 9", True),
        ("eval: doc.number <= 9.5 ;", False),
        ("eval:doc.number == 10.0", True),
        ("eval:doc.is_good == 1 && doc.state == 'Closed'", True),
        ("eval:doc.is_bad || doc.is_good", True),
        ("eval:doc.is_bad && doc.is_good || doc.is_good", True),
        ("eval:doc.is_good && (doc.is_bad || doc.empty)", False),
        ("eval:['Open', 'Closed'].includes(doc.state)", True),
        ("eval:in_list", None),
        ("eval:doc.state in ['Open', 'New']", False),
        ("eval:doc.state.startsWith('Clo')", True),
        ("eval:doc.empty == null", True),
        ("eval:doc.is_bad == false", True),
        ("eval:doc.state > 3", False),
    ],
)
def test_simple_expressions_are_understood(expression: str, is_shown: bool | None) -> None:
    if is_shown is None:
        assert parse(expression) is None
    else:
        assert shown(expression) is is_shown


@pytest.mark.parametrize(
    "expression",
    [
        None,
        "",
        "eval:",
        "eval:alert(1)",
        "eval:doc.__proto__.x",
        "eval:doc.a ==",
        "eval:(doc.a",
        "eval:doc.a doc.b",
        "eval:[doc.a]",
        "eval:frappe.boot.x",
        "a b",
        "eval:" + "(" * 600,
    ],
)
def test_what_is_not_understood_hides_nothing(expression: str | None) -> None:
    assert parse(expression) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    condition = parse("eval:" + text)
    if condition is not None:
        assert holds(condition, lambda _: "1") in {True, False}
