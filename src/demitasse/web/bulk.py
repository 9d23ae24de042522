"""Many documents in one request, each in a savepoint of its own: what fails is told, and stops no other."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from demitasse.auth.model import Actor
from demitasse.db.errors import DatabaseError
from demitasse.db.transaction import Transaction
from demitasse.documents.errors import DocumentError
from demitasse.kernel.errors import DemitasseError
from demitasse.web import documents
from demitasse.web.calls import run_in_thread
from demitasse.web.envelope import UNEXPECTED, Answer
from demitasse.web.outcome import Outcome
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

_log = structlog.get_logger("demitasse.web")
MAX_ITEMS = 500
_NOT_FIELDS = frozenset({"name", "doctype", "flags"})
Change = Callable[[Transaction, Mapping[str, Any]], Outcome]


async def delete(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Delete documents of one DocType (``names``), or of several (``docs``)."""
    doctype = request.segments[0] if request.segments else None
    items = _items(request, "names" if doctype else "docs")
    named = [{"name": item} if doctype else item for item in items]

    def change(tx: Transaction, item: Mapping[str, Any]) -> Outcome:
        found = services.site.documents.registry.get(item["doctype"])
        return documents.remove(services, tx, found, item["name"], actor=actor)

    return await _answer(services, request, actor, named, change, done="deleted")


async def update(services: WebServices, request: ApiRequest, actor: Actor) -> Answer:
    """Change fields of documents (``docs``: objects with ``name``, fields, and ``doctype`` where the path has none)."""

    def change(tx: Transaction, item: Mapping[str, Any]) -> Outcome:
        found = services.site.documents.registry.get(item["doctype"])
        values = {key: value for key, value in item.items() if key not in _NOT_FIELDS}
        return documents.update(services, tx, found, item["name"], values, actor=actor)

    return await _answer(services, request, actor, _items(request, "docs"), change, done="updated")


async def _answer(
    services: WebServices, request: ApiRequest, actor: Actor, items: list[Any], change: Change, *, done: str
) -> Answer:
    doctype = request.segments[0] if request.segments else None

    def work(tx: Transaction) -> Outcome:
        succeeded: list[Any] = []
        failed: list[dict[str, Any]] = []
        docs: list[Any] = []
        for item in items:
            try:
                wanted = _wanted(item, doctype)
                with tx.savepoint():
                    outcome = change(tx, wanted)
            except DatabaseError:
                raise  # the database may have undone the others too
            except Exception as error:  # noqa: BLE001 - told in the answer
                failed.append({**_key(item, doctype), "error": _text(error)})
            else:
                key = _key(wanted, doctype)
                succeeded.append(key["name"] if doctype else key)
                if isinstance(outcome.value, Mapping):
                    docs.append(outcome.value)
        told = {
            done: succeeded,
            "failed": failed,
            "total": len(items),
            "success_count": len(succeeded),
            "failure_count": len(failed),
        }
        return Outcome(value=told, more={"docs": docs} if docs else {})

    # So many writes are too long for the event loop, also where no app code takes part.
    return await run_in_thread(services, request, actor, f"bulk {doctype or ''}", work)


def _text(error: Exception) -> str:
    if isinstance(error, DemitasseError):
        return str(error)
    _log.error("bulk.failed", exc_info=error)
    return UNEXPECTED


def _items(request: ApiRequest, argument: str) -> list[Any]:
    items = request.arguments().get(argument)
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        message = f"'{argument}' must be a list of at most {MAX_ITEMS} documents"
        raise DocumentError(message, argument=argument)
    return items


def _wanted(item: Any, doctype: str | None) -> dict[str, Any]:
    """Return the item with the DocType and the name that it is about."""
    if not isinstance(item, Mapping):
        message = "Each document must be an object with its name"
        raise DocumentError(message)
    found = doctype or item.get("doctype")
    name = item.get("name")
    if not isinstance(found, str):
        message = "'doctype' must be a string"
        raise DocumentError(message)
    if not isinstance(name, str | int) or isinstance(name, bool):
        message = "'name' must be a string or an integer"
        raise DocumentError(message)
    return {**item, "doctype": found, "name": str(name)}


def _key(item: Any, doctype: str | None) -> dict[str, Any]:
    """Return what tells the item from the others in the answer."""
    if not isinstance(item, Mapping):
        return {"name": item}
    key = {"name": item.get("name")}
    return key if doctype else {"doctype": item.get("doctype"), **key}
