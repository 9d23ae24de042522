"""The deliveries: the list with its filters, live, and one delivery whole."""

from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from demitasse.db.transaction import Transaction
from demitasse.delivery.curl import LONGEST_BODY
from demitasse.documents import queries
from demitasse.documents.errors import InvalidFieldValue
from demitasse.frappe.integrations.doctype.webhook import webhook as webhooks
from demitasse.frappe.integrations.doctype.webhook_delivery import webhook_delivery
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.json import MalformedJson
from demitasse.web.desk.calling import act, ask
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.deliveries.filters import SHOWN_STATES, SPANS, Asked
from demitasse.web.desk.deliveries.rows import LEVELS, PAGE, load
from demitasse.web.desk.format import words
from demitasse.web.desk.login_page import same_site
from demitasse.web.desk.navigation import Crumb, may_open
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

PATH = "/app/deliveries"
_ROWS = f"{PATH}/-/rows"
_REPLAYABLE = frozenset({"Delivered", "Failed", "Retrying"})
_SHOWN_ATTEMPTS = 8
_EMBEDDED_PAGE = 10
_MOST_HOPS = 40
_MOST_REPLAYED = 20_000
_REPLAYED_AT_ONCE = 100
_HOPS = frozenset(map(str, range(1, _MOST_HOPS)))
_MOST_OFFERED = 500
EVENTS = ("after_insert", "on_update", "on_submit", "on_cancel", "on_trash", "on_update_after_submit", "on_change")
_UNCHANGED = Answer(status=204, body=b"", headers=())


async def show_list(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the page of deliveries; for htmx the part below the filters."""
    asked = Asked.of(request)
    is_embedded = bool(request.asked("embedded"))
    rows, problem = None, ""
    try:
        rows = await load(context, request, asked, limit=_EMBEDDED_PAGE if is_embedded else PAGE)
    except (InvalidFieldValue, MalformedJson) as error:
        problem = words(error.message)
    values: dict[str, Any] = {
        **_common(request, asked, is_embedded=is_embedded),
        "rows": rows,
        "problem": problem,
        "is_refresh": False,
        "panel_id": sha256(asked.query().encode()).hexdigest()[:8],
        "back": request.sent("back") or _back_of(request, asked, is_embedded=is_embedded),
        "states": SHOWN_STATES,
        "spans": SPANS,
        "tallies": {} if is_embedded else await ask(context, request, webhook_delivery.tally),
    }
    if request.is_fragment:
        template = "deliveries/panel.html" if is_embedded else "deliveries/results.html"
        shown = context.fragment(request, template, **values)
        url = f"{PATH}?{asked.query()}".rstrip("?")
        return shown if is_embedded else shown.with_headers((b"hx-push-url", url.encode("ascii")))
    names = await context.read(lambda tx: _names(context, tx, request))
    return context.page(
        request,
        "deliveries/list.html",
        title="Deliveries",
        crumbs=[Crumb(label="Deliveries")],
        section=PATH,
        webhooks=names,
        doctypes=_doctypes(context, request),
        **values,
    )


async def show_rows(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer rows for htmx: the newest, where they have changed, or those that come after a place."""
    asked = Asked.of(request)
    is_embedded = bool(request.asked("embedded"))
    rows = await load(context, request, asked, limit=_EMBEDDED_PAGE if is_embedded else PAGE)
    if request.asked("known") == rows.digest:
        return _UNCHANGED
    tallies = {} if is_embedded or request.asked("after") else await ask(context, request, webhook_delivery.tally)
    values = {
        **_common(request, asked, is_embedded=is_embedded),
        "rows": rows,
        "tallies": tallies,
        "is_refresh": bool(tallies),
    }
    return context.fragment(
        request, "deliveries/rows.html" if request.asked("after") else "deliveries/body.html", **values
    )


async def show_one(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer one delivery with its attempts; for htmx the part that changes."""
    name = request.values["name"]
    delivery = await ask(context, request, lambda: webhook_delivery.show(name))
    attempts = list(reversed(delivery["attempts"]))
    show_all = bool(request.asked("all"))
    shown = attempts if show_all else attempts[:_SHOWN_ATTEMPTS]
    values: dict[str, Any] = {
        "delivery": delivery,
        "levels": LEVELS,
        "can_replay": delivery["has_body"] and delivery["status"] in _REPLAYABLE,
        "attempts": shown,
        "left_out": len(attempts) - len(shown),
        "show_all": show_all,
        "most_shown": LONGEST_BODY,
        "state_key": f"{delivery['status']}-{delivery['attempts']}-{delivery['due_at']}",
        "path": PATH,
    }
    if request.is_fragment:
        if request.asked("known") == values["state_key"]:
            return _UNCHANGED
        return context.fragment(request, "deliveries/one_live.html", **values)
    document = f"{delivery['reference_doctype']} {delivery['reference_document']}"
    crumbs = [Crumb(label="Deliveries", href=PATH), Crumb(label=name)]
    return context.page(
        request, "deliveries/one.html", title=f"{document}: delivery", crumbs=crumbs, section=PATH, **values
    )


async def download_body(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the body of a delivery as it was sent, to be saved as a file."""
    delivery = await ask(context, request, lambda: webhook_delivery.show(request.values["name"]))
    name = f"{delivery['name']}.body"
    headers = (
        (b"content-type", b"application/octet-stream"),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    )
    return Answer(status=200, body=delivery["body"].encode(), headers=headers)


async def replay(context: DeskContext, request: DeskRequest) -> Answer:
    """Send one or several deliveries again, and go back to where they were chosen."""
    names = [value for name, value in request.form if name == "delivery"]
    back = same_site(request.sent("back") or PATH)
    if not names:
        return redirect(back, toast="Choose deliveries first", level="warning")
    try:
        done = await act(context, request, "replay", lambda: webhooks.replay(deliveries=names))
    except DemitasseError as error:
        return redirect(back, toast=words(error.message), level="danger")
    count = len(done["replayed"])
    return redirect(back, toast="Sent again" if count == 1 else f"{count} deliveries are sent again")


async def replay_all(context: DeskContext, request: DeskRequest) -> Answer:
    """Send all that failed of a webhook again, within the times that the list is narrowed to, some at a time."""
    asked = Asked.of(request)
    wanted = asked.arguments(request.now)
    chosen = {"webhook": wanted["webhook"], "since": wanted["since"] or None, "until": wanted["until"] or None}
    back = f"{PATH}?{asked.query(status=None)}"
    count, after = 0, None
    try:
        while count < _MOST_REPLAYED:
            done = await act(
                context, request, "replay", partial(webhooks.replay, **chosen, limit=_REPLAYED_AT_ONCE, after=after)
            )
            count, after = count + len(done["replayed"]), done["next"]
            if after is None:
                break
    except DemitasseError as error:
        return redirect(back, toast=words(error.message), level="danger")
    rest = " There are more: do it once again" if after else ""
    return redirect(back, toast=f"{count:,} deliveries are sent again.{rest}")


async def count_failed(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer how many deliveries a replay of all that failed would send."""
    asked = Asked.of(request)
    wanted = asked.arguments(request.now)
    done = await act(
        context,
        request,
        "replay",
        lambda: webhooks.replay(
            webhook=wanted["webhook"], since=wanted["since"] or None, until=wanted["until"] or None, dry_run=True
        ),
    )
    return context.fragment(request, "deliveries/count.html", done=done)


async def show_why(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer why an event of a document was sent or not."""
    doctype, document = request.asked("doctype").strip(), request.asked("document").strip()
    event = request.asked("event").strip()
    found, problem = None, ""
    if doctype and document:
        try:
            found = await ask(context, request, lambda: webhooks.why(doctype, document, event=event or None))
        except DemitasseError as error:
            problem = words(error.message)
    crumbs = [Crumb(label="Deliveries", href=PATH), Crumb(label="Why was it not sent?")]
    return context.page(
        request,
        "deliveries/why.html",
        title="Why was it not sent?",
        crumbs=crumbs,
        section=PATH,
        found=found,
        problem=problem,
        doctype=doctype,
        document=document,
        event=event,
        path=PATH,
        levels=LEVELS,
        doctypes=_doctypes(context, request),
        events=EVENTS,
    )


async def lead_to_list(_: DeskContext, _request: DeskRequest) -> Answer:
    """Lead from the list of the DocType to the page that shows more."""
    return redirect(PATH)


async def lead_to_one(_: DeskContext, request: DeskRequest) -> Answer:
    """Lead from the form of the DocType to the page that shows more."""
    return redirect(one_path(request.values["name"]))


def one_path(name: str) -> str:
    """Return where one delivery is shown."""
    return f"{PATH}/{quote(name, safe='')}"


def panel_path(**fixed: str) -> str:
    """Return where the panel is that a form shows below itself: the deliveries of a webhook or of a document."""
    return f"{PATH}?{urlencode({**fixed, 'fixed': ','.join(fixed), 'embedded': '1'})}"


def _common(request: DeskRequest, asked: Asked, *, is_embedded: bool) -> dict[str, Any]:
    hops = request.asked("hops")
    return {
        "asked": asked,
        "is_embedded": is_embedded,
        "is_older": bool(request.asked("after")),
        "path": PATH,
        "rows_path": _ROWS,
        "levels": LEVELS,
        "hops": int(hops) + 1 if hops in _HOPS else 1,
        "most_hops": _MOST_HOPS,
    }


def _back_of(request: DeskRequest, asked: Asked, *, is_embedded: bool) -> str:
    """Return the page that a replay leads back to: for a panel below a form that of the form."""
    if not is_embedded:
        return f"{PATH}?{asked.query()}"
    current = urlsplit(request.http.headers.get("hx-current-url", ""))
    return same_site(current._replace(scheme="", netloc="", fragment="").geturl() or PATH)


def _names(context: DeskContext, tx: Transaction, request: DeskRequest) -> list[str]:
    webhook = context.registry.get("Webhook")
    if not may_open(webhook, request.actor):
        return []
    found = queries.select(
        context.documents, tx, webhook, actor=request.actor, fields=["name"], order_by="name asc", limit=_MOST_OFFERED
    )
    return [row[0] for row in found.rows]


def _doctypes(context: DeskContext, request: DeskRequest) -> list[str]:
    return sorted(
        each.name
        for each in context.registry
        if may_open(each, request.actor) and not each.is_single and not each.is_log
    )
