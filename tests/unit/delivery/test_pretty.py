"""Bodies for people: nothing but space is added or taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.pretty import pretty

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES.filter(lambda value: isinstance(value, dict | list)))
def test_json_means_the_same(value: object) -> None:
    assert json.loads(pretty(json.dumps(value))) == value


def test_each_member_has_a_line() -> None:
    assert pretty('{"a":[1,{}],"b":"x, {y}"}') == '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": "x, {y}"\n}'


def test_numbers_and_escapes_stay_as_they_were_sent() -> None:
    shown = pretty('{"a":1.50,"b":1e21,"c":"\\u00e9\\"","d":12345678901234567890}')
    for part in ("1.50", "1e21", '"\\u00e9\\""', "12345678901234567890"):
        assert part in shown


def test_json_that_was_cut_is_shown_as_far_as_it_goes() -> None:
    assert pretty('{"a":{"b":"c') == '{\n  "a": {\n    "b": "c'


def test_a_form_has_a_line_for_each_field() -> None:
    assert pretty("a=1%202&b=", content_type="application/x-www-form-urlencoded; charset=utf-8") == "a = 1 2\nb = "


@pytest.mark.parametrize("text", ["", "plain text", "<html>{}</html>", '"just a string"'])
def test_anything_else_is_left_alone(text: str) -> None:
    assert pretty(text) == text


def test_brackets_without_end_stay_small() -> None:
    assert len(pretty("[" * 60_000)) < 4_000_000
