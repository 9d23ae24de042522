"""Finding out what another process has changed: a command beside the server writes to the same file, and tells nobody."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.documents.noticing import Change, Kind

MOST_CHANGES = 500
_MAX_KNOWN = 20_000
_LONGEST_TRANSACTION = timedelta(minutes=5)
"""A change says when it was made, and is seen when it is committed: so far back is looked."""


class ForeignChanges:
    """Tells changes of watched documents that are news from those that were told already. Belongs to one thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], datetime | None] = OrderedDict()
        self._since: dict[str, datetime] = {}

    def watch(self, doctype: str, *, now: datetime) -> None:
        """Look for changes of a DocType from now on."""
        self._since.setdefault(doctype, now)

    def forget(self, doctype: str) -> None:
        """Look for changes of a DocType no more."""
        self._since.pop(doctype, None)

    def told(self, changes: Iterable[Change]) -> None:
        """Note changes that were made in this process, and are no news."""
        for change in changes:
            gone = change.kind is Kind.DELETE
            self._note(change.doctype, change.name, None if gone else change.modified)

    def look(
        self, context: DocumentContext, tx: Transaction, watched: Mapping[str, Collection[str]]
    ) -> list[tuple[str, Sequence[Record], Collection[str]]]:
        """Return, of each watched DocType, what has changed lately, and which watched documents are gone.

        It changes nothing here, so that a read may be run twice.

        Args:
            watched: Each DocType with the documents that are watched by name: only of those a removal is found.
        """
        found: list[tuple[str, Sequence[Record], Collection[str]]] = []
        for name, documents in watched.items():
            doctype, since = context.registry.find(name), self._since.get(name)
            if doctype is None or doctype.is_single or since is None:
                continue
            some = list(documents)[:MOST_CHANGES]
            there = store.names_of(context, tx, doctype, some) if some else {}
            records = store.changed_since(tx, doctype, since, limit=MOST_CHANGES)
            found.append((name, records, [document for document in some if document not in there]))
        return found

    def news(self, found: Iterable[tuple[str, Sequence[Record], Collection[str]]], *, now: datetime) -> list[Change]:
        """Return those of the changes that ``look`` found which have not been told.

        Args:
            now: When ``look`` began.
        """
        changes: list[Change] = []
        for doctype, records, gone in found:
            for record in records:
                if self._known.get((doctype, record.name)) != record.modified:
                    self._note(doctype, record.name, record.modified)
                    changes.append(_change(record))
            for name in gone:
                if self._known.get((doctype, name), now) is not None:
                    self._note(doctype, name, None)
                    changes.append(Change(doctype=doctype, name=name, kind=Kind.DELETE, owner=None, user=""))
            if doctype in self._since:
                self._since[doctype] = max(self._since[doctype], now - _LONGEST_TRANSACTION)
        return changes

    def _note(self, doctype: str, name: str, modified: datetime | None) -> None:
        self._known[doctype, name] = modified
        self._known.move_to_end((doctype, name))
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)


def _change(record: Record) -> Change:
    is_new = record["creation"] == record.modified
    return Change(
        doctype=record.doctype.name,
        name=record.name,
        kind=Kind.INSERT if is_new else Kind.UPDATE,
        owner=record["owner"],
        user=record["modified_by"] or "",
        docstatus=record.docstatus,
        modified=record.modified,
    )
