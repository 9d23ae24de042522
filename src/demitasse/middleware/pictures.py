"""Pictures of the site's items, for phones that reach the middleware and not the site: public files only, from a cache."""

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

from demitasse.kernel.clock import monotonic_s
from demitasse.middleware.errors import Refusal
from demitasse.middleware.exchange import Headers, Reply
from demitasse.middleware.upstream import Upstream
from demitasse.transports.model import Outcome

PREFIXES = ("/assets/", "/files/")
_SAFE = re.compile(r"/(?:assets|files)(?:/[^/\\?#%\x00-\x1f]+)+\Z")
_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"})
_MAX_BYTES = 4 * 1024 * 1024
_CACHE_BYTES = 64 * 1024 * 1024
_FRESH_S = 3600.0
_OK = 200
_ALONE = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A drawing that is opened by itself runs no script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    body: bytes
    content_type: str
    etag: str
    fetched_at_s: float


class Pictures:
    """Fetches pictures once and keeps them in memory."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._kept: OrderedDict[str, _Picture] = OrderedDict()
        self._size = 0
        self._fetching: dict[str, asyncio.Task[_Picture]] = {}

    async def get(self, path: str, *, if_none_match: str | None) -> Reply:
        """Return the answer for a picture; an older one while the site is down.

        Raises:
            Refusal: there is no such picture.
        """
        if not _SAFE.match(path) or "/../" in f"{path}/" or "/./" in f"{path}/":
            raise _missing()
        kept = self._kept.get(path)
        if kept is None or monotonic_s() - kept.fetched_at_s > _FRESH_S:
            fetching = self._fetching.get(path)
            if fetching is None:
                fetching = asyncio.get_running_loop().create_task(self._fetch(path))
                self._fetching[path] = fetching
                fetching.add_done_callback(lambda _: self._fetching.pop(path, None))
            try:
                kept = await asyncio.shield(fetching)
            except Refusal:
                if kept is None:
                    raise
        headers: Headers = [
            (b"content-type", kept.content_type.encode()),
            (b"cache-control", b"public, max-age=3600"),
            (b"etag", kept.etag.encode()),
            (b"content-security-policy", _ALONE),
        ]
        if if_none_match == kept.etag:
            return Reply(304, headers=headers)
        return Reply(_OK, kept.body, headers)

    async def _fetch(self, path: str) -> _Picture:
        result = await self._upstream.fetch(quote(path), max_bytes=_MAX_BYTES)
        if result.outcome is not Outcome.ANSWERED or (result.status or 0) >= 500:  # noqa: PLR2004 - HTTP's failures
            message = "The shop cannot be reached at the moment"
            raise Refusal(message, status=503, retry_after_s=5)
        headers = {name.lower(): value for name, value in result.headers}
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if result.status != _OK or content_type not in _TYPES or result.truncated or "content-encoding" in headers:
            raise _missing()
        picture = _Picture(
            body=result.body,
            content_type=content_type,
            etag=f'"{sha256(result.body).hexdigest()[:32]}"',
            fetched_at_s=monotonic_s(),
        )
        self._keep(path, picture)
        return picture

    def _keep(self, path: str, picture: _Picture) -> None:
        older = self._kept.pop(path, None)
        self._size += len(picture.body) - (len(older.body) if older else 0)
        self._kept[path] = picture
        while self._size > _CACHE_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.body)


def _missing() -> Refusal:
    return Refusal("There is no such picture", status=404)
