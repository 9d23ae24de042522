"""What stands in a form."""

from demitasse.doctypes.parse import parse_doctype
from demitasse.web.desk.forms.state import FormState, RowState, decode, encode, of_form, same_rows

PART = parse_doctype(
    {"name": "Part", "istable": 1, "fields": [{"fieldname": "part"}, {"fieldname": "at", "fieldtype": "Datetime"}]},
    app="test",
)


def row(name: str, **texts: str) -> RowState:
    return RowState(key="k", name=name, texts=texts)


def test_a_form_is_read_in_the_order_it_was_sent() -> None:
    found = of_form(
        [
            ("csrf_token", "x"),
            ("f.title", "A\r\nB"),
            ("f.is_good", "0"),
            ("f.is_good", "1"),
            ("t.parts", ""),
            ("t.parts.b.name", "row-2"),
            ("t.parts.b.part", "Two"),
            ("t.parts.a.name", ""),
            ("t.parts.a.part", "One"),
            ("t.tags", ""),
            ("_clear.secret", "1"),
            ("_take.email", "theirs"),
            ("_take.phone", "mine"),
        ]
    )

    assert found.texts == {"title": "A\nB", "is_good": "1"}
    assert [(each.key, each.name, each.texts["part"]) for each in found.tables["parts"]] == [
        ("b", "row-2", "Two"),
        ("a", "", "One"),
    ]
    assert found.tables["tags"] == ()
    assert found.cleared == {"secret"}
    assert found.refused == {"email"}


def test_a_form_goes_through_a_hidden_field_unchanged() -> None:
    state = FormState(texts={"a": 'quotes " and <tags>'}, tables={"t": (row("r", part="x"),)})

    found = decode(encode(state))

    assert found is not None
    assert found.texts == state.texts
    assert same_rows(found.tables["t"], state.tables["t"], PART.by_name)


def test_a_hidden_field_that_was_tampered_with_is_nothing() -> None:
    for text in ("", "no json", "[]", "[1, 2]", '[{}, {"t": [1]}]', '{"a": 1}', "[[], []]"):
        assert decode(text) is None


def test_rows_are_the_same_where_names_order_and_texts_are() -> None:
    rows = [row("1", part="One", at="2026-01-01T10:00"), row("2", part="Two")]

    assert same_rows(
        rows, [row("1", part="One", at="2026-01-01T10:00:00"), row("2", part="Two", more="x")], PART.by_name
    )
    assert not same_rows(rows, rows[:1], PART.by_name)
    assert not same_rows(rows, rows[::-1], PART.by_name)
    assert not same_rows(rows, [rows[0], row("2", part="Other")], PART.by_name)
    assert not same_rows(rows, [rows[0], row("", part="Two")], PART.by_name)
