"""Parts of forms that htmx fetches: what a link may lead to, and a new row of a table."""

from demitasse.auth.model import Reach, reach
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType
from demitasse.documents import access, building, queries
from demitasse.documents.model import Record
from demitasse.kernel.ids import random_name
from demitasse.web.desk import fields as known_fields
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.forms.editing import editing_of
from demitasse.web.desk.forms.model import Drawing
from demitasse.web.desk.forms.state import FormState, RowState
from demitasse.web.desk.forms.texts import text_of
from demitasse.web.desk.forms.views import row_fields, row_of
from demitasse.web.desk.navigation import by_slug
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer
from demitasse.web.errors import UnknownPath

_MOST = 12
_LONGEST = 140
_TEXTS = frozenset({Storage.SHORT_TEXT, Storage.LONG_TEXT})


async def link_options(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer documents that a link may lead to: those that the actor may read, or at least select."""
    name, text = request.asked("doctype"), request.asked("q").strip()[:_LONGEST]
    if name == "DocType":
        found = sorted(
            each.name for each in context.registry if text.lower() in each.name.lower() and not each.is_table
        )
        return _options(context, request, [(each, "") for each in found[:_MOST]])
    doctype = context.registry.find(name)
    if doctype is None or doctype.is_table:
        return _options(context, request, [])
    return _options(context, request, await context.read(lambda tx: _linked(context, tx, request, doctype, text)))


def _options(context: DeskContext, request: DeskRequest, found: list[tuple[str, str]]) -> Answer:
    return context.fragment(request, "fragments/link_options.html", options=found)


def _linked(
    context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType, text: str
) -> list[tuple[str, str]]:
    """Return names, and titles beside them, of those in force whose name or title has the text."""
    actor = request.actor
    has_read = reach(doctype, "read", actor) is not Reach.NONE
    if not has_read:
        access.check_doctype(doctype, "select", actor)
    title = known_fields.title_of(doctype, actor) if has_read else None
    like = f"%{text}%"
    searched = [["name", "like", like]]
    if title is not None and title.type.storage in _TEXTS:
        searched.append([title.name, "like", like])
    filters: list[list[object]] = [["docstatus", "<", 2]] if doctype.is_submittable else []
    if "disabled" in doctype.by_name and has_read:
        filters.append(["disabled", "=", 0])
    rows = queries.select(
        context.documents,
        tx,
        doctype,
        actor=actor if has_read else None,
        fields=["name", *([title.name] if title is not None else [])],
        filters=filters,
        or_filters=searched if text else None,
        order_by="modified desc" if not text else "name asc",
        limit=_MOST,
    ).rows
    return [(str(row[0]), str(row[1] or "") if len(row) > 1 and row[1] != row[0] else "") for row in rows]


async def new_row(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer an empty row of a table, with its defaults."""
    doctype = by_slug(context.registry, request.asked("doctype"))
    table = doctype.by_name.get(request.asked("table")) if doctype is not None else None
    if doctype is None or table is None or not table.type.is_table:
        message = "There is no such table"
        raise UnknownPath(message)
    has_some = any(reach(doctype, action, request.actor) is not Reach.NONE for action in ("create", "write"))
    if not has_some:
        access.check_doctype(doctype, "write", request.actor)
    child = context.registry.get(table.options or "")
    row = Record(child, {}, is_new=True)
    building.set_defaults(context.documents, row, actor=request.actor, now=request.now)
    editing = editing_of(Record(doctype, {}, is_new=True), actor=request.actor, may_write=True)
    state = RowState(
        key=random_name(8),
        name="",
        texts={each.name: text_of(each, row.values.get(each.name), context.zone) for each in child.data_fields},
    )
    drawing = Drawing(registry=context.registry, zone=context.zone, editing=editing, state=FormState(), errors={})
    return context.fragment(
        request,
        "fragments/row.html",
        row=row_of(drawing, table, child, state),
        table=table,
        columns=len(row_fields(child, editing)[0]),
        may_change=True,
    )
