"""Doing what a page asks for, where it belongs: reads inline, writes in the next group, app code in threads."""

from collections.abc import Callable
from typing import TypeVar

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.frappe.context import bound
from demitasse.web.calls import call_for
from demitasse.web.desk.request import DeskRequest
from demitasse.web.services import WebServices

T = TypeVar("T")
Work = Callable[[Transaction], T]


async def write(services: WebServices, request: DeskRequest, doctype: DocType, work: Work[T]) -> tuple[T, list[str]]:
    """Run a change of a document, and return its result and what app code had to say, once it is durable."""
    if services.site.documents.hooks.is_inline_safe(doctype):
        return await services.lanes.write(work), []
    return await run_app_code(services, request, f"{doctype.name} form", work)


async def run_app_code(services: WebServices, request: DeskRequest, name: str, work: Work[T]) -> tuple[T, list[str]]:
    """Run what may call code of apps in a thread, within the places of ``name``; it may write."""

    def in_thread() -> tuple[T, list[str]]:
        tx = services.database.write()
        # A form's fields are no arguments of a function, and may be more than a call has.
        with bound(call_for(services, request.http, request.actor, tx, arguments={})) as call:
            try:
                result = work(tx)
                tx.commit()
            except BaseException:
                tx.rollback()
                raise
        return result, [str(message.get("message") or "") for message in call.messages]

    return await services.threads.run(name, in_thread)
