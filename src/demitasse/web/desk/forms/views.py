"""From a DocType and what stands in a form to what templates draw."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.doctypes.model import DocType, Field
from demitasse.documents.model import Record
from demitasse.kernel import json
from demitasse.web.desk.fields import level_of
from demitasse.web.desk.format import plain, stars
from demitasse.web.desk.forms import depends
from demitasse.web.desk.forms.applying import Place
from demitasse.web.desk.forms.editing import Editing
from demitasse.web.desk.forms.model import Control, Drawing, RowView, Section, Tab, TableView
from demitasse.web.desk.forms.state import RowState
from demitasse.web.desk.navigation import form_path

_CONTROLS = {
    "Link": "link", "Dynamic Link": "link", "Select": "select", "Phone": "tel", "Color": "color",
    "Autocomplete": "autocomplete", "Small Text": "textarea", "Text": "textarea", "Long Text": "textarea",
    "Text Editor": "textarea", "HTML Editor": "code", "Markdown Editor": "textarea", "Code": "code",
    "Geolocation": "code", "JSON": "code", "Password": "password", "Int": "number", "Long Int": "number",
    "Float": "number", "Currency": "number", "Percent": "number", "Check": "check", "Rating": "rating", "Date": "date",
    "Datetime": "datetime-local", "Time": "time", "Duration": "duration", "Attach": "attach", "Attach Image": "attach",
    "Signature": "signature", "Table": "table", "Table MultiSelect": "table", "Read Only": "text",
}  # fmt: skip
_TYPES = {"Email": "email", "URL": "url", "Phone": "tel"}
_WHOLE = frozenset({"Int", "Long Int"})
_MOST_IN_ROW = 6
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1>", re.IGNORECASE | re.DOTALL)


def tabs_of(drawing: Drawing) -> list[Tab]:
    """Return a form's tabs; parts in which nothing is shown are left out."""
    doctype = drawing.editing.record.doctype
    folds = {str(row.get("fieldname")): bool(row.get("collapsible")) for row in doctype.definition.get("fields") or ()}
    tabs = [Tab(label="Details", sections=[Section()])]
    for each in doctype.fields:
        match each.fieldtype:
            case "Tab Break":
                tabs.append(Tab(label=each.label, sections=[Section()]))
            case "Section Break" | "Fold":
                tabs[-1].sections.append(_section(drawing, each, is_folded=folds.get(each.name, False)))
            case "Column Break":
                tabs[-1].sections[-1].columns.append([])
            case _:
                control = control_of(drawing, each)
                if control is not None:
                    tabs[-1].sections[-1].columns[-1].append(control)
    for tab in tabs:
        for section in tab.sections:
            section.columns = [column for column in section.columns if column]
            if any(control.error for column in section.columns for control in column):
                section.is_folded, tab.has_error = False, True
        tab.sections = [section for section in tab.sections if section.columns]
    return [tab for tab in tabs if tab.sections]


def control_of(drawing: Drawing, each: Field) -> Control | None:
    """Return the control of a field; ``None`` where nothing is to be seen."""
    if not drawing.editing.may_see(each):
        return None
    if each.type.is_table:
        return _table(drawing, each)
    if each.type.storage is None:
        return _picture_or_text(drawing, each)
    record, name = drawing.editing.record, each.name
    if not drawing.editing.may_change(each):
        return _fixed(drawing, record, each, f"f-{name}")
    place = _Where(identity=f"f-{name}", prefix="f.", error=drawing.errors.get((name,), ""))
    return _control(drawing, each, place, text=drawing.text(name), stored=record.values.get(name))


def _picture_or_text(drawing: Drawing, each: Field) -> Control | None:
    """Return what a field shows that has no value of its own."""
    match each.fieldtype:
        case "HTML":
            kind, shown = "html", _UNSEEN.sub("", each.options or "")
        case "Heading":
            kind, shown = "heading", each.label
        case "Image":
            kind, shown = "image", drawing.text(each.options or "")
        case "Button" if not drawing.editing.record.is_new and drawing.editing.may_write:
            kind, shown = "button", each.options or ""
        case _:
            return None
    if not shown:
        return None
    return Control(
        field=each, kind=kind, id=f"f-{each.name}", name="", text="", shown=shown, **_shown_when(each, drawing.text)
    )


def row_of(drawing: Drawing, table: Field, child: DocType, row: RowState) -> RowView:
    """Return one row of a table."""
    stored = next(
        (each for each in drawing.editing.record.rows(table.name) if row.name and each.name == row.name), None
    )
    columns, more = row_fields(child, drawing.editing)
    errors = {place[2]: text for place, text in drawing.errors.items() if place[:2] == (table.name, row.key)}

    def control(each: Field) -> Control:
        identity = f"t-{table.name}-{row.key}-{each.name}"
        if not drawing.editing.may_change_in_row(table, each, stored):
            found = _fixed(drawing, stored or Record(child, {}, is_new=True), each, identity)
            return found or Control(field=each, kind="plain", id=identity, name="", text="")
        place = _Where(identity=identity, prefix=f"t.{table.name}.{row.key}.", error=errors.get(each.name, ""))
        value = stored.values.get(each.name) if stored is not None else None
        return _control(drawing, each, place, text=row.texts.get(each.name, ""), stored=value)

    return RowView(
        key=row.key,
        name=row.name,
        cells=tuple(control(each) for each in columns),
        more=tuple(control(each) for each in more),
        has_error=bool(errors),
    )


def row_fields(child: DocType, editing: Editing) -> tuple[list[Field], list[Field]]:
    """Return the columns of a table, and what is unfolded below a row."""
    seen = [each for each in child.data_fields if editing.may_see(each)]
    chosen = [each for each in seen if each.in_list_view] or seen[:_MOST_IN_ROW]
    columns = chosen[:_MOST_IN_ROW]
    return columns, [each for each in seen if each not in columns]


def _table(drawing: Drawing, each: Field) -> Control:
    child = drawing.registry.get(each.options or "")
    columns, more = row_fields(child, drawing.editing)
    rows = tuple(row_of(drawing, each, child, row) for row in drawing.state.tables.get(each.name, ()))
    error = drawing.errors.get((each.name,), "")
    view = TableView(columns=tuple(columns), has_more=bool(more), rows=rows)
    return Control(
        field=each,
        kind="table",
        id=f"t-{each.name}",
        name=f"t.{each.name}",
        text="",
        is_required=each.required,
        error=error or ("See the rows" if any(row.has_error for row in rows) else ""),
        more={"view": view, "may_change": drawing.editing.may_change(each)},
        **_shown_when(each, drawing.text),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """Where a control stands: its element, what its name begins with, and what is wrong there."""

    identity: str
    prefix: str
    error: str


def _control(drawing: Drawing, each: Field, place: _Where, *, text: str, stored: Any) -> Control:
    kind = _CONTROLS.get(each.fieldtype, "text")
    options: tuple[str, ...] = ()
    more: dict[str, Any] = {}
    match kind:
        case "select" | "autocomplete":
            options = tuple((each.options or "").split("\n"))
            if kind == "select" and text not in options:
                options = (text, *options)
        case "number":
            more = {"step": "1" if each.fieldtype in _WHOLE else "any"}
        case "rating":
            more = {"stars": stars(each)}
        case "password":
            more = {"is_set": bool(stored)}
        case "link":
            is_dynamic = each.fieldtype == "Dynamic Link"
            more = {
                "doctype": "" if is_dynamic else each.options,
                "doctype_field": f"{place.prefix}{each.options}" if is_dynamic else "",
            }
        case "text":
            kind = "textarea" if "\n" in text else _TYPES.get(each.options or "", "text")
            more = {"most": each.max_length}
        case _:
            pass
    return Control(
        field=each,
        kind=kind,
        id=place.identity,
        name=place.prefix + each.name,
        text=text,
        is_required=each.required,
        error=place.error,
        options=options,
        more=more,
        **_shown_when(each, drawing.text),
    )


def _fixed(drawing: Drawing, record: Record, each: Field, identity: str) -> Control | None:
    """Return a field as text; what is empty is left out, but for numbers that are stored."""
    value = record.values.get(each.name)
    if value is None or value == "" or (record.is_new and not value):
        return None
    shown = plain(value, each, drawing.zone)
    target = each.options if each.fieldtype == "Link" else record.values.get(each.options or "")
    is_link = each.fieldtype in {"Link", "Dynamic Link"} and target and drawing.registry.find(str(target))
    return Control(
        field=each,
        kind="plain-long" if _CONTROLS.get(each.fieldtype) in {"textarea", "code"} else "plain",
        id=identity,
        name="",
        text="",
        shown=shown,
        href=form_path(str(target), str(value)) if is_link else "",
        level=level_of(shown) if each.fieldtype == "Select" else "",
        **_shown_when(each, drawing.text),
    )


def _shown_when(each: Field, text_of: Callable[[str], str]) -> dict[str, Any]:
    condition = depends.parse(each.depends_on)
    if condition is None:
        return {"depends": "", "is_hidden": False}
    return {"depends": json.encode(condition).decode(), "is_hidden": not depends.holds(condition, text_of)}


def _section(drawing: Drawing, each: Field, *, is_folded: bool) -> Section:
    label = (
        each.label if each.label.lower() != each.name.replace("_", " ") else "More" if each.fieldtype == "Fold" else ""
    )
    return Section(
        label=label,
        description=each.description or "",
        is_folded=is_folded or each.fieldtype == "Fold",
        **_shown_when(each, drawing.text),
    )


def errors_by_place(doctype: DocType, fields: Sequence[str], messages: Sequence[str]) -> dict[Place, str]:
    """Return where the messages of missing fields belong; those of rows stay above the form."""
    return {
        (name,): "This is needed"
        for name, message in zip(fields, messages, strict=False)
        if name in doctype.by_name and "Row #" not in message
    }
