"""The whole HTTP surface as one ASGI application: the API first, everything else by routes."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demitasse.auth.errors import NotAuthenticated
from demitasse.live.service import PATHS, Live
from demitasse.web.api import Api
from demitasse.web.desk.app import Desk
from demitasse.web.desk.assets import PREFIX
from demitasse.web.desk.extensions import EXTENSIONS
from demitasse.web.metrics import CONTENT_TYPE, exposition
from demitasse.web.proxies import TrustedProxies
from demitasse.web.request import Receive, Scope, Send
from demitasse.web.services import WebServices
from demitasse.web.visitors import identify

Running = Callable[[], AbstractAsyncContextManager[WebServices]]
MANAGER = "System Manager"


class Edge:
    """Serves a site; what it needs is made when the server starts and closed when it stops.

    Args:
        running: Makes the site's services for as long as its block lasts.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._api: Api | None = None
        self._desk: Desk | None = None
        self._live: Live | None = None
        self._services: WebServices | None = None
        self._proxies: TrustedProxies | None = None
        routes = [
            Route("/healthz", self._alive, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/", self._root, methods=["GET"]),
        ]
        self._rest = Starlette(routes=routes, lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the API's paths go past the router, which would cost as much as the request."""
        if self._proxies and scope["type"] in {"http", "websocket"}:
            self._proxies.apply(scope)
        if scope["type"] == "http" and self._api is not None and _is_api(scope):
            await self._api(scope, receive, send)
        elif scope["type"] == "http" and self._desk is not None and _is_desk(scope["path"]):
            await self._desk(scope, receive, send)
        elif self._live is not None and scope["type"] != "lifespan" and scope["path"] in PATHS:
            await self._live(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> Any:
        async with self._running() as services:
            self._services = services
            self._api, self._live = Api(services), services.live
            self._desk = Desk(services, EXTENSIONS)
            self._proxies = TrustedProxies(services.site.settings.trusted_proxies)
            self._rest.router.routes.extend(_assets(services))
            yield
            self._api = self._desk = self._services = self._live = None

    def say_goodbye(self) -> None:
        """End all live connections: the server is about to stop."""
        if self._live is not None:
            self._live.say_goodbye()

    async def _root(self, _: Request) -> Response:
        """Lead people to the Desk."""
        return RedirectResponse("/app", status_code=303)

    async def _alive(self, _: Request) -> Response:
        """Answer while the event loop turns."""
        return PlainTextResponse("ok")

    async def _ready(self, _: Request) -> Response:
        """Answer 200 once requests can be served from the database."""
        if self._services is None:
            return PlainTextResponse("The site is not open", status_code=503)
        await self._services.lanes.read(lambda tx: tx.execute("SELECT 1"))
        return PlainTextResponse("ready")

    async def _metrics(self, request: Request) -> Response:
        """Answer what delivery counts, to System Managers; with ``metrics_public`` in the site's settings to everybody."""
        services = self._services
        if services is None:
            return PlainTextResponse("The site is not open", status_code=503)
        if not services.site.settings.conf.get("metrics_public"):
            refusal = await _refusal(services, request.headers)
            if refusal is not None:
                return refusal
        content = exposition(
            await services.snapshot(),
            jobs=await services.jobs(),
            now=services.site.documents.clock(),
            waiting_writes=services.lanes.waiting_writes,
            live=services.live.hub.counts() if services.live is not None else None,
        )
        return Response(content, media_type=CONTENT_TYPE)


def _assets(services: WebServices) -> list[Mount]:
    """Return what serves the ``public`` folders of the apps at ``/assets/<app>/``."""
    return [
        Mount(f"/assets/{app.name}", app=StaticFiles(directory=app.path / "public"))
        for app in services.site.apps
        if (app.path / "public").is_dir()
    ]


async def _refusal(services: WebServices, headers: Mapping[str, str]) -> Response | None:
    """Return what to answer to who may not see metrics, ``None`` to who may."""
    try:
        actor = (await identify(services, headers)).actor
    except NotAuthenticated as error:
        return PlainTextResponse(error.message, status_code=401, headers={"WWW-Authenticate": "token"})
    if actor.is_administrator or MANAGER in actor.roles:
        return None
    text = "Metrics are for System Managers: send an API key, or set metrics_public in site_config.json"
    if actor.is_guest:
        return PlainTextResponse(text, status_code=401, headers={"WWW-Authenticate": "token"})
    return PlainTextResponse(text, status_code=403)


def _is_api(scope: Scope) -> bool:
    path: str = scope["path"]
    if path == "/":  # Functions by their name: ``/?cmd=``, in the query or in a form.
        return scope["method"] not in {"GET", "HEAD"} or b"cmd=" in scope["query_string"]
    return path == "/api" or path.startswith("/api/")


def _is_desk(path: str) -> bool:
    return path in {"/app", "/login"} or path.startswith(("/app/", PREFIX))
