"""Methods of a document over REST: submit, cancel, rename, and what controllers offer with ``@frappe.whitelist()``."""

from collections.abc import Mapping
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import operations
from demitasse.documents.model import DocStatus
from demitasse.frappe.document_methods import call_method, permitted_method
from demitasse.frappe.model.document import Document, document_of
from demitasse.web import documents
from demitasse.web.calls import run_in_thread
from demitasse.web.envelope import Answer
from demitasse.web.outcome import Outcome
from demitasse.web.request import SAFE_METHODS, ApiRequest
from demitasse.web.services import WebServices

_TRANSITIONS = {"submit": DocStatus.SUBMITTED, "cancel": DocStatus.CANCELLED}


async def run_method(
    services: WebServices,
    request: ApiRequest,
    actor: Actor,
    *,
    doctype_name: str,
    name: str,
    method: str,
    arguments: Mapping[str, Any],
) -> Answer:
    """Call a method of a stored document, and answer what it returns."""
    context = services.site.documents
    doctype = context.registry.get(doctype_name)
    function = permitted_method(doctype, method, http_method=request.method)
    action = "read" if request.method in SAFE_METHODS else "write"

    def work(tx: Transaction) -> Outcome:
        record = documents.load_permitted(services, tx, doctype, name, action, actor=actor)
        return shown(services, call_method(document_of(record), method, arguments), actor=actor)

    def move(tx: Transaction) -> Outcome:
        record = documents.load_permitted(services, tx, doctype, name, "read", actor=actor)
        record.values["docstatus"] = _TRANSITIONS[method]
        operations.save(context, tx, record, actor=actor)
        return documents.shown(services, record, actor=actor)

    if method in _TRANSITIONS and function is getattr(Document, method):
        return await documents.answer_write(services, request, actor, doctype, move)
    return await run_in_thread(services, request, actor, f"{doctype.name}.{method}", work)


def shown(services: WebServices, result: Any, *, actor: Actor) -> Outcome:
    """Return what a method gave back; a document as the actor may see it."""
    if isinstance(result, Document):
        return documents.shown(services, result._record, actor=actor)  # noqa: SLF001 - the document's own record
    return Outcome(value=result)
