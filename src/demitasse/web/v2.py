"""``/api/v2/...``: version 2 of the API: documents, DocTypes, methods."""

from typing import Any

from demitasse.apps.discovery import CORE
from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import access, queries
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.documents.query_parse import DEFAULT_LIMIT
from demitasse.frappe.model.document import copy_doc, document_of
from demitasse.kernel import json
from demitasse.web import bulk, documents, method, resource
from demitasse.web.document_methods import run_method
from demitasse.web.envelope import Answer
from demitasse.web.errors import UnknownPath
from demitasse.web.outcome import Outcome
from demitasse.web.request import ApiRequest
from demitasse.web.resource import Handler, find_in
from demitasse.web.services import WebServices
from demitasse.web.wire import meta_of

_MAX_DIGITS = 9
_BULK: dict[str, Handler] = {"bulk_delete": bulk.delete, "bulk_update": bulk.update}


def handler(request: ApiRequest) -> Handler:
    """Return what serves a path below ``/api/v2``.

    Raises:
        UnknownPath: nothing does.
        MethodNotAllowed: the path is served, but not for this HTTP method.
    """
    match request.segments:
        case ["document", doctype]:
            request.segments = [doctype]
            return find_in({"GET": list_documents, "HEAD": list_documents, "POST": resource.create}, request)
        case ["document", doctype, "bulk_delete" | "bulk_update" as action] if request.method == "POST":
            request.segments = [doctype]
            return _BULK[action]
        case ["document", doctype, *rest]:
            return _of_document(request, doctype, rest)
        case ["doctype", doctype, "meta" | "count" as part]:
            request.segments = [doctype]
            served = meta if part == "meta" else count
            return find_in({"GET": served, "HEAD": served}, request)
        case ["method", *rest] if rest:
            return _of_method(request, rest)
    message = f"Nothing is served at {request.path}"
    raise UnknownPath(message, path=request.path)


def _of_document(request: ApiRequest, doctype: str, rest: list[str]) -> Handler:
    if len(rest) >= 3 and rest[-2] == "method":  # noqa: PLR2004 - name, "method", its name
        request.segments = [doctype, "/".join(rest[:-2]), rest[-1]]
        return find_in({"GET": run, "HEAD": run, "POST": run}, request)
    if len(rest) > 1 and rest[-1] == "copy" and request.method == "GET":
        request.segments = [doctype, "/".join(rest[:-1])]
        return copy
    request.segments = [doctype, "/".join(rest)]
    table: dict[str, Handler] = {
        "GET": resource.read,
        "HEAD": resource.read,
        "PUT": resource.update,
        "PATCH": resource.update,
        "DELETE": resource.remove,
    }
    return find_in(table, request)


def _of_method(request: ApiRequest, path: list[str]) -> Handler:
    """Return what serves a method: one of several documents, a function, or a function beside a DocType's controller."""
    if path[0] in _BULK:
        request.segments = []
        return find_in({"POST": _BULK[path[0]]}, request)
    request.segments = path
    return method.call if len(path) == 1 else call_of_doctype


async def list_documents(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer rows of documents, and whether there are more; ``include=count`` adds how many match."""
    arguments = request.arguments()
    context = services.site.documents
    doctype = context.registry.get(request.segments[0])
    _check_shapes(arguments)
    asked = queries.from_arguments(arguments)
    limit = _limit(asked)
    if limit:
        asked["limit"] = limit + 1
    as_dict = resource.wants_dicts(arguments)
    counts = "count" in str(arguments.get("include") or "").split(",")

    def work(tx: Transaction) -> Outcome:
        found = queries.select_wire(context, tx, doctype, actor=actor, **asked)
        rows: list[Any] = list(found.as_dicts() if as_dict else found.rows)
        more: dict[str, Any] = {"has_next_page": bool(limit) and len(rows) > limit}
        if counts:
            more["count"] = queries.count(context, tx, doctype, actor=actor, filters=_decoded(arguments.get("filters")))
            more["count_capped"] = False
        return Outcome(value=rows[:limit] if limit else rows, more=more)

    is_long = queries.is_long(asked, threshold=documents.LONG_LIST)
    return await documents.answer_read(services, request, work, is_long=is_long)


async def run(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Call a method of a stored document."""
    doctype, name, wanted = request.segments
    sent = request.arguments()
    return await run_method(services, request, actor, doctype_name=doctype, name=name, method=wanted, arguments=sent)


async def copy(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer a copy of a document that can be changed and posted as a new one."""
    doctype = services.site.documents.registry.get(request.segments[0])

    def work(tx: Transaction) -> Outcome:
        record = documents.load_permitted(services, tx, doctype, request.segments[1], "read", actor=actor)
        copied = copy_doc(document_of(access.hide_levels(record, actor=actor)))
        return documents.shown(services, copied._record, actor=actor)  # noqa: SLF001 - the document's own record

    return await documents.answer_read(services, request, work)


async def meta(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer the definition of a DocType, its Custom Fields included, to users that are logged in."""
    if actor.is_guest:
        message = "Log in to read the definition of a DocType"
        raise NotPermitted(message)
    doctype = services.site.documents.registry.get(request.segments[0])
    return await documents.answer_read(services, request, lambda _: Outcome(value=meta_of(doctype)))


async def count(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer how many documents match ``filters``, among those that the actor may read."""
    context = services.site.documents
    doctype = context.registry.get(request.segments[0])
    filters = _decoded(request.arguments().get("filters"))

    def work(tx: Transaction) -> Outcome:
        return Outcome(value=queries.count(context, tx, doctype, actor=actor, filters=filters))

    return await documents.answer_read(services, request, work)


async def call_of_doctype(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Call a whitelisted function of the module that holds a DocType's controller."""
    doctype = services.site.documents.registry.get(request.segments[0])
    name = "/".join(request.segments[1:])
    module = _module_of(services, doctype)
    if module is None:
        message = f"{doctype.name} has no method {name}"
        raise DocumentNotFound(message, doctype=doctype.name, method=name)
    request.segments = [f"{module}.{name}"]
    return await method.call(services, request, actor)


def _module_of(services: WebServices, doctype: DocType) -> str | None:
    """Return the module whose functions are a DocType's; what is made at run time belongs to no app, and has none."""
    if doctype.app == CORE:  # Frappe's own paths: apps and clients know these functions by them.
        folder, name = (part.lower().replace(" ", "_") for part in (doctype.module, doctype.name))
        return f"frappe.{folder}.doctype.{name}.{name}"
    app = next((app for app in services.site.apps if app.name == doctype.app), None)
    return app.controllers.get(doctype.name) if app is not None else None


def _limit(asked: dict[str, Any]) -> int:
    """Return how many rows are asked for, 0 for all; what is no number is left to the query to refuse."""
    text = str(asked.get("limit", DEFAULT_LIMIT))
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else 0


def _check_shapes(arguments: dict[str, Any]) -> None:
    wanted: dict[str, tuple[type, ...]] = {"fields": (list,), "filters": (list, dict), "or_filters": (list, dict)}
    for name, kinds in wanted.items():
        value = _decoded(arguments.get(name))
        if value and not isinstance(value, kinds):
            says = " or ".join("a list" if kind is list else "an object" for kind in kinds)
            message = f"'{name}' must be {says}"
            raise DocumentError(message, argument=name)


def _decoded(value: Any) -> Any:
    return json.decode(value) if isinstance(value, str) and value else value
