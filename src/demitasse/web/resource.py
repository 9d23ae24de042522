"""``/api/resource/<DocType>[/<name>]``: documents over REST, version 1.

Where no app code takes part the work is done inline on the event loop: reads on its own connection, writes in the next
group commit. Else it runs in the thread lane.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import access, building, operations, queries, store
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.documents.model import Record
from demitasse.frappe.context import Call, bound
from demitasse.kernel import json
from demitasse.web.envelope import Answer, success
from demitasse.web.errors import MethodNotAllowed
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

T = TypeVar("T")
Handler = Callable[[WebServices, ApiRequest, Actor], Awaitable[Answer]]
_LONG_LIST = 500
_UNKNOWN_FIELDS = b"x-demitasse-unknown-fields"


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
    found = table.get(request.method)
    if found is None:
        message = f"{request.method} is not allowed here; allowed are {', '.join(table)}"
        raise MethodNotAllowed(message, allowed=sorted(table))
    return found


async def list_documents(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer rows of documents: ``fields``, ``filters``, ``or_filters``, ``order_by``, ``limit`` and the like."""
    arguments = request.arguments()
    doctype = services.site.documents.registry.get(request.segments[0])
    asked = queries.from_arguments(arguments)
    as_dict = str(arguments.get("as_dict", "true")).lower() not in {"0", "false"}
    context = services.site.documents

    def work(tx: Transaction) -> Answer:
        rows = queries.select_wire(context, tx, doctype, actor=actor, **asked)
        return success("data", rows.as_dicts() if as_dict else rows.rows)

    return await services.lanes.read(work, is_long=queries.is_long(asked, threshold=_LONG_LIST))


async def create(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Insert a document and answer it."""
    context = services.site.documents
    doctype = context.registry.get(request.segments[0])
    values = _values(request)

    def work(tx: Transaction) -> Answer:
        access.check_doctype(doctype, "create", actor)
        record = building.new_record(context, doctype, values)
        operations.insert(context, tx, record, actor=actor)
        return _document(services, record, actor=actor)

    return await _write(services, request, actor, doctype, work)


async def read(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Answer one document."""
    context = services.site.documents
    doctype = context.registry.get(request.segments[0])

    def work(tx: Transaction) -> Answer:
        record = load_permitted(services, tx, doctype, request.segments[1], "read", actor=actor)
        return _document(services, record, actor=actor)

    return await services.lanes.read(work)


async def update(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Change fields of a document; ``docstatus`` 1 submits it, 2 cancels it."""
    context = services.site.documents
    doctype = context.registry.get(request.segments[0])
    values = _values(request)

    def work(tx: Transaction) -> Answer:
        record = load_permitted(services, tx, doctype, request.segments[1], "read", actor=actor)
        building.assign(context, record, values)
        operations.save(context, tx, record, actor=actor)
        return _document(services, record, actor=actor)

    return await _write(services, request, actor, doctype, work)


async def remove(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Delete a document."""
    doctype = services.site.documents.registry.get(request.segments[0])

    def work(tx: Transaction) -> Answer:
        record = load_permitted(services, tx, doctype, request.segments[1], "delete", actor=actor)
        operations.delete(services.site.documents, tx, record, actor=actor)
        return success("data", "ok", status=202)

    return await _write(services, request, actor, doctype, work)


def load_permitted(
    services: WebServices,
    tx: Transaction,
    doctype: DocType,
    name: str,
    action: str,
    *,
    actor: Actor,
) -> Record:
    """Return a document that the actor may do this with.

    Raises:
        NotPermitted: it may not, whether the document exists or not.
        DocumentNotFound: it may, but there is none.
    """
    if doctype.is_table:
        message = f"{doctype.name} {name}: rows of a child table are read with the document they belong to"
        raise DocumentNotFound(message, doctype=doctype.name, name=name)
    access.check_doctype(doctype, action, actor)
    context = services.site.documents
    record = store.load_single(context, tx, doctype) if doctype.is_single else store.load(context, tx, doctype, name)
    access.check_record(context, tx, record, action, actor=actor)
    return record


def _values(request: ApiRequest) -> dict[str, Any]:
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


def _document(services: WebServices, record: Record, *, actor: Actor) -> Answer:
    answer = success("data", services.wire.document(access.hide_levels(record, actor=actor)))
    if record.unknown:
        names = ", ".join(sorted(set(record.unknown)))[:1000].encode("ascii", "backslashreplace")
        return Answer(status=answer.status, body=answer.body, headers=[*answer.headers, (_UNKNOWN_FIELDS, names)])
    return answer


async def _write(
    services: WebServices,
    request: ApiRequest,
    actor: Actor,
    doctype: DocType,
    work: Callable[[Transaction], Answer],
) -> Answer:
    if services.site.documents.hooks.is_inline_safe(doctype):
        return await services.lanes.write(work)

    def in_thread() -> Answer:
        tx = services.database.write()
        with bound(Call(site=services.site, tx=tx, actor=actor)):
            try:
                answer = work(tx)
                tx.commit()
            except BaseException:
                tx.rollback()
                raise
        return answer

    return await services.threads.run(f"{doctype.name} {request.method}", in_thread)
