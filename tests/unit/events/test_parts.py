"""A webhook part by part: each fault is at its field and line, and spoils no other part."""

from typing import Any

import pytest

from demitasse.events.parts import Parts, look
from tests.unit.events.orders import order, scope


def looked(*, with_document: bool = True, **row: Any) -> Parts:
    values = {"request_url": "https://x.example/hook", "headers": [], "data": [], **row}
    return look(values, scope(order(status="Draft")) if with_document else None)


def faults(parts: Parts) -> list[tuple[str, int | None]]:
    return [(fault.field, fault.line) for fault in parts.faults]


def test_all_parts_are_worked_out_for_the_document() -> None:
    parts = looked(
        condition='doc.status == "Open"',
        request_url="https://x.example/{{ doc.name }}",
        is_dynamic_url=1,
        headers=[("X-Shop", "Kolkata"), ("X-Who", "{{ doc.customer }}")],
        webhook_json='{"n": "{{ doc.name }}"}',
        request_structure="JSON",
    )
    assert parts.holds is True
    assert parts.url == "https://x.example/ORD-1"
    assert parts.headers == (("X-Shop", "Kolkata"), ("X-Who", "Ada"))
    assert parts.body is not None
    assert parts.body.content == b'{"n":"ORD-1"}'
    assert parts.faults == ()


def test_a_fault_spoils_no_other_part() -> None:
    parts = looked(condition="doc.status ==", webhook_json='{\n "n": {{ doc.nme }}\n}', request_structure="JSON")
    assert faults(parts) == [("condition", None), ("webhook_json", 2)]
    assert "did you mean 'name'" in parts.faults[1].message
    assert (parts.holds, parts.url, parts.body) == (None, "https://x.example/hook", None)


def test_a_header_s_fault_names_its_row() -> None:
    parts = looked(headers=[("X-Good", "1"), ("X-Bad", "{{ doc.nme }}")])
    assert faults(parts) == [("webhook_headers", 1)]
    assert parts.faults[0].message.startswith("Row #2 (X-Bad): ")
    assert parts.headers == (("X-Good", "1"), ("X-Bad", ""))


@pytest.mark.parametrize(
    ("row", "field", "line"),
    [
        ({"webhook_json": '{"n": {% if %}}'}, "webhook_json", 1),
        ({"condition": "import os"}, "condition", None),
        ({"request_url": "https://x.example/{{", "is_dynamic_url": 1}, "request_url", 1),
    ],
)
def test_without_a_document_the_parts_are_compiled(row: dict[str, Any], field: str, line: int | None) -> None:
    parts = looked(with_document=False, **row)
    assert faults(parts) == [(field, line)]
    assert (parts.holds, parts.body) == (None, None)


def test_a_field_that_is_not_there_is_a_fault_of_the_rows() -> None:
    assert faults(looked(data=[("nme", "n")])) == [("webhook_data", None)]


def test_json_that_data_breaks_tells_where() -> None:
    parts = looked(webhook_json='{"n": {{ doc.name }} {{ doc.name }}}', request_structure="JSON")
    assert faults(parts) == [("webhook_json", None)]
    assert "not JSON" in parts.faults[0].message
