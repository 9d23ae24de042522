"""One delivery whole, live until it is done."""

from typing import Any

from demitasse.delivery.curl import LONGEST_BODY
from demitasse.frappe.integrations.doctype.webhook_delivery import webhook_delivery
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.deliveries.paths import PATH, UNCHANGED, one_path
from demitasse.web.desk.deliveries.rows import LEVELS
from demitasse.web.desk.navigation import Crumb
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_REPLAYABLE = frozenset({"Delivered", "Failed", "Retrying"})
_SHOWN_ATTEMPTS = 8


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
            return UNCHANGED
        return context.fragment(request, "deliveries/one_live.html", **values)
    document = f"{delivery['reference_doctype']} {delivery['reference_document']}"
    crumbs = [Crumb(label="Deliveries", href=PATH), Crumb(label=name)]
    return context.page(
        request, "deliveries/one.html", title=f"{document}: delivery", crumbs=crumbs, section=PATH, **values
    )


async def download_body(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer the body of a delivery as it was sent, to be saved as a file."""
    delivery = await ask(context, request, lambda: webhook_delivery.show(request.values["name"]))
    name = delivery["name"] if delivery["name"].replace("_", "").isalnum() else "delivery"  # It goes into a header.
    headers = (
        (b"content-type", b"application/octet-stream"),
        (b"content-disposition", f'attachment; filename="{name}.body"'.encode("ascii", "replace")),
    )
    return Answer(status=200, body=delivery["body"].encode(), headers=headers)


async def lead_to_list(_: DeskContext, _request: DeskRequest) -> Answer:
    """Lead from the list of the DocType to the page that shows more."""
    return redirect(PATH)


async def lead_to_one(_: DeskContext, request: DeskRequest) -> Answer:
    """Lead from the form of the DocType to the page that shows more."""
    return redirect(one_path(request.values["name"]))
