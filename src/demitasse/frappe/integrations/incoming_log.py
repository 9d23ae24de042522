"""The log of signed calls: one Integration Request for each, with what the verification found.

A call that is answered is logged in its own transaction, which costs no commit more; one that failed after its end.
"""

from typing import Any

import structlog

from demitasse.db.errors import DatabaseError
from demitasse.documents.model import Record
from demitasse.frappe.context import Call
from demitasse.frappe.integrations.request_log import MAX_TEXT_LENGTH, body_text, headers_text, is_long
from demitasse.frappe.log_rows import INTEGRATION_REQUEST, cut, new_row, write_after, write_now
from demitasse.incoming.model import Verdict

_log = structlog.get_logger("demitasse.incoming")
_STRANGERS_TEXT_LENGTH = 2_000
"""Less is kept of what nobody vouches for."""


def log_answered(call: Call, function: str, verdict: Verdict, result: Any, *, duration_s: float) -> None:
    """Log a call that was verified and answered."""
    record = _row(call, function, verdict, status="Completed", output=body_text(result), duration_s=duration_s)
    if not call.tx.writable:
        write_after(call, record)
        return
    try:
        write_now(call, call.tx, record)
    except DatabaseError:
        _log.exception("incoming.log_failed", function=function)


def log_failed(call: Call, function: str, verdict: Verdict, error: Exception, *, duration_s: float) -> None:
    """Log a call that was refused, or verified and then not answered."""
    text = cut(f"{type(error).__name__}: {error}", MAX_TEXT_LENGTH)
    write_after(call, _row(call, function, verdict, status="Failed", error=text, duration_s=duration_s))


def _row(
    call: Call,
    function: str,
    verdict: Verdict,
    *,
    status: str,
    duration_s: float,
    output: str | None = None,
    error: str | None = None,
) -> Record:
    request = call.request
    values: dict[str, Any] = {
        "request_id": None if verdict.message_id is None else cut(verdict.message_id),
        "integration_request_service": verdict.scheme,
        "is_remote_request": 1,
        "request_description": cut(function),
        "status": status,
        "verification": verdict.summary,
        "duration_ms": round(duration_s * 1000),
        "output": output,
        "error": error,
    }
    if request is not None:
        length = MAX_TEXT_LENGTH if verdict.is_good else _STRANGERS_TEXT_LENGTH
        body = body_text(request.body if is_long(request.body) else call.arguments or request.body)
        values.update(
            request_method=cut(request.method, 10),
            url=cut(request.path, length),
            remote_address=request.remote_address,
            request_headers=cut(headers_text(request.headers), length),
            data=None if body is None else cut(body, length),
        )
    return new_row(call, INTEGRATION_REQUEST, values)
