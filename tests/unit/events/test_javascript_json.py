"""JSON as JavaScript writes it. ``tests/e2e/events`` asks Node; here stand the rules."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.events.errors import UnwritableValue
from demitasse.events.javascript_json import canonical, canonical_text, js_number, json_text, quoted
from demitasse.kernel.json import MalformedJson

NUMBERS = [
    (0.0, "0"),
    (-0.0, "0"),
    (1.0, "1"),
    (-1500.0, "-1500"),
    (0.1, "0.1"),
    (-12.75, "-12.75"),
    (1e-6, "0.000001"),
    (1.5e-6, "0.0000015"),
    (1e-7, "1e-7"),
    (1.25e-7, "1.25e-7"),
    (5e-324, "5e-324"),
    (1e15, "1000000000000000"),
    (9007199254740991.0, "9007199254740991"),
    (9007199254740992.0, "9007199254740992"),
    (1e20, "100000000000000000000"),
    (123456789012345680000.0, "123456789012345680000"),
    (1e21, "1e+21"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (-1.5e300, "-1.5e+300"),
    (0.0001, "0.0001"),
    (123456.789, "123456.789"),
    (1234567890123456.7, "1234567890123456.8"),
]


@pytest.mark.parametrize(("number", "expected"), NUMBERS)
def test_numbers_are_written_as_javascript_prints_them(number: float, expected: str) -> None:
    assert js_number(number) == expected
    assert canonical(number) == expected.encode()
    assert canonical([{"a": number}]) == f'[{{"a":{expected}}}]'.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (' { "a" : [ 1 , true , null ] }\n', '{"a":[1,true,null]}'),
        ("1.0", "1"),
        ("-0", "0"),
        ("1E3", "1000"),
        ("1e21", "1e+21"),
        ("0.00000010", "1e-7"),
        ('"\\u00e9\\/\\u001f\\u007f\\u2028"', '"é/\\u001f\x7f\u2028"'),
        ('"\\ud83c\\udf66"', '"\U0001f366"'),
        ('"\\ud83c"', '"\\ud83c"'),
        ('{"\\udf66": "\\"\\\\\\n"}', '{"\\udf66":"\\"\\\\\\n"}'),
        ('["\\udf66", 1.0, 1e-9, true, {"2": null, "1": 1e30}]', '["\\udf66",1,1e-9,true,{"1":1e+30,"2":null}]'),
        ('{"b": 1, "10": 2, "2": 3, "a": 4, "02": 5, "-1": 6}', '{"2":3,"10":2,"b":1,"a":4,"02":5,"-1":6}'),
        ('{"4294967295": 1, "4294967294": 2, "٣": 3}', '{"4294967294":2,"4294967295":1,"٣":3}'),
        ('{"b": {"1": 1, "0": 2}}', '{"b":{"0":2,"1":1}}'),
        ('{"a": 1, "b": 2, "a": 3}', '{"a":3,"b":2}'),
        ('{"__proto__": 1, "constructor": 2}', '{"__proto__":1,"constructor":2}'),
        ("[]", "[]"),
        ("[" * 200 + "]" * 200, "[" * 200 + "]" * 200),
    ],
)
def test_a_text_is_written_as_javascript_would(text: str, expected: str) -> None:
    assert canonical_text(text).decode() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", '"9007199254740993"'),
        ("-9007199254740993", '"-9007199254740993"'),
        ("18446744073709551616", '"18446744073709551616"'),
        ('{"id": 12345678901234567890123}', '{"id":"12345678901234567890123"}'),
        ("9" * 5_000, f'"{"9" * 5_000}"'),
        ("9007199254740993.0", "9007199254740992"),
        ("1e20", "100000000000000000000"),
    ],
)
def test_integers_that_a_double_cannot_hold_are_written_as_texts(text: str, expected: str) -> None:
    assert canonical_text(text).decode() == expected


def test_an_integer_value_that_a_double_cannot_hold_is_written_as_a_text() -> None:
    assert canonical({"a": 2**53 + 1, "b": -(10**30), "c": 2**53}) == (
        b'{"a":"9007199254740993","b":"-1000000000000000000000000000000","c":9007199254740992}'
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    for write in (canonical, json_text):
        with pytest.raises(UnwritableValue, match="NaN and infinite numbers have no JSON form"):
            write({"a": [number]})


@pytest.mark.parametrize("text", ["1e999", "[-1e400]", "NaN", "[Infinity]"])
def test_numbers_in_a_text_that_javascript_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(UnwritableValue, match=r"no JSON form|is not JSON"):
        canonical_text(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("", 1, 1),
        ("{", 1, 2),
        ('{"a": 1,\n b}', 2, 2),
        ("[1] 2", 1, 5),
        ('"a\nb"', 1, 3),
        ("01", 1, 2),
        ("\ufeff1", 1, 1),
    ],
)
def test_a_text_that_is_not_json_is_refused_with_the_place(text: str, line: int, column: int) -> None:
    with pytest.raises(MalformedJson) as refused:
        canonical_text(text)
    assert refused.value.data == {"line": line, "column": column}


@pytest.mark.parametrize("depth", [201, 300, 1_100, 100_000])
def test_a_text_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(UnwritableValue, match="nested too deeply"):
        canonical_text("[" * depth + "]" * depth)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    value: list[Any] = []
    for _ in range(300):
        value = [value]
    with pytest.raises(UnwritableValue, match="nested too deeply"):
        canonical(value)


@pytest.mark.parametrize("value", [{"a": b"x"}, object(), [{1, 2}]])
def test_a_value_that_json_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(UnwritableValue, match="There is no JSON form of a value of type"):
        canonical(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", '"a"'),
        ('"\\\b\f\n\r\t\0\x1f', '"\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f"'),
        ("\ud800", '"\\ud800"'),
        ('\udfff\n"', '"\\udfff\\n\\""'),
        ("\ud83c\udf66", '"\U0001f366"'),
        ("\ud83c\udf66\ud83c", '"\U0001f366\\ud83c"'),
        ("/\x7f\u2028é", '"/\x7f\u2028é"'),
    ],
)
def test_a_text_is_quoted_as_javascript_does(text: str, expected: str) -> None:
    assert quoted(text) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters() | st.sampled_from('\ud800\udfff"\\')),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 2**33).map(str), inner, max_size=4)
    ),
    max_leaves=20,
)


def normal(value: Any) -> Any:
    """Return what a reader finds: whole floats as integers, large integers as texts."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    if type(value) is int and abs(value) > 2**53:
        return str(value)
    return value


def read(content: bytes) -> Any:
    """Parse as JavaScript does: every number is a double."""
    return json.loads(content, parse_int=float)


@given(value=JSON)
def test_nothing_is_lost(value: Any) -> None:
    expected = normal(value)
    assert read(canonical(copy.deepcopy(value))) == expected
    assert read(canonical_text(json.dumps(value))) == expected


@given(value=JSON)
def test_a_value_and_its_text_have_one_form(value: Any) -> None:
    expected = canonical(copy.deepcopy(value))
    assert canonical_text(json.dumps(value)) == expected
    assert canonical_text(json_text(copy.deepcopy(value))) == expected
