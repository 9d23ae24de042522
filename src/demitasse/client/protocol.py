"""Frappe's REST API, version 1, as requests: pure, for any HTTP library, blocking or not.

`demitasse.client.answers` turns what comes back into results and errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from demitasse.client.errors import UnusableName
from demitasse.client.model import ApiRequest, Filters, Shape
from demitasse.kernel import json

_ACCEPT = ("Accept", "application/json")
_JSON = ("Content-Type", "application/json")
_MAX_QUERY_BYTES = 4000
"""Longer ones are posted instead: proxies in front of Frappe stop at 8 kB for the whole request line."""


def list_request(  # noqa: PLR0913 (Frappe's own arguments)
    doctype: str,
    *,
    fields: Sequence[str] = ("name",),
    filters: Filters = (),
    or_filters: Filters = (),
    order_by: str | None = None,
    limit_start: int = 0,
    limit_page_length: int = 20,
    group_by: str | None = None,
    parent: str | None = None,
) -> ApiRequest:
    """Ask for one page of rows.

    Args:
        limit_page_length: 0 is all; without it Frappe stops at 20.
        parent: The parent's DocType, for rows of a child table.
    """
    asked: dict[str, Any] = {"fields": list(fields), "limit_start": limit_start, "limit_page_length": limit_page_length}
    optional = {
        "filters": filters if isinstance(filters, Mapping) else list(filters),
        "or_filters": or_filters if isinstance(or_filters, Mapping) else list(or_filters),
        "order_by": order_by,
        "group_by": group_by,
        "parent": parent,
    }
    asked.update({key: value for key, value in optional.items() if value})
    request = ApiRequest(
        method="GET",
        path=f"/api/resource/{_segment(doctype)}",
        query=_as_query(asked),
        headers=(_ACCEPT,),
        key="data",
        shape=Shape.ROWS,
        is_safe=True,
    )
    if len(request.target) <= _MAX_QUERY_BYTES:
        return request
    return ApiRequest(
        method="POST",
        path="/api/method/frappe.client.get_list",
        headers=(_ACCEPT, _JSON),
        body=json.encode({"doctype": doctype, **asked}),
        shape=Shape.ROWS,
        is_safe=True,
    )


def get_request(doctype: str, name: str | int) -> ApiRequest:
    """Ask for a whole document, its child tables included."""
    return ApiRequest(
        method="GET",
        path=_document_path(doctype, name),
        headers=(_ACCEPT,),
        key="data",
        shape=Shape.DOCUMENT,
        is_safe=True,
    )


def insert_request(doctype: str, values: Mapping[str, Any], *, idempotency_key: str | None = None) -> ApiRequest:
    """Ask to make a document of these values, child tables as lists of rows."""
    return _write("POST", f"/api/resource/{_segment(doctype)}", values, idempotency_key)


def update_request(
    doctype: str, name: str | int, values: Mapping[str, Any], *, idempotency_key: str | None = None
) -> ApiRequest:
    """Ask to set these values of a document; a child table given replaces the one there.

    With the ``modified`` that was read among the values, a change in between is refused as stale.
    """
    return _write("PUT", _document_path(doctype, name), values, idempotency_key)


def submit_request(doctype: str, name: str | int, *, idempotency_key: str | None = None) -> ApiRequest:
    """Ask to submit a draft as it stands on the site."""
    return update_request(doctype, name, {"docstatus": 1}, idempotency_key=idempotency_key)


def cancel_request(doctype: str, name: str | int, *, idempotency_key: str | None = None) -> ApiRequest:
    """Ask to cancel a submitted document."""
    return update_request(doctype, name, {"docstatus": 2}, idempotency_key=idempotency_key)


def delete_request(doctype: str, name: str | int, *, idempotency_key: str | None = None) -> ApiRequest:
    """Ask to delete a document."""
    return ApiRequest(
        method="DELETE",
        path=_document_path(doctype, name),
        headers=_headers((_ACCEPT,), idempotency_key),
        key="data",
    )


def call_request(
    function: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    method: str = "POST",
    idempotency_key: str | None = None,
) -> ApiRequest:
    """Ask to call a whitelisted function.

    Args:
        function: Its dotted path.
        arguments: In the query of a GET, where values other than text are written as JSON; else as a JSON body.
        method: With GET the function must change nothing: such calls may be sent again.
    """
    path = f"/api/method/{_segment(function)}"
    if method == "GET":
        return ApiRequest(method=method, path=path, query=_as_query(arguments or {}), headers=(_ACCEPT,), is_safe=True)
    return ApiRequest(
        method=method,
        path=path,
        headers=_headers((_ACCEPT, _JSON), idempotency_key),
        body=json.encode(dict(arguments or {})),
    )


def count_request(doctype: str, filters: Filters = ()) -> ApiRequest:
    """Ask how many documents match."""
    return _question("frappe.client.get_count", {"doctype": doctype, "filters": _plain(filters)})


def value_request(doctype: str, filters: Filters | str | int, fields: Sequence[str]) -> ApiRequest:
    """Ask for fields of the first document that matches, or of the one with this name."""
    by = filters if isinstance(filters, str | int) else _plain(filters)
    return _question("frappe.client.get_value", {"doctype": doctype, "filters": by, "fieldname": list(fields)})


def _question(function: str, arguments: dict[str, Any]) -> ApiRequest:
    """Return a call that only reads; posted, so that filters of any length pass."""
    return ApiRequest(
        method="POST",
        path=f"/api/method/{function}",
        headers=(_ACCEPT, _JSON),
        body=json.encode(arguments),
        is_safe=True,
    )


def _write(method: str, path: str, values: Mapping[str, Any], idempotency_key: str | None) -> ApiRequest:
    return ApiRequest(
        method=method,
        path=path,
        headers=_headers((_ACCEPT, _JSON), idempotency_key),
        body=json.encode(dict(values)),
        key="data",
        shape=Shape.DOCUMENT,
    )


def _headers(headers: tuple[tuple[str, str], ...], idempotency_key: str | None) -> tuple[tuple[str, str], ...]:
    return (*headers, ("Idempotency-Key", idempotency_key)) if idempotency_key else headers


def _document_path(doctype: str, name: str | int) -> str:
    return f"/api/resource/{_segment(doctype)}/{_segment(str(name))}"


def _segment(name: str) -> str:
    if name in {"", ".", ".."}:
        message = f"{name!r} cannot stand in a URL. Give the name of a document, a DocType or a function."
        raise UnusableName(message, name=name)
    return quote(name, safe="")


def _as_query(arguments: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, value if isinstance(value, str) else json.encode(value).decode()) for key, value in arguments.items()
    )


def _plain(filters: Filters) -> Any:
    return dict(filters) if isinstance(filters, Mapping) else list(filters)
