"""The middleware's own description: OpenAPI of what the mapping makes. Pure."""

from typing import Any

from demitasse.middleware.mapping import CallRoute, CreateRoute, ListRoute, Mapping, Value

_TYPES = {"text": "string", "number": "number", "whole": "integer", "date": "string", "flag": "boolean"}
_ERROR = {"$ref": "#/components/schemas/Error"}


def describe(mapping: Mapping, *, requires_tokens: bool) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in mapping.lists:
        paths.setdefault(route.path, {})["get"] = _list(route)
    for create in mapping.creates:
        paths.setdefault(create.path, {})["post"] = _create(create)
        paths[f"{create.path}/{{key}}"] = {"get": _status(create)}
    for call in mapping.calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _call(call)
    paths[mapping.webhook] = {"post": _webhook()}
    paths["/ws"] = {"get": {"summary": "Live push over a WebSocket", "responses": {"101": {"description": "Open"}}}}
    paths["/events"] = {"get": _events(mapping)}
    paths["/events/ticket"] = {"post": _ticket()}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Demitasse middleware", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["success", "error"],
                    "properties": {"success": {"const": False}, "error": {"type": "string"}},
                }
            },
            "securitySchemes": {"device": {"type": "http", "scheme": "bearer"}},
        },
    }
    if requires_tokens:
        found["security"] = [{"device": []}]
    return found


def _list(route: ListRoute) -> dict[str, Any]:
    row = {"type": "object", "properties": {field: {} for field in route.fields}}
    listed = {"type": "array", "items": row}
    headers = {"If-None-Match": "An ETag that the phone has"}
    return {
        "summary": f"All {route.doctype} documents that the mapping shows",
        "parameters": _headers(headers),
        "responses": {
            "200": _json(_object({"success": {"const": True}, route.answer: listed, "stale": {"type": "boolean"}})),
            "304": {"description": "Unchanged"},
            **_errors("401", "429", "502", "503", "504"),
        },
    }


def _create(route: CreateRoute) -> dict[str, Any]:
    body = _values(route.fields)
    for rows in route.rows.values():
        body["properties"][rows.source] = {
            "type": "array",
            "minItems": 1,
            "maxItems": rows.at_most,
            "items": _values(rows.fields),
        }
        body["required"].append(rows.source)
    for name in route.reference_from:
        body["properties"][name] = {"type": ["string", "integer"], "description": "The phone's own id of the order"}
    body["properties"]["queue"] = {
        "type": "boolean",
        "description": "Rather wait than be refused while the site is down",
    }
    headers = {"Idempotency-Key": "One for each order", "Prefer": "respond-async: as queue"}
    done = _object({"success": {"const": True}, **{key: {} for key in route.answer}})
    return {
        "summary": f"Make a {route.doctype}",
        "parameters": _headers(headers),
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": _json(done),
            "202": _json(_object({"success": {"const": True}, "status": {}, "key": {}, "status_url": {}})),
            **_errors("400", "401", "409", "413", "422", "429", "502", "503", "504"),
        },
    }


def _status(route: CreateRoute) -> dict[str, Any]:
    told = {"success": {"type": "boolean"}, "status": {"enum": ["queued", "done", "failed"]}}
    return {
        "summary": f"Where a {route.doctype} stands",
        "parameters": [{"name": "key", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": _json(_object(told)), **_errors("401", "404")},
    }


def _call(route: CallRoute) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": f"Call {route.function}",
        "responses": {
            "200": _json(_object({"success": {"const": True}, route.answer: {}})),
            **_errors("400", "401", "404", "422", "429", "502", "503", "504"),
        },
    }
    if route.method == "GET":
        found["parameters"] = [
            {"name": value.source, "in": "query", "required": value.required, "schema": _schema(value)}
            for value in route.arguments.values()
        ]
    else:
        found["requestBody"] = {"content": {"application/json": {"schema": _values(route.arguments)}}}
    return found


def _webhook() -> dict[str, Any]:
    return {
        "summary": "Where the site posts its webhooks",
        "security": [],
        "parameters": _headers({"X-Frappe-Webhook-Signature": "base64(HMAC-SHA256(secret, body))"}, required=True),
        "responses": {"200": _json(_object({"status": {"const": "ok"}})), "401": {"description": "Invalid signature"}},
    }


def _events(mapping: Mapping) -> dict[str, Any]:
    topics = sorted({topic for push in mapping.pushes for topic in push.topics})
    schema = {"type": "array", "items": {"type": "string"}, "examples": [topics]}
    return {
        "summary": "Live push as server-sent events",
        "parameters": [{"name": "topic", "in": "query", "required": True, "schema": schema}],
        "responses": {"200": {"description": "A stream of events", "content": {"text/event-stream": {}}}},
    }


def _ticket() -> dict[str, Any]:
    told = _object({"success": {"const": True}, "ticket": {"type": "string"}})
    return {"summary": "A ticket for /events, for browsers", "responses": {"200": _json(told), **_errors("401", "429")}}


def _values(values: dict[str, Value]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {value.source: _schema(value) for value in values.values()},
        "required": [value.source for value in values.values() if value.required],
    }


def _schema(value: Value) -> dict[str, Any]:
    found: dict[str, Any] = {"type": _TYPES[value.type]}
    if value.type == "text":
        found["maxLength"] = value.max_length
    if value.type == "date":
        found["format"] = "date"
    if value.above is not None:
        found["exclusiveMinimum"] = value.above
    if value.at_least is not None:
        found["minimum"] = value.at_least
    return found


def _headers(named: dict[str, str], *, required: bool = False) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": required, "description": text, "schema": {"type": "string"}}
        for name, text in named.items()
    ]


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}


def _errors(*statuses: str) -> dict[str, Any]:
    return {
        status: {"description": "Refused", "content": {"application/json": {"schema": _ERROR}}} for status in statuses
    }
