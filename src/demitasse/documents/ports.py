"""What the documents need from the rooms above; ``app`` fills these."""

from collections.abc import Callable, Mapping
from typing import Protocol

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents.model import Record

Handler = Callable[[Record, Transaction, Actor], None]
"""Code that an event of a document runs."""

DIRECT_WRITE = "on_direct_write"
"""What core's controllers are told when a row was changed or removed past the life of its document; the record has no
more than the name."""


class Hooks(Protocol):
    """Controllers and ``doc_events`` of core and of the installed apps."""

    def handlers(self, doctype: DocType) -> Mapping[str, Handler]:
        """Return the handlers of a DocType by event; events without code are left out."""

    def is_inline_safe(self, doctype: DocType) -> bool:
        """Return whether no handler can block: such documents may be written on the event loop."""


class Observers(Protocol):
    """Those who want to hear of events once the transaction commits."""

    def wants(self, doctype: str, event: str) -> bool:
        """Return whether anybody listens; where nobody does, nothing is kept for it."""


class AccessRules(Protocol):
    """Permission rules of apps, beyond roles."""

    def allows(self, record: Record, action: str, tx: Transaction, actor: Actor, /) -> bool:
        """Return ``False`` to refuse what the roles would allow."""
