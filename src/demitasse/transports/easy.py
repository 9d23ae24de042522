"""One libcurl easy handle: set up once, used for many requests."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import certifi
import pycurl

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.faults import Ending, fault_of
from demitasse.transports.headers import parse_head
from demitasse.transports.hosts import parse_address
from demitasse.transports.model import Outcome, OutgoingRequest, SenderOptions, SendResult, TlsOptions
from demitasse.transports.multi import ABANDONED
from demitasse.transports.resolution import Route
from demitasse.transports.sockets import NewSocket, keep_from_children
from demitasse.transports.urls import Target

_LARGE_BODY_BYTES = 65_536
_FIRST_FINAL_STATUS = 200


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A request on its way to its result.

    Args:
        lines: The request's headers, as `header_lines` gives them.
        started_at: When it was asked for, on the monotonic clock.
        easy: What carries it at the moment.
        route: Its way, once that is known.
        timer: Rings if it is still waiting for a place at its deadline.
    """

    request: OutgoingRequest
    on_done: Callable[[SendResult], None]
    lines: list[str | bytes]
    target: Target
    started_at: float
    easy: "Easy | None" = None
    route: Route | None = None
    timer: asyncio.TimerHandle | None = None


class Easy:
    """Carries one request at a time.

    Args:
        options: Of the sender.
        tls: Of the receiver; a handle never changes them, so that no request can inherit another's certificate.
        on_result: Called with this handle, its job and the result; then the handle is free again.
    """

    __slots__ = (
        "_blocked",
        "_body",
        "_head",
        "_head_is_too_large",
        "_head_room",
        "_is_proxied",
        "_job",
        "_lacks_sockets",
        "_method",
        "_on_result",
        "_options",
        "_pins",
        "_room",
        "_route",
        "_timeout_ms",
        "_truncated",
        "_url",
        "curl",
        "is_reusable",
    )

    _job: Job
    _route: Route

    def __init__(
        self,
        options: SenderOptions,
        *,
        tls: TlsOptions | None,
        on_result: Callable[["Easy", Job, SendResult], None],
    ) -> None:
        self.curl = pycurl.Curl()
        self.is_reusable = tls is None
        self._options = options
        self._on_result = on_result
        self._is_proxied = options.proxy_url is not None
        self._url = self._method = ""
        self._timeout_ms = 0
        self._pins: tuple[str, ...] = ()
        self._set_up(options)
        self._set_up_tls(tls)

    def begin(self, job: Job, route: Route) -> None:
        """Take on a job; what is left of its time starts to run when the handle is added to the multi.

        Raises:
            pycurl.error: libcurl cannot take a setting.
        """
        request, target = job.request, job.target
        self._job = job
        self._route = route
        self._head: list[bytes] = []
        self._head_room = self._options.max_header_bytes
        self._body: list[bytes] = []
        self._room = max(0, request.max_response_bytes)
        self._truncated = self._head_is_too_large = self._lacks_sockets = False
        self._blocked: str | None = None
        setopt = self.curl.setopt
        if self._url != target.url:
            setopt(pycurl.URL, target.url)
            self._url = target.url
        if self._method != request.method:
            setopt(pycurl.CUSTOMREQUEST, request.method)
            self._method = request.method
        if self._pins != route.pins:
            setopt(pycurl.RESOLVE, route.pins)
            self._pins = route.pins
        timeout_ms = max(1, int((request.timeout_s - (monotonic_s() - job.started_at)) * 1000 + 0.5))
        if self._timeout_ms != timeout_ms:
            setopt(pycurl.TIMEOUT_MS, timeout_ms)
            self._timeout_ms = timeout_ms
        setopt(pycurl.HTTPHEADER, job.lines)
        setopt(pycurl.POSTFIELDS, request.body)
        job.easy = self

    def finish(self, code: int, message: str) -> None:
        """Turn the transfer's end into a result and pass it on."""
        job = self._job
        result = self._result(code, message)
        job.easy = None
        self.is_reusable = self.is_reusable and code != ABANDONED
        if len(job.request.body) > _LARGE_BODY_BYTES:
            self.curl.setopt(pycurl.POSTFIELDS, b"")  # An idle handle keeps nobody's megabytes.
        self._head = self._body = []
        self._on_result(self, job, result)

    def close(self) -> None:
        """Free the handle; it must not be in a multi."""
        self.curl.close()

    def _result(self, code: int, message: str) -> SendResult:
        job = self._job
        getinfo = self.curl.getinfo
        status = getinfo(pycurl.RESPONSE_CODE)
        if status < _FIRST_FINAL_STATUS:
            status = None
        headers, is_whole = parse_head(self._head)
        if code == pycurl.E_OK and not is_whole:
            code = pycurl.E_PARTIAL_FILE  # libcurl takes half a head for an answer.
        fault = None
        if code != pycurl.E_OK and not self._truncated:
            fault = fault_of(self._ending(code, message, status), target=job.target, timeout_s=job.request.timeout_s)
        return SendResult(
            outcome=Outcome.ANSWERED if fault is None else fault.outcome,
            status=status,
            headers=() if fault is not None and fault.outcome is Outcome.PROXY else headers,
            body=b"".join(self._body),
            truncated=self._truncated,
            error=None if fault is None else fault.error,
            duration_s=monotonic_s() - job.started_at,
            address=(fault and fault.address) or getinfo(pycurl.PRIMARY_IP) or None,
        )

    def _ending(self, code: int, message: str, status: int | None) -> Ending:
        return Ending(
            code=code,
            message=message,
            status=status,
            blocked_address=self._blocked,
            proxied=self._is_proxied,
            proxy_status=self.curl.getinfo(pycurl.HTTP_CONNECTCODE),
            head_is_too_large=self._head_is_too_large,
            lacks_sockets=self._lacks_sockets,
        )

    def _take_head(self, line: bytes) -> int | None:
        self._head_room -= len(line)
        self._head.append(line)
        if self._head_room >= 0 and len(self._head) <= self._options.max_header_lines:
            return None
        self._head_is_too_large = True
        return -1

    def _take_body(self, chunk: bytes) -> int | None:
        size = len(chunk)
        if size <= self._room:
            self._room -= size
            self._body.append(chunk)
            return None
        self._body.append(chunk[: self._room])
        self._truncated = True
        return -1  # Ends the transfer, and its connection: nobody reads on just to be polite.

    def _open_socket(self, _purpose: int, address: tuple[int, int, int, tuple[str, int]]) -> NewSocket | int:
        family, kind, protocol, (host, port, *_) = address
        vetted = self._route.addresses
        if (
            vetted is not None
            and not self._is_proxied
            and (parse_address(host) not in vetted or port != self._job.target.port)
        ):  # libcurl was told where to connect; should it ever know better, it ends here.
            self._blocked = host
            return int(pycurl.SOCKET_BAD)
        try:
            return NewSocket(family, kind, protocol)
        except OSError:
            self._lacks_sockets = True
            return int(pycurl.SOCKET_BAD)

    def _set_up(self, options: SenderOptions) -> None:
        setopt = self.curl.setopt
        setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        setopt(pycurl.HTTP09_ALLOWED, 0)
        setopt(pycurl.FOLLOWLOCATION, 0)
        setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        setopt(pycurl.NOSIGNAL, 1)
        setopt(pycurl.POST, 1)
        setopt(pycurl.PROXY, options.proxy_url or "")  # Empty: also none from the environment.
        setopt(pycurl.NOPROXY, "")
        setopt(pycurl.USERAGENT, options.user_agent)
        setopt(pycurl.MAXAGE_CONN, options.idle_connection_s)
        setopt(pycurl.MAXLIFETIME_CONN, options.connection_lifetime_s)
        setopt(pycurl.HEADERFUNCTION, self._take_head)
        setopt(pycurl.WRITEFUNCTION, self._take_body)
        setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        setopt(pycurl.SOCKOPTFUNCTION, keep_from_children)

    def _set_up_tls(self, tls: TlsOptions | None) -> None:
        setopt = self.curl.setopt
        setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        setopt(pycurl.SSL_VERIFYPEER, 1)
        setopt(pycurl.SSL_VERIFYHOST, 2)
        setopt(pycurl.CAINFO, certifi.where())  # A file, and not its bytes: libcurl parses it once for all connections.
        if self._is_proxied:
            setopt(pycurl.PROXY_CAINFO, certifi.where())
        if tls is None:
            return
        if tls.ca_pem is not None:
            setopt(pycurl.CAINFO_BLOB, tls.ca_pem)
        if tls.client_cert_pem is not None:
            setopt(pycurl.SSLCERT_BLOB, tls.client_cert_pem)
            setopt(pycurl.SSLKEY_BLOB, tls.client_key_pem or tls.client_cert_pem)
