"""Writing what a form asks for."""

from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import access, building, operations
from demitasse.documents.errors import StaleDocument
from demitasse.documents.model import DocStatus, Record
from demitasse.frappe.document_methods import call_method, permitted_method
from demitasse.frappe.model.document import document_of
from demitasse.web.desk import fields as known_fields
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.forms.applying import apply
from demitasse.web.desk.forms.editing import editing_of
from demitasse.web.desk.forms.state import FormState
from demitasse.web.desk.forms.texts import read_mark
from demitasse.web.desk.request import DeskRequest
from demitasse.web.desk.running import run_app_code, write
from demitasse.web.documents import load_permitted
from demitasse.web.errors import BadRequest

_STATUS = {"submit": DocStatus.SUBMITTED, "cancel": DocStatus.CANCELLED}


PRESS = "press:"
"""What the action of a button begins with; its field follows."""


async def run(
    context: DeskContext, request: DeskRequest, doctype: DocType, name: str | None, sent: FormState, *, action: str
) -> tuple[str, list[str]]:
    """Save, submit, cancel or delete a document, or press one of its buttons; return its name and what app code had to say.

    Raises:
        InvalidForm: texts that cannot be values.
        StaleDocument: somebody else has changed it since the form was opened.
        DocumentError: the document refuses.
    """
    if action.startswith(PRESS):
        return await _press(context, request, doctype, name or "", sent, button=action.removeprefix(PRESS))
    if action not in {"save", "delete", *_STATUS}:
        message = f"A form cannot do {action!r}"
        raise BadRequest(message)

    def work(tx: Transaction) -> str:
        if name is None:
            return _insert(context, tx, request, doctype, sent)
        if action == "delete":
            return _delete(context, tx, doctype, name, actor=request.actor)
        return _save(context, tx, request, doctype, name, sent=sent, action=action)

    return await write(context.services, request, doctype, work)


async def _press(
    context: DeskContext, request: DeskRequest, doctype: DocType, name: str, sent: FormState, *, button: str
) -> tuple[str, list[str]]:
    """Save the document, and run the method that a button names in its options."""
    field = next((each for each in doctype.fields if each.name == button and each.fieldtype == "Button"), None)
    if field is None or not field.options:
        message = f"{doctype.name} has no button {button}"
        raise BadRequest(message)
    method = field.options
    permitted_method(doctype, method, http_method="POST")

    def work(tx: Transaction) -> tuple[str, Any]:
        _save(context, tx, request, doctype, name, sent=sent, action="save")
        record = load_permitted(context.services, tx, doctype, name, "write", actor=request.actor)
        return name, call_method(document_of(record), method, {})

    (saved, result), said = await run_app_code(context.services, request, f"{doctype.name}.{method}", work)
    return saved, [*said, *([result] if isinstance(result, str) else [])]


def _insert(context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType, sent: FormState) -> str:
    access.check_doctype(doctype, "create", request.actor)
    record = building.new_record(context.documents, doctype, {})
    apply(context.documents, record, sent, editing_of(record, actor=request.actor, may_write=True))
    amended = request.asked("_amend")
    if amended and "amended_from" in doctype.by_name:
        record.values["amended_from"] = amended
    wanted = request.sent("_name").strip()
    if wanted:
        record.values["name"] = wanted
    operations.insert(context.documents, tx, record, actor=request.actor)
    return record.name


def _save(
    context: DeskContext,
    tx: Transaction,
    request: DeskRequest,
    doctype: DocType,
    name: str,
    *,
    sent: FormState,
    action: str,
) -> str:
    record = load_permitted(context.services, tx, doctype, name, "read", actor=request.actor)
    seen_at = read_mark(request.sent("_modified"))
    if record.modified != seen_at:
        message = f"{doctype.name} {name} has been changed since the form was opened"
        raise StaleDocument(message, doctype=doctype.name, name=name)
    may_write = known_fields.may(context.documents, tx, record, "write", request.actor)
    if not may_write:
        message = f"You may not change {doctype.name} {name}"
        raise NotPermitted(message, doctype=doctype.name, name=name, action="write")
    apply(context.documents, record, sent, editing_of(record, actor=request.actor, may_write=may_write))
    if action in _STATUS:
        record.values["docstatus"] = int(_STATUS[action])
    operations.save(context.documents, tx, record, actor=request.actor)
    return record.name


def _delete(context: DeskContext, tx: Transaction, doctype: DocType, name: str, *, actor: Actor) -> str:
    record: Record = load_permitted(context.services, tx, doctype, name, "delete", actor=actor)
    operations.delete(context.documents, tx, record, actor=actor)
    return name
