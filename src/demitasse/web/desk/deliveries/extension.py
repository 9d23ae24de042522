"""How the deliveries join the Desk."""

from collections.abc import Sequence

from markupsafe import Markup

from demitasse.auth.model import Actor, Reach, reach
from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.documents.model import Record
from demitasse.frappe.integrations.doctype.webhook_delivery import webhook_delivery
from demitasse.outbox import browsing
from demitasse.outbox.filtering import Filters
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.deliveries import listing, one, resending, why
from demitasse.web.desk.deliveries.paths import PATH, one_path, panel_path
from demitasse.web.desk.navigation import Attention, Entry, Found
from demitasse.web.desk.port import EVERY, Extension, Route
from demitasse.web.desk.request import DeskRequest

_POST = frozenset({"POST"})
_SHORTEST_ID = 12
_DOCTYPE = "Webhook Delivery"


def may_see(context: DeskContext, actor: Actor) -> bool:
    """Return whether an actor may see deliveries."""
    return reach(context.registry.get(_DOCTYPE), "read", actor) is Reach.ALL


async def search(context: DeskContext, request: DeskRequest, text: str) -> Sequence[Found]:
    """Return the delivery whose id is searched for."""
    if not text.startswith("msg_") or len(text) < _SHORTEST_ID or not may_see(context, request.actor):
        return []
    found = await ask(context, request, lambda: webhook_delivery.find(text=text, limit=3))
    return [
        Found(
            label=f"{row['reference_doctype']} {row['reference_document']}",
            href=one_path(row["name"]),
            hint=f"Delivery · {row['status']}",
            icon="send",
        )
        for row in found["deliveries"]
    ]


async def attention(context: DeskContext, request: DeskRequest) -> Sequence[Attention]:
    """Return what failed or waits for a person."""
    if not may_see(context, request.actor):
        return []
    counts = await ask(context, request, webhook_delivery.tally)
    told = []
    if counts["Failed"]:
        text = f"{_many(counts['Failed'])} failed for good: see why, mend it, send them again"
        told.append(Attention(text=text, href=f"{PATH}?status=Failed", level="danger"))
    if counts["Held"]:
        text = f"{_many(counts['Held'])} held, as the webhook is paused or switched off"
        told.append(Attention(text=text, href=f"{PATH}?status=Held"))
    if counts["Retrying"]:
        text = f"{_many(counts['Retrying'])} failed and will be tried again"
        told.append(Attention(text=text, href=f"{PATH}?status=Retrying", level="info"))
    return told


async def panel_of_webhook(context: DeskContext, request: DeskRequest, record: Record) -> Markup:
    """Return the deliveries of a webhook, for below its form."""
    return _panel(context, request, record.name, webhook=record.name)


async def panel_of_document(context: DeskContext, request: DeskRequest, record: Record) -> Markup:
    """Return the deliveries of a document, for below its form; nothing where no webhook has to do with it."""
    if record.doctype.is_single or record.doctype.is_log or not may_see(context, request.actor):
        return Markup()
    if not await context.read(lambda tx: _concerns_webhooks(context, tx, record)):
        return Markup()
    return _panel(context, request, record.name, doctype=record.doctype.name, document=record.name)


def _concerns_webhooks(context: DeskContext, tx: Transaction, record: Record) -> bool:
    webhook, name = context.registry.get("Webhook"), record.doctype.name
    listens = queries.select(
        context.documents, tx, webhook, actor=None, fields=["name"], filters={"webhook_doctype": name}, limit=1
    )
    if listens.rows:
        return True
    sent = browsing.find(tx, Filters(doctype=name, document=record.name), after=None, limit=1)
    return bool(sent.rows)


def _panel(context: DeskContext, request: DeskRequest, name: str, **fixed: str) -> Markup:
    if not may_see(context, request.actor):
        return Markup()
    return context.markup(
        request, "deliveries/embedded.html", panel=panel_path(**fixed), fixed=fixed, path=PATH, name=name
    )


def _many(count: int) -> str:
    if count == 1:
        return "1 delivery"
    return "More than 1,000 deliveries" if count > webhook_delivery.MOST_COUNTED else f"{count:,} deliveries"


EXTENSION = Extension(
    routes=(
        Route(path="deliveries", handler=listing.show_list),
        Route(path="deliveries/-/rows", handler=listing.show_rows),
        Route(path="deliveries/-/why", handler=why.show_why),
        Route(path="deliveries/-/replay-all", handler=resending.replay_all, methods=_POST),
        Route(path="deliveries/-/replay-all/count", handler=resending.count_failed, methods=_POST),
        Route(path="deliveries/-/replay", handler=resending.replay, methods=_POST),
        Route(path="deliveries/{name}", handler=one.show_one),
        Route(path="deliveries/{name}/body", handler=one.download_body),
        Route(path="webhook-delivery", handler=one.lead_to_list),
        Route(path="webhook-delivery/{name}", handler=one.lead_to_one),
    ),
    entries=(
        Entry(
            label="Deliveries",
            href=PATH,
            icon="send",
            group="Integrations",
            is_for=lambda actor: actor.is_administrator or "System Manager" in actor.roles,
        ),
    ),
    search=search,
    attention=attention,
    panels={EVERY: panel_of_document},
)
