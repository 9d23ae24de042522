"""The Desk as one ASGI application: who asks, may they, which page; every fault becomes a page."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

import structlog

from demitasse.auth.errors import InvalidCsrfToken, NotAuthenticated
from demitasse.auth.model import GUEST_ACTOR
from demitasse.kernel.errors import DemitasseError
from demitasse.web import visitors
from demitasse.web.aftermath import write_aftermath
from demitasse.web.desk import builtin, doctype_pages, login_page
from demitasse.web.desk.assets import PREFIX, Assets
from demitasse.web.desk.context import HTML, DeskContext
from demitasse.web.desk.format import words
from demitasse.web.desk.port import Extension, Handler, Route
from demitasse.web.desk.request import DeskRequest, read_form, read_query
from demitasse.web.desk.routing import match
from demitasse.web.desk.templating import make_templates
from demitasse.web.envelope import UNEXPECTED, Answer
from demitasse.web.errors import MethodNotAllowed, UnknownPath, describe
from demitasse.web.request import ApiRequest, Receive, Scope, Send, read_body
from demitasse.web.services import WebServices

_log = structlog.get_logger("demitasse.desk")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_LOGOUT = ("-", "logout")
_TITLES = {400: "That did not work", 403: "Not permitted", 404: "Not found", 405: "Not possible", 503: "Too busy"}


class Desk:
    """Serves ``/app``, ``/login`` and the Desk's own files."""

    def __init__(self, services: WebServices, extensions: Sequence[Extension]) -> None:
        self._services = services
        self._settings = services.site.settings
        assets = Assets()
        every = (builtin.EXTENSION, *extensions)
        self._context = DeskContext(
            services=services,
            templates=make_templates(assets),
            assets=assets,
            entries=tuple(entry for extension in every for entry in extension.entries),
        )
        self._routes: list[Route] = [
            *(route for extension in every for route in extension.routes),
            *builtin.routes(every),
            *doctype_pages.routes(every),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        answer = await self._answer(scope, receive)
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["path"].startswith(PREFIX):
            accepts = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")
            found = self._context.assets.answer(scope["path"], accepts=accepts)
            return found or Answer(
                status=404, body=b"There is no such file", headers=((b"content-type", b"text/plain"),)
            )
        http = ApiRequest(scope, b"")
        now = self._services.site.documents.clock()
        request = DeskRequest(http=http, actor=GUEST_ACTOR, session=None, path=(), query=(), form=(), now=now)
        try:
            http.body = await read_body(receive, limit=self._settings.max_request_bytes)
            visitor = await visitors.identify(self._services, http.headers)
            http.session = visitor.session
            request = replace(request, actor=visitor.actor, session=visitor.session, path=tuple(http.segments[1:]))
            request = replace(request, query=read_query(http), form=read_form(http))
            answer = await self._serve(request)
            await write_aftermath(self._services)
        except Exception as error:  # noqa: BLE001 - every fault becomes a page
            answer = self._failure(request, error)
        return answer.with_headers(*_SECURITY)

    async def _serve(self, request: DeskRequest) -> Answer:
        is_change = visitors.is_change(request.method)
        if is_change:
            visitors.check_origin(self._settings, request.http.headers)
        if request.http.path == "/login":
            return await login_page.serve(self._context, request)
        if request.actor.is_guest:
            return self._send_again(request, status=401) if _is_page_s(request) else _to_login(request)
        session = request.session
        if session is not None and not session.is_system_user and request.path != _LOGOUT:
            return self._context.bare_page(request, "no_desk.html", title="No access to the Desk", status=403)
        if is_change and session is not None:
            try:
                visitors.check_token(session, request.http.headers, sent=request.sent("csrf_token"))
            except InvalidCsrfToken:
                if not _is_page_s(request):
                    raise
                return self._send_again(request, status=400)
        handler, values = self._find(request)
        return await handler(self._context, replace(request, values=values))

    def _send_again(self, request: DeskRequest, *, status: int) -> Answer:
        """Keep what a form of ours sent after its session had ended, until there is a new one."""
        kept = [pair for pair in request.form if pair[0] != "csrf_token"]
        title = "Your session has ended" if request.actor.is_guest else "This is another session"
        return self._context.bare_page(request, "send_again.html", title=title, status=status, kept=kept)

    def _find(self, request: DeskRequest) -> tuple[Handler, dict[str, str]]:
        is_known = False
        for route in self._routes:
            values = match(route.path, request.path)
            if values is not None:
                if request.method in route.methods:
                    return route.handler, values
                is_known = True
        if is_known:
            message = f"{request.method} is not possible here"
            raise MethodNotAllowed(message)
        message = f"There is no page {request.http.path}"
        raise UnknownPath(message, path=request.http.path)

    def _failure(self, request: DeskRequest, error: Exception) -> Answer:
        status, _ = describe(error)
        if isinstance(error, DemitasseError):
            text = words(error.message)
        else:
            _log.error("page.failed", path=request.http.path, exc_info=error)
            text = UNEXPECTED
        if request.is_fragment:
            return self._context.fragment(request, "fragments/error.html", status=status, text=text)
        if isinstance(error, InvalidCsrfToken | NotAuthenticated) or request.actor.is_guest:
            return self._context.bare_page(
                request, "plain_error.html", title=_TITLES.get(status, "That did not work"), status=status, text=text
            )
        return self._context.page(
            request, "error.html", title=_TITLES.get(status, "That did not work"), status=status, text=text
        )


def _is_page_s(request: DeskRequest) -> bool:
    """Return whether a form of one of our own pages sends this: the origin, which was checked, says so."""
    return bool(request.form) and "origin" in request.http.headers and not request.is_fragment


def _to_login(request: DeskRequest) -> Answer:
    """Lead who is not logged in to the login, and from there back to the page that was asked for."""
    target = request.url if request.method == "GET" and not request.is_fragment else "/app"
    path = f"/login?redirect-to={quote(target, safe='')}"
    if request.is_fragment:  # htmx then loads the whole page
        return Answer(status=401, body=b"", headers=(HTML, (b"hx-redirect", path.encode("ascii"))))
    return Answer(status=303, body=b"", headers=((b"location", path.encode("ascii")),))
