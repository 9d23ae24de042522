"""What a webhook sends."""

import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.events.body import FORM_TYPE, JSON_TYPE, MAX_BODY_BYTES, FieldRow, Structure, compile_body
from demitasse.events.errors import BodyTooLarge, ContentError, TemplateError, UnknownField, UnwritableValue
from tests.unit.events.orders import scope

ROWS = (FieldRow(field="name", key="id"), FieldRow(field="total", key="amount"))


def test_a_template_gives_json() -> None:
    body = compile_body('{"id": "{{ doc.name }}", "total": {{ doc.total }}}').render(scope())
    assert body.content == b'{"id":"ORD-1","total":1500}'
    assert body.content_type == JSON_TYPE == "application/json"


@pytest.mark.parametrize("structure", [Structure.UNSET, Structure.JSON])
def test_field_rows_give_a_json_object(structure: Structure) -> None:
    body = compile_body(rows=ROWS, structure=structure).render(scope())
    assert body.content == b'{"id":"ORD-1","amount":1500}'
    assert body.content_type == JSON_TYPE


def test_field_rows_give_a_form() -> None:
    body = compile_body(rows=ROWS, structure=Structure.FORM).render(scope(name="A & B=é ~*"))
    assert body.content == b"id=A+%26+B%3D%C3%A9+%7E*&amount=1500.0"
    assert body.content_type == FORM_TYPE == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("structure", list(Structure))
@pytest.mark.parametrize("template", [None, "", "  \n"])
def test_without_a_template_and_rows_the_document_itself_is_sent(structure: Structure, template: str | None) -> None:
    body = compile_body(template, structure=structure).render(scope())
    assert body.content_type == JSON_TYPE
    assert json.loads(body.content) == {
        "name": "ORD-1",
        "creation": "2026-04-01 01:30:00.000000",
        "customer": "Ada",
        "status": "Open",
        "note": "",
        "total": 1500,
        "due": "2026-04-02",
        "ready_at": "9:30:00",
        "paid_on": None,
        "doctype": "Order",
        "items": [
            {"item": "Vanilla", "qty": 2, "doctype": "Order Row"},
            {"item": "Mango", "qty": 0.5, "doctype": "Order Row"},
        ],
    }


@pytest.mark.parametrize(
    ("structure", "content"),
    [
        (Structure.JSON, b"1"),
        (Structure.UNSET, b'{"id":"ORD-1","amount":1500}'),
        (Structure.FORM, b"id=ORD-1&amount=1500.0"),
    ],
)
def test_where_both_are_given_the_structure_chooses(structure: Structure, content: bytes) -> None:
    assert compile_body("1", rows=ROWS, structure=structure).render(scope()).content == content


def test_a_form_does_not_use_the_template() -> None:
    assert compile_body("{{ broken", structure=Structure.FORM).render(scope()).content_type == JSON_TYPE


@pytest.mark.parametrize(
    ("field", "as_json", "as_form"),
    [
        ("due", "2026-04-02", "2026-04-02"),
        ("creation", "2026-04-01 01:30:00.000000", "2026-04-01 01:30:00.000000"),
        ("ready_at", "9:30:00", "9:30:00"),
        ("paid_on", None, ""),
        ("party", "Ada", "Ada"),
        ("total", 1500, "1500.0"),
        ("doctype", "Order", "Order"),
        (
            "items",
            [
                {"item": "Vanilla", "qty": 2, "doctype": "Order Row"},
                {"item": "Mango", "qty": 0.5, "doctype": "Order Row"},
            ],
            '[{"item":"Vanilla","qty":2,"doctype":"Order Row"},{"item":"Mango","qty":0.5,"doctype":"Order Row"}]',
        ),
    ],
)
def test_field_rows_write_values_in_frappes_form(field: str, as_json: object, as_form: str) -> None:
    rows = (FieldRow(field=field, key="v"),)
    assert json.loads(compile_body(rows=rows).render(scope()).content) == {"v": as_json}
    form = compile_body(rows=rows, structure=Structure.FORM).render(scope()).content
    assert parse_qsl(form.decode(), keep_blank_values=True) == [("v", as_form)]


@given(key=st.text(), value=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_form_gives_back_what_was_put_in(key: str, value: str) -> None:
    body = compile_body(
        rows=(FieldRow(field="note", key=key), FieldRow(field="name", key="n")), structure=Structure.FORM
    )
    found = parse_qsl(body.render(scope(note=value)).content.decode("ascii"), keep_blank_values=True)
    assert found == [(key, value), ("n", "ORD-1")]


def test_half_a_pair_of_surrogates_becomes_the_replacement_character_in_a_form() -> None:
    body = compile_body(rows=(FieldRow(field="note", key="n"),), structure=Structure.FORM)
    assert body.render(scope(note="a\ud83cb\ud83c\udf66")).content == b"n=a%EF%BF%BDb%F0%9F%8D%A6"


def test_an_unknown_field_is_named() -> None:
    for structure in Structure:
        with pytest.raises(UnknownField, match="Order has no field 'nope'"):
            compile_body(rows=(FieldRow(field="nope", key="x"),), structure=structure).render(scope())


def test_a_value_without_a_json_form_is_refused() -> None:
    with pytest.raises(UnwritableValue):
        compile_body().render(scope(total=float("nan")))
    with pytest.raises(UnwritableValue, match="NaN and infinite"):
        compile_body().render(scope(total=Decimal("NaN")))
    with pytest.raises(UnwritableValue, match="a value of type bytes"):
        compile_body().render(scope(note=b"x"))


def test_a_template_that_cannot_be_used_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(TemplateError):
        compile_body("{{ doc.name")


def test_a_body_may_have_the_limit_and_no_byte_more() -> None:
    for body in (
        compile_body(max_bytes=1000, rows=(FieldRow(field="note", key="n"),)),
        compile_body('{"n": {{ doc.note }}}', max_bytes=1000),
    ):
        assert len(body.render(scope(note="é" * 496)).content) == 1000
        with pytest.raises(BodyTooLarge, match="The body has 1001 bytes; at most 1000 are allowed") as refused:
            body.render(scope(note="é" * 496 + "x"))
        assert refused.value.data == {"size": 1001, "limit": 1000}


def test_a_body_has_a_limit_of_one_mebibyte_by_default() -> None:
    assert MAX_BODY_BYTES == 2**20
    with pytest.raises(BodyTooLarge):
        compile_body().render(scope(note="x" * 2**20))


def test_without_a_document_there_is_nothing_to_send() -> None:
    with pytest.raises(ContentError, match="no document"):
        compile_body().render({"doc": None})
