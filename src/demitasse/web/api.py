"""The API as one ASGI application: reads the request, finds the handler, answers in the envelope."""

from collections.abc import Awaitable, Callable

import structlog

from demitasse.auth.model import Actor
from demitasse.kernel.errors import DemitasseError
from demitasse.web import cors, login, method, resource, v2, visitors
from demitasse.web.aftermath import write_aftermath
from demitasse.web.envelope import Answer
from demitasse.web.errors import UnknownPath
from demitasse.web.outcome import failure_of
from demitasse.web.request import ApiRequest, Receive, Scope, Send, is_v2_path, read_body
from demitasse.web.services import WebServices

_log = structlog.get_logger("demitasse.web")
Handler = Callable[[WebServices, ApiRequest, Actor], Awaitable[Answer]]
_LOGIN: dict[str, Handler] = {"login": login.log_in, "logout": login.log_out}
_OF_LOGIN = frozenset(_LOGIN.values())
"""They change sessions only: what a forged one could do is kept out by the check of its origin."""
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
            await write_aftermath(self._services)
        except Exception as error:  # noqa: BLE001 - every fault becomes an answer in the envelope
            answer = self._failure(error, is_v2=is_v2_path(scope["path"]))
        if self._settings.allow_cors:
            shared = cors.headers(scope["method"], scope["headers"], allowed=self._settings.allow_cors)
            answer = answer.with_headers(*shared)
        await _send(send, answer, is_head=scope["method"] == "HEAD")

    async def _answer(self, request: ApiRequest) -> Answer:
        has_expired = False
        try:
            handler = _handler(request)
            request.arguments()
            visitor = await visitors.identify(self._services, request.headers)
            has_expired, request.session = visitor.has_expired, visitor.session
            self._check_origin(request, handler)
            return await handler(self._services, request, visitor.actor)
        except Exception as error:  # noqa: BLE001 - every fault becomes an answer in the envelope
            return self._failure(error, is_v2=request.is_v2, has_expired=has_expired)

    def _check_origin(self, request: ApiRequest, handler: Handler) -> None:
        """Refuse what another site's page makes a browser do; credentials in a header are no browser's."""
        is_of_login = handler in _OF_LOGIN
        if not visitors.is_change(request.method) or not (request.session or is_of_login):
            return
        visitors.check_origin(self._settings, request.headers)
        sent = request.arguments().pop("csrf_token", None)
        if request.session is not None and not is_of_login:
            visitors.check_token(request.session, request.headers, sent=sent if isinstance(sent, str) else None)

    def _failure(self, error: Exception, *, is_v2: bool, has_expired: bool = False) -> Answer:
        if not isinstance(error, DemitasseError):
            _log.error("request.failed", exc_info=error)
        developer_mode = self._settings.developer_mode
        return failure_of(error, is_v2=is_v2, developer_mode=developer_mode, has_expired=has_expired)


def _handler(request: ApiRequest) -> Handler:
    segments = request.segments
    if segments and segments[0] == "api":
        if request.is_v2:
            request.segments = segments[2:]
            return _of_login(request.segments[1:]) or v2.handler(request)
        rest = segments[2:] if len(segments) > 1 and segments[1] == "v1" else segments[1:]
        if rest and rest[0] == "resource" and len(rest) > 1:
            request.segments = rest[1:]
            return resource.handler(request)
        if rest and rest[0] == "method" and len(rest) > 1:
            request.segments = rest[1:]
            return _of_login(rest[1:]) or method.call
    elif not segments:
        command = request.arguments().get("cmd")
        if isinstance(command, str) and command:
            request.segments = [command]
            return _of_login([command]) or method.call
    message = f"Nothing is served at {request.path}"
    raise UnknownPath(message, path=request.path)


def _of_login(path: list[str]) -> Handler | None:
    return _LOGIN.get(path[0]) if len(path) == 1 else None


async def _send(send: Send, answer: Answer, *, is_head: bool) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})
