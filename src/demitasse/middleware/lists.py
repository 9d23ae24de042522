"""Lists of the site from a cache: one fetch at a time, and the last good answer while the site is down."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import structlog

from demitasse.client.protocol import list_request
from demitasse.kernel import json
from demitasse.kernel.clock import Clock, monotonic_s
from demitasse.middleware.errors import StoreFailed
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.mapping import ListRoute
from demitasse.middleware.refusals import refusal_of
from demitasse.middleware.upstream import AskingFailed

PAGE_LENGTH = 500
PATIENCE_S = 3.0
"""How long a phone waits for a fetch while an older answer is there."""
_FETCH_AGAIN_S = 2.0
_MAX_PAGES = 1000
_log = structlog.get_logger("demitasse.middleware")

Ask = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An answer as it goes out.

    Args:
        gzipped: The same body, for phones that take it so.
        is_stale: The site could not be asked whether it still holds.
        age_s: Since it was fetched.
    """

    body: bytes
    gzipped: bytes
    etag: str
    is_stale: bool
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    body: bytes
    gzipped: bytes
    etag: str
    generation: int
    fetched_at_s: float


class CachedList:
    """The answer of one list route. Every method belongs to the loop's thread.

    Args:
        ask: Asks the site one request.
        patience_s: How long an older answer is held back for a newer one.
    """

    def __init__(
        self, route: ListRoute, *, ask: Ask, keeping: Keeping, clock: Clock, patience_s: float = PATIENCE_S
    ) -> None:
        self._route = route
        self._ask = ask
        self._keeping = keeping
        self._clock = clock
        self._patience_s = patience_s
        self._answer: _Answer | None = None
        self._generation = 0
        self._fetching: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._fetch_again_at_s = 0.0
        self._shown: Shown | None = None
        self._shown_until_s = 0.0

    async def start(self) -> None:
        """Take up what an earlier process fetched; it is stale until the site has been asked."""
        kept = await self._keeping.do(lambda store: store.kept_list(self._route.path))
        if kept is not None and self._answer is None:
            age_s = max(0.0, self._clock().timestamp() - kept[1])
            self._answer = _made(kept[0], generation=-1, fetched_at_s=monotonic_s() - age_s)

    def invalidate(self) -> None:
        """Note that the documents changed: the next who asks gets them anew."""
        self._generation += 1
        self._fetch_again_at_s = 0.0
        self._shown = None

    def fresh(self) -> Shown | None:
        """Return the answer if it holds without asking; the same object for up to a second."""
        now_s = monotonic_s()
        if self._shown is not None and now_s < self._shown_until_s:
            return self._shown
        answer = self._answer
        if answer is None or answer.generation != self._generation:
            return None
        age_s = now_s - answer.fetched_at_s
        if age_s >= self._route.cache_s:
            return None
        self._shown = _shown(answer, age_s=age_s, is_stale=False)
        self._shown_until_s = min(now_s + 1, answer.fetched_at_s + self._route.cache_s)
        return self._shown

    async def get(self) -> Shown:
        """Return the documents: fresh, or the last known ones marked as stale.

        Raises:
            Refusal: the site does not give them, and none are known.
        """
        for _ in range(2):  # A change while it was fetched deserves one more try.
            found = self.fresh()
            if found is not None:
                return found
            if self._answer is not None and monotonic_s() < self._fetch_again_at_s:
                break
            fetching = self._fetching or self._begin()
            await asyncio.wait({fetching}, timeout=None if self._answer is None else self._patience_s)
            if not fetching.done() or self._failure is not None:
                break
            fetching.result()  # A bug is told as what it is.
        answer = self._answer
        if answer is None:
            raise refusal_of(self._failure or RuntimeError())
        is_stale = self._failure is not None or answer.generation != self._generation
        return _shown(answer, age_s=monotonic_s() - answer.fetched_at_s, is_stale=is_stale)

    async def close(self) -> None:
        """End the fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _begin(self) -> asyncio.Task[None]:
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        generation = self._generation
        began_s = monotonic_s()
        try:
            rows = await self._rows()
        except AskingFailed as error:
            self._failure = error
            self._fetch_again_at_s = monotonic_s() + _FETCH_AGAIN_S
            return
        finally:
            self._fetching = None
        body = json.encode({"success": True, self._route.answer: rows})
        self._failure = None
        self._shown = None
        self._answer = _made(body, generation=generation, fetched_at_s=began_s)
        _log.info(
            "list.fetched",
            path=self._route.path,
            rows=len(rows),
            duration_ms=round((monotonic_s() - began_s) * 1000, 1),
        )
        fetched_at_s = self._clock().timestamp()
        try:
            await self._keeping.do(lambda store: store.keep_list(self._route.path, body, fetched_at_s=fetched_at_s))
        except StoreFailed as error:  # Phones have it all the same.
            _log.warning("list.not_kept", path=self._route.path, message=error.message)

    async def _rows(self) -> list[dict[str, Any]]:
        """Return the rows of all pages, each once.

        A page after which nothing new comes is the last; a short one may be that of a site which gives fewer rows than
        it is asked for. What changes between two pages can be missed, and is there with the next fetch.
        """
        route = self._route
        found: dict[bytes, dict[str, Any]] = {}
        start = 0
        for _ in range(_MAX_PAGES):
            request = list_request(
                route.doctype,
                fields=route.fields,
                filters=route.filters,
                order_by=route.order_by,
                limit_start=start,
                limit_page_length=PAGE_LENGTH,
            )
            rows: list[dict[str, Any]] = await self._ask(request)
            before = len(found)
            for row in rows:
                found.setdefault(json.encode(row), row)
            if len(found) == before:
                break
            start += len(rows)
        return list(found.values())


def _made(body: bytes, *, generation: int, fetched_at_s: float) -> _Answer:
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    return _Answer(
        body=body, gzipped=gzip.compress(body, 6, mtime=0), etag=etag, generation=generation, fetched_at_s=fetched_at_s
    )


def _shown(answer: _Answer, *, age_s: float, is_stale: bool) -> Shown:
    if not is_stale:
        return Shown(body=answer.body, gzipped=answer.gzipped, etag=answer.etag, is_stale=False, age_s=age_s)
    body = b"%b,%b}" % (answer.body[:-1], b'"stale":true')
    etag = f'{answer.etag[:-1]}-stale"'
    return Shown(body=body, gzipped=gzip.compress(body, 1, mtime=0), etag=etag, is_stale=True, age_s=age_s)
