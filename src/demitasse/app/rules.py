"""The permission rules of apps."""

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents.model import Record


class NoExtraRules:
    """Roles alone decide."""

    def allows(self, _record: Record, _action: str, _tx: Transaction, _actor: Actor, /) -> bool:
        """Refuse nothing."""
        return True
