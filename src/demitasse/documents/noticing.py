"""Telling whoever watches documents that one has changed, once the change is durable.

Where nobody watches a DocType nothing is kept for it, and a write costs what it cost before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Happening, Record
from demitasse.documents.ports import Observers

_CHANGED, _REMOVED, _RENAMED = "on_change", "on_trash", "after_rename"
_EVENTS = frozenset({_CHANGED, _REMOVED, _RENAMED})


class Kind(Enum):
    """What happened to a document; the value is what clients read."""

    INSERT = "insert"
    UPDATE = "update"
    RENAME = "rename"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One document that a transaction has changed.

    Args:
        owner: Of the document; for permissions.
        user: Who did it.
        modified: Aware, UTC; ``None`` where that is not known.
        former_name: What it was called before, where it was renamed.
    """

    doctype: str
    name: str
    kind: Kind
    owner: str | None
    user: str
    docstatus: int = 0
    modified: datetime | None = None
    former_name: str | None = None


OnChanges = Callable[[Sequence[Change]], None]
"""Told of changes once they are durable; from any thread."""


class Noticing:
    """Notes the changes of watched DocTypes.

    ``watches`` says of a DocType whether anybody does; it is asked in the middle of each save, from any thread.
    """

    def __init__(self) -> None:
        self.watches: Callable[[str], bool] | None = None
        self.on_changes: OnChanges | None = None

    def wants(self, doctype: str, event: str) -> bool:
        """Return whether the event of a DocType is to be kept in the journal."""
        return self.watches is not None and event in _EVENTS and self.watches(doctype)

    def collect(self, context: DocumentContext, tx: Transaction) -> None:
        """Take the changes from the transaction's journal, and tell of them after its commit."""
        on_changes = self.on_changes
        if on_changes is None or self.watches is None:
            return
        found: dict[tuple[str, str], Change] = {}
        happenings: list[Happening] = tx.journal
        for happening in happenings:
            key = (happening.doctype, happening.name)
            if happening.event in _EVENTS and self.watches(happening.doctype):
                change = _change(context, tx, happening)
                earlier = found.get(key)
                found[key] = change if earlier is None else _merged(earlier, change)
        if found:
            changes = tuple(found.values())
            tx.after_commit(lambda: on_changes(changes))


class AnyOf:
    """Several observers of documents as one."""

    def __init__(self, *observers: Observers) -> None:
        self._observers = observers

    def wants(self, doctype: str, event: str) -> bool:
        """Return whether one of them listens."""
        for observer in self._observers:  # noqa: SIM110 - any() with a generator costs twice as much, some times per save
            if observer.wants(doctype, event):
                return True
        return False


def _change(context: DocumentContext, tx: Transaction, happening: Happening) -> Change:
    record = happening.record
    kind = {_REMOVED: Kind.DELETE, _RENAMED: Kind.RENAME}.get(happening.event, Kind.UPDATE)
    if record is not None and kind is Kind.UPDATE and happening.before is None and not record.doctype.is_single:
        kind = Kind.INSERT
    if record is None:  # Only columns were set.
        record = _stored(context, tx, happening)
    return Change(
        doctype=happening.doctype,
        name=happening.name,
        kind=kind,
        owner=record.values.get("owner") if record is not None else None,
        user=happening.user,
        docstatus=record.docstatus if record is not None else 0,
        modified=record.modified if record is not None else None,
        former_name=happening.former_name,
    )


def _stored(context: DocumentContext, tx: Transaction, happening: Happening) -> Record | None:
    doctype = context.registry.get(happening.doctype)
    if doctype.is_single:
        return store.load_single(context, tx, doctype)
    return store.find(context, tx, doctype, happening.name)


def _merged(earlier: Change, later: Change) -> Change:
    """Return what two changes of a document in one transaction are together."""
    if Kind.DELETE in {earlier.kind, later.kind}:
        return later
    if later.kind is Kind.UPDATE or earlier.kind is Kind.RENAME:
        return Change(
            doctype=later.doctype,
            name=later.name,
            kind=earlier.kind,
            owner=later.owner,
            user=later.user,
            docstatus=later.docstatus,
            modified=later.modified,
            former_name=earlier.former_name,
        )
    return later
