"""Frappe's v2 envelope: ``data`` and ``messages``, or ``errors``."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError
from demitasse.web.envelope import JSON_HEADERS, UNEXPECTED, Answer, headers_of_error, trace
from demitasse.web.errors import describe


def success(
    value: Any,
    *,
    status: int = 200,
    messages: Sequence[Mapping[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
) -> Answer:
    """Return ``{"data": ...}``; a value of ``None`` leaves the key out."""
    content: dict[str, Any] = {} if value is None else {"data": value}
    if more:
        content.update(more)
    if messages:
        content["messages"] = messages
    return Answer(status=status, body=json.encode(content), headers=JSON_HEADERS)


def failure(
    error: Exception,
    *,
    messages: Sequence[Mapping[str, Any]] = (),
    developer_mode: bool = False,
) -> Answer:
    """Return ``{"errors": [{type, message, title, indicator}]}``; ``exception`` holds a traceback in developer mode."""
    status, name = describe(error)
    told: dict[str, Any] = {"type": name}
    if developer_mode:
        told["exception"] = trace(error)
    if isinstance(error, DemitasseError):
        text = str(error)
        if text:
            told["message"] = html.escape(text, quote=False) if isinstance(error, DocumentNotFound) else text
    elif developer_mode:
        told["message"] = str(error)
    else:
        told["message"] = UNEXPECTED
    title = error.title if isinstance(error, DocumentError) else getattr(error, "data", {}).get("title")
    told["title"] = title or "Message"
    if title or not isinstance(error, NotPermitted):
        told["indicator"] = "red"
    content: dict[str, Any] = {"errors": [told]}
    if messages:
        content["messages"] = messages
    return Answer(status=status, body=json.encode(content), headers=headers_of_error(error, status))
