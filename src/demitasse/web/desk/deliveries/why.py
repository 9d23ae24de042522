"""Why an event of a document was sent or not."""

from demitasse.frappe.integrations.doctype.webhook import webhook as webhooks
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.deliveries.paths import PATH, offered_doctypes
from demitasse.web.desk.deliveries.rows import LEVELS
from demitasse.web.desk.format import words
from demitasse.web.desk.navigation import Crumb
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_EVENTS = ("after_insert", "on_update", "on_submit", "on_cancel", "on_trash", "on_update_after_submit", "on_change")


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
        doctypes=offered_doctypes(context, request),
        events=_EVENTS,
    )
