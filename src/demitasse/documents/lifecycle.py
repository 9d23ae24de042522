"""What a document may become, and who is told of it: ``docstatus``, hooks, and the journal of events."""

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError, InvalidTransition
from demitasse.documents.model import DocStatus, Happening, Record

_STATUS_WORDS = {0: "Draft", 1: "Submitted", 2: "Cancelled"}


def check_transition(record: Record, *, old: int, new: int) -> None:
    """Refuse a change of ``docstatus`` that the DocType or Frappe's order (draft, submitted, cancelled) does not allow.

    Raises:
        InvalidTransition: from ``old`` one does not come to ``new``.
        DocumentError: the document is cancelled.
    """
    facts = {"doctype": record.doctype.name, "name": record.name}
    if new not in _STATUS_WORDS:
        message = f"docstatus must be 0, 1 or 2, not {new}"
        raise InvalidTransition(message, **facts)
    if new and not record.doctype.is_submittable:
        message = f"{record.doctype.name} cannot be submitted: it is not a submittable DocType"
        raise InvalidTransition(message, **facts)
    if old == DocStatus.CANCELLED:
        message = "Cannot edit cancelled document"
        raise DocumentError(message, **facts)
    if (old, new) not in {(0, 0), (0, 1), (1, 1), (1, 2)}:
        message = f"Cannot change docstatus from {old} ({_STATUS_WORDS[old]}) to {new} ({_STATUS_WORDS[new]})"
        raise InvalidTransition(message, **facts)


def check_amended(context: DocumentContext, tx: Transaction, record: Record) -> None:
    """Refuse to amend what is still in force; a document that is not there is left to the check of links."""
    original = record["amended_from"]
    if not original or not record.doctype.is_submittable:
        return
    found = store.names_of(context, tx, record.doctype, [str(original)])
    if found.get(str(original), DocStatus.CANCELLED) != DocStatus.CANCELLED:
        message = f"{record.doctype.name} {original} cannot be amended because it is not cancelled: cancel it first"
        raise InvalidTransition(message, doctype=record.doctype.name, name=original)


def save_events(old: int, new: int) -> tuple[str, ...]:
    """Return the events of a save that took ``docstatus`` from ``old`` to ``new``, in their order."""
    if new == DocStatus.CANCELLED:
        return ("on_cancel", "on_change")
    if old == DocStatus.SUBMITTED:
        return ("on_update_after_submit", "on_change")
    if new == DocStatus.SUBMITTED:
        return ("on_update", "on_submit", "on_change")
    return ("on_update", "on_change")


def run_and_note_events(
    context: DocumentContext, tx: Transaction, record: Record, events: tuple[str, ...], *, actor: Actor
) -> None:
    """For each event, run its hooks and note it."""
    for event in events:
        run_hooks(context, tx, record, event, actor=actor)
        note_event(context, tx, record, event, actor=actor)


def run_hooks(context: DocumentContext, tx: Transaction, record: Record, event: str, *, actor: Actor) -> None:
    """Run the controller's method and the apps' functions for an event."""
    handler = context.hooks.handlers(record.doctype).get(event)
    if handler is not None:
        handler(record, tx, actor)


def note_event(context: DocumentContext, tx: Transaction, record: Record, event: str, *, actor: Actor) -> None:
    """Note an event in the journal as the document stands now, if anybody listens to it."""
    if context.observers.wants(record.doctype.name, event):
        tx.journal.append(
            Happening(
                event=event,
                doctype=record.doctype.name,
                name=record.name,
                record=record.snapshot(),
                before=record.before,
                user=actor.user,
            ),
        )
