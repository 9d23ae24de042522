"""Frappe's v1 envelope: what success and failure look like."""

import html
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from demitasse.auth.errors import NotPermitted, TooManyLogins, WrongLogin
from demitasse.documents.errors import DocumentError, DocumentNotFound, MandatoryMissing
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.ids import random_name
from demitasse.web.errors import TooBusy, describe

JSON_HEADERS = ((b"content-type", b"application/json"),)
UNEXPECTED = "The server failed to answer; the fault has been logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = field(default=JSON_HEADERS)

    def with_headers(self, *more: tuple[bytes, bytes]) -> "Answer":
        """Return the answer with more headers."""
        return replace(self, headers=(*self.headers, *more))


def success(
    key: str,
    value: Any,
    *,
    status: int = 200,
    messages: Sequence[Mapping[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
) -> Answer:
    """Return ``{"data": ...}`` or ``{"message": ...}``; a value of ``None`` leaves the key out."""
    content: dict[str, Any] = {} if value is None else {key: value}
    if more:
        content.update(more)
    if messages:
        content["_server_messages"] = _server_messages(messages)
    return Answer(status=status, body=json.encode(content))


def failure(
    error: Exception,
    *,
    messages: Sequence[Mapping[str, Any]] = (),
    developer_mode: bool = False,
    has_expired: bool = False,
) -> Answer:
    """Return the envelope of an error: ``exc_type``, ``exception``, ``exc`` and ``_server_messages``.

    Args:
        has_expired: The browser's session has ended, which may be all that is wrong.
    """
    status, name = describe(error)
    text = str(error) if isinstance(error, DemitasseError) or developer_mode else UNEXPECTED
    kind = f"frappe.exceptions.{name}" if isinstance(error, DemitasseError) else name
    content: dict[str, Any] = {
        "exception": f"{kind}: {text}" if text else kind,
        "exc_type": name,
        "exc": json.encode([_trace(error, name, text, developer_mode=developer_mode)]).decode(),
    }
    shown = [*messages, *_messages(error, text)]
    if shown:
        content["_server_messages"] = _server_messages(shown)
    if isinstance(error, NotPermitted) and "doctype" in error.data:
        content["_error_message"] = _permission_text(error)
    if isinstance(error, WrongLogin):
        content["message"] = text
    if has_expired and status in {401, 403}:
        content["session_expired"] = 1
    return Answer(status=status, body=json.encode(content), headers=headers_of_error(error, status))


def headers_of_error(error: Exception, status: int) -> Sequence[tuple[bytes, bytes]]:
    """Return the headers that an error goes out with, in both versions of the API."""
    headers = list(JSON_HEADERS)
    if isinstance(error, TooBusy | TooManyLogins):
        headers.append((b"retry-after", str(error.data.get("retry_after_s", 1)).encode()))
    if status == 401:  # noqa: PLR2004 - RFC 9110 asks for the challenge
        headers.append((b"www-authenticate", b"token"))
    return headers


def trace(error: Exception) -> str:
    """Return the stack of an error, for developers."""
    return "".join(traceback.format_exception(error))


def _trace(error: Exception, name: str, text: str, *, developer_mode: bool) -> str:
    if developer_mode:
        return trace(error)
    return f"{name}: {text}"


def _messages(error: Exception, text: str) -> list[dict[str, Any]]:
    if isinstance(error, MandatoryMissing):
        return [{"message": message, "title": "Message"} for message in error.data["messages"]]
    if not text or not isinstance(error, DemitasseError):
        return []
    title = error.title if isinstance(error, DocumentError) else error.data.get("title")
    message: dict[str, Any] = {"message": text, "title": title or "Message"}
    if title or not isinstance(error, NotPermitted):
        message.update(indicator="red", raise_exception=1)
    if isinstance(error, DocumentNotFound):
        message["message"] = html.escape(text, quote=False)
    message["__frappe_exc_id"] = random_name(56)
    return [message]


def _permission_text(error: NotPermitted) -> str:
    doctype, action, name = error.data["doctype"], error.data.get("action", "read"), error.data.get("name") or ""
    if action in {"select", "report"} or (action == "read" and not name):
        return f"No permission for {doctype}"
    return f"You need the '{action}' permission on <strong>{doctype}</strong> {name} to perform this action."


def _server_messages(messages: Sequence[Mapping[str, Any]]) -> str:
    return json.encode([json.encode(message).decode() for message in messages]).decode()
