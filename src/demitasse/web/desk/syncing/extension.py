"""How sync joins the Desk."""

from collections.abc import Sequence

from demitasse.auth.model import Actor
from demitasse.frappe.integrations import sync_jobs
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import Attention, Entry
from demitasse.web.desk.port import Extension, Route
from demitasse.web.desk.request import DeskRequest
from demitasse.web.desk.syncing import pages

_POST = frozenset({"POST"})


def _is_manager(actor: Actor) -> bool:
    return actor.is_administrator or "System Manager" in actor.roles


async def attention(context: DeskContext, request: DeskRequest) -> Sequence[Attention]:
    """Return what of sync waits for a person."""
    if not _is_manager(request.actor):
        return []
    found = await ask(context, request, sync_jobs.get_overview)
    failing = [rule["name"] for rule in found["rules"] if rule["last_error"]]
    said = [(f"Sync Rule {name} fails", "danger") for name in failing]
    if found["conflicts"]:
        said.append((f"{len(found['conflicts'])} documents were changed on both sides", "warning"))
    if found["parked"]:
        said.append((f"{len(found['parked'])} documents of other sites could not be applied", "warning"))
    return [Attention(text=text, href=pages.PATH, level=level) for text, level in said]


EXTENSION = Extension(
    routes=(
        Route(path="sync", handler=pages.show),
        Route(path="sync/-/test", handler=pages.test, methods=_POST),
        Route(path="sync/-/run", handler=pages.run, methods=_POST),
        Route(path="sync/-/resolve", handler=pages.resolve, methods=_POST),
        Route(path="sync/-/retry", handler=pages.retry, methods=_POST),
        Route(path="sync/-/discard", handler=pages.discard, methods=_POST),
    ),
    entries=(Entry(label="Sync", href=pages.PATH, icon="refresh", group="Integrations", is_for=_is_manager),),
    attention=attention,
    panels={"Remote Site": pages.panel_of_site},
)
