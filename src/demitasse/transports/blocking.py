"""Requests from threads to places that the operator configured: one attempt per request, and every fault a result."""

from collections import deque

import pycurl

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.easy import Easy, Job
from demitasse.transports.errors import UnusableRequest, UnusableUrl
from demitasse.transports.headers import check_method, header_lines
from demitasse.transports.model import Outcome, OutgoingRequest, SenderOptions, SendResult, TlsOptions
from demitasse.transports.resolution import Route
from demitasse.transports.urls import parse_url

_ANYWHERE = Route(addresses=None, pins=())
_MAX_IDLE_HANDLES = 64


class BlockingSender:
    """Sends requests and waits for their answers, from any number of threads at once.

    Handles are kept with their connections, the last used first, so that a thread which asks often finds a warm one.
    Names are looked up by libcurl, within the request's deadline. Addresses are not guarded: where a URL leads is here
    the operator's choice, and a peer may well stand in the same private network; `HttpSender` guards. Redirects are
    not followed, and neither netrc nor a proxy of the environment is read.

    Args:
        options: Behaviour towards the receiver.
        tls: Of the receiver, for all requests.
    """

    def __init__(self, *, options: SenderOptions | None = None, tls: TlsOptions | None = None) -> None:
        self._options = options or SenderOptions()
        self._tls = tls
        self._idle: deque[Easy] = deque(maxlen=_MAX_IDLE_HANDLES)
        self._is_closed = False

    def send(self, request: OutgoingRequest) -> SendResult:
        """Send a request and return its result.

        Where a kept-alive connection turns out closed before any line of an answer, libcurl sends it once more.
        """
        started_at = monotonic_s()
        try:
            check_method(request.method)
            target = parse_url(request.url)
            lines = header_lines(request.headers)
        except (UnusableRequest, UnusableUrl) as error:
            return SendResult(outcome=Outcome.INVALID, error=error.message)
        results: list[SendResult] = []
        job = Job(request=request, on_done=results.append, lines=lines, target=target, started_at=started_at)
        easy = self._take()
        try:
            easy.begin(job, _ANYWHERE)
            code, message = _perform(easy.curl)
            easy.finish(code, message)
        except BaseException:
            easy.close()
            raise
        self._give_back(easy)
        return results[0]

    def close(self) -> None:
        """Close the connections that are idle now, and the others when their answers are there."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Easy:
        try:
            return self._idle.pop()
        except IndexError:
            return Easy(self._options, tls=self._tls, on_result=_hand_over)

    def _give_back(self, easy: Easy) -> None:
        if self._is_closed or len(self._idle) >= _MAX_IDLE_HANDLES:
            easy.close()
        else:
            self._idle.append(easy)


def _perform(curl: pycurl.Curl) -> tuple[int, str]:
    try:
        curl.perform()
    except pycurl.error as error:
        code, message = error.args[:2]
        return int(code), str(message)
    return pycurl.E_OK, ""


def _hand_over(_easy: Easy, job: Job, result: SendResult) -> None:
    job.on_done(result)
