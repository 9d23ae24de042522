"""Identifiers."""

import secrets
import time

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def random_name(length: int = 10) -> str:
    """Return a random document name of lower-case letters and digits (``autoname: hash``)."""
    value = int.from_bytes(secrets.token_bytes(length), "big")
    letters = []
    for _ in range(length):
        value, index = divmod(value, 36)
        letters.append(_ALPHABET[index])
    return "".join(letters)


def random_secret(size_bytes: int = 32) -> str:
    """Return a URL-safe secret with ``size_bytes`` bytes of entropy."""
    return secrets.token_urlsafe(size_bytes)


def webhook_id() -> str:
    """Return a new ``webhook-id``: ``msg_``, the time in milliseconds, 80 random bits; it holds no dot.

    Ids sort by time, as those of UUID version 7 (RFC 9562, section 5.7): keys that grow are cheaper to index.
    """
    return f"msg_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
