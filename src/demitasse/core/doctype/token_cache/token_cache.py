"""Token Caches: what is known of a grant goes with its document."""

from collections.abc import Mapping

from demitasse.auth.model import Actor
from demitasse.connect import store
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.documents.model import Record
from demitasse.documents.ports import DIRECT_WRITE, Handler
from demitasse.documents.store import exists


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Token Cache do."""
    return {"after_delete": forget, DIRECT_WRITE: forget_removed}


def forget(record: Record, tx: Transaction, actor: Actor) -> None:
    """Forget what was known of a grant."""
    store.drop_grant(tx, record.name)


def forget_removed(record: Record, tx: Transaction, actor: Actor) -> None:
    """Forget what was known of a grant whose row was removed past its document."""
    if not exists(tx, record.doctype, record.name):
        store.drop_grant(tx, record.name)
