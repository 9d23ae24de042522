"""The list of deliveries: its filters, its rows, live."""

from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.documents.errors import InvalidFieldValue
from demitasse.frappe.integrations.doctype.webhook_delivery import webhook_delivery
from demitasse.kernel.json import MalformedJson
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.deliveries.filters import SHOWN_STATES, SPANS, Asked
from demitasse.web.desk.deliveries.paths import PATH, UNCHANGED, offered_doctypes
from demitasse.web.desk.deliveries.rows import LEVELS, PAGE, load
from demitasse.web.desk.format import words
from demitasse.web.desk.login_page import same_site
from demitasse.web.desk.navigation import Crumb, may_open
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_ROWS = f"{PATH}/-/rows"
_EMBEDDED_PAGE = 10
_MOST_HOPS = 40
"""How often a search goes on by itself."""

_HOPS = frozenset(map(str, range(1, _MOST_HOPS)))
_MOST_OFFERED = 500


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
        doctypes=offered_doctypes(context, request),
        **values,
    )


async def show_rows(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer rows for htmx: the newest, where they have changed, or those that come after a place."""
    asked = Asked.of(request)
    is_embedded = bool(request.asked("embedded"))
    rows = await load(context, request, asked, limit=_EMBEDDED_PAGE if is_embedded else PAGE)
    if request.asked("known") == rows.digest:
        return UNCHANGED
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
