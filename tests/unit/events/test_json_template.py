"""Templates that give JSON, and that no value can break."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demitasse.events.errors import TemplateError, UnwritableValue
from demitasse.events.json_template import compile_json
from tests.unit.events.orders import row, scope

TEXTS = st.text(st.characters() | st.sampled_from('"\\{}\n\r\t\b\f\0\x1f\x7f\u2028\u2029\ud800\udfff\U0001f366/%#'))


def render(source: str, **values: Any) -> object:
    return json.loads(compile_json(source, max_length=100_000).render(scope(**values)))


def utf16(text: str) -> str:
    """Return the text as JavaScript has it: two halves of a pair that stand together are one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@example(text="")
@example(text='"')
@example(text="\\")
@example(text='\\"}')
@example(text="{{ doc.name }}{% if %}{# #}")
@example(text="\u2028\u2029\U0001f366")
@example(text="\ud83c")
@example(text="\ud83c\udf66")
@given(text=TEXTS)
def test_no_text_breaks_the_json_wherever_it_is_printed(text: str) -> None:
    source = """
    {
        {{ doc.note }}: 1,
        "k{{ doc.note }}": 2,
        "inside": "<{{ doc.note }}>",
        "twice": "{{ doc.note }}{{ doc.note }}",
        "whole": {{ doc.note }},
        "json": {{ doc.note | tojson }},
        "json_inside": "{{ [doc.note] | tojson }}",
        "set": {% set x %}{{ doc.note }}{% endset %}"{{ x }}",
        "rows": [{% for row in doc.items %}{"a": "{{ row.item }}"}{% if not loop.last %}, {% endif %}{% endfor %}],
        "doc": {{ doc }}
    }
    """
    found = render(source, note=text, items=[row(text, 1.0), row(text, 2.0)])
    assert isinstance(found, dict)
    text = utf16(text)
    assert found["inside"] == f"<{text}>"
    assert utf16(found["twice"]) == utf16(text * 2)
    assert found["whole"] == found["json"] == found["set"] == text
    assert json.loads(found["json_inside"]) == [text]
    assert found["rows"] == [{"a": text}, {"a": text}]
    assert found["doc"]["note"] == text
    assert found["k" + text] == 2
    if text not in found or found[text] == 1:  # a text may be the name of another key
        assert text in found


@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.lists(TEXTS | st.integers(), max_size=3)
    | st.dictionaries(TEXTS, st.floats(allow_nan=False, allow_infinity=False), max_size=3)
)
def test_no_value_breaks_the_json_wherever_it_is_printed(value: object) -> None:
    found = render('{"inside": "{{ doc.note }}", "whole": {{ doc.note }}, "json": {{ doc.note|tojson }}}', note=value)
    assert isinstance(found, dict)
    assert isinstance(found["inside"], str)
    assert found["whole"] == found["json"]


@pytest.mark.parametrize(
    ("value", "inside", "whole"),
    [
        (None, "", None),
        ("a", "a", "a"),
        (True, "True", True),
        (5, "5", 5),
        (2**53 + 1, "9007199254740993", "9007199254740993"),
        (1500.0, "1500.0", 1500),
        (0.1, "0.1", 0.1),
        (1e20, "1e+20", 1e20),
        (1e-7, "1e-07", 1e-7),
        (Decimal("12.50"), "12.50", 12.5),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789", "0.1234567890123456789"),
        (date(2026, 4, 2), "2026-04-02", "2026-04-02"),
        (datetime(2026, 3, 31, 20, tzinfo=UTC), "2026-04-01 01:30:00", "2026-04-01T01:30:00.000000"),
        (datetime(2026, 3, 31, 20, 0, 0, 5, tzinfo=UTC), "2026-04-01 01:30:00.000005", "2026-04-01T01:30:00.000005"),
        (time(9, 30), "09:30:00", "09:30:00"),
        (timedelta(hours=9, minutes=30), "9:30:00", "09:30:00"),
        (timedelta(hours=19, minutes=30), "19:30:00", "19:30:00"),
        ([1, "a"], '[1,"a"]', [1, "a"]),
        ({"b": None}, '{"b":null}', {"b": None}),
    ],
)
def test_a_value_is_text_inside_a_string_and_json_outside(value: object, inside: str, whole: object) -> None:
    source = '{"inside": "{{ doc.note }}", "whole": {{ doc.note }}, "json": {{ doc.note | tojson }}}'
    assert render(source, note=value) == {"inside": inside, "whole": whole, "json": whole}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{"a": "{% if doc.total > 1 %}{{ doc.customer }}{% else %}none{% endif %}"}', {"a": "Ada"}),
        ('{"a": {% if doc.total > 1 %}"{{ doc.customer }}"{% else %}null{% endif %}}', {"a": "Ada"}),
        ('{% if doc.note %}"a{% elif doc.total %}"b{% else %}"c{% endif %}{{ doc.customer }}"', "bAda"),
        ('"{% for r in doc.items %}{{ r.item }},{% else %}none{% endfor %}"', "Vanilla,Mango,"),
        ("[{% for r in doc.items if r.qty > 1 %}{{ r.item }}{% endfor %}]", ["Vanilla"]),
        ("{% with x = doc.customer %}{{ x }}{% endwith %}", "Ada"),
        ('{# " #}{"a"{# " #}: {{- doc.total -}} }', {"a": 1500}),
        (r'"\"{{ doc.customer }}\\" ', '"Ada\\'),
        (r'"\u0041\/{{ doc.customer }}"', "A/Ada"),
        (
            '{"a": {{ doc.items | map(attribute="qty") | list }}, "b": {{ doc.items | map(attribute="item") }}}',
            {"a": [2, 0.5], "b": ["Vanilla", "Mango"]},
        ),
        ('{"a": "{{ doc.customer | tojson }}", "b": {{ doc.customer | tojson | safe }}}', {"a": '"Ada"', "b": "Ada"}),
        ('{"a": {{ (doc.customer | tojson) ~ "" }}}', {"a": '"Ada"'}),
        ("{{ doc.status == 'Open' }}", True),
        ("[{{ doc.paid_on }}, {{ 1 if doc.paid_on }}, {{ '' if doc.paid_on else '' }}]", [None, None, ""]),
        ('[{% for r in doc.items %}{{ r.qty }}{{ "," if not loop.last }}{% endfor %}]', [2, 0.5]),
        ('[{% for r in doc.items %}{{ r.qty }}{{ ", " if not loop.last else "" }}{% endfor %}]', [2, 0.5]),
        ("{% set comma = joiner() %}[{% for r in doc.items %}{{ comma() }}{{ r.qty }}{% endfor %}]", [2, 0.5]),
        ('{{ "[" }}{{ "," if doc.note else ("" if doc.total else ",") }}1{{ "]" }}', [1]),
        ('"{{ "," if doc.total }}"', ","),
        ("{%- set x = {'a': [doc.due]} -%}{{ x }}", {"a": ["2026-04-02"]}),
        ("[1, 2.50, -0.0, 1E2]", [1, 2.5, 0, 100]),
    ],
)
def test_the_place_of_a_value_is_followed_through_control_blocks(source: str, expected: object) -> None:
    assert render(source) == expected


def test_the_result_is_canonical() -> None:
    source = '{ "b" : 1.0, "2": {{ doc.total }}, "1": "é\\u00e9", "b": 1e2 }'
    assert compile_json(source, max_length=1000).render(scope()) == '{"1":"éé","2":1500,"b":100}'.encode()


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        ('{"a": "{{ doc.name }}}', "ends inside a JSON string: a closing quote is missing", None),
        ('\n{% if doc.name %}"{% endif %}', "the branches of an {% if %} must all end", 2),
        ('{% if doc.name %}"a"{% elif x %}"{% else %}"b"{% endif %}', "the branches of an {% if %} must all end", 1),
        ('{% for x in doc.items %}"{% endfor %}', "every pass of a {% for %} must end where it began", 1),
        ('{% for x in doc.items %}1{% else %}"{% endfor %}', "every pass of a {% for %} must end where it began", 1),
        ('\n"a\\{{ doc.name }}"', "is not an escape of JSON", 2),
        ('"\\u00{{ doc.name }}"', "is not an escape of JSON", 1),
        ('"\\x"', "'\\x' is not an escape of JSON", 1),
        ('{\n"a": "b\nc"}', "a line break or a tab stands inside a JSON string", 2),
        ('"a\tb"', "a line break or a tab stands inside a JSON string", 1),
        ("{% macro x() %}1{% endmacro %}{{ x() }}", "{% macro %} cannot be used", 1),
        ("{% include 'x' %}", "{% include %} cannot be used", 1),
    ],
)
def test_a_template_of_which_no_json_can_come_is_refused_when_it_is_compiled(
    source: str, reason: str, line: int | None
) -> None:
    with pytest.raises(TemplateError) as refused:
        compile_json(source, max_length=1000)
    assert reason in refused.value.message
    assert refused.value.data["line"] == line


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ('{"a": {{ doc.customer }} x}', 1, 13),
        ('{"a": 1,\n "b" {{ doc.customer }}}', 2, 6),
        ("{{ doc.customer }}{{ doc.customer }}", 1, 6),
        ("", 1, 1),
        ('{"a": 1,}', 1, 9),
        ("{'a': 1}", 1, 2),
        ("{ {{ doc.total }}: 1 }", 1, 3),
    ],
)
def test_a_result_that_is_not_json_says_where(source: str, line: int, column: int) -> None:
    with pytest.raises(TemplateError, match=f"not JSON; see line {line}, column {column} of the result") as failed:
        render(source)
    assert failed.value.data == {"line": None, "result_line": line, "result_column": column}


@pytest.mark.parametrize(
    "source", ["1e400", "{{ 1e308 * 10 }}", "{{ 1e308 * 10 - 1e308 * 10 }}", "[[{{ 2e308 | d(0) }}]]"]
)
def test_a_number_that_json_does_not_have_is_refused(source: str) -> None:
    with pytest.raises((TemplateError, UnwritableValue), match=r"NaN and infinite numbers|a number is too large"):
        render(source)


def test_an_unknown_field_is_named() -> None:
    for source in ("{{ doc.nope }}", '"{{ doc.nope }}"', "{{ doc.nope|tojson }}", "{{ [doc.nope] }}"):
        with pytest.raises(TemplateError, match="Order has no field 'nope'"):
            render(source)


def test_it_prints_no_more_than_it_may() -> None:
    template = compile_json('"{{ doc.note }}"', max_length=100)
    assert len(template.render(scope(note="x" * 98))) == 100
    with pytest.raises(TemplateError, match="prints more than 100 characters"):
        template.render(scope(note="x" * 99))
