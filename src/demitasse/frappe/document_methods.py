"""Which methods of a document may be called over HTTP, and calling one."""

from collections.abc import Callable, Mapping
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.doctypes.model import DocType
from demitasse.documents.errors import DocumentNotFound
from demitasse.frappe.argument_types import checked
from demitasse.frappe.model.document import Document, controller_of
from demitasse.frappe.whitelisting import arguments_for, endpoint_of

BUILT_IN = frozenset({"submit", "cancel"})
"""Methods that every document offers, also where a controller has its own."""
_WRITES = ("POST", "PUT")

Method = Callable[..., Any]


def permitted_method(doctype: DocType, name: str, *, http_method: str) -> Method:
    """Return a method of a DocType's controller that may be called with this HTTP method.

    Raises:
        DocumentNotFound: there is no such method.
        NotPermitted: it is not whitelisted, or not for this HTTP method.
    """
    found = None if name.startswith("_") else getattr(controller_of(doctype.name), name, None)
    if not callable(found):
        message = f"{doctype.name} has no method {name}"
        raise DocumentNotFound(message, doctype=doctype.name, method=name)
    endpoint = endpoint_of(found)
    methods = endpoint.methods if endpoint is not None else _WRITES if name in BUILT_IN else ()
    if not methods:
        message = f"You are not permitted to access this resource. Method {name} of {doctype.name} is not whitelisted."
        raise NotPermitted(message, method=name, title="Method Not Allowed")
    verb = "GET" if http_method == "HEAD" else http_method
    if verb not in methods:
        message = f"Not permitted: {name} takes {', '.join(methods)}, not {http_method}"
        raise NotPermitted(message, method=name, title="Method Not Allowed")
    method: Method = found
    return method


def call_method(document: Document, name: str, sent: Mapping[str, Any]) -> Any:
    """Call a permitted method of a document with those of the sent values that it takes.

    Raises:
        MissingArgument: one that it needs was not sent.
        FrappeTypeError: one is of another type than the method says.
    """
    method: Method = getattr(document, name)
    return method(**checked(method, arguments_for(method, sent)))
