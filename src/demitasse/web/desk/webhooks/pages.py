"""The form of a webhook: filled in, tried while it is filled in, saved, paused, deleted."""

import contextlib
from collections.abc import Mapping
from typing import Any

from demitasse.auth.model import Reach, reach
from demitasse.db.transaction import Transaction
from demitasse.documents import access
from demitasse.documents.errors import StaleDocument
from demitasse.documents.explaining import WEBHOOK
from demitasse.documents.model import Record
from demitasse.frappe.integrations.doctype.webhook import form
from demitasse.kernel.errors import DemitasseError
from demitasse.web import documents
from demitasse.web.desk import running
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.deliveries.extension import panel_of_webhook
from demitasse.web.desk.format import words
from demitasse.web.desk.navigation import Crumb, form_path, list_path
from demitasse.web.desk.request import DeskRequest
from demitasse.web.desk.webhooks import options
from demitasse.web.desk.webhooks.state import MODES, FormState, blank, of_record, of_request, to_values
from demitasse.web.desk.webhooks.trying import FAULTY, by_field, draft_values
from demitasse.web.envelope import Answer

LIST = list_path(WEBHOOK)
_EXAMPLES = (
    ('doc.status == "Open"', "one value"),
    ("doc.grand_total > 1000 and doc.customer", "several at once"),
    ('doc.territory in ["Goa", "Pune"]', "one of several"),
    ("doc_before is None or doc_before.status != doc.status", "the status has changed"),
    ("any(row.qty > 10 for row in doc.items)", "a row of a table"),
    ("doc.due_date and doc.due_date < nowdate()", "a date has passed"),
)


async def show_new(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the form of a new webhook."""
    access.check_doctype(context.registry.get(WEBHOOK), "create", request.actor)
    state = blank()
    doctype = request.asked("webhook_doctype")
    if doctype:
        state = FormState(name="", values={**state.values, "webhook_doctype": doctype})
    return await _form(context, request, state, record=None)


async def show_one(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the form of a stored webhook, with its deliveries below."""
    record = await _load(context, request, "read")
    return await _form(context, request, of_record(record, zone=context.zone), record=record)


async def save_new(context: DeskContext, request: DeskRequest) -> Answer:
    """Make a webhook of what was filled in; where that cannot be, answer the form with what is wrong."""
    state = of_request(request, None)
    doctype = context.registry.get(WEBHOOK)

    def work(tx: Transaction) -> str:
        made = documents.create(context.services, tx, doctype, to_values(state, is_stored=False), actor=request.actor)
        return str(made.value["name"])

    try:
        name, _ = await running.write(context.services, request, doctype, work)
    except DemitasseError as error:
        return await _refused(context, request, state, record=None, error=error)
    return redirect(form_path(WEBHOOK, name), toast="Saved")


async def save_one(context: DeskContext, request: DeskRequest) -> Answer:
    """Save the changes of a webhook; where that cannot be, answer the form with what is wrong."""
    record = await _load(context, request, "read")
    state = of_request(request, of_record(record, zone=context.zone))

    def work(tx: Transaction) -> None:
        values = to_values(state, is_stored=True)
        documents.update(context.services, tx, record.doctype, record.name, values, actor=request.actor)

    try:
        await running.write(context.services, request, record.doctype, work)
    except DemitasseError as error:
        return await _refused(context, request, state, record=record, error=error)
    return redirect(form_path(WEBHOOK, record.name), toast="Saved")


async def pause(context: DeskContext, request: DeskRequest) -> Answer:
    """Hold the events of a webhook, or let them go."""
    record = await _load(context, request, "write")
    is_paused = request.sent("paused") == "1"
    values = {"paused": int(is_paused), "paused_reason": request.sent("reason").strip()[:140] if is_paused else ""}

    def work(tx: Transaction) -> None:
        documents.update(context.services, tx, record.doctype, record.name, values, actor=request.actor)

    await running.write(context.services, request, record.doctype, work)
    toast = "Paused: its events are held" if is_paused else "Resumed: what was held goes out"
    return redirect(form_path(WEBHOOK, record.name), toast=toast)


async def delete(context: DeskContext, request: DeskRequest) -> Answer:
    """Delete a webhook."""
    record = await _load(context, request, "delete")

    def work(tx: Transaction) -> None:
        documents.remove(context.services, tx, record.doctype, record.name, actor=request.actor)

    try:
        await running.write(context.services, request, record.doctype, work)
    except DemitasseError as error:
        return redirect(form_path(WEBHOOK, record.name), toast=words(error.message), level="danger")
    return redirect(LIST, toast=f"Deleted {record.name}")


async def _form(
    context: DeskContext,
    request: DeskRequest,
    state: FormState,
    *,
    record: Record | None,
    faults: Mapping[str, Any] | None = None,
    problem: str = "",
    status: int = 200,
) -> Answer:
    doctype = context.registry.get(WEBHOOK)
    crumbs = [Crumb(label=WEBHOOK, href=LIST), Crumb(label=record.name if record else "New")]
    may_write = reach(doctype, "create" if record is None else "write", request.actor) is not Reach.NONE
    panel = await panel_of_webhook(context, request, record) if record is not None else ""
    return context.page(
        request,
        "webhook/form.html",
        title=record.name if record else "New Webhook",
        crumbs=crumbs,
        section=LIST,
        status=status,
        state=state,
        record=record,
        faults=faults or {},
        fields=FAULTY,
        problem=problem,
        may_write=may_write,
        may_delete=record is not None and reach(doctype, "delete", request.actor) is not Reach.NONE,
        panel=panel,
        modes=MODES,
        doctypes=options.doctypes(context, request),
        known_fields=await ask(context, request, lambda: options.fields(context, state.get("webhook_doctype"))),
        events=doctype.by_name["webhook_docevent"].options.split("\n")
        if doctype.by_name["webhook_docevent"].options
        else [],
        methods=(doctype.by_name["request_method"].options or "").split("\n"),
        examples=_EXAMPLES,
        recipes={key: text for key, text in form.recipes().items() if key in {"Python", "Node", "PHP"}},
    )


async def _refused(
    context: DeskContext, request: DeskRequest, state: FormState, *, record: Record | None, error: DemitasseError
) -> Answer:
    """Answer the form as it was sent, with each fault at its field."""
    values = draft_values(state, is_stored=record is not None)
    found: list[dict[str, Any]] = []
    with contextlib.suppress(DemitasseError):  # What is wrong has been said already: the error that led here.
        found = (await ask(context, request, lambda: form.check(values)))["faults"]
    problem = words(error.message)
    if isinstance(error, StaleDocument):
        problem = "Somebody else has saved this webhook meanwhile. Copy what you changed, then open it again."
    lines = state.get("webhook_json").split("\n")
    return await _form(
        context, request, state, record=record, faults=by_field(found, lines), problem=problem, status=422
    )


async def _load(context: DeskContext, request: DeskRequest, action: str) -> Record:
    name = request.values["name"]
    return await context.read(
        lambda tx: documents.load_permitted(
            context.services, tx, context.registry.get(WEBHOOK), name, action, actor=request.actor
        )
    )
