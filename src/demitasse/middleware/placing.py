"""Bringing one order to the site: inserted, submitted, and found again where no answer came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from demitasse.client.errors import ClientError, Conflict, ServerFailed, ValidationFailed
from demitasse.client.model import ApiRequest
from demitasse.client.protocol import insert_request, list_request, submit_request
from demitasse.middleware.errors import Refusal
from demitasse.middleware.mapping import CreateRoute
from demitasse.middleware.model import Order, OrderState
from demitasse.middleware.refusals import refusal_of
from demitasse.middleware.upstream import AskingFailed, SiteDown, may_have_happened

_NOT_UNIQUE = frozenset({"DuplicateEntryError", "UniqueValidationError"})
_SUBMITTED, _CANCELLED = 1, 2
_TRY_AGAIN_S = 5.0
_UNKNOWN = (
    "The shop did not answer in time, so it is not known whether it has your order. Send it again with the same key."
)
_log = structlog.get_logger("demitasse.middleware")

Ask = Callable[[ApiRequest], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The site has the document, submitted where it must be."""

    content: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The site does not have the document.

    Args:
        is_final: It would refuse it again.
    """

    refusal: Refusal
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The site may have the document, or be about to."""

    refusal: Refusal


Outcome = Placed | Ended | Unknown


class Placing:
    """Asks the site; decides nothing of queues and keys."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._has_warned = False

    async def place(self, route: CreateRoute, order: Order) -> Outcome:
        """Make an order's document, or find the one that an earlier attempt made."""
        try:
            if order.attempts and route.reference is not None and order.state is not OrderState.QUEUED:
                found = await self._find(route, order)
                if found is not None:
                    return await self._submit(route, found)
            return await self._insert(route, order)
        except AskingFailed as error:
            return _ended(error)

    async def _insert(self, route: CreateRoute, order: Order) -> Outcome:
        values = {**order.document, "docstatus": _SUBMITTED} if route.submit else order.document
        try:
            made = await self._ask(insert_request(route.doctype, values, idempotency_key=order.sent_key))
        except AskingFailed as error:
            is_taken = isinstance(error, Conflict) or (
                isinstance(error, ValidationFailed) and error.exc_type in _NOT_UNIQUE
            )
            if not (is_taken or may_have_happened(error)):
                return _ended(error)
            return await self._look_after(route, order, error)
        if route.reference is not None and route.reference not in made and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "order.reference_missing",
                message=f"{route.doctype} has no field {route.reference}: an order whose answer is lost cannot be found",
            )
        return await self._submit(route, made)

    async def _look_after(self, route: CreateRoute, order: Order, error: Exception) -> Outcome:
        """Return what an insert came to whose answer does not tell."""
        if route.reference is None:
            return Unknown(refusal=refusal_of(error)) if may_have_happened(error) else _ended(error)
        try:
            found = await self._find(route, order)
        except AskingFailed:
            return Unknown(refusal=_unknown()) if may_have_happened(error) else _ended(error)
        if found is not None:
            return await self._submit(route, found)
        if may_have_happened(error) and not isinstance(error, ServerFailed):
            return Unknown(refusal=_unknown())  # The site may be at it still.
        return _ended(error)

    async def _find(self, route: CreateRoute, order: Order) -> dict[str, Any] | None:
        fields = ["name", "docstatus", *route.answer.values()]
        request = list_request(
            route.doctype,
            fields=list(dict.fromkeys(fields)),
            filters=[[route.reference, "=", order.reference], ["docstatus", "<", _CANCELLED]],
            limit_page_length=1,
        )
        rows: list[dict[str, Any]] = await self._ask(request)
        return rows[0] if rows else None

    async def _submit(self, route: CreateRoute, document: dict[str, Any]) -> Outcome:
        """Return the answer of a document, submitted if it is a draft still."""
        if route.submit and document.get("docstatus") == 0:
            try:
                document = await self._ask(submit_request(route.doctype, document["name"]))
            except AskingFailed as error:
                if isinstance(error, ClientError) and not may_have_happened(error):
                    return _ended(error)
                return Unknown(refusal=_unknown())
        return Placed(content={"success": True, **{key: document.get(field) for key, field in route.answer.items()}})


def _ended(error: Exception) -> Ended:
    is_outage = isinstance(error, SiteDown) or may_have_happened(error) or refusal_of(error).status >= 500  # noqa: PLR2004 - HTTP
    return Ended(refusal=refusal_of(error), is_final=not is_outage)


def _unknown() -> Refusal:
    return Refusal(_UNKNOWN, status=504, retry_after_s=_TRY_AGAIN_S)
