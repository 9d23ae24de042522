"""From a DocType and a document to tabs, sections, columns and controls."""

from datetime import UTC
from typing import Any

from demitasse.auth.model import Actor
from demitasse.doctypes.model import DocType, Registry
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.model import Record
from demitasse.web.desk.forms.editing import editing_of
from demitasse.web.desk.forms.model import Control, Drawing, Tab
from demitasse.web.desk.forms.state import of_record
from demitasse.web.desk.forms.views import tabs_of

ASHA = Actor(user="asha@example.com", roles=frozenset({"Clerk", "All"}))
PART = {"name": "Part", "istable": 1, "fields": [{"fieldname": f"c{n}", "label": f"C{n}"} for n in range(9)]}


def doctype(*fields: dict[str, Any], **more: Any) -> DocType:
    permissions = [{"role": "Clerk", "read": 1, "write": 1, "create": 1}]
    return parse_doctype({"name": "Paper", "fields": fields, "permissions": permissions, **more}, app="test")


def field(name: str, fieldtype: str = "Data", **more: Any) -> dict[str, Any]:
    return {"fieldname": name, "fieldtype": fieldtype, "label": name.title(), **more}


def drawn(kind: DocType, values: dict[str, Any], *, is_new: bool = False, errors: Any = None) -> list[Tab]:
    registry = Registry()
    registry.register(parse_doctype(PART, app="test"))
    record = Record(kind, values, is_new=is_new)
    drawing = Drawing(
        registry=registry,
        zone=UTC,
        editing=editing_of(record, actor=ASHA, may_write=True),
        state=of_record(record, UTC),
        errors=errors or {},
    )
    return tabs_of(drawing)


def controls(tabs: list[Tab]) -> dict[str, Control]:
    return {
        control.field.name: control
        for tab in tabs
        for section in tab.sections
        for column in section.columns
        for control in column
    }


def test_breaks_make_tabs_sections_and_columns_and_empty_ones_are_left_out() -> None:
    kind = doctype(
        field("a"),
        field("cb", "Column Break"),
        field("b"),
        field("nothing", "Section Break"),
        field("other", "Tab Break"),
        field("more", "Section Break", label="More of It"),
        field("c"),
        field("empty", "Tab Break"),
    )

    tabs = drawn(kind, {"name": "P"})

    assert [tab.label for tab in tabs] == ["Details", "Other"]
    assert [[control.field.name for control in column] for column in tabs[0].sections[0].columns] == [["a"], ["b"]]
    assert [section.label for section in tabs[1].sections] == ["More of It"]


def test_what_may_not_be_changed_is_text_and_what_is_empty_then_is_left_out() -> None:
    kind = doctype(
        field("free"),
        field("fixed", read_only=1),
        field("blank", read_only=1),
        field("once", set_only_once=1),
        field("fetched", fetch_from="free.x"),
        field("total", "Currency", read_only=1),
        field("hidden", hidden=1),
        field("secret_level", permlevel=1),
    )
    values = {"name": "P", "free": "x", "fixed": "f", "once": "o", "fetched": "y", "total": 0.0, "secret_level": "s"}

    found = controls(drawn(kind, values))

    assert {name: control.kind for name, control in found.items()} == {
        "free": "text",
        "fixed": "plain",
        "once": "plain",
        "fetched": "plain",
        "total": "plain",
    }
    assert controls(drawn(kind, {}, is_new=True)).keys() == {"free", "once"}


def test_submission_fixes_all_fields_but_those_that_it_allows() -> None:
    kind = doctype(field("a"), field("later", allow_on_submit=1), is_submittable=1)

    submitted = controls(drawn(kind, {"name": "P", "docstatus": 1, "a": "x", "later": "y"}))
    cancelled = controls(drawn(kind, {"name": "P", "docstatus": 2, "a": "x", "later": "y"}))

    assert (submitted["a"].kind, submitted["later"].kind) == ("plain", "text")
    assert {control.kind for control in cancelled.values()} == {"plain"}


def test_an_error_opens_the_section_and_marks_the_tab() -> None:
    kind = doctype(
        field("a"), field("t", "Tab Break"), field("s", "Section Break", label="Folded Part", collapsible=1), field("b")
    )

    tabs = drawn(kind, {"name": "P"}, errors={("b",): "wrong"})

    assert [tab.has_error for tab in tabs] == [False, True]
    assert not tabs[1].sections[0].is_folded
    assert drawn(kind, {"name": "P"})[1].sections[0].is_folded


def test_a_value_that_is_no_option_any_more_stays_choosable() -> None:
    kind = doctype(field("state", "Select", options="Open\nClosed"))
    assert controls(drawn(kind, {"name": "P", "state": "Old"}))["state"].options == ("Old", "Open", "Closed")


def test_a_table_shows_six_columns_and_unfolds_the_rest() -> None:
    kind = doctype(field("parts", "Table", options="Part"))
    registry_row = Record(parse_doctype(PART, app="test"), {"name": "r", "c0": "x"}, is_new=False)

    view = controls(drawn(kind, {"name": "P", "parts": [registry_row]}))["parts"].more["view"]

    assert [column.name for column in view.columns] == [f"c{n}" for n in range(6)]
    assert [control.field.name for control in view.rows[0].more] == ["c6", "c7", "c8"]
    assert view.rows[0].cells[0].name == "t.parts.0.c0"
    assert view.rows[0].cells[0].text == "x"


def test_the_condition_of_a_field_is_in_the_page_and_holds_already() -> None:
    kind = doctype(field("state"), field("why", depends_on="eval:doc.state == 'Closed'"))

    hidden, shown = (controls(drawn(kind, {"name": "P", "state": state}))["why"] for state in ("Open", "Closed"))

    assert (hidden.is_hidden, shown.is_hidden) == (True, False)
    assert hidden.depends == '["==",["field","state"],["value","Closed"]]'


def test_html_of_a_doctype_is_words_without_its_scripts() -> None:
    kind = doctype(field("hint", "HTML", options="<b>Look</b><script>alert(1)</script><style>b{}</style> here"))
    assert controls(drawn(kind, {"name": "P"}))["hint"].shown == "<b>Look</b> here"
