"""Rows of Integration Request: bounded in size, without secrets."""

from collections.abc import Iterable, Mapping
from typing import Any

from demitasse.delivery.redaction import REDACTED
from demitasse.frappe.log_rows import cut
from demitasse.incoming.redaction import redact, scrub, value_is_secret
from demitasse.kernel import json
from demitasse.kernel.json import MalformedJson

MAX_TEXT_LENGTH = 10_000
_MAX_PARSED_BYTES = 65_536


def headers_text(headers: Mapping[str, Any]) -> str:
    """Return headers as JSON, credentials as ``***``."""
    shown = {name: REDACTED if value_is_secret(name, value) else str(value) for name, value in headers.items()}
    return _json_text(shown)


def body_text(body: Any, *, secrets: Iterable[str] = ()) -> str | None:
    """Return a body for the log: a JSON-like value, or text or bytes that may be JSON.

    Args:
        secrets: Texts that must not be shown wherever they stand.
    """
    if body is None or body in ("", b""):
        return None
    if isinstance(body, bytes | bytearray | str):
        if is_long(body):
            return f"{len(body)} {'characters' if isinstance(body, str) else 'bytes'}, not kept"
        try:
            body = json.decode(bytes(body) if isinstance(body, bytearray) else body)
        except MalformedJson:
            text = body if isinstance(body, str) else body.decode("utf-8", "replace")
            return cut(scrub(text, secrets), MAX_TEXT_LENGTH)
    return _json_text(redact(body), secrets=secrets)


def is_long(body: bytes | bytearray | str) -> bool:
    """Return whether a body is too long to be looked into for the log."""
    return len(body) > _MAX_PARSED_BYTES


def _json_text(value: Any, *, secrets: Iterable[str] = ()) -> str:
    try:
        text = json.encode(value).decode()
    except (TypeError, ValueError):  # What has no JSON form is shown as Python shows it.
        text = str(value)
    return cut(scrub(text, secrets), MAX_TEXT_LENGTH)
