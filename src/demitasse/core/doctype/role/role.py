"""Roles: credentials are looked up anew when one changes."""

from collections.abc import Mapping

from demitasse.auth.model import Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.documents.model import Record
from demitasse.documents.ports import DIRECT_WRITE, Handler


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Role do."""

    def forget(record: Record, tx: Transaction, actor: Actor) -> None:
        tx.after_commit(services.forget_credentials)

    return {"on_update": forget, "on_trash": forget, DIRECT_WRITE: forget}
