"""The API as one ASGI application: reads the request, finds the handler, answers in the envelope."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from demitasse.auth.model import Actor
from demitasse.kernel.errors import DemitasseError
from demitasse.web import cors, method, resource, v2
from demitasse.web.envelope import Answer
from demitasse.web.errors import UnknownPath
from demitasse.web.outcome import failure_of
from demitasse.web.request import ApiRequest, Receive, Scope, Send, is_v2_path, read_body
from demitasse.web.services import WebServices

_log = structlog.get_logger("demitasse.web")
Handler = Callable[[WebServices, ApiRequest, Actor], Awaitable[Answer]]
_AFTERMATH_WAIT_S = 1.0
_NOTHING = Answer(status=200, body=b"", headers=())
"""Every path answers OPTIONS so; what browsers want to know of it is in the headers."""


class Api:
    """Serves ``/api/...`` and ``/?cmd=``."""

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self._settings = services.site.settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            body = await read_body(receive, limit=self._settings.max_request_bytes)
            request = ApiRequest(scope, body)
            answer = _NOTHING if request.method == "OPTIONS" else await self._answer(request)
            if self._services.site.aftermath:
                await self._write_aftermath()
        except Exception as error:  # noqa: BLE001 - every fault becomes an answer in the envelope
            answer = self._failure(error, is_v2=is_v2_path(scope["path"]))
        if self._settings.allow_cors:
            shared = cors.headers(scope["method"], scope["headers"], allowed=self._settings.allow_cors)
            answer = answer.with_headers(*shared)
        await _send(send, answer, is_head=scope["method"] == "HEAD")

    async def _answer(self, request: ApiRequest) -> Answer:
        try:
            handler = _handler(request)
            request.arguments()
            actor = await self._actor(request)
            return await handler(self._services, request, actor)
        except Exception as error:  # noqa: BLE001 - every fault becomes an answer in the envelope
            return self._failure(error, is_v2=request.is_v2)

    async def _actor(self, request: ApiRequest) -> Actor:
        header = request.headers.get("authorization")
        authenticator = self._services.authenticator
        actor = authenticator.remembered(header)
        if actor is not None:
            return actor
        return await self._services.lanes.read(lambda tx: authenticator.authenticate(tx, header))

    async def _write_aftermath(self) -> None:
        """Write what calls left behind before this one is answered; where others hold the turn for long, after it."""
        written = self._services.lanes.write(self._services.site.aftermath.run)
        written.add_done_callback(_tell_if_lost)
        await asyncio.wait({written}, timeout=_AFTERMATH_WAIT_S)

    def _failure(self, error: Exception, *, is_v2: bool) -> Answer:
        if not isinstance(error, DemitasseError):
            _log.error("request.failed", exc_info=error)
        return failure_of(error, is_v2=is_v2, developer_mode=self._settings.developer_mode)


def _handler(request: ApiRequest) -> Handler:
    segments = request.segments
    if segments and segments[0] == "api":
        if request.is_v2:
            request.segments = segments[2:]
            return v2.handler(request)
        rest = segments[2:] if len(segments) > 1 and segments[1] == "v1" else segments[1:]
        if rest and rest[0] == "resource" and len(rest) > 1:
            request.segments = rest[1:]
            return resource.handler(request)
        if rest and rest[0] == "method" and len(rest) > 1:
            request.segments = rest[1:]
            return method.call
    elif not segments:
        command = request.arguments().get("cmd")
        if isinstance(command, str) and command:
            request.segments = [command]
            return method.call
    message = f"Nothing is served at {request.path}"
    raise UnknownPath(message, path=request.path)


def _tell_if_lost(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        _log.error("aftermath.lost", exc_info=error)


async def _send(send: Send, answer: Answer, *, is_head: bool) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})
