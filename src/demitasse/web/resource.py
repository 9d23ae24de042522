"""``/api/resource/<DocType>[/<name>]``: documents over REST, version 1."""

from collections.abc import Awaitable, Callable
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.documents.errors import DocumentError
from demitasse.kernel import json
from demitasse.web import documents
from demitasse.web.document_methods import run_method
from demitasse.web.envelope import Answer
from demitasse.web.errors import MethodNotAllowed
from demitasse.web.outcome import Outcome
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

Handler = Callable[[WebServices, ApiRequest, Actor], Awaitable[Answer]]
_NOT_ARGUMENTS = frozenset({"cmd", "run_method"})


def handler(request: ApiRequest) -> Handler:
    """Return what serves this method on a list or on a document.

    Raises:
        MethodNotAllowed: nothing does.
    """
    if len(request.segments) == 1:
        table: dict[str, Handler] = {"GET": list_documents, "HEAD": list_documents, "POST": create}
    else:
        table = {"GET": read, "HEAD": read, "PUT": update, "DELETE": remove}
        request.segments = [request.segments[0], "/".join(request.segments[1:])]
        if request.method in {"GET", "POST"} and request.arguments().get("run_method"):
            return run
    return find_in(table, request)


def find_in(table: dict[str, Handler], request: ApiRequest) -> Handler:
    """Return the handler for the request's HTTP method.

    Raises:
        MethodNotAllowed: there is none.
    """
    found = table.get(request.method)
    if found is None:
        message = f"{request.method} is not allowed here; allowed are {', '.join(table)}"
        raise MethodNotAllowed(message, allowed=sorted(table))
    return found


async def list_documents(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer rows of documents: ``fields``, ``filters``, ``or_filters``, ``order_by``, ``limit`` and the like."""
    arguments = request.arguments()
    context = services.site.documents
    doctype = context.registry.get(request.segments[0])
    asked = queries.from_arguments(arguments)
    as_dict = wants_dicts(arguments)

    def work(tx: Transaction) -> Outcome:
        rows = queries.select_wire(context, tx, doctype, actor=actor, **asked)
        return Outcome(value=rows.as_dicts() if as_dict else rows.rows)

    is_long = queries.is_long(asked, threshold=documents.LONG_LIST)
    return await documents.answer_read(services, request, work, is_long=is_long)


async def create(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Insert a document and answer it."""
    doctype = services.site.documents.registry.get(request.segments[0])
    values = values_of(request)

    def work(tx: Transaction) -> Outcome:
        return documents.create(services, tx, doctype, values, actor=actor)

    return await documents.answer_write(services, request, actor, doctype, work)


async def read(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer one document."""
    name = request.segments[1]
    doctype = services.site.documents.registry.get(request.segments[0])

    def work(tx: Transaction) -> Outcome:
        return documents.read(services, tx, doctype, name, actor=actor)

    return await documents.answer_read(services, request, work)


async def update(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Change fields of a document; ``docstatus`` 1 submits it, 2 cancels it."""
    name = request.segments[1]
    doctype = services.site.documents.registry.get(request.segments[0])
    values = values_of(request)

    def work(tx: Transaction) -> Outcome:
        return documents.update(services, tx, doctype, name, values, actor=actor)

    return await documents.answer_write(services, request, actor, doctype, work)


async def remove(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Delete a document."""
    name = request.segments[1]
    doctype = services.site.documents.registry.get(request.segments[0])

    def work(tx: Transaction) -> Outcome:
        return documents.remove(services, tx, doctype, name, actor=actor)

    return await documents.answer_write(services, request, actor, doctype, work)


async def run(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Call the method of a document that ``run_method`` names."""
    arguments = request.arguments()
    return await run_method(
        services,
        request,
        actor,
        doctype_name=request.segments[0],
        name=request.segments[1],
        method=str(arguments["run_method"]),
        arguments={key: value for key, value in arguments.items() if key not in _NOT_ARGUMENTS},
    )


def wants_dicts(arguments: dict[str, Any]) -> bool:
    """Return whether rows are asked for as objects, and not as lists."""
    return str(arguments.get("as_dict", "true")).lower() not in {"0", "false"}


def values_of(request: ApiRequest) -> dict[str, Any]:
    """Return the document's values: the body itself, or JSON in its field ``data``."""
    arguments = request.arguments()
    data = arguments.get("data")
    if isinstance(data, str):
        data = json.decode(data)
    if data is not None and "doctype" not in arguments and len(arguments) == 1:
        if not isinstance(data, dict):
            message = 'A document is one JSON object: send {"field": value, ...}'
            raise DocumentError(message)
        return data
    return {key: value for key, value in arguments.items() if key != "cmd"}
