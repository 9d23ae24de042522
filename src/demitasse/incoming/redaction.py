"""What the log may show of bodies, parameters and messages: the secrets in them become ``***``."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from demitasse.delivery.redaction import REDACTED, is_secret_name

_MORE_SECRET_NAMES = frozenset({"appid", "app_id", "card_number", "cvc", "cvv", "otp", "pin", "sid"})
_MAX_DEPTH = 20
_PLAIN = frozenset({str, int, float, bool, type(None)})
_SHORTEST_SECRET = 4
"""A shorter value stands everywhere by chance; replacing it would tell where it is."""


@lru_cache(maxsize=1024)
def holds_secret(name: str) -> bool:
    """Return whether a header, parameter or field of this name usually holds a credential."""
    return name.lower() in _MORE_SECRET_NAMES or is_secret_name(name)


def redact(value: Any, *, depth: int = 0) -> Any:
    """Return a JSON-like value with ``***`` for what stands under the name of a secret; the value itself is not changed."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        if depth >= _MAX_DEPTH:
            return REDACTED
        return {
            key: REDACTED if value_is_secret(str(key), item) else redact(item, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return REDACTED if depth >= _MAX_DEPTH else [redact(item, depth=depth + 1) for item in value]
    return value


def value_is_secret(name: str, value: Any) -> bool:
    """Return whether a value must not be shown: a secret's name, and not empty or a mere yes or no."""
    return value is not None and not isinstance(value, bool) and value != "" and holds_secret(name)


def secrets_in(value: Any, *, depth: int = 0) -> set[str]:
    """Return the texts in a JSON-like value that stand under the name of a secret."""
    found: set[str] = set()
    if depth >= _MAX_DEPTH:
        return found
    if isinstance(value, Mapping):
        for key, item in value.items():
            if value_is_secret(str(key), item) and not isinstance(item, Mapping | list | tuple):
                found.add(str(item))
            else:
                found |= secrets_in(item, depth=depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            found |= secrets_in(item, depth=depth + 1)
    return found


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return a text with ``***`` wherever one of the secrets stands in it, also as a part of a URL."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            for form in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}:
                text = text.replace(form, REDACTED)
    return text
