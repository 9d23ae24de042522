"""``throw`` and ``msgprint``."""

from typing import Any, NoReturn

from demitasse.documents.errors import DocumentError
from demitasse.frappe.context import current, find_current
from demitasse.kernel.errors import DemitasseError


def throw(
    msg: str,
    exc: type[Exception] | Exception = DocumentError,
    title: str | None = None,
    **_: Any,
) -> NoReturn:
    """Stop the call with a message for people.

    Args:
        exc: The kind of error; an own subclass may carry ``http_status_code``.
    """
    if isinstance(exc, Exception):
        raise exc
    if issubclass(exc, DocumentError):
        raise exc(msg, title=title)
    if issubclass(exc, DemitasseError):
        raise exc(msg)
    raise exc(msg)


def msgprint(
    msg: str,
    title: str | None = None,
    raise_exception: bool | type[Exception] = False,
    as_list: bool = False,
    indicator: str | None = None,
    alert: bool = False,
    **_: Any,
) -> None:
    """Send a message for people beside the answer."""
    if raise_exception:
        throw(msg, raise_exception if isinstance(raise_exception, type) else DocumentError, title)
    message: dict[str, Any] = {"message": msg, "title": title or "Message"}
    if indicator:
        message["indicator"] = indicator
    if alert:
        message["alert"] = 1
    current().messages.append(message)


def clear_messages() -> None:
    """Forget the messages so far."""
    call = find_current()
    if call is not None:
        call.messages.clear()
