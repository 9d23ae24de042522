"""What a Frappe site answers, as a result or a typed error; pure."""

import html
import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from demitasse.client import errors
from demitasse.client.model import Answer, ApiRequest, Shape
from demitasse.kernel import json

_TAG = re.compile(r"<[^>]*>")
_BLOCK_END = re.compile(r"(?i)<(?:br|/p|/li|/div|/summary|/tr)[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
_MAX_MESSAGE_LENGTH = 1000
_FIRST_REDIRECT, _FIRST_REFUSAL, _FIRST_FAILURE = 300, 400, 500
_BY_TYPE: dict[str, type[errors.SiteError]] = {
    "AuthenticationError": errors.NotAuthenticated,
    "DuplicateEntryError": errors.Duplicate,
    "LinkExistsError": errors.LinkedElsewhere,
    "LinkValidationError": errors.MissingLink,
    "TimestampMismatchError": errors.StaleDocument,
}
_BY_STATUS: dict[int, type[errors.SiteError]] = {
    401: errors.NotAuthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    417: errors.ValidationFailed,
    429: errors.RateLimited,
}
_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504, 508, 520, 521, 522, 523, 524})


def read_answer(request: ApiRequest, answer: Answer) -> Any:
    """Return what the site answers: rows, a document, or what a function returned.

    Raises:
        SiteError: the site refused or failed.
        UnusableAnswer: it is no answer of this API. Never is such a thing taken for an empty list.
    """
    if answer.is_cut:
        message = f"The site's answer to {_name(request)} is too large. Ask for fewer rows or fields at a time."
        raise errors.UnusableAnswer(message, status=answer.status, is_transient=False)
    if answer.status >= _FIRST_REFUSAL:
        raise error_of(request, answer)
    if answer.status >= _FIRST_REDIRECT:
        raise _redirect(request, answer)
    told = _object(request, answer)
    if request.key not in told:
        if request.shape is Shape.ANYTHING and request.key == "message":
            return None  # Frappe leaves out what a function returned when that is None.
        raise _unusable(request, answer, f"it has no {request.key!r}", is_transient=True)
    result = told[request.key]
    if not _has_shape(result, request.shape):
        raise _unusable(request, answer, f"{request.key!r} holds no {request.shape.value}", is_transient=False)
    return result


def error_of(request: ApiRequest, answer: Answer) -> errors.ClientError:
    """Return the error that an answer of 400 and above tells."""
    told = _decoded(answer.body)
    if not isinstance(told, dict):
        return _error_of_a_page(request, answer)
    exc_type = str(told.get("exc_type") or "")
    messages = _messages(told)
    return _kind(answer.status, exc_type)(
        _sentence(request, answer.status, exc_type, messages),
        status=answer.status,
        exc_type=exc_type,
        messages=messages,
        retry_after_s=retry_after_s(answer),
    )


def retry_after_s(answer: Answer) -> float | None:
    """Return how long the site asks to be left alone: of a date, counted on the site's own clock.

    Source: RFC 9110, section 10.2.3.
    """
    text = (answer.header("retry-after") or "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        since = parsedate_to_datetime(answer.header("date") or "")
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):  # Not a date, or one with a zone and one without.
        return None


def is_transient(error: errors.ClientError) -> bool:
    """Say whether the same request may well succeed a little later."""
    match error:
        case errors.SiteUnreachable() | errors.RateLimited():
            return True
        case errors.UnusableAnswer():
            return error.is_transient
        case errors.ServerFailed():  # A 500 that names its error is the application's, and comes again.
            return error.status in _TRANSIENT_STATUSES and not (error.status == _FIRST_FAILURE and error.exc_type)
        case _:
            return False


def has_not_happened(error: errors.ClientError) -> bool:
    """Say whether it is certain that the site has done nothing."""
    match error:
        case errors.SiteUnreachable():
            return not error.was_sent
        case errors.RateLimited():
            return True
        case _:
            return False


def plain_text(markup: str) -> str:
    """Return a message of Frappe's, which may be HTML, as text of one paragraph."""
    text = html.unescape(_TAG.sub("", _BLOCK_END.sub(" ", markup)))
    return " ".join(text.split())[:_MAX_MESSAGE_LENGTH]


def _object(request: ApiRequest, answer: Answer) -> dict[str, Any]:
    told = _decoded(answer.body)
    if isinstance(told, dict):
        return told
    if _is_page(answer):
        what = f"it is a web page{_titled(answer)}. A login page or a proxy may stand in front of the site"
    elif told is not None:
        what = "it is JSON, but no object"
    elif answer.body:
        what = "it is broken JSON: the answer was cut off, or something changed it on the way"
    else:
        what = "it is empty"
    raise _unusable(request, answer, what, is_transient=True)


def _decoded(body: bytes) -> Any:
    try:
        return json.decode(body)
    except json.MalformedJson:
        return None


def _has_shape(result: Any, shape: Shape) -> bool:
    if shape is Shape.ROWS:
        return isinstance(result, list) and all(isinstance(row, dict) for row in result)
    return isinstance(result, dict) if shape is Shape.DOCUMENT else True


def _error_of_a_page(request: ApiRequest, answer: Answer) -> errors.ClientError:
    """Frappe's own errors are JSON as we ask for it; pages are of proxies, or of a Frappe that failed early."""
    if _is_page(answer):
        what = f"a web page{_titled(answer)}"
    else:
        what = "something that is not JSON" if answer.body.strip() else "nothing"
    kind = _kind(answer.status, "")
    message = f"{_name(request)} was answered {answer.status} with {what}. Is the site's URL right, and the site up?"
    return kind(message, status=answer.status, retry_after_s=retry_after_s(answer))


def _kind(status: int, exc_type: str) -> type[errors.SiteError]:
    if status >= _FIRST_FAILURE:
        return errors.ServerFailed
    return _BY_TYPE.get(exc_type) or _BY_STATUS.get(status) or errors.SiteError


def _messages(told: dict[str, Any]) -> tuple[str, ...]:
    shown = [plain_text(text) for text in _server_messages(told.get("_server_messages"))]
    if not any(shown):
        shown = [plain_text(text) for text in _other_words(told)]
    return tuple(dict.fromkeys(filter(None, shown)))


def _server_messages(raw: Any) -> Iterable[str]:
    """Yield the texts of a JSON list of JSON objects, each in a string of its own."""
    outer = _decoded(raw.encode()) if isinstance(raw, str) else None
    for entry in outer if isinstance(outer, list) else ():
        inner = _decoded(entry.encode()) if isinstance(entry, str) else entry
        text = inner.get("message") if isinstance(inner, dict) else entry
        if isinstance(text, str):
            yield text


def _other_words(told: dict[str, Any]) -> Iterable[str]:
    for key in ("_error_message", "message"):
        if isinstance(told.get(key), str):
            yield told[key]
            return
    exception = told.get("exception")
    if isinstance(exception, str):  # "module.SomeError: what it says"
        yield exception.partition(": ")[2]


def _sentence(request: ApiRequest, status: int, exc_type: str, messages: tuple[str, ...]) -> str:
    named = f" {exc_type}" if exc_type else ""
    said = f": {' '.join(messages)}" if messages else "."
    if status == 401 and not messages:  # noqa: PLR2004 (the status that has no words of its own)
        said = ": the site does not know the API key, or its secret is another."
    return f"{_name(request)} was answered {status}{named}{said}"


def _redirect(request: ApiRequest, answer: Answer) -> errors.UnusableAnswer:
    place = urlsplit(answer.header("location") or "")
    where = f"{place.scheme}://{place.hostname}" if place.hostname else "another path"
    message = (
        f"{_name(request)} was redirected to {where} ({answer.status}), and redirects are not followed: they would carry "
        "the credentials along. Set the site's URL to where it is served."
    )
    return errors.UnusableAnswer(message, status=answer.status, is_transient=False)


def _unusable(request: ApiRequest, answer: Answer, what: str, *, is_transient: bool) -> errors.UnusableAnswer:
    message = f"The answer to {_name(request)} ({answer.status}) is not Frappe's: {what}."
    return errors.UnusableAnswer(message, status=answer.status, is_transient=is_transient)


def _is_page(answer: Answer) -> bool:
    return "html" in (answer.header("content-type") or "").lower() or answer.body.lstrip()[:1] == b"<"


def _titled(answer: Answer) -> str:
    title = _TITLE.search(answer.body[:65_536].decode(errors="replace"))
    return f" titled {plain_text(title[1])!r}" if title else ""


def _name(request: ApiRequest) -> str:
    return f"{request.method} {request.path}"
