"""Trying a webhook while its form is filled in: what it would send, what is wrong with which field, one request."""

from typing import Any

from demitasse.auth.model import Reach, reach
from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.documents.explaining import WEBHOOK
from demitasse.frappe.integrations.doctype.webhook import form
from demitasse.kernel.errors import DemitasseError
from demitasse.web import documents
from demitasse.web.desk.calling import act, ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.format import words
from demitasse.web.desk.request import DeskRequest
from demitasse.web.desk.webhooks import options
from demitasse.web.desk.webhooks.state import FormState, of_record, of_request, to_values
from demitasse.web.envelope import Answer

FAULTY = (
    "webhook_doctype",
    "webhook_docevent",
    "condition",
    "request_url",
    "webhook_headers",
    "webhook_json",
    "webhook_data",
    "webhook_secret",
    "retry_schedule",
)
"""Fields that have a place for what is wrong with them."""


async def check(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer what the form would send for the chosen document, and what is wrong with which field."""
    state, values = await _typed(context, request)
    document = await _document(context, request, state)
    problem, seen = "", None
    try:
        seen = await ask(context, request, lambda: form.check(values, document or None))
    except DemitasseError as error:
        problem = words(error.message)
    lines = state.get("webhook_json").split("\n")
    return context.fragment(
        request,
        "webhook/preview.html",
        seen=seen,
        problem=problem,
        document=document,
        is_chosen=bool(request.sent("trial_document").strip()),
        needed=[fault for fault in seen["faults"] if fault["message"].endswith("is needed")] if seen else [],
        faults=by_field(seen["faults"] if seen else [], lines),
        fields=FAULTY,
        has_condition=bool(state.get("condition").strip()),
    )


async def test(context: DeskContext, request: DeskRequest) -> Answer:
    """Send what the form would send for the chosen document, once, and answer what came back."""
    state, values = await _typed(context, request)
    document = await _document(context, request, state)
    done, problem = None, ""
    try:
        done = await act(context, request, "webhook test", lambda: form.test(values, document))
    except DemitasseError as error:
        problem = words(error.message)
    return context.fragment(request, "webhook/answer.html", done=done, problem=problem)


async def offer_documents(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the documents of a DocType whose name or title begins with what was typed."""
    found = await context.read(lambda tx: options.documents(context, tx, request))
    return context.fragment(request, "webhook/options.html", options=found)


def draft_values(state: FormState, *, is_stored: bool) -> dict[str, Any]:
    """Return the form as the values that a draft is made of."""
    values = to_values(state, is_stored=is_stored)
    values.pop("modified", None)
    return values


def by_field(faults: list[dict[str, Any]], lines: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return faults by their field, with the line of the template that is to blame."""
    found: dict[str, list[dict[str, Any]]] = {}
    for fault in faults:
        line = fault["line"]
        shown = lines[line - 1] if fault["field"] == "webhook_json" and line and line <= len(lines) else ""
        found.setdefault(fault["field"], []).append({**fault, "source": shown})
    return found


async def _typed(context: DeskContext, request: DeskRequest) -> tuple[FormState, dict[str, Any]]:
    """Return the form as it stands in the browser, and the values that a draft is made of."""
    name = request.sent("stored_name")
    stored = None
    if name:
        record = await context.read(
            lambda tx: documents.load_permitted(
                context.services, tx, context.registry.get(WEBHOOK), name, "write", actor=request.actor
            )
        )
        stored = of_record(record, zone=context.zone)
    state = of_request(request, stored)
    return state, draft_values(state, is_stored=stored is not None)


async def _document(context: DeskContext, request: DeskRequest, state: FormState) -> str:
    """Return the document to try with: the one that was chosen, or the latest."""
    chosen = request.sent("trial_document").strip()
    doctype = context.registry.find(state.get("webhook_doctype"))
    if chosen or doctype is None or doctype.is_single or doctype.is_table:
        return chosen
    if reach(doctype, "read", request.actor) is Reach.NONE:
        return ""

    def latest(tx: Transaction) -> str:
        found = queries.select(
            context.documents, tx, doctype, actor=request.actor, fields=["name"], order_by="modified desc", limit=1
        )
        return str(found.rows[0][0]) if found.rows else ""

    return await context.read(latest)
