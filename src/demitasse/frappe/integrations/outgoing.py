"""Sending a request of app code: one deadline for all attempts, a bounded answer, no secret carried to another host."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from typing_extensions import override

from demitasse.frappe.integrations.retrying import delay_before_retry
from demitasse.incoming.redaction import holds_secret
from demitasse.kernel.clock import Clock, monotonic_s

CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 30.0
MAX_RESPONSE_BYTES = 10 * 1024 * 1024
_CHUNK_BYTES = 65_536
_MAX_REDIRECTS = 5
_Failure = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class ResponseTooLargeError(requests.RequestException):
    """The answer is larger than the caller takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may take.

    Args:
        connect_s: To reach the server, for each attempt.
        total_s: From the first attempt to the last byte of the last answer.
        max_response_bytes: Of the answer's body, unpacked.
    """

    connect_s: float = CONNECT_TIMEOUT_S
    total_s: float = TOTAL_TIMEOUT_S
    max_response_bytes: int = MAX_RESPONSE_BYTES


class Session(requests.Session):
    """A session for one call: it follows few redirects, takes credentials to no other host, and keeps within limits."""

    def __init__(self, *, limits: Limits, until_s: float) -> None:
        super().__init__()
        self.max_redirects = _MAX_REDIRECTS
        self._limits = limits
        self._until_s = until_s

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a redirect leads; its own body could be endless, so it is read as every other."""
        target = super().get_redirect_target(resp)
        if target is not None:
            self.read(resp)
        return target

    @override
    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop the headers that hold secrets where a redirect leads to another host, not just ``Authorization``."""
        old, new = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]
            for name in [name for name in prepared_request.headers if holds_secret(name)]:
                del prepared_request.headers[name]

    def attempt(self, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        """Send a request once and return its answer, read to the end."""
        left_s = max(self._until_s - monotonic_s(), 0.001)
        timeout = (min(self._limits.connect_s, left_s), left_s)
        response = self.request(method, url, timeout=timeout, stream=True, **options)
        with response:
            self.read(response)
        return response

    def read(self, response: requests.Response) -> None:
        """Read the body as it arrives, so that a server that drips cannot go on for ever, and keep it on the answer."""
        if isinstance(response._content, bytes):  # noqa: SLF001 - so requests keeps a body that was read
            return
        chunks: list[bytes] = []
        size = 0
        while chunk := _read_some(response):
            size += len(chunk)
            if size > self._limits.max_response_bytes:
                message = f"The answer is larger than {self._limits.max_response_bytes} bytes"
                raise ResponseTooLargeError(message, response=response)
            if monotonic_s() > self._until_s:
                message = f"The answer was not complete within {self._limits.total_s:g} s"
                raise requests.ReadTimeout(message, response=response)
            chunks.append(chunk)
        response._content = b"".join(chunks)  # noqa: SLF001


def limits_of(timeout: Any, *, max_response_bytes: int) -> Limits:
    """Return the limits that a ``timeout`` as ``requests`` takes it stands for: seconds, or a pair for connect and the rest."""
    connect, total = timeout if isinstance(timeout, tuple | list) else (CONNECT_TIMEOUT_S, timeout)
    total_s = TOTAL_TIMEOUT_S if total is None else float(total)
    connect_s = CONNECT_TIMEOUT_S if connect is None else float(connect)
    return Limits(connect_s=min(connect_s, total_s), total_s=total_s, max_response_bytes=max_response_bytes)


def send(
    method: str,
    url: str,
    *,
    limits: Limits,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    **options: Any,
) -> requests.Response:
    """Send a request, again where that is safe and useful, and return its answer, whatever its status, read to the end.

    Args:
        options: As ``requests`` takes them: ``params``, ``data``, ``json``, ``headers``, ``auth``.

    Raises:
        requests.RequestException: no answer came in time, or one that is too large.
    """
    until_s = monotonic_s() + limits.total_s
    with Session(limits=limits, until_s=until_s) as session:
        attempts = 0
        while True:
            attempts += 1
            response: requests.Response | None = None
            failure: requests.RequestException | None = None
            try:
                response = session.attempt(method, url, options)
            except _Failure as error:
                if isinstance(error, requests.exceptions.SSLError):
                    raise
                failure = error
            delay_s = delay_before_retry(
                method,
                attempts=attempts,
                status=None if response is None else response.status_code,
                headers={} if response is None else response.headers,
                remaining_s=until_s - monotonic_s(),
                now=clock(),
            )
            if response is not None and (response.ok or delay_s is None):
                return response
            if failure is not None and delay_s is None:
                raise failure
            sleep(delay_s or 0)


def _read_some(response: requests.Response) -> bytes:
    raw: urllib3.HTTPResponse = response.raw
    try:
        return raw.read1(_CHUNK_BYTES, decode_content=True)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error, response=response) from error
    except urllib3.exceptions.DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error, response=response) from error
    except urllib3.exceptions.SSLError as error:
        raise requests.exceptions.SSLError(error, response=response) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error, response=response) from error
