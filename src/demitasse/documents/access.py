"""Whether an actor may do something with a document."""

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor, Reach, levels, reach
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record


def check_doctype(doctype: DocType, action: str, actor: Actor) -> Reach:
    """Return how far the action reaches.

    Raises:
        NotPermitted: no role of the actor allows it on any document.
    """
    found = reach(doctype, action, actor)
    if found is Reach.NONE:
        message = (
            f"User <strong>{actor.user}</strong> does not have doctype access via role permission "
            f"for document <strong>{doctype.name}</strong>"
        )
        raise NotPermitted(message, doctype=doctype.name, action=action, user=actor.user)
    return found


def check_record(context: DocumentContext, tx: Transaction, record: Record, action: str, *, actor: Actor) -> None:
    """Refuse what the actor may not do with this document.

    Raises:
        NotPermitted: neither roles nor the apps' rules allow it.
    """
    if record.doctype.is_table:
        return  # a child row is reached through its parent, which has been checked
    if check_doctype(record.doctype, action, actor) is Reach.OWN and action != "create":
        owner = (record.before or record).values.get("owner")
        if owner != actor.user:
            raise _refused(record, action, actor)
    if not actor.is_administrator and not context.access.allows(record, action, tx, actor):
        raise _refused(record, action, actor)


def hide_levels(record: Record, *, actor: Actor) -> Record:
    """Return the record without the fields whose permission level the actor may not read."""
    if actor.is_administrator or all(field.permlevel == 0 for field in record.doctype.fields):
        return record
    allowed = levels(record.doctype, "read", actor)
    copy = record.snapshot()
    for field in record.doctype.fields:
        if field.permlevel not in allowed:
            copy.values.pop(field.name, None)
    return copy


def keep_levels(record: Record, *, actor: Actor) -> None:
    """Put back the fields whose permission level the actor may not write (to what they were, or their default)."""
    if actor.is_administrator:
        return
    allowed = levels(record.doctype, "write", actor) | {0}
    for field in record.doctype.fields:
        if field.permlevel not in allowed:
            old = record.before.values.get(field.name) if record.before else None
            record.values[field.name] = old


def _refused(record: Record, action: str, actor: Actor) -> NotPermitted:
    message = (
        f"User <strong>{actor.user}</strong> does not have access to this document: "
        f"{record.doctype.name} - {record.name or None}"
    )
    return NotPermitted(message, doctype=record.doctype.name, name=record.name, action=action, user=actor.user)
