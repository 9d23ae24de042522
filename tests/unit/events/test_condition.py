"""When a condition holds, and what it says when it cannot be worked out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from demitasse.events.condition import MAX_SOURCE, compile_condition
from demitasse.events.errors import ConditionError
from tests.unit.events.orders import order, row, scope


def holds(source: str, **values: object) -> bool:
    return compile_condition(source).holds(scope(order(status="Draft"), **values))


@pytest.mark.parametrize(
    "source",
    [
        'doc.status == "Open" and doc.total > 1000',
        "doc['status'] != 'Closed'",
        'doc.doctype == "Order"',
        "doc.party == 'Ada'",
        "doc.paid_on is None",
        "not doc.paid_on",
        "doc.customer is not None",
        'doc.status in ["Open", "Closed"]',
        'doc.status in ("Open",) or 1 / 0',
        'doc.status not in {"Draft", "Closed"}',
        '"Ad" in doc.customer',
        "1000 < doc.total <= 1500.0",
        "any(row.qty > 1 for row in doc.items)",
        "all(row.qty for row in doc.items)",
        "sum(row.qty for row in doc.items) == 2.5",
        "len([row for row in doc.items if row.item.startswith('V')]) == 1",
        "min(row.qty for row in doc.items) == 0.5 and max([1, 2]) == 2",
        "doc.items[0].item == 'Vanilla' and doc.items[-1].item == 'Mango'",
        "doc.items[1:][0].item == 'Mango'",
        "doc.customer[:1] == 'A'",
        "sorted(row.item for row in doc.items)[0] == 'Mango'",
        "set(row.item for row in doc.items) == {'Mango', 'Vanilla'}",
        "str(int('5') + 1) == '6' and float('1.5') == 1.5 and bool('x')",
        "abs(-2) == 2 and round(2.567, 2) == 2.57 and round(2.5) == 2",
        "doc.customer.lower().strip().replace('a', 'o', 1) == 'oda'",
        "', '.join([row.item for row in doc.items]) == 'Vanilla, Mango'",
        "'7'.zfill(3) == '007' and 'a'.center(3) == ' a '",
        "f'{doc.total:.2f} {doc.customer}' == '1500.00 Ada'",
        "'%s has %05.1f' % (doc.customer, doc.total) == 'Ada has 1500.0'",
        "('yes' if doc.total else 'no') == 'yes'",
        "{'a': doc.total}['a'] == 1500 and {'a': 1}.get('b', 2) == 2 and {'items': 3}.items == 3",
        "2 ** 10 == 1024 and 7 % 4 == 3 and 7 // 2 == 3 and -2 + +3 == 1 and 2 * 'ab' == 'abab'",
        "[1] + [2] == [1, 2] and [x for x in range(3)] == [0, 1, 2]",
        "doc.get('status') == 'Open'",
        "doc.has_value_changed('status') and not doc.has_value_changed('customer')",
        "doc_before.status == 'Draft' and doc.get_doc_before_save().status == 'Draft'",
        "nowdate() == today() == '2026-04-01' == frappe.utils.nowdate() == utils.today()",
        "now_datetime().hour == 1 and now() == '2026-04-01 01:45:30.000250'",
        "doc.due > nowdate() and nowdate() < doc.due",
        "doc.due == '2026-04-02' and doc.due != '2026-04-03' and not doc.due == 'soon'",
        "doc.due == frappe.utils.add_days(nowdate(), 1)",
        "frappe.utils.date_diff(doc.due, nowdate()) == 1",
        "doc.creation < now_datetime() and doc.creation < doc.due and doc.creation.date() < doc.due",
        "doc.creation >= '2026-04-01 01:30:00' and doc.creation.strftime('%Y') == '2026'",
        "'09:00:00' < doc.ready_at < '9:30:01' and doc.ready_at < '10:00'",
        "doc.ready_at != 'noon' and doc.ready_at != 5",
        "doc.ready_at.total_seconds() == 34200",
        "doc.status == 'Open' and\ndoc.total > 0",
        "  doc.total  ",
        "",
        "{{ doc.total > 1000 }}",
        "{{ doc.customer }}",
        "{% if doc.total %}1{% endif %}",
    ],
)
def test_it_holds(source: str) -> None:
    assert holds(source)


@pytest.mark.parametrize(
    "source",
    [
        "doc.status == 'Closed'",
        "doc.total > 1000 and doc.total < 1200",
        "any(row.qty > 5 for row in doc.items)",
        "doc.note",
        "None",
        "doc.due == 5",
        "{{ doc.note }}",
        "{{ doc.paid_on }}",
        "{{ doc.total > 9000 }}",
        "{{ 0 }}",
        "{{ 0.0 }}",
        "{{ 'None' }}",
        "{% if doc.note %}1{% endif %}",
    ],
)
def test_it_does_not_hold(source: str) -> None:
    assert not holds(source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("doc.statu == 'Open'", "Order has no field 'statu'; did you mean 'status'?"),
        ("doc['statu']", "Order has no field 'statu'"),
        ("dok.status", "there is no 'dok' here; did you mean 'doc'?"),
        ("status == 'Open'", "there is no 'status' here; the fields are doc.field"),
        ("open('x')", "there is no 'open' here"),
        ("doc.paid_on > 1", "no order between an empty value .None. and a number: test it first"),
        ("doc.customer > 1", "no order between a text and a number"),
        ("'x' in doc.paid_on", "no looking for a text in an empty value"),
        ("doc.paid_on.year", "nothing to read 'year' of: the value before it is empty"),
        ("doc.total()", "'doc.total' is a value, not a function: leave the brackets out"),
        ("doc.total / 0", "division by zero"),
        ("doc.total[7]", "no '7' in a number"),
        ("{'a': 1}[('a', 1)]", "no '.'a', 1.' in a dictionary"),
        ("not " * 600 + "doc.total", "nested too deeply"),
        ("doc.items[7]", "no '7' in a list"),
        ("{'a': 1}['b']", "no 'b' in a dictionary"),
        ("doc.customer.format(1)", "no 'format' in a text"),
        ("frappe.db", "no 'db' in frappe .here it has only frappe.utils."),
        ("frappe.utils.get_site_path", "no 'get_site_path' in frappe.utils"),
        ("frappe.utils.getdate('soon')", "'soon' is not a date; write it as YYYY-MM-DD"),
        ("doc.total.real", "no 'real' in a number"),
        ("doc.customer + 1", "can only concatenate str"),
        ("doc.customer * doc.customer", "no multiplying a text by a text"),
        ("doc.customer ** 2", "Only numbers have powers, not a text"),
        ("sum([[1], [2]], [])", "Only numbers can be added up"),
        ("'%s' % doc", "Only texts, numbers and dates"),
        ("{{ doc.nothing }}", "Line 1 of the template: Order has no field 'nothing'"),
    ],
)
def test_a_condition_that_fails_says_why(source: str, reason: str) -> None:
    with pytest.raises(ConditionError, match=f"The condition fails: .*{reason}") as failed:
        holds(source)
    assert failed.value.data == {"condition": source}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("doc.status = 'Open'", "not an expression: invalid syntax"),
        ("doc.status ==", "not an expression"),
        ("doc.status == 'Open' &&\ndoc.total", "not an expression"),
        ("x = 1\ny = 2", "not an expression"),
        ("import os", "not an expression"),
        ("doc.\0", "not an expression"),
        ("(" * 300, "not an expression"),
        ("-" * 9_000 + "1", "not an expression|nested"),
        ("1" * (MAX_SOURCE + 1), "too long"),
        ("lambda: 1", "A lambda cannot be used"),
        ("(x := 1)", "An assignment with := cannot be used"),
        ("{x: 1 for x in doc.items}", "A dictionary comprehension cannot be used"),
        ("{x for x in doc.items}", "A set comprehension cannot be used"),
        ("max(*doc.items)", "A . before a value cannot be used"),
        ("dict(**doc)", r"! or \*\*"),
        ("{**doc}", r"! or \*\*"),
        ("f'{doc!r}'", r"! or \*\*"),
        ("doc.total << 2", "A LShift cannot be used"),
        ("b'x'", "b'x' cannot be used"),
        ("...", "Ellipsis cannot be used"),
        ("doc.__class__", "'__class__' is private"),
        ("doc._values", "'_values' is private"),
        ("(await doc)", "A Await cannot be used"),
        ("{{ doc.total", "Line 1 of the template"),
    ],
)
def test_what_is_no_condition_is_refused_when_it_is_compiled(source: str, reason: str) -> None:
    with pytest.raises(ConditionError, match=reason) as refused:
        compile_condition(source)
    assert refused.value.data == {"condition": source}


def test_a_document_that_is_new_has_none_before_it() -> None:
    condition = compile_condition("doc_before and doc_before.status == 'Draft'")
    assert not condition.holds(scope())
    assert condition.holds(scope(order(status="Draft")))


def test_a_failed_evaluation_leaves_nothing_behind() -> None:
    condition = compile_condition("[1 / row.qty for row in doc.items]")
    for _ in range(2):
        with pytest.raises(ConditionError):
            condition.holds(scope(items=[row("x", 0.0)]))
    assert condition.holds(scope())
    with pytest.raises(ConditionError, match="there is no 'row' here"):
        compile_condition("any(row.qty for row in doc.items) and row").holds(scope())


def test_each_evaluation_has_its_own_budget() -> None:
    condition = compile_condition("len([x for x in range(9000)]) == 9000")
    assert all(condition.holds(scope()) for _ in range(20))


def test_it_may_be_evaluated_in_several_threads_at_once() -> None:
    condition = compile_condition("sum(row.qty for row in doc.items if row.item == doc.customer) == doc.total")
    scopes = [scope(customer=f"C{n}", total=float(n), items=[row(f"C{n}", float(n))] * 1) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(condition.holds, scopes * 10))


def test_its_source_is_kept() -> None:
    assert compile_condition(" doc.total ").source == " doc.total "
    assert compile_condition("{{ doc.total }}").source == "{{ doc.total }}"
