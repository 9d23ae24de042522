"""No condition and no template runs for long or makes much, whatever its author tries."""

import resource
import sys
from collections.abc import Iterator

import pytest

from demitasse.events import budget
from demitasse.events.budget import Budget
from demitasse.events.condition import compile_condition
from demitasse.events.errors import BudgetExceeded, ConditionError, TemplateError
from demitasse.events.json_template import compile_json
from demitasse.events.template import compile_text
from demitasse.kernel.clock import monotonic_s
from tests.unit.events.orders import row, scope

SECONDS = 20  # each takes well below one; the machine may be busy
MEGABYTES = 150
TOO_MUCH = (
    "too much work|too many elements|too large|too long|nested|at most|below 1000|up to 30|prints more|no multiplying|"
    "only numbers|only texts"
)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    start, peak = monotonic_s(), _peak_bytes()
    yield
    assert monotonic_s() - start < SECONDS
    assert _peak_bytes() - peak < MEGABYTES * 2**20


def _doubled(times: int) -> str:
    """Return an expression for a list of 2^times items, few of which are different objects."""
    inner = "[1, 1]"
    for n in range(times):
        inner = f"[[x{n}, x{n}] for x{n} in [{inner}]][0]"
    return inner


@pytest.mark.parametrize(
    "source",
    [
        "9 ** 9 ** 9",
        "(2 ** 4000) * (2 ** 4000) * (2 ** 4000)",
        "2.0 ** 5000",
        "'a' * 10 ** 9",
        "10 ** 9 * 'a'",
        "[1] * 10 ** 9",
        "'a'.center(10 ** 9)",
        "'a'.zfill(10 ** 9)",
        "'%1000000000d' % 1",
        "'%*d' % (10 ** 9, 1)",
        "'%s%s%s%s%s' % (doc.note, doc.note, doc.note, doc.note, doc.note)",
        "f'{1:1000000000}'",
        "f'{1:{10 ** 9}}'",
        "f'{doc.note}{doc.note}{doc.note}{doc.note}{doc.note}'",
        "doc.note + doc.note + doc.note + doc.note + doc.note",
        "doc.note.replace('x', doc.note)",
        "''.replace('', 'x' * 100000).replace('x', 'x' * 100)",
        "doc.note.join(['a'] + ['b'] + ['c', 'd', 'e', 'f'])",
        "doc.creation.strftime('%c' * 1000)",
        "round(1, -10 ** 9)",
        "frappe.utils.rounded(1, -10 ** 9)",
        "list(range(10 ** 9))",
        "list(range(10 ** 30))",
        "sum(range(10 ** 9))",
        "[x for x in range(10 ** 9)]",
        "any(x == y for x in range(10 ** 5) for y in range(10 ** 5))",
        "all([all([all([1 for z in range(99)]) for y in range(99)]) for x in range(99)])",
        "any(doc.note.upper() == 'x' for i in range(9999))",
        "any('y' in doc.note for i in range(9999))",
        "any(doc.note == doc.note.lower() for i in range(9999))",
        "any(doc.note[1:] == 'x' for i in range(9999))",
        f"{_doubled(40)} == {_doubled(40)}",
        f"str({_doubled(40)}) == ''",
        f"f'{{{_doubled(40)}}}' == ''",
        f"{_doubled(40)} in [1]",
        f"sorted([{_doubled(40)}, {_doubled(40)}])",
        f"{{tuple({_doubled(40)}): 1}}",
        f"sum({_doubled(40)}, [])",
    ],
)
def test_a_condition_that_attacks_ends_soon(source: str) -> None:
    with pytest.raises(ConditionError, match=f"(?i){TOO_MUCH}"):
        compile_condition(source).holds(scope(note="x" * 250_000))


DOUBLED = "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 40
DOUBLED_TUPLE = "{% set a = (1, 1) %}" + "{% set a = (a, a) %}" * 40
DEEP = "{% set n = namespace(v=(1,)) %}{% for i in range(30000) %}{% set n.v = (n.v,) %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 9 ** 99999 }}",
        "{{ 'a' * 10 ** 9 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 'a'.center(10 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ '%s%s%s%s%s'|format(doc.note, doc.note, doc.note, doc.note, doc.note) }}",
        "{{ 1|round(-1000000000) }}",
        "{{ 1.5|round(1000000000, 'ceil') }}",
        "{{ range(10 ** 9)|list }}",
        "{{ range(10 ** 9)|sum }}",
        "{{ range(10 ** 9)|join }}",
        "{{ range(10 ** 9)|map('string')|list }}",
        "{{ range(10 ** 9) }}",
        "{{ range(10 ** 30) }}",
        "{{ range(10 ** 9)|tojson }}",
        "{{ range(10 ** 9)[:10 ** 9] }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}" + "x" * 1000 + "{% endfor %}",
        "{% for i in range(99999) %}{{ doc.note }}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc|tojson %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.items|tojson %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.as_dict() %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.note|upper %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.note.upper() %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.note[1:] %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = 'y' in doc.note %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.note is eq doc.customer %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.note|striptags %}{% endfor %}",
        "{% for i in range(99999) %}{% set x = doc.note ~ i %}{% endfor %}",
        "{% for i in range(99999) %}{% set x %}{{ doc.note }}{% endset %}{% endfor %}",
        "{% set n = namespace(v='x' * 1000) %}{% for i in range(99) %}{% set n.v = n.v ~ n.v %}{% endfor %}",
        "{% set n = namespace(v='x' * 1000) %}{% for i in range(99) %}{% set n.v = n.v + n.v %}{% endfor %}",
        "{% set n = namespace(v='x' * 1000) %}{% for i in range(99) %}{% set n.v = n.v|replace('x', 'xx') %}{% endfor %}",
        "{% set n = namespace(v='x\"' * 1000) %}{% for i in range(99) %}{% set n.v = n.v|tojson %}{% endfor %}",
        "{% set n = namespace(v=[1]) %}{% for i in range(99) %}{% set n.v = n.v + n.v %}{% endfor %}",
        "{% set n = namespace(v='x' * 1000) %}{% for i in range(99) %}{% set n.v %}{{ n.v }}{{ n.v }}{% endset %}{% endfor %}",
        DOUBLED + "{{ a }}",
        DOUBLED + "{{ a|tojson }}",
        DOUBLED + "{{ a == a|list }}",
        DOUBLED + "{{ 1 in a }}",
        DOUBLED + "{{ a is eq a }}",
        DOUBLED + "{{ a|string }}",
        DOUBLED + "{{ a|join }}",
        DOUBLED + "{{ a|sort }}",
        DOUBLED + "{{ [a, a]|unique|list }}",
        DOUBLED + "{{ 'x' ~ a }}",
        DOUBLED + "{{ '%s' % (a,) }}",
        DOUBLED + "{{ {'a': 1}.get(a) }}",
        DOUBLED_TUPLE + "{{ {a: 1} }}",
        DOUBLED_TUPLE + "{% for x in [1, 2] %}{{ loop.changed(a) }}{% endfor %}",
        DEEP + "{{ n.v }}",
        DEEP + "{{ {n.v: 1} }}",
        DEEP + "{{ n.v == n.v }}",
        DEEP + "{{ [n.v]|unique|list }}",
        "{% set n = namespace(v=[1]) %}{% for i in range(30000) %}{% set n.v = n.v|map('int') %}{% endfor %}{{ n.v|first }}",
        "{{ " + "-" * 900 + "1 }}",
    ],
)
@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_template_that_attacks_ends_soon(source: str, kind: str) -> None:
    attacked = scope(note="x" * 250_000, customer="x" * 249_999 + "y", items=[row("x" * 50, 1.0)] * 500)
    render = compile_and_render_json if kind == "json" else compile_and_render_text
    with pytest.raises(TemplateError, match=f"(?i){TOO_MUCH}"):
        render(source, attacked)


def compile_and_render_json(source: str, attacked: dict[str, object]) -> bytes:
    return compile_json(source, max_length=2**20).render(attacked)


def compile_and_render_text(source: str, attacked: dict[str, object]) -> str:
    return compile_text(source).render(attacked)


def test_honest_work_is_within_the_budget() -> None:
    rows = [row(f"ITEM-{n}", float(n)) for n in range(2_000)]
    long = scope(items=rows, note="word " * 20_000)
    source = """[{% for r in doc.items %}
        {"item": "{{ r.item|lower }}", "qty": {{ r.qty }}, "big": {{ r.qty > 1000 }}, "of": "{{ doc.name ~ '/' ~ loop.index }}"}
        {{- "," if not loop.last }}
    {% endfor %}]"""
    assert compile_json(source, max_length=2**20).render(long).count(b"item-") == 2_000
    assert compile_condition("sum(r.qty * 2 for r in doc.items if r.item != 'x') > 1 and 'word' in doc.note").holds(
        long
    )
    assert len(compile_text("{{ doc.note|upper|replace('WORD', 'w') }}{{ doc|tojson }}").render(long)) > 100_000


def test_a_budget_counts_items_at_every_depth_and_in_every_place() -> None:
    inner = list(range(10))
    purse = Budget(100)
    purse.spend_on([inner, inner, {"a": inner}])
    assert purse.left == 100 - 4 - 3 * 11 - 2


def test_a_budget_counts_long_texts() -> None:
    purse = Budget(100)
    purse.spend_on("x" * 255)
    assert purse.left == 100
    purse.spend_on("x" * 2560)
    purse.spend_on(["x" * 2560])
    assert purse.left == 100 - 10 - 2 - 10


def test_what_is_left_is_never_taken_twice() -> None:
    purse = Budget(2)
    purse.spend(2)
    with pytest.raises(BudgetExceeded, match="too much work"):
        purse.spend()


def test_the_steps_are_as_documented() -> None:
    assert budget.STEPS == 100_000
    assert budget.MAX_TEXT == 2**20
