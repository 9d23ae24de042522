"""The pages that every site has: home, search, the theme, the password, logging out."""

from collections.abc import Sequence

from demitasse.web import cookies, login
from demitasse.web.desk import home, password_page, search
from demitasse.web.desk.context import THEMES, DeskContext, redirect, theme_cookie
from demitasse.web.desk.login_page import same_site
from demitasse.web.desk.navigation import ROOT, Entry
from demitasse.web.desk.port import Extension, Route
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_POST = frozenset({"POST"})
EXTENSION = Extension(entries=(Entry(label="Home", href=ROOT, icon="home"),))


def routes(extensions: Sequence[Extension]) -> tuple[Route, ...]:
    """Return the routes of these pages; ``-`` is no DocType, so nothing of a site's can stand in their way."""
    return (
        Route(path="", handler=home.page(extensions)),
        Route(path="-/search", handler=search.page(extensions)),
        Route(path="-/password", handler=password_page.serve, methods=frozenset({"GET", "POST"})),
        Route(path="-/theme", handler=_set_theme, methods=_POST),
        Route(path="-/logout", handler=_log_out, methods=_POST),
    )


async def _set_theme(_: DeskContext, request: DeskRequest) -> Answer:
    theme = request.sent("theme")
    answer = redirect(same_site(request.sent("back")))
    return answer.with_headers(theme_cookie(theme)) if theme in THEMES else answer


async def _log_out(context: DeskContext, request: DeskRequest) -> Answer:
    if request.session is not None:
        await login.end(context.services, request.session)
    ended = cookies.ending(is_secure=context.services.is_secure(request.http.scheme))
    return redirect("/login").with_headers(*ended)
