"""From an event of a record to app code: the document object, and a call to run it in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler
from demitasse.frappe.context import Call, SiteServices, bound, find_current
from demitasse.frappe.model.document import document_of


def run_controller(event: str, site: Callable[[], SiteServices]) -> Handler:
    """Return a handler that calls the controller's method for the event."""

    def run(record: Record, tx: Transaction, actor: Actor) -> None:
        with _running(site, tx, actor):
            getattr(document_of(record), event)()

    return run


def run_doc_event(event: str, path: str, site: Callable[[], SiteServices]) -> Handler:
    """Return a handler that calls an app's function, found by its dotted path, with document and event."""

    def run(record: Record, tx: Transaction, actor: Actor) -> None:
        with _running(site, tx, actor):
            site().resolve(path)(document_of(record), event)

    return run


@contextmanager
def _running(site: Callable[[], SiteServices], tx: Transaction, actor: Actor) -> Iterator[None]:
    """Use the running call where it works in this transaction, else make one."""
    call = find_current()
    if call is not None and call.tx is tx:
        yield
    else:
        with bound(Call(site=site(), tx=tx, actor=actor)):
            yield
