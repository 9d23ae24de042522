"""The site, asked with its own key: one attempt per call, a deadline, and a breaker in front."""

import random
from typing import Any
from urllib.parse import urlsplit

import structlog

from demitasse.client.answers import has_not_happened, read_answer
from demitasse.client.errors import ClientError, ServerFailed, SiteUnreachable, UnusableAnswer
from demitasse.client.model import Answer, ApiRequest
from demitasse.client.wording import unreachable
from demitasse.delivery.breaker import Breaker, BreakerState
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError
from demitasse.middleware.configuration import Configuration
from demitasse.transports.http import HttpSender
from demitasse.transports.model import Outcome, OutgoingRequest, SendResult

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PROBE_AGAIN_S = 1.0
_log = structlog.get_logger("demitasse.middleware")


class SiteDown(DemitasseError):
    """The site has failed several times in a row and is left alone for a while; nothing was sent."""

    code = "site_down"

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("The site does not answer and is left alone for a while")
        self.retry_after_s = retry_after_s


AskingFailed = (ClientError, SiteDown)
"""What `Upstream.ask` raises."""


class Upstream:
    """Asks the site."""

    def __init__(self, configuration: Configuration, *, sender: HttpSender) -> None:
        self._url = configuration.site_url
        self._where = urlsplit(configuration.site_url).netloc
        self._credentials = configuration.credentials
        self._timeout_s = configuration.upstream_timeout_s
        self._sender = sender
        self._breaker = Breaker(random=random.random)

    @property
    def is_up(self) -> bool:
        """Whether the site answered when it was last asked."""
        return self._breaker.state is BreakerState.CLOSED

    async def ask(self, request: ApiRequest, *, timeout_s: float | None = None) -> Any:
        """Return what the site answers.

        Raises:
            ClientError: it refused, failed, or did not answer.
            SiteDown: it is not asked at present.
        """
        now_s = monotonic_s()
        blocked_until_s = self._breaker.blocked_until_s(now_s)
        if blocked_until_s is not None:
            wait_s = blocked_until_s - now_s
            raise SiteDown(retry_after_s=wait_s if wait_s < 3600 else _PROBE_AGAIN_S)  # noqa: PLR2004 - infinity: a probe is out
        self._breaker.started()
        try:
            result = await self._send(request, self._timeout_s if timeout_s is None else timeout_s)
        except BaseException:
            self._breaker.abandoned()
            raise
        try:
            found = self._read(request, result, self._timeout_s if timeout_s is None else timeout_s)
        except ClientError as error:
            self._note(request, error, result)
            raise
        self._breaker.succeeded()
        return found

    async def fetch(self, path: str, *, max_bytes: int) -> SendResult:
        """Return what anybody gets at a path of the site: without the key, and not counted by the breaker."""
        return await self._sender.send(
            OutgoingRequest(method="GET", url=self._url + path, timeout_s=self._timeout_s, max_response_bytes=max_bytes)
        )

    async def _send(self, request: ApiRequest, timeout_s: float) -> SendResult:
        return await self._sender.send(
            OutgoingRequest(
                method=request.method,
                url=self._url + request.target,
                headers=(*request.headers, *self._credentials.headers),
                body=request.body,
                timeout_s=timeout_s,
                max_response_bytes=_MAX_ANSWER_BYTES,
            )
        )

    def _read(self, request: ApiRequest, result: SendResult, timeout_s: float) -> Any:
        if result.outcome is not Outcome.ANSWERED or result.status is None:
            raise unreachable(result, where=self._where, timeout_s=timeout_s)
        answer = Answer(
            status=result.status,
            headers=result.headers,
            body=self._credentials.hide_in(result.body),
            is_cut=result.truncated,
        )
        return read_answer(request, answer)

    def _note(self, request: ApiRequest, error: ClientError, result: SendResult) -> None:
        if _is_outage(error):
            self._breaker.failed(monotonic_s())
        else:
            self._breaker.succeeded()
        _log.warning(
            "upstream.failed",
            method=request.method,
            path=request.path,
            error=error.code,
            message=error.message,
            status=result.status,
            duration_ms=round(result.duration_s * 1000, 1),
            breaker=self._breaker.state.value,
        )


def may_have_happened(error: Exception) -> bool:
    """Return whether the site may have done what it was asked although it did not say so."""
    if isinstance(error, SiteUnreachable | UnusableAnswer | ServerFailed):
        return not has_not_happened(error)
    return False


def _is_outage(error: ClientError) -> bool:
    """Return whether an error tells of the site, and not of what it was asked."""
    match error:
        case SiteUnreachable():
            return True
        case UnusableAnswer():
            return error.is_transient
        case ServerFailed():  # A failure that the application names is of one request.
            return not error.exc_type
        case _:
            return False
