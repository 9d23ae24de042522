"""``/api/method/<dotted.path>``: whitelisted functions as endpoints."""

from collections.abc import Callable
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents.errors import DocumentNotFound
from demitasse.frappe.context import Call, IncomingRequest, bound
from demitasse.frappe.whitelisting import Endpoint, arguments_for, endpoint_of
from demitasse.web.envelope import Answer, failure, success
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def call(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Call a function with what the request sent, in one transaction, and answer what it returns.

    A GET may only read. What the function wrote is durable when the answer goes out, and undone when it raised.
    """
    path = request.segments[0]
    function = _resolve(services, path)
    endpoint = _permitted(function, path, request, actor)
    arguments = request.arguments()

    if endpoint.inline:
        return await services.lanes.read(lambda tx: _run(services, request, actor, function, arguments, tx))

    def in_thread() -> Answer:
        tx = services.database.read() if request.method in _SAFE else services.database.write()
        return _run_and_end(services, request, actor, function, arguments, tx)

    return await services.threads.run(path, in_thread)


def _resolve(services: WebServices, path: str) -> Callable[..., Any]:
    try:
        return services.site.resolve(path)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"There is no method {path}: {error}"
        raise DocumentNotFound(message, method=path) from error


def _permitted(function: Callable[..., Any], path: str, request: ApiRequest, actor: Actor) -> Endpoint:
    endpoint = endpoint_of(function)
    if endpoint is None or (actor.is_guest and not endpoint.allow_guest):
        message = f"You are not permitted to access this resource. Function {path} is not whitelisted."
        raise NotPermitted(message, method=path, title="Method Not Allowed")
    verb = "GET" if request.method == "HEAD" else request.method
    if verb not in endpoint.methods:
        message = f"Not permitted: {path} takes {', '.join(endpoint.methods)}, not {request.method}"
        raise NotPermitted(message, method=path)
    return endpoint


def _run_and_end(
    services: WebServices,
    request: ApiRequest,
    actor: Actor,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    tx: Transaction,
) -> Answer:
    try:
        answer = _run(services, request, actor, function, arguments, tx)
    except BaseException:
        tx.rollback()
        raise
    return answer


def _run(
    services: WebServices,
    request: ApiRequest,
    actor: Actor,
    function: Callable[..., Any],
    arguments: dict[str, Any],
    tx: Transaction,
) -> Answer:
    running = Call(
        site=services.site,
        tx=tx,
        actor=actor,
        request=IncomingRequest(
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=request.body,
            remote_address=request.remote_address,
        ),
        arguments=dict(arguments),
    )
    with bound(running):
        try:
            result = function(**arguments_for(function, arguments))
            if tx.writable:
                tx.commit()
            status = int(running.response.pop("http_status_code", 200))
            return success(
                "message",
                result,
                status=status,
                messages=running.messages,
                more=running.response,
            )
        except Exception as error:
            if not running.messages:
                raise
            tx.rollback()
            return failure(error, messages=running.messages, developer_mode=services.site.settings.developer_mode)
