"""``/app``: what wants attention, what was changed last, and how much there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import queries
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import Attention, form_path, list_path, may_open
from demitasse.web.desk.port import Extension, Handler
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_RECENT = 10
_COUNTED = 8
MOST_COUNTED = 1_000
"""Nobody counts further than this by hand, so the server does not either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """A document that was changed lately."""

    doctype: str
    name: str
    title: str
    href: str
    modified: datetime
    modified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many documents of a DocType there are."""

    doctype: str
    href: str
    number: str


def page(extensions: Sequence[Extension]) -> Handler:
    """Return the home page, with what the extensions want to be looked at."""

    async def serve(context: DeskContext, request: DeskRequest) -> Answer:
        attention: list[Attention] = []
        for extension in extensions:
            if extension.attention is not None:
                attention += await extension.attention(context, request)
        recent = await context.read(lambda tx: recently_changed(context, tx, request))
        counts = await context.read(lambda tx: _counts(context, tx, request, [each.doctype for each in recent]))
        return context.page(
            request,
            "home.html",
            title="Home",
            section="/app",
            attention=attention,
            recent=recent,
            counts=counts,
        )

    return serve


def recently_changed(context: DeskContext, tx: Transaction, request: DeskRequest) -> list[Recent]:
    """Return the documents that were changed last, among those that the actor may read; logs are left out."""
    found: list[Recent] = []
    for doctype in _shown(context, request):
        title = doctype.title_field if doctype.title_field in doctype.by_name else None
        fields = ["name", "modified", "modified_by", *([title] if title else [])]
        rows = queries.select(
            context.documents, tx, doctype, actor=request.actor, fields=fields, order_by="modified desc", limit=_RECENT
        )
        found += (
            Recent(
                doctype=doctype.name,
                name=row["name"],
                title=str((title and row.get(title)) or row["name"]),
                href=form_path(doctype.name, row["name"]),
                modified=row["modified"],
                modified_by=row["modified_by"],
            )
            for row in rows.as_dicts()
        )
    return sorted(found, key=lambda each: each.modified, reverse=True)[:_RECENT]


def _counts(context: DeskContext, tx: Transaction, request: DeskRequest, used: Sequence[str]) -> list[Count]:
    """Return the sizes of the DocTypes, those in use first."""
    shown = sorted(_shown(context, request), key=lambda each: (each.name not in used, each.module == "Core", each.name))
    return [
        Count(doctype=each.name, href=list_path(each.name), number=bounded_count(context, tx, request, each))
        for each in shown[:_COUNTED]
    ]


def bounded_count(context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType) -> str:
    """Return how many documents an actor may read, or that there are more than anybody counts."""
    found = queries.count(context.documents, tx, doctype, actor=request.actor, most=MOST_COUNTED + 1)
    return f"{MOST_COUNTED:,}+" if found > MOST_COUNTED else f"{found:,}"


def _shown(context: DeskContext, request: DeskRequest) -> list[DocType]:
    return [
        each for each in context.registry if may_open(each, request.actor) and not each.is_single and not each.is_log
    ]
