"""Where the pages of deliveries are, and what they share."""

from urllib.parse import quote, urlencode

from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import may_open
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

PATH = "/app/deliveries"
UNCHANGED = Answer(status=204, body=b"", headers=())
"""Tells htmx to leave what is shown as it is."""


def one_path(name: str) -> str:
    """Return where one delivery is shown."""
    return f"{PATH}/{quote(name, safe='')}"


def panel_path(**fixed: str) -> str:
    """Return where the panel is that a form shows below itself: the deliveries of a webhook or of a document."""
    return f"{PATH}?{urlencode({**fixed, 'fixed': ','.join(fixed), 'embedded': '1'})}"


def offered_doctypes(context: DeskContext, request: DeskRequest) -> list[str]:
    """Return the DocTypes whose documents may have deliveries."""
    return sorted(
        each.name
        for each in context.registry
        if may_open(each, request.actor) and not each.is_single and not each.is_log
    )
