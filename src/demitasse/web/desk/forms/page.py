"""``/app/<doctype>/<name>`` and ``/app/<doctype>/new``: showing a document's form, and taking what it sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from markupsafe import Markup

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import access, building
from demitasse.documents.errors import MandatoryMissing, StaleDocument
from demitasse.documents.model import DocStatus, Record
from demitasse.frappe.model.document import copy_doc, document_of
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk import fields as known_fields
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.format import words
from demitasse.web.desk.forms import saving, stale
from demitasse.web.desk.forms.applying import InvalidForm, Place
from demitasse.web.desk.forms.editing import Editing, editing_of
from demitasse.web.desk.forms.model import Drawing
from demitasse.web.desk.forms.state import FormState, encode, of_form, of_record
from demitasse.web.desk.forms.texts import moment_mark
from demitasse.web.desk.forms.views import errors_by_place, tabs_of
from demitasse.web.desk.navigation import Crumb, form_path, list_path
from demitasse.web.desk.port import Panel
from demitasse.web.desk.request import DeskRequest
from demitasse.web.documents import load_permitted
from demitasse.web.envelope import UNEXPECTED, Answer
from demitasse.web.errors import describe

_log = structlog.get_logger("demitasse.desk")
_DONE = {"save": "Saved", "submit": "Submitted", "cancel": "Cancelled", "delete": "Deleted"}
_ACTIONS = ("submit", "cancel", "delete", "amend", "create")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A document as one actor may see it.

    Args:
        may: What the actor may do with it.
    """

    record: Record
    editing: Editing
    may: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why what was sent was not taken."""

    text: str
    lines: tuple[str, ...] = ()
    errors: Mapping[Place, str] = field(default_factory=dict)
    status: int = 422


async def show(context: DeskContext, request: DeskRequest, doctype: DocType, name: str, panel: Panel | None) -> Answer:
    """Answer the form of a stored document."""
    opened = await context.read(lambda tx: open_stored(context, tx, doctype, name, actor=request.actor))
    below = await panel(context, request, opened.record) if panel is not None else Markup("")
    return _page(context, request, opened, of_record(opened.record, context.zone), below=below)


async def show_new(context: DeskContext, request: DeskRequest, doctype: DocType) -> Answer:
    """Answer an empty form; the query may name a document to copy or to amend, and values of fields."""
    opened = await context.read(lambda tx: open_new(context, tx, request, doctype))
    return _page(context, request, opened, of_record(opened.record, context.zone))


async def take(context: DeskContext, request: DeskRequest, doctype: DocType, name: str | None) -> Answer:
    """Do what a form asks for; what is refused comes back with all that was typed."""
    action = request.sent("_action", "save")
    sent = of_form(request.form)
    try:
        saved, said = await saving.run(context, request, doctype, name, sent, action=action)
    except StaleDocument:
        return await stale.show(context, request, doctype, str(name), sent)
    except Exception as error:
        trouble = _trouble(error, doctype)
        if action == "delete" or trouble.status in {403, 404}:
            raise
        return await _again(context, request, doctype, name, sent, trouble)
    text = " ".join([f"{_DONE.get(action, 'Done')}: {saved}.", *(words(each) for each in said)])
    if action == "delete":
        return redirect(list_path(doctype.name), toast=text)
    return redirect(list_path(doctype.name) if doctype.is_single else form_path(doctype.name, saved), toast=text)


def open_stored(context: DeskContext, tx: Transaction, doctype: DocType, name: str, *, actor: Actor) -> Opened:
    """Return a stored document with what the actor may do.

    Raises:
        NotPermitted: the actor may not read it.
        DocumentNotFound: it is not there.
    """
    record = load_permitted(context.services, tx, doctype, name, "read", actor=actor)
    documents = context.documents
    may_write = known_fields.may(documents, tx, record, "write", actor)
    may = frozenset(action for action in _ACTIONS if known_fields.may(documents, tx, record, action, actor))
    return Opened(record=record, editing=editing_of(record, actor=actor, may_write=may_write), may=may)


def open_new(context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType) -> Opened:
    """Return a new document with its defaults, or a copy of another.

    Raises:
        NotPermitted: the actor may create none, or may not read the other.
    """
    access.check_doctype(doctype, "create", request.actor)
    documents = context.documents
    other, amended = request.asked("_copy"), request.asked("_amend")
    if other or amended:
        load = load_permitted(context.services, tx, doctype, other or amended, "read", actor=request.actor)
        seen = access.hide_levels(load, actor=request.actor)
        record = copy_doc(document_of(seen))._record  # noqa: SLF001 - the document's own record
        if amended and "amended_from" in doctype.by_name:
            record.values["amended_from"] = amended
    else:
        record = building.new_record(documents, doctype, _asked_values(doctype, request))
    building.set_defaults(documents, record, actor=request.actor, now=request.now)
    return Opened(
        record=record, editing=editing_of(record, actor=request.actor, may_write=True), may=frozenset({"create"})
    )


def _asked_values(doctype: DocType, request: DeskRequest) -> dict[str, str]:
    """Return the values that the query gives to plain fields: ``/app/lead/new?status=Open``."""
    wanted = {each.name for each in doctype.data_fields if not each.type.is_secret}
    return {name: value for name, value in request.query if name in wanted}


async def _again(
    context: DeskContext, request: DeskRequest, doctype: DocType, name: str | None, sent: FormState, trouble: Trouble
) -> Answer:
    opened = await context.read(
        lambda tx: (
            open_new(context, tx, request, doctype)
            if name is None
            else open_stored(context, tx, doctype, name, actor=request.actor)
        )
    )
    stored = of_record(opened.record, context.zone)
    shown = FormState(texts={**stored.texts, **sent.texts}, tables={**stored.tables, **sent.tables})
    return _page(context, request, opened, shown, trouble=trouble, base=request.sent("_base") or encode(stored))


def _trouble(error: Exception, doctype: DocType) -> Trouble:
    if isinstance(error, InvalidForm):
        return Trouble(text=error.message, errors=error.data["errors"])
    if isinstance(error, MandatoryMissing):
        missing = errors_by_place(doctype, error.data["fields"], error.data["messages"])
        rows = tuple(words(each) for each in error.data["messages"] if "Row #" in each)
        return Trouble(text="Something that is needed is missing.", lines=rows, errors=missing)
    if isinstance(error, DemitasseError):
        status, _ = describe(error)
        place = error.data.get("field")
        is_here = isinstance(place, str) and error.data.get("doctype") == doctype.name
        text = words(error.message)
        errors: dict[Place, str] = {(str(place),): text} if is_here else {}
        return Trouble(text=text, errors=errors, status=status if status in {403, 404, 409, 503} else 422)
    status, _ = describe(error)
    if status >= 500:  # noqa: PLR2004 - the server's own faults
        _log.error("form.failed", doctype=doctype.name, exc_info=error)
        return Trouble(text=UNEXPECTED, status=500)
    return Trouble(text=words(str(error)))


def _page(
    context: DeskContext,
    request: DeskRequest,
    opened: Opened,
    state: FormState,
    *,
    trouble: Trouble | None = None,
    base: str = "",
    below: Markup | None = None,
) -> Answer:
    record, doctype = opened.record, opened.record.doctype
    drawing = Drawing(
        registry=context.registry,
        zone=context.zone,
        editing=opened.editing,
        state=state,
        errors=trouble.errors if trouble is not None else {},
    )
    tabs = tabs_of(drawing)
    title = known_fields.title_of(doctype, request.actor)
    heading = (
        str((title and record.values.get(title.name)) or record.name) if not record.is_new else f"New {doctype.name}"
    )
    if doctype.is_single:
        heading = doctype.name
    return context.page(
        request,
        "form.html",
        title=heading,
        section=list_path(doctype.name),
        crumbs=_crumbs(doctype, heading),
        status=trouble.status if trouble is not None else 200,
        doctype=doctype,
        record=record,
        heading=heading,
        tabs=tabs,
        active_tab=next((number for number, tab in enumerate(tabs) if tab.has_error), 0),
        trouble=trouble,
        asks_name=record.is_new and (doctype.autoname or "").lower() in {"prompt", ""},
        needs_name=(doctype.autoname or "").lower() == "prompt",
        wanted_name=request.sent("_name") if trouble is not None else "",
        may_save=opened.editing.may_write and record.docstatus != DocStatus.CANCELLED and _has_control(tabs),
        may=opened.may,
        may_write=opened.editing.may_write,
        status_words=known_fields.STATUS_WORDS,
        level_of=known_fields.level_of,
        modified_mark=request.sent("_modified") if trouble is not None and base else moment_mark(record.modified),
        base=base or encode(_visible(state, opened.editing)),
        below=below or Markup(""),
    )


def _visible(state: FormState, editing: Editing) -> FormState:
    """Return what the page may carry of a document: not what the actor may not see, nor what cannot be changed there."""
    hidden = {
        each.name for each in editing.record.doctype.fields if not editing.may_see(each) or not editing.may_change(each)
    }
    return state.without(hidden)


def _crumbs(doctype: DocType, heading: str) -> tuple[Crumb, ...]:
    if doctype.is_single:
        return (Crumb(label=doctype.module), Crumb(label=doctype.name))
    return (Crumb(label=doctype.name, href=list_path(doctype.name)), Crumb(label=heading))


def _has_control(tabs: Any) -> bool:
    return any(
        control.more.get("may_change") if control.kind == "table" else bool(control.name)
        for tab in tabs
        for section in tab.sections
        for column in section.columns
        for control in column
    )
