"""Applying what comes from another site: one way for pull, push and broker.

Everything is part of the caller's transaction, together with the checkpoint that says how far it went. Each document
has a savepoint of its own: one that cannot be applied is parked with its error, and the others go on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from demitasse.db.errors import DatabaseBusy, QueryInterrupted, StorageFull
from demitasse.db.transaction import Transaction
from demitasse.documents import store as document_store
from demitasse.documents.model import Record
from demitasse.sync import burying, links, logbook, store
from demitasse.sync.arrivals import Applier, Arrival
from demitasse.sync.conflict import Action, decide
from demitasse.sync.errors import MissingLinks
from demitasse.sync.known import Known
from demitasse.sync.model import Counts, LocalState, Mark, Naming, RemoteDocument, Tombstone
from demitasse.sync.writing import stamp

_SETTLED = frozenset({Action.INSERT, Action.UPDATE, Action.SAME, Action.ECHO})
"""After these a document is as its source has it: what was parked or in conflict is over."""
_OF_THE_DATABASE = (DatabaseBusy, QueryInterrupted, StorageFull)
"""What is no document's fault: the whole batch is undone, and tried again later."""


class Batch:
    """What is applied in one transaction.

    Args:
        reserve: Further documents, which are applied only where one of the batch links to them.
    """

    def __init__(self, applier: Applier, tx: Transaction, *, reserve: Iterable[Arrival] = ()) -> None:
        self._applier = applier
        self._context = applier.context
        self._tx = tx
        self._known = Known(applier, tx)
        self._reserve = {arrival.target: arrival for arrival in reserve}
        self._under_way: set[links.Target] = set()
        self._done: set[tuple[str, str]] = set()

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Apply documents, each in a savepoint."""
        self._reserve.update({arrival.target: arrival for arrival in arrivals})
        self._known.load_arrivals(arrivals)
        self._look_up_links(arrivals)
        for arrival in arrivals:
            self._known.counts.read += 1
            self._take_one(arrival)

    def bury(self, tombstones: Sequence[Tombstone]) -> None:
        """Apply deletions and renames, each in a savepoint."""
        known = self._known
        known.load([(tombstone.doctype, tombstone.name) for tombstone in tombstones])
        for tombstone in tombstones:
            before = known.begin()
            try:
                with self._tx.savepoint():
                    burying.bury(known, tombstone)
            except _OF_THE_DATABASE:
                raise
            except Exception as error:  # noqa: BLE001 - hooks are app code: whatever one raises parks the row it is about
                known.undo(before)
                known.load([(tombstone.doctype, tombstone.name)])
                parking = logbook.Parking(
                    rule=self._applier.rule_for(tombstone.doctype),
                    name=tombstone.name,
                    error=error,
                    data=burying.stamp_of(tombstone),
                    kind=logbook.DELETION,
                )
                known.park((tombstone.doctype, tombstone.name), parking)

    def force(self, *arrivals: Arrival) -> None:
        """Apply documents whatever was decided of them before; what goes wrong is raised and not parked."""
        self._known.load_arrivals(arrivals)
        self._look_up_links(arrivals)
        for arrival in arrivals:
            if arrival.fault is not None:
                raise arrival.fault
            local = self._known.local(arrival.rule, arrival.remote.doctype, arrival.remote.name)
            if local is None:
                self._insert(arrival)
            else:
                self._update(arrival, local)

    def force_deletion(self, tombstone: Tombstone) -> None:
        """Apply a deletion whatever was changed here; what goes wrong is raised and not parked."""
        burying.bury(self._known, tombstone)

    def finish(self) -> Counts:
        """Write the marks, and return what was done."""
        self._known.write_marks()
        return self._known.counts

    def _take_one(self, arrival: Arrival) -> None:
        known, remote = self._known, arrival.remote
        key = remote.doctype, remote.name
        if key in self._done or arrival.target in self._under_way:
            return
        self._under_way.add(arrival.target)
        before, done = known.begin(), set(self._done)
        try:
            with self._tx.savepoint():
                action = self._apply(arrival)
        except _OF_THE_DATABASE:
            raise
        except Exception as error:  # noqa: BLE001 - hooks are app code: whatever one raises parks the document it is about
            known.undo(before)
            self._done = done
            known.load([key])
            data = {**remote.values, logbook.STAMP: stamp_of(remote)}
            parking = logbook.Parking(
                rule=replace(arrival.rule, doctype=remote.doctype), name=remote.name, error=error, data=data
            )
            known.park(key, parking)
        else:
            if action in _SETTLED:
                known.settle(key)
        finally:
            self._done.add(key)
            self._under_way.discard(arrival.target)

    def _apply(self, arrival: Arrival) -> Action:
        if arrival.fault is not None:
            raise arrival.fault
        remote, rule = arrival.remote, arrival.rule
        self._known.load_arrivals([arrival])
        mark = self._known.mark((remote.doctype, remote.name))
        local = self._known.local(rule, remote.doctype, remote.name)
        action = decide(
            mark,
            local,
            remote,
            policy=rule.policy,
            own_site=self._applier.own_site,
            was_deleted_here=self._was_deleted_here(arrival, mark, local),
        )
        match action:
            case Action.INSERT:
                self._insert(arrival)
            case Action.UPDATE if local is not None:
                self._update(arrival, local)
            case Action.ASK:
                self._ask(arrival, mark, local)
            case Action.KEEP:
                self._known.counts.kept += 1
                self._known.note_seen(remote, rule, local)
            case _:
                self._known.counts.unchanged += 1
                self._known.note_seen(remote, rule, local)
        return action

    def _was_deleted_here(self, arrival: Arrival, mark: Mark | None, local: LocalState | None) -> bool:
        """Return whether a document that is our own edit is missing because it was deleted here, not lost."""
        if local is not None or arrival.remote.version.site != self._applier.own_site:
            return False
        name = mark.local_name if mark else arrival.remote.name
        return store.was_deleted(self._tx, arrival.rule.local_doctype, name)

    def _insert(self, arrival: Arrival) -> None:
        remote = arrival.remote
        record = self._applier.writer.insert(
            self._tx,
            arrival.local_doctype,
            self._linked(arrival),
            name=remote.name if arrival.rule.naming is Naming.SAME_NAME else None,
            docstatus=remote.docstatus,
            origin=remote.version.site,
        )
        self._wrote(arrival, record)
        self._known.counts.inserted += 1

    def _update(self, arrival: Arrival, local: LocalState) -> None:
        remote = arrival.remote
        record, is_changed = self._applier.writer.update(
            self._tx,
            arrival.local_doctype,
            local.name,
            self._linked(arrival),
            docstatus=remote.docstatus,
            origin=remote.version.site,
            child_keys=arrival.rule.child_keys,
        )
        self._wrote(arrival, record)
        if is_changed:
            self._known.counts.updated += 1
        else:
            self._known.counts.unchanged += 1

    def _wrote(self, arrival: Arrival, record: Record) -> None:
        rule, remote = arrival.rule, arrival.remote
        key = remote.doctype, remote.name
        modified = stamp(record)
        earlier = self._known.mark(key)
        self._known.note_local((rule.local_doctype, record.name), (modified, record.docstatus))
        self._known.put_mark(
            key,
            Mark(
                site=self._applier.site,
                doctype=remote.doctype,
                remote_name=remote.name,
                local_doctype=rule.local_doctype,
                local_name=record.name,
                remote_modified=remote.modified,
                local_modified=modified,
                version=remote.version,
                sequence=max(remote.sequence, earlier.sequence if earlier else 0),
            ),
        )

    def _ask(self, arrival: Arrival, mark: Mark | None, local: LocalState | None) -> None:
        remote, rule = arrival.remote, arrival.rule
        key = remote.doctype, remote.name
        ours = document_store.find(self._context, self._tx, arrival.local_doctype, local.name) if local else None
        dispute = logbook.Dispute(
            rule=rule,
            kind=logbook.BOTH_CHANGED if ours is not None else logbook.DELETED_HERE,
            local=ours,
            local_name=local.name if local else mark.local_name if mark else remote.name,
            remote_name=remote.name,
            remote=remote.values,
            remote_modified=remote.modified,
            stamp=stamp_of(remote),
        )
        self._known.report_conflict(key, dispute)
        self._known.note_seen(remote, rule, local)

    # --- Links -----------------------------------------------------------------------------------------------------

    def _linked(self, arrival: Arrival) -> dict[str, Any]:
        """Return the values with links that hold here; what is missing is applied first, if it has come.

        A document that waits for this one, in a circle, may be linked to: it is written right after.

        Raises:
            MissingLinks: a target is neither here nor came.
        """
        names: dict[links.Target, str] = {}
        gone: list[links.Target] = []
        for target in arrival.targets:
            here = self._target_here(target)
            waiting = self._reserve.get(target)
            if here is None and waiting is not None and target not in self._under_way:
                self._known.load_arrivals([waiting])
                self._look_up_links([waiting])
                self._take_one(waiting)
                here = self._target_here(target)
            if here is not None and here != target:
                names[target] = here[1]
            elif here is None and (target not in self._under_way or self._is_renamed(target)):
                gone.append(target)
        if gone:
            listed = ", ".join(f"{kind} {name}" for kind, name in sorted(gone))
            message = f"It links to {listed}, which is neither here nor can be fetched from {self._applier.site}"
            raise MissingLinks(message, targets=[list(each) for each in gone])
        if names:
            links.translate(arrival.local_doctype, self._context, arrival.values, names)
        return arrival.values

    def _target_here(self, target: links.Target) -> links.Target | None:
        """Return a link's target as it is called here, ``None`` where it is not here."""
        known, wanted = self._known, target
        if self._is_renamed(target):
            rule = self._applier.rule_to(target[0])
            known.load([(rule.doctype, target[1])])
            mark = known.mark((rule.doctype, target[1]))
            if mark is None or mark.is_deleted:
                return None
            wanted = target[0], mark.local_name
        if wanted in known.targets or not links.missing(self._context, self._tx, [wanted], known=known.targets):
            return wanted
        return None

    def _is_renamed(self, target: links.Target) -> bool:
        return self._applier.rule_to(target[0]).naming is Naming.OWN_NAME

    def _look_up_links(self, arrivals: Iterable[Arrival]) -> None:
        targets = {target for arrival in arrivals for target in arrival.targets if not self._is_renamed(target)}
        links.missing(self._context, self._tx, targets, known=self._known.targets)


def stamp_of(remote: RemoteDocument) -> dict[str, Any]:
    """Return what a conflict keeps of an arriving document beside its values."""
    return {
        "modified": remote.modified,
        "version": list(remote.version),
        "changed_at": remote.changed_at.isoformat(),
        "docstatus": remote.docstatus,
        "zone": str(remote.zone),
        "sequence": remote.sequence,
    }
