"""API keys: made, shown once, ended."""

from datetime import timedelta
from typing import Any

from demitasse.auth.model import Actor
from demitasse.documents.errors import DocumentError
from demitasse.frappe.core.doctype.user import api_keys
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.calling import act, ask
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.format import words
from demitasse.web.desk.navigation import Crumb
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

PATH = "/app/api-keys"
_ENDS = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}
_MANAGER = "System Manager"


def is_manager(actor: Actor) -> bool:
    """Return whether an actor manages the keys of others."""
    return actor.is_administrator or _MANAGER in actor.roles


async def show(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the page of one's own keys, or of everybody's."""
    return await _page(context, request)


async def create(context: DeskContext, request: DeskRequest) -> Answer:
    """Make a key, and answer the page with its secret: here and never again."""
    label, user = request.sent("label"), request.sent("user").strip()
    days = request.sent("ends")
    try:
        if days not in _ENDS:
            message = "Choose from the list when the key ends"
            raise DocumentError(message)
        ends = request.now + timedelta(days=int(days)) if days else None
        made = await act(context, request, "api key", lambda: api_keys.create(label, user or None, ends))
    except DemitasseError as error:
        return await _page(context, request, problem=words(error.message), label=label, user=user, ends=days)
    return await _page(context, request, made=made)


async def revoke(context: DeskContext, request: DeskRequest) -> Answer:
    """End a key."""
    back = PATH + ("?all=1" if request.sent("all") else "")
    try:
        await act(context, request, "api key", lambda: api_keys.revoke(request.sent("api_key")))
    except DemitasseError as error:
        return redirect(back, toast=words(error.message), level="danger")
    return redirect(back, toast="Revoked: it opens nothing any more")


async def _page(
    context: DeskContext,
    request: DeskRequest,
    *,
    made: dict[str, str] | None = None,
    problem: str = "",
    label: str = "",
    user: str = "",
    ends: str = "",
) -> Answer:
    shows_all = bool(request.asked("all")) and is_manager(request.actor)
    keys: list[dict[str, Any]] = await ask(context, request, lambda: api_keys.find("*" if shows_all else None))
    return context.page(
        request,
        "accounts/keys.html",
        title="API keys",
        crumbs=[Crumb(label="API keys")],
        section=PATH,
        status=422 if problem else 200,
        keys=keys,
        made=made,
        problem=problem,
        label=label,
        user=user,
        ends=ends,
        choices=_ENDS,
        shows_all=shows_all,
        is_manager=is_manager(request.actor),
        path=PATH,
        site_url=context.services.site.settings.host_name
        or f"{request.http.scheme}://{request.http.headers.get('host', '')}",
    )
