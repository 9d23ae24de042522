"""The pages that every DocType has: its list and its form."""

from collections.abc import Sequence

from markupsafe import Markup

from demitasse.doctypes.model import DocType
from demitasse.documents.model import Record
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.forms import page as forms
from demitasse.web.desk.forms import parts
from demitasse.web.desk.lists import page as lists
from demitasse.web.desk.navigation import by_slug
from demitasse.web.desk.port import EVERY, Extension, Panel, Route
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer
from demitasse.web.errors import MethodNotAllowed, UnknownPath

_BOTH = frozenset({"GET", "POST"})


def routes(extensions: Sequence[Extension]) -> tuple[Route, ...]:
    """Return the routes of these pages; they come last, since they take whatever is left."""
    panels: dict[str, list[Panel]] = {}
    for extension in extensions:
        for doctype_name, panel in extension.panels.items():
            panels.setdefault(doctype_name, []).append(panel)

    async def below(context: DeskContext, request: DeskRequest, record: Record) -> Markup:
        chosen = (*panels.get(record.doctype.name, ()), *panels.get(EVERY, ()))
        return Markup("").join([await panel(context, request, record) for panel in chosen])

    async def form(context: DeskContext, request: DeskRequest) -> Answer:
        doctype, name = _doctype(context, request), request.values["name"]
        if request.method == "POST":
            return await forms.take(context, request, doctype, name)
        return await forms.show(context, request, doctype, name, below)

    async def overview(context: DeskContext, request: DeskRequest) -> Answer:
        doctype = _doctype(context, request)
        if doctype.is_single:
            request.values["name"] = doctype.name
            return await form(context, request)
        if request.method == "POST":
            message = "A list takes nothing: open a document"
            raise MethodNotAllowed(message)
        return await lists.show(context, request, doctype)

    return (
        Route(path="-/link", handler=parts.link_options),
        Route(path="-/row", handler=parts.new_row),
        Route(path="{doctype}", handler=overview, methods=_BOTH),
        Route(path="{doctype}/new", handler=_new, methods=_BOTH),
        Route(path="{doctype}/{name*}", handler=form, methods=_BOTH),
    )


async def _new(context: DeskContext, request: DeskRequest) -> Answer:
    doctype = _doctype(context, request)
    if request.method == "POST":
        return await forms.take(context, request, doctype, None)
    return await forms.show_new(context, request, doctype)


def _doctype(context: DeskContext, request: DeskRequest) -> DocType:
    found = by_slug(context.registry, request.values["doctype"])
    if found is None:
        message = f"There is no page {request.http.path}"
        raise UnknownPath(message, path=request.http.path)
    return found
