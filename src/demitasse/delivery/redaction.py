"""What the log may show of a request."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from demitasse.vault.references import is_reference

REDACTED = "***"
_SECRET_NAME = re.compile(
    r"api[-_]?key|auth(?!or)|authori[sz]|cookie|credential|jwt|(?:^|[-_])key$|passw|pwd|secret|session|\bsig\b|signature$|token",
    re.IGNORECASE,
)
_PUBLIC_NAMES = frozenset(
    {
        "idempotency-key",
        "webhook-signature",
        "x-frappe-webhook-signature",
        "www-authenticate",
    }
)
"""Names that look like a secret's and are none: a signature tells nothing of its key."""


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Return whether a header or parameter of this name usually holds a credential."""
    return name.lower() not in _PUBLIC_NAMES and _SECRET_NAME.search(name) is not None


def redact_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers, as they were before references were resolved, for the log: credentials as ``***``."""
    return {name: REDACTED if is_secret_name(name) and not is_reference(value) else value for name, value in headers}


@lru_cache(maxsize=1024)
def redact_url(url: str) -> str:
    """Return a URL for the log: without a password, and with ``***`` for parameters that hold credentials."""
    if "?" not in url and "@" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    host = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if host == parts.netloc and not any(is_secret_name(name) for name, _ in pairs):
        return url
    query = urlencode([(name, REDACTED if is_secret_name(name) else value) for name, value in pairs], safe="*")
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))
