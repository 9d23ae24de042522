"""Connected Apps: a person's connections to accounts at other services."""

from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup

from demitasse.documents.model import Record
from demitasse.frappe.integrations.doctype.connected_app import connected_app
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.accounts.keys import is_manager
from demitasse.web.desk.calling import act, ask
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.format import words
from demitasse.web.desk.navigation import Crumb
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

PATH = "/app/connections"
_CONNECT = "/api/method/frappe.integrations.doctype.connected_app.connected_app.connect"


async def show(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the page of one's own connections, or of everybody's."""
    shows_all = bool(request.asked("all")) and is_manager(request.actor)
    found = await ask(context, request, lambda: connected_app.get_connections(all_users=shows_all))
    return context.page(
        request,
        "accounts/connections.html",
        title="Connected Apps",
        crumbs=[Crumb(label="Connected Apps")],
        section=PATH,
        connections=[_shown(context, each, back=PATH) for each in found],
        shows_all=shows_all,
        is_manager=is_manager(request.actor),
        path=PATH,
    )


async def disconnect(context: DeskContext, request: DeskRequest) -> Answer:
    """Revoke a connection at the provider, and forget it here."""
    name, user = request.sent("name"), request.sent("user")
    back = PATH + ("?all=1" if request.sent("all") else "")
    try:
        done = await act(context, request, "connections", lambda: connected_app.disconnect(name, user or None))
    except DemitasseError as error:
        return redirect(back, toast=words(error.message), level="danger")
    return redirect(back, toast=words(done["message"]), level="success" if done["revoked"] else "warning")


async def test(context: DeskContext, request: DeskRequest) -> Answer:
    """Ask the provider whether a connection is good, and answer what it says."""
    name, user = request.sent("name"), request.sent("user")
    try:
        done = await act(context, request, "connections", lambda: connected_app.check_connection(name, user or None))
    except DemitasseError as error:
        done = {"ok": False, "connected_as": None, "message": error.message}
    return context.fragment(request, "accounts/tested.html", done=done, message=words(done["message"] or ""))


async def panel_of_app(context: DeskContext, request: DeskRequest, record: Record) -> Markup:
    """Return one's own connection with an app, for below its form."""
    [found] = await ask(context, request, lambda: connected_app.get_connections(record.name))
    shown = _shown(context, found, back=f"/app/connected-app/{quote(record.name, safe='')}")
    return context.markup(request, "accounts/embedded.html", connection=shown, shows_all=False, path=PATH)


def _shown(context: DeskContext, found: dict[str, Any], *, back: str) -> dict[str, Any]:
    """Return a connection with its moments in their zone, its link, and a name for its dialog."""
    aware = {
        key: value.replace(tzinfo=context.zone) if isinstance(value, datetime) and value.tzinfo is None else value
        for key, value in found.items()
    }
    link = f"{_CONNECT}?{urlencode({'name': found['app'], 'success_uri': back})}"
    return {
        **aware,
        "link": link,
        "dialog": "disconnect-" + quote(f"{found['app']}-{found['user']}", safe="").replace("%", "_"),
    }
