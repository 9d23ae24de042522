"""``/app/<doctype>``: the documents that an actor may read, filtered, sorted, searched, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demitasse.auth.model import Reach, reach
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType, Field
from demitasse.documents import access, queries
from demitasse.documents.model import DocStatus
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk import fields as known_fields
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.format import plain, words
from demitasse.web.desk.home import MOST_COUNTED
from demitasse.web.desk.lists import asked as asking
from demitasse.web.desk.lists.asked import Asked, Filter
from demitasse.web.desk.navigation import Crumb, form_path, list_path
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_TEXTS = frozenset({Storage.SHORT_TEXT, Storage.LONG_TEXT})
_NUMBERS = frozenset({"Int", "Long Int", "Float", "Currency", "Percent"})
_MOST_QUICK = 4
_LONGEST_CELL = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value of a row. ``kind`` is ``text``, ``number``, ``check``, ``badge`` or ``empty``."""

    kind: str
    text: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One document of a list."""

    name: str
    title: str
    href: str
    status: Cell | None
    cells: tuple[Cell, ...]
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of a list; ``error`` says why there is none."""

    rows: Sequence[Row] = ()
    has_more: bool = False
    count: str = ""
    error: str = ""


async def show(context: DeskContext, request: DeskRequest, doctype: DocType) -> Answer:
    """Answer the list."""
    access.check_doctype(doctype, "read", request.actor)
    filterable = known_fields.filterable(doctype, request.actor)
    path = list_path(doctype.name)
    asked = asking.read(path, request.query, known=frozenset(field.name for field in filterable))
    changed = _changed(asked, request)
    if changed is not None:
        return redirect(changed.url())
    columns = known_fields.shown_columns(doctype, request.actor)
    try:
        found = await context.read(lambda tx: _find(context, tx, request, doctype, asked, columns))
    except DemitasseError as error:
        if not (asked.filters or asked.sort or asked.search):
            raise
        found = Found(error=words(error.message))
    by_name = {field.name: field for field in filterable}
    return context.page(
        request,
        "list.html",
        title=doctype.name,
        section=path,
        crumbs=(Crumb(label=doctype.module, href=None), Crumb(label=doctype.name)),
        doctype=doctype,
        asked=asked,
        found=found,
        columns=columns,
        filterable=sorted(filterable, key=lambda field: field.label),
        chips=[_chip(number, each, by_name) for number, each in enumerate(asked.filters)],
        quick=_quick(filterable),
        operators=asking.OPERATORS,
        sizes=asking.SIZES,
        numbers=_NUMBERS,
        first=(asked.page - 1) * asked.size + 1,
        may_create=not doctype.is_log and reach(doctype, "create", request.actor) is not Reach.NONE,
        status=400 if found.error else 200,
    )


def _changed(asked: Asked, request: DeskRequest) -> Asked | None:
    """Return what the small forms above a list ask for: one more filter, another value of a quick one."""
    field, operator = request.asked("_field"), request.asked("_op", "=")
    if field:
        if operator not in asking.OPERATORS and operator != "not set":
            return asked
        value = request.asked("_value").strip()
        if operator in {"is", "not set"}:
            operator, value = "is", "set" if operator == "is" else "not set"
        return asked.also(Filter(field=field, operator=operator, value=value))
    quick = request.asked("_quick")
    return asked.only(quick, request.asked("_value")) if quick else None


def _find(
    context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType, asked: Asked, columns: list[Field]
) -> Found:
    title = known_fields.title_of(doctype, request.actor)
    names = ["name", "modified", "docstatus", *(field.name for field in columns), *([title.name] if title else [])]
    query: dict[str, Any] = {"filters": [each.condition() for each in asked.filters]}
    if asked.search:
        query["or_filters"] = _searching(doctype, asked.search, request)
    order = _order(doctype, asked)
    start = (asked.page - 1) * asked.size
    rows = queries.select(
        context.documents,
        tx,
        doctype,
        actor=request.actor,
        fields=list(dict.fromkeys(names)),
        order_by=order,
        limit=asked.size + 1,
        limit_start=start,
        **query,
    ).as_dicts()
    has_more = len(rows) > asked.size
    shown = rows[: asked.size]
    count = (
        f"{start + len(shown):,}"
        if not has_more and (shown or not start)
        else _count(context, tx, request, doctype, query)
    )
    return Found(
        rows=[_row(context, doctype, row, columns, title) for row in shown],
        has_more=has_more,
        count=count,
    )


def _count(context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType, query: dict[str, Any]) -> str:
    """Return how many there are, as far as anybody counts: further the server does not look either."""
    found = queries.count(context.documents, tx, doctype, actor=request.actor, most=MOST_COUNTED + 1, **query)
    return f"more than {MOST_COUNTED:,}" if found > MOST_COUNTED else f"{found:,}"


def _searching(doctype: DocType, text: str, request: DeskRequest) -> list[list[str]]:
    allowed = known_fields.readable(doctype, request.actor)
    names = dict.fromkeys(["name", doctype.title_field or "name", *doctype.search_fields])
    found = (doctype.by_name.get(name) for name in names)
    return [
        [field.name, "like", f"%{text}%"]
        for field in found
        if field is not None and field.type.storage in _TEXTS and field.permlevel in allowed
    ]


def _order(doctype: DocType, asked: Asked) -> str:
    if asked.sort:
        return f"{asked.sort} {'desc' if asked.is_descending else 'asc'}"
    return f"{doctype.sort_field} {doctype.sort_order}" if doctype.sort_field in doctype.by_name else "modified desc"


def _row(context: DeskContext, doctype: DocType, row: dict[str, Any], columns: list[Field], title: Field | None) -> Row:
    name = str(row["name"])
    return Row(
        name=name,
        title=str((title and row.get(title.name)) or name),
        href=form_path(doctype.name, name),
        status=_status(row) if doctype.is_submittable else None,
        cells=tuple(cell_of(field, row.get(field.name), context) for field in columns),
        modified=row["modified"],
    )


def _status(row: dict[str, Any]) -> Cell:
    word = known_fields.STATUS_WORDS[DocStatus(row["docstatus"] or 0)]
    return Cell(kind="badge", text=word, level=known_fields.level_of(word))


def cell_of(field: Field, value: Any, context: DeskContext) -> Cell:
    """Return a value as a table shows it."""
    if value is None or value == "":
        return Cell(kind="empty", level="is-badge" if field.fieldtype == "Select" else "")
    if field.fieldtype == "Check":
        return Cell(kind="check", text="Yes" if value else "No")
    text = plain(value, field, context.zone)
    if len(text) > _LONGEST_CELL:
        text = text[:_LONGEST_CELL] + "…"
    if field.fieldtype == "Select":
        return Cell(kind="badge", text=text, level=known_fields.level_of(text))
    return Cell(kind="number" if field.fieldtype in _NUMBERS else "text", text=text)


def _chip(number: int, each: Filter, by_name: dict[str, Field]) -> dict[str, Any]:
    field = by_name[each.field]
    value = each.value
    if field.fieldtype == "Check" and value in {"0", "1"}:
        value = "Yes" if value == "1" else "No"
    if field.name == "docstatus" and value in {"0", "1", "2"}:
        value = known_fields.STATUS_WORDS[DocStatus(int(value))]
    return {
        "number": number,
        "label": field.label,
        "operator": asking.OPERATORS[each.operator],
        "value": value or "empty",
    }


def _quick(filterable: list[Field]) -> list[Field]:
    """Return the filters that stand above the list by themselves: those whose values can be chosen from."""
    return [
        field
        for field in filterable
        if field.in_standard_filter
        and not field.hidden
        and (field.fieldtype == "Check" or (field.fieldtype == "Select" and field.options))
    ][:_MOST_QUICK]
