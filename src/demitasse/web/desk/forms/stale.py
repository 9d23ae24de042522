"""When somebody else was faster: both versions side by side, and for each field a choice."""

from dataclasses import dataclass

from demitasse.doctypes.model import DocType, Field
from demitasse.documents import access
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.forms import state as states
from demitasse.web.desk.forms.editing import editing_of
from demitasse.web.desk.forms.state import FormState, RowState
from demitasse.web.desk.forms.texts import is_same, moment_mark
from demitasse.web.desk.navigation import Crumb, form_path, list_path
from demitasse.web.desk.request import DeskRequest
from demitasse.web.documents import load_permitted
from demitasse.web.envelope import Answer

_NOT_SENT_AGAIN = frozenset({"csrf_token", "_modified", "_base"})
_CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of which there are two versions now.

    Args:
        is_mine: Whether this person changed it; else the other did, and theirs is taken unless one says otherwise.
        was: What it was when the form was opened.
    """

    field: Field
    mine: str
    theirs: str
    was: str
    is_mine: bool


async def show(context: DeskContext, request: DeskRequest, doctype: DocType, name: str, sent: FormState) -> Answer:
    """Answer what differs, with all that was sent kept in the page."""
    record = await context.read(
        lambda tx: load_permitted(context.services, tx, doctype, name, "read", actor=request.actor)
    )
    editing = editing_of(record, actor=request.actor, may_write=True)
    now = states.of_record(access.hide_levels(record, actor=request.actor), context.zone)
    base = states.decode(request.sent("_base")) or now
    found = [_field(each, sent, now, base) for each in doctype.data_fields if editing.may_change(each)]
    found += [_table(context, each, sent, now, base) for each in doctype.table_fields if editing.may_change(each)]
    heading = "Somebody else was faster"
    return context.page(
        request,
        "stale.html",
        title=heading,
        status=_CONFLICT,
        section=list_path(doctype.name),
        crumbs=(
            Crumb(label=doctype.name, href=list_path(doctype.name)),
            Crumb(label=name, href=form_path(doctype.name, name)),
            Crumb(label=heading),
        ),
        record=record,
        doctype=doctype,
        differences=[each for each in found if each is not None],
        kept=[
            (key, value) for key, value in request.form if key not in _NOT_SENT_AGAIN and not key.startswith("_take.")
        ],
        modified_mark=moment_mark(record.modified),
        base=states.encode(now),
    )


def _field(field: Field, sent: FormState, now: FormState, base: FormState) -> Difference | None:
    mine = sent.texts.get(field.name)
    if mine is None:
        return None
    if field.type.is_secret:
        return Difference(field=field, mine="a new one", theirs="as it is", was="", is_mine=True) if mine else None
    theirs, was = now.texts.get(field.name, ""), base.texts.get(field.name, "")
    if is_same(field, mine, theirs):
        return None
    return Difference(field=field, mine=mine, theirs=theirs, was=was, is_mine=not is_same(field, mine, was))


def _table(context: DeskContext, field: Field, sent: FormState, now: FormState, base: FormState) -> Difference | None:
    rows = sent.tables.get(field.name)
    if rows is None:
        return None
    by_name = context.registry.get(field.options or "").by_name
    theirs, was = now.tables.get(field.name, ()), base.tables.get(field.name, ())
    if states.same_rows(rows, theirs, by_name):
        return None
    shown = [name for name in (rows[0].texts if rows else theirs[0].texts) if name in by_name]
    return Difference(
        field=field,
        mine=_lines(rows, shown),
        theirs=_lines(theirs, shown),
        was=_lines(was, shown),
        is_mine=not states.same_rows(rows, was, by_name),
    )


def _lines(rows: tuple[RowState, ...], columns: list[str]) -> str:
    lines = [
        f"{number}. " + " · ".join(text for name in columns if (text := row.texts.get(name, "")))
        for number, row in enumerate(rows, start=1)
    ]
    return "\n".join(lines) or "no rows"
