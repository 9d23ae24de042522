"""The whole HTTP surface as one ASGI application: the API first, everything else by routes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demitasse.web.api import Api
from demitasse.web.request import Receive, Scope, Send
from demitasse.web.services import WebServices

Running = Callable[[], AbstractAsyncContextManager[WebServices]]


class Edge:
    """Serves a site; what it needs is made when the server starts and closed when it stops.

    Args:
        running: Makes the site's services for as long as its block lasts.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._api: Api | None = None
        self._services: WebServices | None = None
        routes = [
            Route("/healthz", self._alive, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
        ]
        self._rest = Starlette(routes=routes, lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the API's paths go past the router, which would cost as much as the request."""
        if scope["type"] == "http" and self._api is not None and _is_api(scope["path"]):
            await self._api(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> Any:
        async with self._running() as services:
            self._services = services
            self._api = Api(services)
            yield
            self._api = self._services = None

    async def _alive(self, _: Request) -> Response:
        """Answer while the event loop turns."""
        return PlainTextResponse("ok")

    async def _ready(self, _: Request) -> Response:
        """Answer 200 once requests can be served from the database."""
        if self._services is None:
            return PlainTextResponse("The site is not open", status_code=503)
        await self._services.lanes.read(lambda tx: tx.execute("SELECT 1"))
        return PlainTextResponse("ready")


def _is_api(path: str) -> bool:
    return path.startswith("/api") or path == "/"
