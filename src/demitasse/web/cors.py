"""Which other origins' pages may call the API (``allow_cors``). Source: the Fetch standard, CORS protocol."""

from collections.abc import Collection, Iterable

Header = tuple[bytes, bytes]
_ANY = "*"
_EXPOSED = b"Retry-After, X-Demitasse-Unknown-Fields"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_PREFLIGHT_S = b"86400"


def headers(method: str, sent: Iterable[Header], *, allowed: Collection[str]) -> list[Header]:
    """Return the headers that let a page of the sending origin read the answer; none where it may not.

    A listed origin may send credentials. ``*`` lets every origin call with a token, but never with cookies.

    Args:
        sent: The request's headers, names in lower case.
        allowed: Origins such as ``https://shop.example.com``, or ``*``.
    """
    found = dict(sent)
    vary = (b"vary", b"Origin")
    origin = found.get(b"origin")
    if origin is None:
        return [vary]
    if origin.decode("latin-1") in allowed:
        answer = [vary, (b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
    elif _ANY in allowed:
        answer = [vary, (b"access-control-allow-origin", b"*")]
    else:
        return [vary]
    if method != "OPTIONS" or b"access-control-request-method" not in found:
        return [*answer, (b"access-control-expose-headers", _EXPOSED)]
    answer += [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _PREFLIGHT_S)]
    wanted = found.get(b"access-control-request-headers")
    if wanted:
        answer.append((b"access-control-allow-headers", wanted))
    return answer
