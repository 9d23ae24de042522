"""What the form of a webhook offers to choose from."""

from dataclasses import dataclass
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.frappe.integrations.doctype.webhook import form
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import may_open
from demitasse.web.desk.request import DeskRequest

_MOST = 10
_UNHEARD = frozenset({"Webhook Delivery", "Webhook Request Log"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A document to choose."""

    value: str
    hint: str


def doctypes(context: DeskContext, request: DeskRequest) -> list[str]:
    """Return the DocTypes that a webhook can listen to."""
    return sorted(each.name for each in context.registry if may_open(each, request.actor) and each.name not in _UNHEARD)


def fields(context: DeskContext, doctype: str) -> list[dict[str, str]]:
    """Return the fields of a DocType, none where there is no such or it may not be read."""
    if not doctype or context.registry.find(doctype) is None:
        return []
    try:
        return form.fields(doctype)
    except DemitasseError:
        return []


def documents(context: DeskContext, tx: Transaction, request: DeskRequest) -> list[Option]:
    """Return documents that match what was typed, the latest first."""
    doctype = context.registry.find(request.asked("webhook_doctype") or request.sent("webhook_doctype"))
    text = request.asked("trial_document").strip()
    if doctype is None or not may_open(doctype, request.actor) or doctype.is_single:
        return []
    title = doctype.by_name.get(doctype.title_field or "")
    fields = ["name", *([title.name] if title is not None and not title.permlevel else [])]
    asked: dict[str, Any] = {"or_filters": [[each, "like", f"%{text}%"] for each in fields]} if text else {}
    found = queries.select(
        context.documents,
        tx,
        doctype,
        actor=request.actor,
        fields=fields,
        order_by="modified desc",
        limit=_MOST,
        **asked,
    )
    return [Option(value=row[0], hint=str(row[1] or "") if len(row) > 1 else "") for row in found.rows]
