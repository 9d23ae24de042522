"""Requests of app code to other services, with Frappe's names: ``make_get_request``, ``make_post_request``, ..."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit, urlunsplit

import requests
import structlog

from demitasse.frappe.context import find_current
from demitasse.frappe.integrations import outgoing
from demitasse.frappe.integrations.integration_request import IntegrationRequest
from demitasse.frappe.integrations.request_log import MAX_TEXT_LENGTH, body_text, headers_text
from demitasse.frappe.log_rows import INTEGRATION_REQUEST, cut, new_row, write_after
from demitasse.incoming.redaction import holds_secret, scrub, secrets_in
from demitasse.kernel import json as kernel_json
from demitasse.kernel.clock import monotonic_s, utc_now

_log = structlog.get_logger("demitasse.outgoing")
_FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "text/plain"})


def make_request(
    method: str,
    url: str,
    auth: Any = None,
    headers: Mapping[str, Any] | None = None,
    data: Any = None,
    json: Any = None,
    params: Any = None,
    timeout: float | tuple[float, float] | None = None,
    max_response_bytes: int = outgoing.MAX_RESPONSE_BYTES,
    **options: Any,
) -> Any:
    """Send a request and return what its answer holds: a JSON value, a form as a dictionary of lists, else text.

    It waits 5 s for a connection and 30 s for everything; GET and HEAD are tried three times at most. The exchange is
    logged as an Integration Request once the call has ended; keys and passwords appear neither there nor in messages.

    Args:
        timeout: Seconds for everything, or a pair: for the connection and for everything.
        max_response_bytes: Of the answer's body.
        options: Further options of ``requests`` (``files``, ``verify``, ``cert``, ``cookies``, ``allow_redirects``).

    Raises:
        requests.HTTPError: the answer's status is 400 or more; ``error.response`` has it.
        requests.RequestException: there was no answer, or none that could be read.
    """
    given = {"auth": auth, "headers": headers, "data": data, "json": json, "params": params}
    hidden = _secrets_of(url, given)
    call = find_current()
    started_s = monotonic_s()
    answer: requests.Response | None = None
    problem: str | None = None
    try:
        answer = outgoing.send(
            method,
            url,
            limits=outgoing.limits_of(timeout, max_response_bytes=max_response_bytes),
            clock=utc_now if call is None else call.site.documents.clock,
            **given,
            **options,
        )
        _raise_for_status(answer, url, hidden)
        return _content(answer)
    except requests.RequestException as error:
        problem = scrub(str(error), hidden)
        raise _without_secrets(error, problem) from None
    finally:
        _log_exchange(method, url, given, answer, problem, hidden=hidden, duration_s=monotonic_s() - started_s)


def make_get_request(url: str, **kwargs: Any) -> Any:
    """Send a GET request; see ``make_request``."""
    return make_request("GET", url, **kwargs)


def make_post_request(url: str, **kwargs: Any) -> Any:
    """Send a POST request; see ``make_request``."""
    return make_request("POST", url, **kwargs)


def make_put_request(url: str, **kwargs: Any) -> Any:
    """Send a PUT request; see ``make_request``."""
    return make_request("PUT", url, **kwargs)


def make_patch_request(url: str, **kwargs: Any) -> Any:
    """Send a PATCH request; see ``make_request``."""
    return make_request("PATCH", url, **kwargs)


def make_delete_request(url: str, **kwargs: Any) -> Any:
    """Send a DELETE request; see ``make_request``."""
    return make_request("DELETE", url, **kwargs)


def create_request_log(
    data: Any,
    integration_type: str | None = None,
    service_name: str | None = None,
    name: str | None = None,
    error: Any = None,
    request_headers: Any = None,
    output: Any = None,
    **kwargs: Any,
) -> IntegrationRequest:
    """Write an Integration Request as part of the running call, and return it.

    Args:
        integration_type: ``Remote`` for a request that came from the service.
        kwargs: Further fields: ``url``, ``request_description``, ``reference_doctype``, ``reference_docname``, ...
    """
    values = {
        "integration_request_service": service_name,
        "is_remote_request": int(integration_type == "Remote" or bool(kwargs.pop("is_remote_request", 0))),
        "status": "Queued",
        "request_headers": headers_text(request_headers) if isinstance(request_headers, Mapping) else request_headers,
        "data": body_text(data),
        "output": body_text(output),
        "error": body_text(error),
        **{key: value for key, value in kwargs.items() if key != "doctype"},
    }
    document = IntegrationRequest({"doctype": INTEGRATION_REQUEST, **values})
    if name:
        document.name = name
    document.flags.ignore_links = True
    document.insert(ignore_permissions=True)
    return document


def _content(answer: requests.Response) -> Any:
    """Return what an answer holds, by its media type."""
    if not answer.content:
        return None
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return answer.json()
    text = answer.text
    if media_type in _FORM_TYPES:  # Payment services answer forms as plain text.
        try:
            return parse_qs(text.strip(), strict_parsing=True, keep_blank_values=True)
        except ValueError:
            return text
    return text


def _raise_for_status(answer: requests.Response, url: str, hidden: Iterable[str]) -> None:
    if answer.ok:
        return
    whose = "Client" if answer.status_code < 500 else "Server"  # noqa: PLR2004 - RFC 9110
    message = f"{answer.status_code} {whose} Error: {answer.reason} for url: {_shown_url(url, hidden)}"
    raise requests.HTTPError(message, response=answer)


def _without_secrets(error: requests.RequestException, text: str) -> requests.RequestException:
    """Return the error with another message: that of ``requests`` quotes the URL, key and all."""
    if str(error) != text:
        error.args = (text,)
    error.__cause__ = error.__context__ = None  # What it came from quotes the URL too.
    return error


def _secrets_of(url: str, given: Mapping[str, Any]) -> set[str]:
    """Return the texts of a request that must not be shown."""
    parts = _split(url)
    found = {value for name, value in parse_qsl(parts.query) if value and holds_secret(name)}
    if parts.password:
        found.add(parts.password)
    auth = given["auth"]
    if isinstance(auth, tuple | list):
        found |= {str(part) for part in auth[1:]}
    for value in (given["headers"], given["params"], given["json"], given["data"]):
        if isinstance(value, str | bytes):
            found |= _secrets_of_text(value)
        else:
            found |= secrets_in(dict(value) if _is_pairs(value) else value)
    return found


def _secrets_of_text(value: str | bytes) -> set[str]:
    text = value[:MAX_TEXT_LENGTH]
    try:
        return secrets_in(kernel_json.decode(text))
    except kernel_json.MalformedJson:
        form = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return {item for name, item in parse_qsl(form) if item and holds_secret(name)}


def _is_pairs(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value)  # noqa: PLR2004


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # The sender says what is wrong with it.
        return urlsplit("")


def _shown_url(url: str, hidden: Iterable[str]) -> str:
    parts = _split(url)
    host = parts.netloc.rpartition("@")[2]
    return scrub(urlunsplit((parts.scheme, host, parts.path, parts.query, "")), hidden)


def _log_exchange(
    method: str,
    url: str,
    given: Mapping[str, Any],
    answer: requests.Response | None,
    problem: str | None,
    *,
    hidden: Iterable[str],
    duration_s: float,
) -> None:
    """Leave an Integration Request to be written; a fault in that is logged and changes nothing for the caller."""
    call = find_current()
    if call is None:
        return
    try:
        sent = given["json"] if given["json"] is not None else given["data"]
        if given["params"]:
            sent = {"params": given["params"], **({} if sent is None else {"data": sent})}
        values = {
            "integration_request_service": cut(_split(url).hostname or ""),
            "is_remote_request": 0,
            "request_description": cut(f"{method.upper()} {_split(url).path}"),
            "status": "Failed" if problem else "Completed",
            "request_method": cut(method.upper(), 10),
            "url": cut(_shown_url(url, hidden), MAX_TEXT_LENGTH),
            "request_headers": headers_text(given["headers"] or {}),
            "data": body_text(sent, secrets=hidden),
            "status_code": None if answer is None else answer.status_code,
            "duration_ms": round(duration_s * 1000),
            "output": None if answer is None else body_text(answer.content, secrets=hidden),
            "error": None if problem is None else cut(problem, MAX_TEXT_LENGTH),
        }
        write_after(call, new_row(call, INTEGRATION_REQUEST, values))
    except Exception:  # noqa: BLE001 - a log must not fail what it is about
        _log.exception("outgoing.log_failed", method=method)
