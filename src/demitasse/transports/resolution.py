"""From a target to addresses that may be reached: resolve once, vet all, remember for a few seconds."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.addresses import AllowList
from demitasse.transports.faults import NOT_FOUND, NOT_PUBLIC
from demitasse.transports.hosts import IpAddress, in_url, parse_address
from demitasse.transports.model import Fault, Outcome
from demitasse.transports.urls import Target

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns all addresses of a host name, as text; raises ``OSError`` where there are none."""

_MAX_ADDRESSES_TRIED = 8
_MAX_REMEMBERED = 4096
_LOOKUP_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The vetted way to a target.

    Args:
        addresses: The only ones that a connection may be opened to; None: wherever libcurl finds the name.
        pins: For libcurl's RESOLVE: the name leads to these addresses, and nothing else is asked.
    """

    addresses: tuple[IpAddress, ...] | None
    pins: tuple[str, ...]


_BY_PROXY = Route(addresses=(), pins=())


class SystemResolver:
    """Looks names up as the operating system does, in threads of its own.

    A name server that hangs occupies these threads, and not those that the rest of the process lives on.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="name-lookup")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of ``host``, in the order to try them."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Let the threads end; look-ups that run are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Routes:
    """Finds the vetted route to a target.

    Concurrent questions for one name share one look-up, which goes on when those who asked have given up: a name that
    hangs takes one thread, however many deliveries wait for it.

    Args:
        name_cache_s: How long an answer is remembered.
        asks_proxy: Names are left to a proxy, to look up and to guard; addresses in URLs are still vetted here.
    """

    def __init__(self, *, allow: AllowList, resolve: Resolver, name_cache_s: float, asks_proxy: bool) -> None:
        self._allow = allow
        self._asks_proxy = asks_proxy
        self._resolve = resolve
        self._name_cache_s = name_cache_s
        self._remembered: dict[str, tuple[float, Route | Fault]] = {}
        self._running: dict[str, asyncio.Task[Route | Fault]] = {}

    def remembered(self, target: Target) -> Route | Fault | None:
        """Return what is known without asking anybody, or ``None``."""
        key = target.authority
        entry = self._remembered.get(key)
        if entry is not None and entry[0] > monotonic_s():
            return entry[1]
        if isinstance(target.host, str):
            return _BY_PROXY if self._asks_proxy else None
        return self._remember(key, self._vet(target, (target.host,)), until_s=float("inf"))

    async def look_up(self, target: Target) -> Route | Fault:
        """Return the route to a named host, or why there is none."""
        key = target.authority
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(self._ask(target))
            running.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(running)

    async def close(self) -> None:
        """End look-ups that run."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, target: Target) -> Route | Fault:
        try:
            found = await self._resolve(str(target.host), target.port)
            addresses = tuple(map(parse_address, found))
        except (OSError, ValueError):
            addresses = ()
        if not addresses:
            return Fault(outcome=Outcome.DNS, error=NOT_FOUND.format(host=target.host))
        route = self._vet(target, addresses)
        return self._remember(target.authority, route, until_s=monotonic_s() + self._name_cache_s)

    def _vet(self, target: Target, addresses: tuple[IpAddress, ...]) -> Route | Fault:
        for address in addresses:
            if self._allow.refusal(target.host, address) is not None:
                return Fault(
                    outcome=Outcome.BLOCKED,
                    error=NOT_PUBLIC.format(where=target.authority),
                    address=str(address),
                )
        tried = addresses[:_MAX_ADDRESSES_TRIED]
        listed = ",".join(map(in_url, tried))
        # The plus sign lets the entry age in libcurl's cache, where each name ever sent to would stay otherwise.
        pins = (f"+{target.host}:{target.port}:{listed}",) if isinstance(target.host, str) else ()
        return Route(addresses=tried, pins=pins)

    def _remember(self, key: str, route: Route | Fault, *, until_s: float) -> Route | Fault:
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (until_s, route)
        return route
