"""Running app code for a request: a call in one transaction, in the thread lane."""

from collections.abc import Callable, Mapping
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.frappe.context import Call, IncomingRequest, bound
from demitasse.web.envelope import Answer
from demitasse.web.outcome import Outcome, answer_of, failure_of
from demitasse.web.people import answer_for_people, error_for_people
from demitasse.web.request import SAFE_METHODS, ApiRequest
from demitasse.web.services import WebServices

Work = Callable[[Transaction], Outcome]


async def run_in_thread(services: WebServices, request: ApiRequest, actor: Actor, name: str, work: Work) -> Answer:
    """Run ``work`` as a call in a thread, within the places of ``name``, and answer what it comes to.

    A GET may only read. What the work wrote is durable when the answer goes out, and undone when it raised.
    """

    def in_thread() -> Answer:
        tx = services.database.read() if request.method in SAFE_METHODS else services.database.write()
        return run_call(services, request, actor, tx, work)

    return await services.threads.run(name, in_thread)


def run_call(services: WebServices, request: ApiRequest, actor: Actor, tx: Transaction, work: Work) -> Answer:
    """Run ``work`` as a call, end its transaction, and answer what it comes to."""
    call = call_for(services, request, actor, tx)
    with bound(call):
        try:
            outcome = work(tx)
            status = int(call.response.pop("http_status_code", outcome.status))
            told = Outcome(
                value=outcome.value,
                key=outcome.key,
                status=status,
                more={**outcome.more, **call.response},
                unknown=outcome.unknown,
            )
            # The answer is made first: a result that has no JSON form undoes what was written.
            answer = answer_for_people(call.response, status=status) or answer_of(
                told, is_v2=request.is_v2, messages=call.messages
            )
            if tx.writable:
                tx.commit()
            else:
                tx.rollback()
        except Exception as error:
            tx.rollback()
            shown = error_for_people(error, call.response, accepts=request.headers.get("accept", ""))
            if shown is not None:
                return shown
            if not call.messages:
                raise
            developer_mode = services.site.settings.developer_mode
            return failure_of(error, is_v2=request.is_v2, messages=call.messages, developer_mode=developer_mode)
        except BaseException:
            tx.rollback()
            raise
    return answer


def call_for(
    services: WebServices,
    request: ApiRequest,
    actor: Actor,
    tx: Transaction,
    *,
    arguments: Mapping[str, Any] | None = None,
) -> Call:
    """Return the call that a request makes into app code.

    Args:
        arguments: What ``frappe.form_dict`` has; ``None`` is what the request sent.
    """
    return Call(
        site=services.site,
        tx=tx,
        actor=actor,
        request=IncomingRequest(
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=request.body,
            remote_address=request.remote_address,
            session=request.session,
        ),
        arguments=dict(request.arguments() if arguments is None else arguments),
    )
