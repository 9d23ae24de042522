"""How API keys and connections join the Desk."""

from collections.abc import Sequence

from demitasse.frappe.integrations.doctype.connected_app import connected_app
from demitasse.web.desk.accounts import connections, keys
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import Attention, Entry
from demitasse.web.desk.port import Extension, Route
from demitasse.web.desk.request import DeskRequest

_POST = frozenset({"POST"})


async def attention(context: DeskContext, request: DeskRequest) -> Sequence[Attention]:
    """Return the connections of the person that have to be made anew."""
    found = await ask(context, request, connected_app.get_connections)
    return [
        Attention(text=f"{each['provider_name']} has to be connected again", href=connections.PATH)
        for each in found
        if each["needs_reauthorise"]
    ]


EXTENSION = Extension(
    routes=(
        Route(path="connections", handler=connections.show),
        Route(path="connections/-/disconnect", handler=connections.disconnect, methods=_POST),
        Route(path="connections/-/test", handler=connections.test, methods=_POST),
        Route(path="api-keys", handler=keys.show),
        Route(path="api-keys", handler=keys.create, methods=_POST),
        Route(path="api-keys/-/revoke", handler=keys.revoke, methods=_POST),
    ),
    entries=(
        Entry(label="Connected Apps", href=connections.PATH, icon="plug-connected", group="Integrations"),
        Entry(label="API keys", href=keys.PATH, icon="key", group="Integrations"),
    ),
    attention=attention,
    panels={"Connected App": connections.panel_of_app},
)
