"""What REST does with documents, whichever version of the API asks.

Where no app code takes part the work is done inline on the event loop: reads on its own connection, writes in the next
group commit. Else it runs in the thread lane.
"""

from collections.abc import Mapping
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import access, building, operations, store
from demitasse.documents.errors import DocumentNotFound
from demitasse.documents.model import Record
from demitasse.web.calls import Work, run_in_thread
from demitasse.web.envelope import Answer
from demitasse.web.outcome import Outcome, answer_of
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

LONG_LIST = 500
"""Rows from which on a list is not made on the event loop."""


def create(
    services: WebServices, tx: Transaction, doctype: DocType, values: Mapping[str, Any], *, actor: Actor
) -> Outcome:
    """Insert a document."""
    context = services.site.documents
    access.check_doctype(doctype, "create", actor)
    record = building.new_record(context, doctype, values)
    operations.insert(context, tx, record, actor=actor)
    return shown(services, record, actor=actor)


def read(services: WebServices, tx: Transaction, doctype: DocType, name: str, *, actor: Actor) -> Outcome:
    """Read a document."""
    return shown(services, load_permitted(services, tx, doctype, name, "read", actor=actor), actor=actor)


def update(
    services: WebServices,
    tx: Transaction,
    doctype: DocType,
    name: str,
    values: Mapping[str, Any],
    *,
    actor: Actor,
) -> Outcome:
    """Change fields of a document; ``docstatus`` 1 submits it, 2 cancels it."""
    context = services.site.documents
    record = load_permitted(services, tx, doctype, name, "read", actor=actor)
    building.assign(context, record, values)
    operations.save(context, tx, record, actor=actor)
    return shown(services, record, actor=actor)


def remove(services: WebServices, tx: Transaction, doctype: DocType, name: str, *, actor: Actor) -> Outcome:
    """Delete a document."""
    record = load_permitted(services, tx, doctype, name, "delete", actor=actor)
    operations.delete(services.site.documents, tx, record, actor=actor)
    return Outcome(value="ok", status=202)


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


def shown(services: WebServices, record: Record, *, actor: Actor) -> Outcome:
    """Return a document as the actor may see it."""
    value = services.wire.document(access.hide_levels(record, actor=actor))
    return Outcome(value=value, unknown=record.unknown)


async def answer_read(services: WebServices, request: ApiRequest, work: Work, *, is_long: bool = False) -> Answer:
    """Run a read without app code, and answer it."""
    is_v2 = request.is_v2
    return await services.lanes.read(lambda tx: answer_of(work(tx), is_v2=is_v2), is_long=is_long)


async def answer_write(
    services: WebServices,
    request: ApiRequest,
    actor: Actor,
    doctype: DocType,
    work: Work,
) -> Answer:
    """Run a write where it belongs, and answer it once it is durable."""
    if services.site.documents.hooks.is_inline_safe(doctype):
        is_v2 = request.is_v2
        return await services.lanes.write(lambda tx: answer_of(work(tx), is_v2=is_v2))
    return await run_in_thread(services, request, actor, f"{doctype.name} {request.method}", work)
