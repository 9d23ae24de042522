"""The guarded HTTP sender: one attempt per request, and every fault a result."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import pycurl

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.addresses import AllowList
from demitasse.transports.easy import Easy, Job
from demitasse.transports.errors import UnusableProxy, UnusableRequest, UnusableUrl
from demitasse.transports.headers import check_method, header_lines
from demitasse.transports.model import Fault, Outcome, OutgoingRequest, SenderOptions, SendResult, TlsOptions
from demitasse.transports.multi import Multi
from demitasse.transports.places import Places
from demitasse.transports.resolution import Resolver, Route, Routes, SystemResolver
from demitasse.transports.urls import parse_url

__all__ = ["HttpSender", "Outcome", "OutgoingRequest", "SendResult", "SenderOptions", "TlsOptions"]

OnDone = Callable[[SendResult], None]

_PROXY_SCHEMES = frozenset({"http", "https", "socks5h"})
_MAX_IDLE_HANDLES = 256
_MAX_TIMEOUT_S = 3600
_STOPPED = Fault(outcome=Outcome.RESET, error="This server stops; the request was not sent.")


class HttpSender:
    """Sends requests to places on the public internet, and to those that the operator allows.

    Made and used on one event loop. A name is resolved once and every address vetted; redirects are not followed;
    nothing is sent twice, except where a kept-alive connection turns out closed before any line of an answer: then
    libcurl sends the request again on a new one.

    Args:
        allow: What is reachable although it is not public.
        options: Behaviour towards all receivers.
        resolve: How names are looked up; the operating system's way unless given.

    Raises:
        UnusableProxy: the proxy's URL cannot be used.
    """

    def __init__(
        self,
        *,
        allow: AllowList,
        options: SenderOptions | None = None,
        resolve: Resolver | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._options = options = options or SenderOptions()
        _check_proxy(options.proxy_url)
        self._loop = loop or asyncio.get_running_loop()
        self._system_resolver = SystemResolver()
        self._routes = Routes(
            allow=allow,
            resolve=resolve or self._system_resolver,
            name_cache_s=options.name_cache_s,
            asks_proxy=options.proxy_url is not None,
        )
        self._multi = Multi(loop=self._loop, max_idle_connections=options.max_idle_connections)
        self._places: Places[Job] = Places(total=options.max_requests, per_receiver=options.max_requests_per_receiver)
        self._idle: list[Easy] = []
        self._looking_up: dict[Job, asyncio.Task[None]] = {}
        self._is_closed = False

    def start(self, request: OutgoingRequest, on_done: OnDone) -> None:
        """Send a request; ``on_done`` gets its result later, on the loop, once, and never within this call."""
        self._start(request, on_done)

    async def send(self, request: OutgoingRequest) -> SendResult:
        """Send a request and return its result; a cancelled call breaks the transfer off."""
        done: asyncio.Future[SendResult] = self._loop.create_future()
        job = self._start(request, lambda result: None if done.done() else done.set_result(result))
        try:
            return await done
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    async def close(self) -> None:
        """End at once: what is under way gets its result as RESET, connections are closed. No look-up is waited for."""
        if self._is_closed:
            return
        self._is_closed = True
        for job, task in tuple(self._looking_up.items()):
            task.cancel()
            self._fail(job, _STOPPED)
        self._looking_up.clear()
        for job in self._places.clear():
            self._stop_timer(job)
            self._fail(job, _STOPPED)
        self._multi.close()
        while self._idle:
            self._idle.pop().close()
        await self._routes.close()
        self._system_resolver.close()
        await asyncio.sleep(0)  # Lets results through that are on their way.

    def _start(self, request: OutgoingRequest, on_done: OnDone) -> Job | None:
        started_at = monotonic_s()
        try:
            check_method(request.method)
            _check_timeout(request.timeout_s)
            target = parse_url(request.url)
            lines = header_lines(request.headers)
        except (UnusableRequest, UnusableUrl) as error:
            self._loop.call_soon(self._deliver, on_done, SendResult(outcome=Outcome.INVALID, error=error.message))
            return None
        job = Job(request=request, on_done=on_done, lines=lines, target=target, started_at=started_at)
        if self._is_closed:
            self._fail(job, _STOPPED)
            return job
        route = self._routes.remembered(target)
        if route is None:
            self._looking_up[job] = self._loop.create_task(self._look_up(job))
        else:
            self._go(job, route)
        return job

    async def _look_up(self, job: Job) -> None:
        try:
            async with asyncio.timeout(job.request.timeout_s):
                route = await self._routes.look_up(job.target)
        except TimeoutError:
            route = _late_look_up(job)
        except Exception as error:  # noqa: BLE001 (a resolver's bug must not lose a delivery)
            self._report(error)
            route = Fault(outcome=Outcome.DNS, error=f"Looking up {job.target.host} failed. See this server's log.")
        del self._looking_up[job]
        self._go(job, route)

    def _go(self, job: Job, route: Route | Fault) -> None:
        if isinstance(route, Fault):
            self._fail(job, route)
            return
        job.route = route
        if self._places.enter(job.target.authority, job):
            self._carry(job, route)
        else:
            left_s = job.started_at + job.request.timeout_s - monotonic_s()
            job.timer = self._loop.call_later(left_s, self._give_up, job)

    def _carry(self, job: Job, route: Route) -> None:
        tls = job.request.tls
        try:
            fits = tls is None and self._idle
            easy = self._idle.pop() if fits else Easy(self._options, tls=tls, on_result=self._finish)
            easy.begin(job, route)
        except pycurl.error as error:
            self._leave(job)
            self._fail(job, Fault(outcome=Outcome.INVALID, error=f"The request cannot be sent: {error}."))
            return
        self._multi.add(easy)

    def _finish(self, easy: Easy, job: Job, result: SendResult) -> None:
        if easy.is_reusable and len(self._idle) < _MAX_IDLE_HANDLES and not self._is_closed:
            self._idle.append(easy)
        else:
            easy.close()
        self._leave(job)
        self._deliver(job.on_done, result)

    def _leave(self, job: Job) -> None:
        following = self._places.leave(job.target.authority)
        if following is not None and following.route is not None:
            self._stop_timer(following)
            self._carry(following, following.route)

    def _give_up(self, job: Job) -> None:
        job.timer = None
        self._places.give_up(job.target.authority, job)
        self._fail(job, _busy(job))

    def _stop_timer(self, job: Job) -> None:
        if job.timer is not None:
            job.timer.cancel()
            job.timer = None

    def _fail(self, job: Job, fault: Fault) -> None:
        result = SendResult(
            outcome=fault.outcome,
            error=fault.error,
            address=fault.address,
            duration_s=monotonic_s() - job.started_at,
        )
        self._loop.call_soon(self._deliver, job.on_done, result)

    def _deliver(self, on_done: OnDone, result: SendResult) -> None:
        try:
            on_done(result)
        except Exception as error:  # noqa: BLE001 (one caller's bug must not lose the results of the others)
            self._report(error)

    def _abandon(self, job: Job | None) -> None:
        if job is None:
            return
        if job.easy is not None:
            self._multi.abandon(job.easy)
            job.easy.close()
            self._leave(job)
        elif job.timer is not None:
            self._stop_timer(job)
            self._places.give_up(job.target.authority, job)
        elif (task := self._looking_up.pop(job, None)) is not None:
            task.cancel()

    def _report(self, error: Exception) -> None:
        self._loop.call_exception_handler({"message": "An error while sending a request", "exception": error})


def _late_look_up(job: Job) -> Fault:
    return Fault(
        outcome=Outcome.TIMEOUT,
        error=(
            f"The host name {job.target.host} could not be looked up within {job.request.timeout_s:g} s. "
            "Check the name's DNS servers."
        ),
    )


def _busy(job: Job) -> Fault:
    return Fault(
        outcome=Outcome.TIMEOUT,
        error=(
            f"{job.target.authority} is too slow for what it is sent: no place for another request came free within "
            f"{job.request.timeout_s:g} s. Answer first and work afterwards."
        ),
    )


def _check_timeout(timeout_s: float) -> None:
    if not 0 < timeout_s <= _MAX_TIMEOUT_S:
        message = f"A timeout of {timeout_s:g} s cannot be kept. Set one above 0 and up to {_MAX_TIMEOUT_S} s."
        raise UnusableRequest(message)


def _check_proxy(url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        message = "The outgoing proxy's URL cannot be used. Write it as http://host:port, https://… or socks5h://…."
        raise UnusableProxy(message)
