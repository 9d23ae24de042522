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
    """Return the record without the fields, of itself and its rows, whose permission level the actor may not read.

    The levels of rows are those that the actor may read in the DocType they belong to.
    """
    if actor.is_administrator or not _has_levels(record):
        return record
    allowed = levels(record.doctype, "read", actor) | {0}
    copy = record.snapshot()
    _remove(copy, allowed)
    for _, row in copy.children():
        _remove(row, allowed)
    return copy


def keep_levels(record: Record, *, actor: Actor) -> None:
    """Put back the fields whose permission level the actor may not write: to what they were, or to nothing.

    What is new gets its defaults after this.
    """
    if actor.is_administrator or not (_has_levels(record) or (record.before and _has_levels(record.before))):
        return
    allowed = levels(record.doctype, "write", actor) | {0}
    before = {row.name: row for _, row in record.before.children()} if record.before else {}
    _put_back(record, record.before, allowed)
    for _, row in record.children():
        _put_back(row, before.get(row.name), allowed)


def _has_levels(record: Record) -> bool:
    return record.doctype.has_levels or any(row.doctype.has_levels for _, row in record.children())


def _remove(record: Record, allowed: frozenset[int]) -> None:
    for field in record.doctype.fields:
        if field.permlevel not in allowed:
            record.values.pop(field.name, None)


def _put_back(record: Record, before: Record | None, allowed: frozenset[int]) -> None:
    for field in record.doctype.fields:
        if field.permlevel not in allowed:
            record.values[field.name] = before.values.get(field.name) if before else None


def _refused(record: Record, action: str, actor: Actor) -> NotPermitted:
    message = (
        f"User <strong>{actor.user}</strong> does not have access to this document: "
        f"{record.doctype.name} - {record.name or None}"
    )
    return NotPermitted(message, doctype=record.doctype.name, name=record.name, action=action, user=actor.user)
