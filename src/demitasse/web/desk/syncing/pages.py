"""The page of sync: how rules stand, conflicts side by side, and what could not be applied."""

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from demitasse.documents.model import Record
from demitasse.frappe.integrations import sync_jobs
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.calling import act, ask
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.format import words
from demitasse.web.desk.navigation import Crumb
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

PATH = "/app/sync"
_NOT_COMPARED = frozenset(
    {"name", "modified", "modified_by", "owner", "creation", "idx", "docstatus", "doctype", "parent", "parenttype"}
)
_CHOICES = {"theirs": "Theirs is here now", "ours": "Ours stays"}
_WORDS = ("inserted", "updated", "renamed", "deleted", "parked", "conflicts")


async def show(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the page."""
    found = await ask(context, request, sync_jobs.get_overview)
    return context.page(
        request,
        "syncing/page.html",
        title="Sync",
        crumbs=[Crumb(label="Sync")],
        section=PATH,
        rules=[{**rule, "did": did(rule["last_run"])} for rule in found["rules"]],
        conflicts=[{**conflict, "differences": differences(conflict)} for conflict in found["conflicts"]],
        parked=found["parked"],
        path=PATH,
    )


async def run(context: DeskContext, request: DeskRequest) -> Answer:
    """Queue a run of a rule."""
    name, compares = request.sent("rule"), bool(request.sent("reconcile"))
    return await _do(
        context,
        request,
        lambda: sync_jobs.run(name, reconcile=compares),
        lambda done: f"{name} runs" if done["queued"] else f"{name} waits for its run already",
    )


async def resolve(context: DeskContext, request: DeskRequest) -> Answer:
    """Settle a conflict."""
    conflict, choice = request.sent("conflict"), request.sent("choice")
    return await _do(
        context, request, lambda: sync_jobs.resolve(conflict, choice), lambda _: _CHOICES.get(choice, "Settled")
    )


async def test(context: DeskContext, request: DeskRequest) -> Answer:
    """Call a Remote Site, and answer what it says."""
    name = request.sent("name")
    try:
        said = await act(context, request, "sync", lambda: sync_jobs.test_remote_site(name))
    except DemitasseError as error:
        return context.fragment(request, "syncing/tested.html", said=None, problem=words(error.message))
    return context.fragment(request, "syncing/tested.html", said=said, problem="")


async def panel_of_site(context: DeskContext, request: DeskRequest, record: Record) -> Markup:
    """Return the button that calls a Remote Site, for below its form."""
    return context.markup(request, "syncing/site.html", name=record.name, path=PATH)


async def retry(context: DeskContext, request: DeskRequest) -> Answer:
    """Try a parked row again."""
    parked = request.sent("parked")
    return await _do(context, request, lambda: sync_jobs.retry(parked), lambda _: "It is tried again now")


async def discard(context: DeskContext, request: DeskRequest) -> Answer:
    """Forget a parked row."""
    parked = request.sent("parked")
    return await _do(context, request, lambda: sync_jobs.discard(parked), lambda _: "Forgotten")


async def _do(
    context: DeskContext, request: DeskRequest, what: Callable[[], Any], said: Callable[[Any], str]
) -> Answer:
    """Do something and go back to the page, with a word on how it went."""
    try:
        done = await act(context, request, "sync", what)
    except DemitasseError as error:
        return redirect(PATH, toast=words(error.message), level="danger")
    return redirect(PATH, toast=said(done))


def did(run: Mapping[str, Any] | None) -> str:
    """Return what a run did, in words."""
    if run is None:
        return ""
    if run["error"]:
        return str(run["error"])
    return ", ".join(f"{run[word]} {word}" for word in _WORDS if run[word]) or "nothing new"


def differences(conflict: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the fields in which two versions differ, both as text; a version that is gone has none."""
    ours = json.decode(conflict["local_version"]) if conflict["local_version"] else {}
    theirs = json.decode(conflict["remote_version"]) if conflict["remote_version"] else {}
    fields = [name for name in dict.fromkeys([*ours, *theirs]) if name not in _NOT_COMPARED]
    if ours and theirs:
        fields = [name for name in fields if name in ours and name in theirs]
    told = [{"field": name, "ours": _text(ours.get(name)), "theirs": _text(theirs.get(name))} for name in fields]
    return [each for each in told if each["ours"] != each["theirs"]]


def _text(value: Any) -> str:
    """Return a value as people compare it: rows without what each site says for itself."""
    if value in (None, "", []):
        return ""
    if isinstance(value, list):
        rows = [{key: each for key, each in row.items() if key not in _NOT_COMPARED and each} for row in value]
        return json.encode_pretty(rows).decode().strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
