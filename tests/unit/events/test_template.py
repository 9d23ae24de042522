"""Templates that give text."""

import pytest

from demitasse.events.errors import TemplateError
from demitasse.events.template import compile_text
from demitasse.events.template_tree import MAX_SOURCE
from tests.unit.events.orders import order, scope


def render(source: str, **values: object) -> str:
    return compile_text(source).render(scope(order(status="Draft"), **values))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://x.example/hook", "https://x.example/hook"),
        ("", ""),
        ("{# a comment #}a", "a"),
        ("https://x.example/{{ doc.name }}?c={{ doc.customer|lower }}", "https://x.example/ORD-1?c=ada"),
        ("{{ doc.total }}", "1500.0"),
        ("{{ doc.total|int }} {{ doc.total|round(1) }} {{ 2.5|round|int }}", "1500 1500.0 2"),
        ("[{{ doc.paid_on }}{{ none }}]", "[]"),
        ("{{ doc.due }} {{ doc.creation }} {{ doc.ready_at }}", "2026-04-02 2026-04-01 01:30:00 9:30:00"),
        ("{{ now_datetime() }}", "2026-04-01 01:45:30.000250"),
        ("{{ [doc.due, 1, none] }}", '["2026-04-02",1,null]'),
        ("{{ {'a': doc.total} }}", '{"a":1500}'),
        ("{{ doc.items[0] }}", '{"item":"Vanilla","qty":2,"doctype":"Order Row"}'),
        ("{{ doc['customer'] }} {{ doc.get('status') }} {{ doc_before.status }}", "Ada Open Draft"),
        ("{{ doc.customer ~ '-' ~ none ~ 1 }}", "Ada-1"),
        (
            "{% for row in doc.items %}{{ loop.index }}{{ row.item }}{{ ',' if not loop.last }}{% endfor %}",
            "1Vanilla,2Mango",
        ),
        ("{{ 'x' if doc.note }}{{ [1 if doc.note] }}{{ ('x' if doc.note) ~ 'y' }}", "[null]y"),
        ("{% for row in doc.items %}{{ doc.get('name') }}{{ range(1)|length }}{% endfor %}", "ORD-11ORD-11"),
        ("{% for row in doc.paid_on %}x{% else %}none{% endfor %}", "none"),
        ("{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}", "x1"),
        ("{% set n = namespace(t=0) %}{% for r in doc.items %}{% set n.t = n.t + r.qty %}{% endfor %}{{ n.t }}", "2.5"),
        ("{% set j = joiner('; ') %}{% for r in doc.items %}{{ j() }}{{ r.item }}{% endfor %}", "Vanilla; Mango"),
        ("{% set x %}<{{ doc.customer }}>{% endset %}{{ x }}{% set y | upper %}a{% endset %}{{ y }}", "<Ada>A"),
        ("{% with a = 1 %}{{ a }}{% endwith %}", "1"),
        ("{{ doc.items|map(attribute='item')|join(', ') }}", "Vanilla, Mango"),
        ("{{ doc.items|join('+', attribute='item') }} {{ doc.items|sum(attribute='qty') }}", "Vanilla+Mango 2.5"),
        ("{{ doc.items|selectattr('qty', 'gt', 1)|map(attribute='item')|first }}", "Vanilla"),
        ("{{ doc.items|rejectattr('qty', '>', 1)|list|length }}", "1"),
        ("{{ (doc.items|sort(attribute='item')|first).item }}", "Mango"),
        ("{% for g in doc.items|groupby('item') %}{{ g.grouper }}{{ g.list|count }}{% endfor %}", "Mango1Vanilla1"),
        ("{{ [3, 1, 2]|max }}{{ [3, 1]|min }}{{ [1, 1]|unique|list|length }}{{ [2, 1]|reverse|first }}", "3111"),
        ("{{ doc.nothing|default('x') }}{{ doc.note|default('y', true) }}{{ nothing|d('z') }}", "xyz"),
        ("{{ doc.nothing is defined }} {{ doc.paid_on is defined }} {{ doc.paid_on is none }}", "False True True"),
        ("{{ doc.total is number }} {{ doc.customer is string }} {{ 4 is divisibleby 2 }}", "True True True"),
        (
            "{{ doc.total is gt 3 }} {{ doc.customer is in ['Ada'] }} {{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }}",
            "True True True False",
        ),
        ("{{ doc.due > nowdate() }} {{ doc.due == '2026-04-02' }} {{ 'A' in doc.customer }}", "True True True"),
        ("{{ '%s/%03d' % (doc.customer, 7) }} {{ '%.1f'|format(doc.total) }}", "Ada/007 1500.0"),
        ("{{ 'a b'|urlencode }} {{ '<b>&amp; x</b>'|striptags }} {{ '<'|e }} {{ '<b>'|safe }}", "a%20b & x &lt; <b>"),
        (
            "{{ ' a '|trim }}{{ 'a-b'|replace('-', '+') }}{{ 'abcdef'|truncate(3, true, '', 0) }}{{ 'ab'|title }}",
            "aa+babcAb",
        ),
        ("{{ 'a,b'.split(',')|last }} {{ doc.customer[::-1] }} {{ doc.customer.replace('A', 'B') }}", "b adA Bda"),
        ("{{ doc.due.strftime('%d.%m.%Y') }} {{ doc.due.year }}", "02.04.2026 2026"),
        ("{{ frappe.utils.add_days(doc.due, 1) }} {{ utils.flt('1,234.5') }}", "2026-04-03 1234.5"),
        (
            "{{ doc.items|tojson }}",
            '[{"item":"Vanilla","qty":2,"doctype":"Order Row"},{"item":"Mango","qty":0.5,"doctype":"Order Row"}]',
        ),
        ("{{ doc.creation|tojson }} {{ 'a\"'|tojson(indent=2) }}", '"2026-04-01T01:30:00.000000" "a\\""'),
        ("{{ dict(a=1).a }}{{ {'items': 5}.items }}{{ range(3)|list }}", "15[0,1,2]"),
        ("{% raw %}{{ doc }}{% endraw %}", "{{ doc }}"),
    ],
)
def test_it_prints(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        ("\n{{ doc.custmer }}", "Order has no field 'custmer'; did you mean 'customer'?", 2),
        ("{{ doc['nope'] }}", "Order has no field 'nope'", 1),
        ("a\n\n{% if docs %}{% endif %}", "There is no 'docs' here; the fields are doc.field", 3),
        ("{{ doc.paid_on.year }}", "There is nothing to read 'year' of", 1),
        ("{{ doc.nope.nope }}", "Order has no field 'nope'", 1),
        ("{% for row in doc.items %}\n{{ row.price }}\n{% endfor %}", "Order Row has no field 'price'", 2),
        ("{{ doc.items|map(attribute='price')|join }}", "Order Row has no field 'price'", 1),
        ("{% for x in doc %}{% endfor %}", "A document is not a list: loop over one of its tables", 1),
        ("{{ doc.total / 0 }}", "division by zero", 1),
        ("{{ doc.customer > 1 }}", "no order between a text and a number", 1),
        ("{{ doc.total() }}", "not callable", 1),
        ("{{ doc.get }}", "no JSON form of a value of type method", 1),
        ("{{ doc._values }}", "Order has no field '_values'", 1),
        ("{{ doc.customer.__class__ }}", "no '__class__' in a text", 1),
        ("{{ doc.get.__globals__ }}", "no '__globals__' in a value of type method", 1),
        ("{{ ''['__class__'] }}", "no '__class__' in a text", 1),
        ("{{ [doc.customer]|map(attribute='__class__')|list|tojson }}", "no '__class__' in a text", 1),
        ("{{ '{0.__class__}'.format(doc) }}", "no 'format' in a text", 1),
        ("{{ [1].append(2) }}", "no 'append' in a list", 1),
        ("{{ {}.update(a=1) }}", "no 'update' in a dictionary", 1),
        ("{{ []|first }}", "No first item", 1),
        ("{% for x in 5 %}{% endfor %}", "not iterable", 1),
        ("{{ self.x }}", "no 'x' in a value of type TemplateReference", 1),
        ("{{ namespace(a=1).b }}", "no 'b' in a value of type Namespace", 1),
        ("{{ frappe.db }}", "no 'db' in frappe", 1),
        ("{{ cycler }}", "There is no 'cycler' here", 1),
        ("{{ lipsum() }}", "There is no 'lipsum' here", 1),
    ],
)
def test_a_template_that_fails_says_why_and_where(source: str, reason: str, line: int) -> None:
    with pytest.raises(TemplateError, match=reason) as failed:
        render(source)
    assert failed.value.data["line"] == line
    assert failed.value.message.startswith(f"Line {line} of the template: ")


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        ("{{ doc.name", "unexpected end of template", 1),
        ("\n{% if x %}", "Unexpected end of template", 2),
        ("{% frob %}", "unknown tag 'frob'", 1),
        ("{{ 1 + }}", "unexpected", 1),
        ("\n\n{% macro a() %}{% endmacro %}", "{% macro %} cannot be used", 3),
        ("{% call x() %}{% endcall %}", "{% call %} cannot be used", 1),
        ("{% filter upper %}a{% endfilter %}", "{% filter %} cannot be used", 1),
        ("{% include 'a' %}", "{% include %} cannot be used", 1),
        ("{% import 'a' as a %}", "{% import %} cannot be used", 1),
        ("{% from 'a' import a %}", "{% from %} cannot be used", 1),
        ("{% extends 'a' %}", "{% extends %} cannot be used", 1),
        ("{% block a %}{% endblock %}", "{% block %} cannot be used", 1),
        ("{% autoescape true %}{% endautoescape %}", "{% autoescape %} cannot be used", None),
        ("{% for x in y recursive %}{% endfor %}", "a loop cannot be recursive", 1),
        ("{% set x %}{% for y in z %}{% endfor %}{% endset %}", "there cannot be a loop inside {% set %}", 1),
        ("{{ doc.name|uper }}", "there is no filter 'uper'; did you mean 'upper'?", 1),
        ("{{ doc.name|center(9) }}", "there is no filter 'center'", 1),
        ("{{ doc.name|attr('x') }}", "there is no filter 'attr'", 1),
        ("{{ doc.name is strin }}", "there is no test 'strin'; did you mean 'string'?", 1),
        ("{{ f(*x) }}", "* and ** cannot be used in a call", 1),
        ("{{ x|join(**x) }}", "* and ** cannot be used in a call", 1),
        ("{{ 1e999 }}", "a number is too large", 1),
        ("{{ -1e999 }}", "a number is too large", 1),
    ],
)
def test_what_templates_do_not_have_is_refused_when_it_is_compiled(source: str, reason: str, line: int | None) -> None:
    with pytest.raises(TemplateError) as refused:
        compile_text(source)
    assert reason in refused.value.message
    assert refused.value.data["line"] == line


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ x }}" * (MAX_SOURCE // 7 + 1), "The template is too long"),
        ("{{ " + "(" * 5_000 + ")" * 5_000 + " }}", "nested too deeply"),
        ("{% if x %}" * 200 + "{% endif %}" * 200, "nested too deeply"),
    ],
)
def test_a_template_beyond_the_compiler_is_refused(source: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        compile_text(source)


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\n", "\r", "a\0b"])
def test_a_line_break_never_gets_into_a_single_line(value: str) -> None:
    template = compile_text("Token {{ doc.note }}", single_line=True)
    assert template.render(scope(note="abc")) == "Token abc"
    with pytest.raises(TemplateError, match="line break or a null character"):
        template.render(scope(note=value))


@pytest.mark.parametrize(
    "source", ["{{ doc.note }}", " {{ doc.note }}", "conf:{{ doc.note }}", "{{ 'env' }}:{{ doc.note }}"]
)
def test_a_document_never_names_the_secret_that_is_sent(source: str) -> None:
    template = compile_text(source, single_line=True)
    with pytest.raises(TemplateError, match="looked up as a secret"):
        template.render(scope(note="conf:encryption_key"))


def test_a_line_break_in_a_fixed_single_line_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(TemplateError, match="line break"):
        compile_text("a\nb", single_line=True)
    assert compile_text("a\nb").render({}) == "a\nb"


def test_its_source_is_kept() -> None:
    assert compile_text("{{ doc.name }}").source == "{{ doc.name }}"
