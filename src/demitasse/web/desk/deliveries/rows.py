"""Rows of the panel: a page of deliveries, and whether it is the one that the browser shows already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from demitasse.frappe.integrations.doctype.webhook_delivery import webhook_delivery
from demitasse.kernel import json
from demitasse.web.desk.calling import ask
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.deliveries.filters import Asked
from demitasse.web.desk.request import DeskRequest

PAGE = 50
_SEEN = ("name", "status", "attempts", "status_code", "error", "next_attempt_at")
LEVELS = {"Delivered": "success", "Failed": "danger", "Retrying": "warning", "Held": "secondary", "Queued": "info"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A page of deliveries.

    Args:
        following: Where the next page begins, as the URL says it; empty after the last.
        looked_back_to: Where the search took long: what is older was not looked at yet.
        digest: Changes when what is shown does, times apart.
    """

    deliveries: Sequence[Mapping[str, Any]]
    following: str
    looked_back_to: datetime | None
    digest: str


async def load(context: DeskContext, request: DeskRequest, asked: Asked, *, limit: int = PAGE) -> Rows:
    """Return the page that a request asks for."""
    found = await ask(
        context,
        request,
        lambda: webhook_delivery.find(
            **asked.arguments(request.now), limit=limit, after=request.asked("after") or None
        ),
    )
    shown = [[row[column] for column in _SEEN] for row in found["deliveries"]]
    return Rows(
        deliveries=found["deliveries"],
        following=json.encode(found["next"]).decode() if found["next"] else "",
        looked_back_to=found["looked_back_to"],
        digest=sha256(json.encode(shown)).hexdigest()[:16],
    )
