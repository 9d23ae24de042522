"""``/api/method/<dotted.path>``: whitelisted functions as endpoints."""

from collections.abc import Callable
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents.errors import DocumentNotFound
from demitasse.frappe.argument_types import checked
from demitasse.frappe.whitelisting import Endpoint, arguments_for, endpoint_of
from demitasse.web.calls import run_call, run_in_thread
from demitasse.web.envelope import Answer
from demitasse.web.outcome import Outcome
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

_SHORT_NAMES = {"run_doc_method": "frappe.handler.run_doc_method", "runserverobj": "frappe.handler.run_doc_method"}
_SHORT_NAMES_V2 = {"run_doc_method": "frappe.handler.run_document_method"}


async def call(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Call a function with what the request sent, in one transaction, and answer what it returns."""
    path = request.segments[0]
    short_names = _SHORT_NAMES_V2 if request.is_v2 else _SHORT_NAMES
    function = _resolve(services, short_names.get(path, path))
    endpoint = _permitted(function, path, request, actor)
    arguments = request.arguments()

    def work(_: Transaction) -> Outcome:
        return Outcome(key="message", value=function(**checked(function, arguments_for(function, arguments))))

    if endpoint.inline:
        return await services.lanes.read(lambda tx: run_call(services, request, actor, tx, work))
    return await run_in_thread(services, request, actor, path, work)


def _resolve(services: WebServices, path: str) -> Callable[..., Any]:
    try:
        return services.site.resolve(path)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"There is no method {path}: {error}"
        raise DocumentNotFound(message, method=path) from error


def _permitted(function: Callable[..., Any], path: str, request: ApiRequest, actor: Actor) -> Endpoint:
    endpoint = endpoint_of(function)
    if endpoint is None or (actor.is_guest and not endpoint.allow_guest):
        message = f"You are not permitted to access this resource. Function {path} is not whitelisted."
        raise NotPermitted(message, method=path, title="Method Not Allowed")
    verb = "GET" if request.method == "HEAD" else request.method
    if verb not in endpoint.methods:
        message = f"Not permitted: {path} takes {', '.join(endpoint.methods)}, not {request.method}"
        raise NotPermitted(message, method=path)
    return endpoint
