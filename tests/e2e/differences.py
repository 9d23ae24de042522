"""Where our answer differs from the recorded one on purpose, and why.

Every other difference is a fault.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What we answer instead; ``exc_type`` is None where that is no error."""

    reason: str
    status: int
    exc_type: str | None = None


def _differs(status: int, exc_type: str | None, reason: str, *keys: str) -> dict[str, Difference]:
    return {key: Difference(status=status, exc_type=exc_type, reason=reason) for key in keys}


DELIBERATE: dict[str, Difference] = {
    **_differs(
        400,
        "JSONDecodeError",
        "text that is no JSON is the caller's fault, and said to be",
        "list: filters malformed json",
        "document: create malformed json",
        "document: update malformed json",
        "document: create invalid utf8",
        "method: echo malformed json",
        "errors: malformed json",
        "v2: create malformed json",
    ),
    **_differs(
        417,
        "ValidationError",
        "a body that is no object cannot be a document",
        "document: create json array",
    ),
    **_differs(
        404,
        "DoesNotExistError",
        "what is not there is not found, be it a DocType or a function",
        "list: list lower case doctype",
        "document: 404 doctype doc",
        "method: version",
        "method: get_count unknown doctype",
        "method: unknown method short",
        "method: unknown method dotted",
        "method: unknown module",
        "method: unknown function in real module",
        "method: non-whitelisted",
        "errors: unknown method",
        "v2: method unknown",
    ),
    **_differs(
        404, "DoesNotExistError", "names compare exactly on every database", "document: get one wrong case name"
    ),
    **_differs(
        417,
        "DataError",
        "a query that asks for what cannot be is the caller's fault",
        "list: order_by unknown field",
        "list: order_by bad direction",
        "list: limit_start negative",
        "list: limit_page_length negative",
        "method: get_count unknown field",
        "errors: order_by unknown",
        "errors: order_by extractvalue",
    ),
    **_differs(
        200,
        None,
        "what is meant is clear, so it works",
        "list: fields star as plain string (not JSON)",
        "list: fields comma string (not JSON)",
        "list: fields aggregate sum dict form v16",
        "list: filters single triple not nested",
        "document: child field filter dotted",
    ),
    **_differs(200, None, "a limit of nothing is the default, not everything", "list: limit_page_length blank"),
    **_differs(
        200,
        None,
        "limit and limit_page_length mean the same everywhere",
        "method: get_list limit param (not in signature)",
        "v2: list limit_page_length ignored?",
    ),
    **_differs(200, None, "start and limit_start mean the same everywhere", "v2: list limit start fields"),
    **_differs(
        200,
        None,
        "functions answer in data, whatever they are written as",
        "v2: method msgprint",
        "v2: method echo",
    ),
    **_differs(405, "MethodNotAllowed", "the path is there, the method is not", "list: PATCH on v1 resource"),
    **_differs(
        417,
        "ValidationError",
        "a value that its field cannot hold is refused, never silently changed",
        "document: create text in currency",
        "document: create bad date",
    ),
    **_differs(
        417,
        "DocstatusTransitionError",
        "what is not submittable cannot be submitted",
        "document: create non-submittable with docstatus 1",
    ),
    **_differs(
        200,
        None,
        "text is kept as it was sent; who shows it escapes it",
        "document: create html in data",
    ),
    **_differs(
        200, None, "the path names the document; a name in the body is not taken", "document: update name field"
    ),
    **_differs(
        417,
        "ValidationError",
        "an argument that is missing is the caller's fault",
        "method: get_list no doctype",
        "method: insert no doctype",
        "method: method missing argument",
    ),
    **_differs(
        403,
        "PermissionError",
        "a document that the user may not read is refused whether it exists or not",
        "auth: limited get missing Lead",
    ),
    **_differs(403, "PermissionError", "counting obeys permissions", "auth: limited get_count Lead"),
    **_differs(
        200,
        None,
        "there is one Item fewer: one had text for its price",
        "method: get_count GET",
        "v2: count",
        "v2: list group_by",
    ),
    **_differs(
        404,
        "DoesNotExistError",
        "there are no queues to choose from",
        "auth: limited System Manager only method",
    ),
    **_differs(403, "PermissionError", "a password does not belong in a URL: login is POST only", "auth: login GET"),
    **_differs(
        400,
        "CSRFTokenError",
        "a session's writes need its CSRF token always",
        "auth: cookie POST without CSRF token",
    ),
    **_differs(200, None, "version 2 logs in too, and says who is logged in", "v2: login"),
    **_differs(401, "AuthenticationError", "a bad password never answers 200", "v2: login bad"),
    **_differs(303, None, "the root of a site leads to the Desk", "auth: user permission as website root"),
    **_differs(
        405,
        "MethodNotAllowed",
        "a request that says nothing of what to do is the caller's fault",
        "document: POST on doc without run_method",
    ),
}
