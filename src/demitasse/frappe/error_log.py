"""``frappe.log_error``: faults that the site's owner should see, kept also when the call is rolled back."""

import sys
import traceback
from typing import Any

import structlog

from demitasse.frappe.context import find_current
from demitasse.frappe.log_rows import ERROR_LOG, cut, new_row, write_after
from demitasse.frappe.model.document import Document, document_of

_log = structlog.get_logger("demitasse.app")
_TITLE_LENGTH = 140
_MESSAGE_LENGTH = 100_000


def log_error(
    title: Any = None,
    message: Any = None,
    reference_doctype: str | None = None,
    reference_name: str | None = None,
    *,
    defer_insert: bool = False,
    **_: Any,
) -> Document | None:
    """Write an Error Log once the running call has ended, and return it; ``None`` outside of a call.

    Title and message may come in either order: the one with several lines, else the longer one when it is no title, is
    the message. Without a message it is the exception that is being handled, if there is one.
    """
    heading, text = sort_out(title, message, trace=get_traceback())
    call = find_current()
    _log.error("app.error", title=heading, doctype=reference_doctype, document=reference_name)
    if call is None:
        return None
    values = {
        "method": heading,
        "error": cut(text, _MESSAGE_LENGTH),
        "reference_doctype": None if reference_doctype is None else cut(str(reference_doctype)),
        "reference_name": None if reference_name is None else cut(str(reference_name)),
        "seen": 0,
    }
    record = new_row(call, ERROR_LOG, values)
    write_after(call, record)
    return document_of(record)


def get_traceback(**_: Any) -> str:
    """Return the exception that is being handled, with its frames; empty when there is none."""
    return "".join(traceback.format_exception(*sys.exc_info())) if sys.exc_info()[0] is not None else ""


def sort_out(title: Any, message: Any, *, trace: str) -> tuple[str, str]:
    """Return a title of one line and the message, from two values in either order, each of which may be missing.

    Args:
        trace: The message when none was given.
    """
    first, second = _text(title), _text(message)
    if first and second:
        if _is_message(first) and not _is_message(second):
            first, second = second, first
    elif _is_message(first or second):
        first, second = "", first or second
    else:
        first, second = first or second, trace
    lines = first.strip().splitlines()
    heading = lines[0] if lines else _last_line(second) or "Error"
    return cut(heading, _TITLE_LENGTH), second or heading


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _is_message(text: str) -> bool:
    return "\n" in text.strip() or len(text) > _TITLE_LENGTH


def _last_line(text: str) -> str:
    """Return the line of a traceback that says what happened."""
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
