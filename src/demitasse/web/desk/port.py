"""How pages join the Desk: their routes, their places in the sidebar, in search, on the home page and below forms."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from demitasse.documents.model import Record
from demitasse.web.desk.context import DeskContext
from demitasse.web.desk.navigation import Attention, Entry, Found
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

EVERY = "*"
Handler = Callable[[DeskContext, DeskRequest], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path below ``/app`` that a page answers; routes go before the pages of DocTypes.

    Args:
        path: Parts with ``/`` between them; ``{name}`` takes one part, ``{name*}`` at the end takes all that follow. The
            handler finds them in ``request.values``.
    """

    path: str
    handler: Handler
    methods: frozenset[str] = frozenset({"GET"})


Search = Callable[[DeskContext, DeskRequest, str], Awaitable[Sequence[Found]]]
Attending = Callable[[DeskContext, DeskRequest], Awaitable[Sequence[Attention]]]
Panel = Callable[[DeskContext, DeskRequest, Record], Awaitable[Markup]]
"""Returns what is shown below the form of a stored document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Pages that join the Desk together.

    Args:
        search: Returns what it has for a text that is being searched.
        attention: Returns what its part of the site wants a person to look at.
        panels: By DocType, what stands below the form; under ``EVERY`` what stands below those of all.
    """

    routes: Sequence[Route] = ()
    entries: Sequence[Entry] = ()
    search: Search | None = None
    attention: Attending | None = None
    panels: Mapping[str, Panel] = field(default_factory=dict)
