"""What Ctrl+K finds: DocTypes and their new forms, pages, documents by name or title."""

from collections.abc import Iterator, Sequence

from demitasse.auth.model import Actor, Reach, reach
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import queries
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import Entry, Found, form_path, list_path, may_open
from demitasse.web.desk.port import Extension, Handler
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_MOST = 12
_PER_DOCTYPE = 3
_SHORTEST_TITLE = 3
_LONGEST = 140
_LAST = "\U0010ffff"


def page(extensions: Sequence[Extension]) -> Handler:
    """Return the search, over what the extensions have too."""

    async def serve(context: DeskContext, request: DeskRequest) -> Answer:
        text = " ".join(request.asked("q").split())[:_LONGEST]
        found = list(_pages(context.entries, request.actor, text))
        found += _doctypes(list(context.registry), request.actor, text)
        for extension in extensions:
            if extension.search is not None and text:
                found += await extension.search(context, request, text)
        if text:
            found += await context.read(lambda tx: _documents(context, tx, request, text), is_long=True)
        unique = list({each.href: each for each in found}.values())
        return context.fragment(request, "fragments/options.html", options=unique[:_MOST])

    return serve


def _pages(entries: Sequence[Entry], actor: Actor, text: str) -> Iterator[Found]:
    for entry in entries:
        if entry.is_for(actor) and text.lower() in entry.label.lower():
            yield Found(label=entry.label, href=entry.href, hint="Page", icon=entry.icon)


def _doctypes(doctypes: Sequence[DocType], actor: Actor, text: str) -> list[Found]:
    """Return lists and new forms of the DocTypes whose name has every word; those that begin with the text first."""
    wanted = text.lower()
    is_new = wanted == "new" or wanted.startswith("new ")
    words = wanted.removeprefix("new").split() if is_new else wanted.split()
    matching = [each for each in doctypes if may_open(each, actor) and all(word in each.name.lower() for word in words)]
    first = words[0] if words else ""
    matching.sort(key=lambda each: (not each.name.lower().startswith(first), len(each.name), each.name))
    lists, news = [], []
    for each in matching[:_MOST]:
        hint = "Settings" if each.is_single else "List"
        lists.append(Found(label=each.name, href=list_path(each.name), hint=hint, icon="file-text"))
        if not each.is_single and not each.is_log and reach(each, "create", actor) is not Reach.NONE:
            news.append(Found(label=f"New {each.name}", href=f"{list_path(each.name)}/new", hint="New", icon="plus"))
    if is_new:
        return news
    mixed = [found for pair in zip(lists[:3], news[:3], strict=False) for found in pair] if wanted else []
    return [*mixed, *lists]


def _documents(context: DeskContext, tx: Transaction, request: DeskRequest, text: str) -> list[Found]:
    """Return documents whose name begins with the text, as it is written or in capitals, then those by title."""
    shown = [each for each in context.registry if may_open(each, request.actor) and not each.is_single]
    by_name = [found for each in shown for found in _named(context, tx, request, each, text)]
    is_exact = any(found.label.lower() == text.lower() for found in by_name)
    if is_exact or len(by_name) >= _MOST or len(text) < _SHORTEST_TITLE:
        return by_name
    return [*by_name, *(found for each in shown for found in _titled(context, tx, request, each, text))]


def _named(context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType, text: str) -> Iterator[Found]:
    for prefix in {text, text.upper(), text.lower()}:
        between = [["name", ">=", prefix], ["name", "<", prefix + _LAST]]
        rows = queries.select(
            context.documents,
            tx,
            doctype,
            actor=request.actor,
            fields=["name"],
            filters=between,
            order_by="name asc",
            limit=_PER_DOCTYPE,
        ).rows
        for row in rows:
            yield Found(label=row[0], href=form_path(doctype.name, row[0]), hint=doctype.name)


def _titled(
    context: DeskContext, tx: Transaction, request: DeskRequest, doctype: DocType, text: str
) -> Iterator[Found]:
    title = doctype.by_name.get(doctype.title_field or "")
    if title is None or title.permlevel:
        return
    rows = queries.select(
        context.documents,
        tx,
        doctype,
        actor=request.actor,
        fields=["name", title.name],
        filters=[[title.name, "like", f"%{text}%"]],
        order_by="modified desc",
        limit=_PER_DOCTYPE,
    ).rows
    for name, label in rows:
        hint = doctype.name if label == name else f"{doctype.name} · {name}"
        yield Found(label=str(label), href=form_path(doctype.name, name), hint=hint)
