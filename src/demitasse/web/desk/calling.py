"""Calling from a page what the API calls: the same functions, as the same actor."""

from collections.abc import Callable
from typing import TypeVar

from demitasse.db.transaction import Transaction
from demitasse.frappe.context import bound
from demitasse.web.calls import call_for
from demitasse.web.desk import running
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.request import DeskRequest

T = TypeVar("T")


async def ask(context: DeskContext, request: DeskRequest, function: Callable[[], T]) -> T:
    """Return what a function that only reads has to say."""

    def work(tx: Transaction) -> T:
        with bound(call_for(context.services, request.http, request.actor, tx)):
            return function()

    return await context.read(work, is_long=True)


async def act(context: DeskContext, request: DeskRequest, name: str, function: Callable[[], T]) -> T:
    """Return what a function did, once it is durable; it takes one of the places of ``name``."""
    result, _ = await running.run_app_code(context.services, request, name, lambda _: function())
    return result
