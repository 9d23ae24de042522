"""What is known of arriving documents before they are applied: read for many at once, kept while a batch goes on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC

from demitasse.auth.model import ADMINISTRATOR
from demitasse.db.transaction import Transaction
from demitasse.sync import links, logbook, store
from demitasse.sync.arrivals import Applier, Arrival
from demitasse.sync.model import Counts, LocalState, Mark, Naming, RemoteDocument, Rule, moment_of

Key = tuple[str, str]
"""A DocType and a name, both as the source has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was noted before something that may fail."""

    marks: dict[Key, Mark]
    counts: Counts


class Known:
    """Marks, our copies, parked rows and open conflicts, as they are in one transaction."""

    def __init__(self, applier: Applier, tx: Transaction) -> None:
        self.applier = applier
        self.context = applier.context
        self.tx = tx
        self.counts = Counts()
        self.targets: set[links.Target] = set()
        self._marks: dict[Key, Mark] = {}
        self._changed: dict[Key, Mark] = {}
        self._local: dict[links.Target, tuple[str, int] | None] = {}
        self._parked: dict[Key, str] = {}
        self._conflicts: dict[Key, str] = {}
        self._loaded: set[Key] = set()

    def load(self, keys: Iterable[Key]) -> None:
        """Read what is known of documents that were not asked for yet."""
        wanted: dict[str, list[str]] = {}
        for doctype, name in keys:
            if (doctype, name) not in self._loaded:
                self._loaded.add((doctype, name))
                wanted.setdefault(doctype, []).append(name)
        for doctype, names in wanted.items():
            self._load(self.applier.rule_for(doctype), doctype, names)

    def _load(self, rule: Rule, doctype: str, names: list[str]) -> None:
        context, tx, site = self.context, self.tx, self.applier.site
        for name, mark in store.marks_of(tx, site, doctype, names).items():
            self._marks.setdefault((doctype, name), mark)  # one that was put is not written yet
        here = context.registry.find(rule.local_doctype)
        if here is not None and not here.is_single:
            local = [found for name in names if (found := self.local_name(rule, doctype, name))]
            rows = store.local_rows(tx, here, local)
            for name in local:
                self._local[rule.local_doctype, name] = rows.get(name)
        for name, row in logbook.parked(context, tx, site, doctype, names).items():
            self._parked[doctype, name] = row
        for name, row in logbook.open_conflicts(context, tx, site, doctype, names).items():
            self._conflicts[doctype, name] = row

    def mark(self, key: Key) -> Mark | None:
        """Return the mark of a document that was loaded."""
        return self._marks.get(key)

    def put_mark(self, key: Key, mark: Mark) -> None:
        """Keep a mark; it is written with all others."""
        self._marks[key] = self._changed[key] = mark

    def drop_mark(self, key: Key) -> None:
        """Forget a mark, also in the database."""
        self._loaded.add(key)
        self._marks.pop(key, None)
        self._changed.pop(key, None)
        store.forget_mark(self.tx, self.applier.site, *key)

    def begin(self) -> Before:
        """Return what ``undo`` needs, before something that may fail."""
        return Before(marks=dict(self._changed), counts=replace(self.counts))

    def undo(self, before: Before) -> None:
        """Take back what was noted since: the database has undone it. What else is known is read again when needed."""
        self._changed, self.counts = before.marks, before.counts
        for found in (self._local, self._parked, self._conflicts):
            found.clear()
        self._loaded.clear()
        self.targets.clear()
        self._marks = dict(self._changed)

    def write_marks(self) -> None:
        """Write the marks that were put."""
        store.put_marks(self.tx, self._changed.values())
        self._changed = {}

    def local_name(self, rule: Rule, doctype: str, name: str) -> str | None:
        """Return what a document is called here; one without a mark has no counterpart where names differ."""
        mark = self._marks.get((doctype, name))
        if mark is not None and not mark.is_deleted:
            return mark.local_name
        return name if rule.naming is Naming.SAME_NAME else None

    def local(self, rule: Rule, doctype: str, name: str) -> LocalState | None:
        """Return our copy of a document that was loaded."""
        here = self.local_name(rule, doctype, name)
        found = self._local.get((rule.local_doctype, here)) if here else None
        if here is None or found is None:
            return None
        modified, docstatus = found
        return LocalState(name=here, modified=modified, changed_at=moment_of(modified, zone=UTC), docstatus=docstatus)

    def note_local(self, target: links.Target, state: tuple[str, int] | None) -> None:
        """Note that our copy is now so, or gone."""
        self._local[target] = state
        if state is None:
            self.targets.discard(target)
        else:
            self.targets.add(target)

    def note_seen(self, remote: RemoteDocument, rule: Rule, local: LocalState | None) -> None:
        """Note that a version was looked at, so that it is not looked at again."""
        key = remote.doctype, remote.name
        mark = self._marks.get(key)
        # Our own edit came back: what we have, or had, is what it was made from.
        is_echo = remote.version.site == self.applier.own_site
        if mark is None:
            if local is not None:
                self.put_mark(key, self._first_mark(remote, rule, local, base=remote.version.stamp if is_echo else ""))
            return
        is_news = remote.modified > mark.remote_modified or remote.sequence > mark.sequence
        if is_news or mark.version != remote.version:
            noted = replace(
                mark,
                remote_modified=max(remote.modified, mark.remote_modified),
                version=remote.version,
                sequence=max(mark.sequence, remote.sequence),
                local_modified=remote.version.stamp if is_echo else mark.local_modified,
            )
            self.put_mark(key, noted)

    def _first_mark(self, remote: RemoteDocument, rule: Rule, local: LocalState, *, base: str) -> Mark:
        return Mark(
            site=self.applier.site,
            doctype=remote.doctype,
            remote_name=remote.name,
            local_doctype=rule.local_doctype,
            local_name=local.name,
            remote_modified=remote.modified,
            local_modified=base,
            version=remote.version,
            sequence=remote.sequence,
        )

    def report_conflict(self, key: Key, dispute: logbook.Dispute) -> None:
        """Keep both versions of a document for a person to decide."""
        self.counts.conflicts += 1
        present = self._conflicts.get(key)
        self._conflicts[key] = logbook.report_conflict(self.context, self.tx, dispute, present=present)

    def park(self, key: Key, parking: logbook.Parking) -> None:
        """Keep a document that cannot be applied, with the reason."""
        self.counts.parked += 1
        self._parked[key] = logbook.park(self.context, self.tx, parking, present=self._parked.get(key))

    def settle(self, key: Key) -> None:
        """Take back what was parked or asked of a document that is now in step."""
        row = self._parked.pop(key, None)
        if row is not None:
            logbook.unpark(self.context, self.tx, row)
        conflict = self._conflicts.pop(key, None)
        if conflict is not None:
            logbook.settle(self.context, self.tx, conflict, "Settled by Itself", user=ADMINISTRATOR)

    def load_arrivals(self, arrivals: Iterable[Arrival]) -> None:
        """Read what is known of documents that came."""
        self.load([(arrival.remote.doctype, arrival.remote.name) for arrival in arrivals])
