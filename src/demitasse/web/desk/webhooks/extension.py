"""How the form of webhooks joins the Desk; their list is that of every DocType."""

from demitasse.web.desk.navigation import Entry
from demitasse.web.desk.port import Extension, Route
from demitasse.web.desk.webhooks import pages, trying

_POST = frozenset({"POST"})
EXTENSION = Extension(
    routes=(
        Route(path="webhook/-/check", handler=trying.check, methods=_POST),
        Route(path="webhook/-/test", handler=trying.test, methods=_POST),
        Route(path="webhook/-/documents", handler=trying.offer_documents),
        Route(path="webhook/new", handler=pages.show_new),
        Route(path="webhook/new", handler=pages.save_new, methods=_POST),
        Route(path="webhook/{name}", handler=pages.show_one),
        Route(path="webhook/{name}", handler=pages.save_one, methods=_POST),
        Route(path="webhook/{name}/pause", handler=pages.pause, methods=_POST),
        Route(path="webhook/{name}/delete", handler=pages.delete, methods=_POST),
    ),
    entries=(
        Entry(
            label="Webhooks",
            href=pages.LIST,
            icon="webhook",
            group="Integrations",
            is_for=lambda actor: actor.is_administrator or "System Manager" in actor.roles,
        ),
    ),
)
