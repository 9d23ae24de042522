"""Endpoints that run a method of a document that the client sends, with what it has changed in it."""

from collections.abc import Mapping
from typing import Any

from demitasse.documents import access, building, store
from demitasse.documents.errors import DocumentError
from demitasse.frappe.context import current
from demitasse.frappe.database import doctype_of
from demitasse.frappe.document_methods import call_method, permitted_method
from demitasse.frappe.model.document import Document, document_of
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json


@whitelist()
def run_doc_method(
    method: str, docs: Any = None, dt: str | None = None, dn: str | int | None = None, args: Any = None
) -> Any:
    """Run a method of a stored document (``dt``, ``dn``) or of one that is sent (``docs``): version 1 of the API."""
    sent = {"doctype": dt, "name": str(dn or dt)} if dt else _object(docs, "docs")
    return _run(sent, method, _object(args or {}, "args"))


@whitelist()
def run_document_method(method: str, document: Any, kwargs: Any = None) -> Any:
    """Run a method of a document that is sent: version 2 of the API."""
    return _run(_object(document, "document"), method, _object(kwargs or {}, "kwargs"))


def _run(sent: Mapping[str, Any], method: str, arguments: Mapping[str, Any]) -> Any:
    """Return what the method gives back; the document as it then is goes out beside it."""
    call = current()
    http_method = call.request.method if call.request is not None else "POST"
    doctype = doctype_of(str(sent.get("doctype") or ""))
    permitted_method(doctype, method, http_method=http_method)
    document = _document(sent)
    document.check_permission("read" if http_method in {"GET", "HEAD"} else "write")
    result = call_method(document, method, arguments)
    call.response["docs"] = [_shown(document)]
    return _shown(result) if isinstance(result, Document) else result


def _document(sent: Mapping[str, Any]) -> Document:
    """Return the stored document with the values that were sent, or a new one where none is stored."""
    call = current()
    context = call.site.documents
    doctype = doctype_of(str(sent["doctype"]))
    access.check_doctype(doctype, "read", call.actor)
    if doctype.is_single:
        record = store.load_single(context, call.tx, doctype)
    elif sent.get("name") and not sent.get("__islocal"):
        record = store.load(context, call.tx, doctype, str(sent["name"]))
    else:
        access.check_doctype(doctype, "create", call.actor)
        return document_of(building.new_record(context, doctype, sent))
    building.assign(context, record, sent)
    return document_of(record)


def _shown(document: Document) -> Mapping[str, Any]:
    record = document._record  # noqa: SLF001 - made by this room
    return document_of(access.hide_levels(record, actor=current().actor)).as_dict(no_nulls=True)


def _object(value: Any, argument: str) -> Mapping[str, Any]:
    found = json.decode(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        message = f"'{argument}' must be an object"
        raise DocumentError(message, argument=argument)
    return found
