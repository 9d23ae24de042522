"""What core's controllers need of the site; ``app`` fills it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import Registry
from demitasse.documents.context import DocumentContext
from demitasse.documents.ports import Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreServices:
    """The site as core's controllers see it.

    Args:
        documents: For controllers that write other documents.
        forget_credentials: Called after users, roles or keys have changed.
        forget_webhooks: Called after a webhook has changed.
        extend_doctype: Called when the Custom Fields of a DocType have changed, in the transaction that changes them.
        host_name: The site's own address, where it is configured.
    """

    registry: Registry
    documents: DocumentContext
    forget_credentials: Callable[[], None]
    forget_webhooks: Callable[[], None]
    extend_doctype: Callable[[Transaction, str], None]
    host_name: str | None = None


Controller = Callable[[CoreServices], Mapping[str, Handler]]
"""Makes the handlers of a core DocType, by event."""
