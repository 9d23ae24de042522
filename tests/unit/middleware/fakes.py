"""A site that is not there: it fills the port that lists and orders ask through."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demitasse.client.errors import Duplicate, ServerFailed, SiteUnreachable, ValidationFailed
from demitasse.client.model import ApiRequest
from demitasse.kernel import json


def refused(text: str = "Could not find Customer: Nobody") -> ValidationFailed:
    return ValidationFailed(text, status=417, exc_type="LinkValidationError", messages=(text,))


def late() -> SiteUnreachable:
    return SiteUnreachable("late", was_sent=True)


def down() -> SiteUnreachable:
    return SiteUnreachable("down", was_sent=False)


def broken() -> ServerFailed:
    return ServerFailed("broken", status=500)


def taken() -> Duplicate:
    return Duplicate("taken", status=409, exc_type="DuplicateEntryError")


@dataclass
class FakeSite:
    """Keeps documents, unique by their reference, and fails when it is told to.

    Args:
        before: What happens before each request: an error it raises is the site's.
        after: The same, when the work is done and the answer lost.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: list[ApiRequest] = field(default_factory=list)
    before: Callable[[ApiRequest], None] = lambda _: None
    after: Callable[[ApiRequest], None] = lambda _: None
    makes_drafts: bool = False
    gate: asyncio.Event | None = None
    page: int = 1000
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, request: ApiRequest) -> Any:
        self.asked.append(request)
        self.was_asked.set()
        if self.gate is not None:
            await self.gate.wait()
        self.before(request)
        answer = self._answer(request)
        self.after(request)
        return answer

    def count(self, method: str) -> int:
        return sum(request.method == method for request in self.asked)

    def _answer(self, request: ApiRequest) -> Any:
        if request.method == "POST":
            values = json.decode(request.body)
            reference = values.get("custom_mobile_order")
            if any(row.get("custom_mobile_order") == reference for row in self.rows):
                raise taken()
            made = {**values, "name": f"SO-{len(self.rows) + 1}", "grand_total": 160.0}
            if self.makes_drafts:
                made["docstatus"] = 0
            self.rows.append(made)
            return made
        if request.method == "PUT":
            self.rows[-1].update(json.decode(request.body))
            return self.rows[-1]
        query = dict(request.query)
        filters = json.decode(query.get("filters", "[]"))
        found = [row for row in self.rows if all(_holds(row, *each) for each in filters)]
        start, length = int(query["limit_start"]), min(int(query["limit_page_length"]), self.page)
        return [dict(row) for row in found[start : start + length]]


def _holds(row: dict[str, Any], name: str, operator: str, value: Any) -> bool:
    there = row.get(name, 0)
    return bool(there == value if operator == "=" else there < value)
