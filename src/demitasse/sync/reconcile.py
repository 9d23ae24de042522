"""Comparing the keys of both sides: finds what no cursor could, and what was lost on the way.

The source's names are remembered as 64-bit hashes, eight bytes each, so that a comparison of millions stays small, and
no order of names has to mean the same on both sides.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from demitasse.db.transaction import Transaction
from demitasse.sync import checkpoint as checkpoints
from demitasse.sync import logbook, store
from demitasse.sync.applying import Applying
from demitasse.sync.arrivals import Applier
from demitasse.sync.errors import SyncError
from demitasse.sync.model import Counts, Mark, Position, Rule, Tombstone
from demitasse.sync.ports import Home, Source
from demitasse.sync.transacting import reading, writing

_NAMES_IN_A_CALL = 5_000
_MARKS_AT_A_TIME = 1_000
_FEW = 20
"""So many deletions at once ask for no thought."""


class TooManyGone(SyncError):
    """More than half of the documents seem to be gone at the source; ``data`` has ``gone`` and ``known``."""

    code = "too_many_gone"


class NameSet:
    """Names as 64-bit hashes: first all are added, then it is closed and asked."""

    def __init__(self) -> None:
        self._hashes = array("Q")

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, name: str) -> bool:
        wanted = _hash(name)
        place = bisect_left(self._hashes, wanted)
        return place < len(self._hashes) and self._hashes[place] == wanted

    def add(self, names: Iterable[str]) -> None:
        """Add names."""
        self._hashes.extend(_hash(name) for name in names)

    def close(self) -> None:
        """Put them in order, so that they can be asked for."""
        self._hashes = array("Q", sorted(self._hashes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a comparison found and did."""

    counts: Counts
    compared: int
    differing: int
    gone: int


class Reconcile:
    """One comparison of a rule's documents with its source."""

    def __init__(self, home: Home, rule: Rule, source: Source, applier: Applier) -> None:
        self._home = home
        self._rule = rule
        self._source = source
        self._applying = Applying(home, applier, source)
        self._there = NameSet()

    def run(self, *, may_delete_most: bool = False) -> Reconciled:
        """Compare all keys, fetch what differs, and delete what is gone.

        Args:
            may_delete_most: Also where more than half of the documents are gone.

        Raises:
            TooManyGone: they are; nothing was deleted. Perhaps the user of the API key sees less than before.
        """
        outlook = self._source.look()
        differing = 0
        for keys in self._pages():
            self._there.add(key.name for key in keys)
            names = self._differing(keys)
            differing += len(names)
            for start in range(0, len(names), self._rule.page_size):
                documents = self._source.documents(names[start : start + self._rule.page_size])
                self._applying.documents(sorted(documents, key=lambda document: document.position))
        self._there.close()
        gone, known = self._gone()
        if len(gone) > max(_FEW, known // 2) and not may_delete_most:
            message = (
                f"{len(gone)} of {known} {self._rule.local_doctype} documents are gone from {self._rule.site}; nothing was "
                "deleted. If that is right, run `demitasse sync reconcile --delete-most`; else look at what the user of "
                "the API key may read there"
            )
            raise TooManyGone(message, gone=len(gone), known=known)
        self._bury(gone, now=outlook.now)
        writing(self._home.database, self._note)
        return Reconciled(counts=self._applying.counts, compared=len(self._there), differing=differing, gone=len(gone))

    def _pages(self) -> Iterator[Sequence[Position]]:
        after = ""
        while True:
            keys, has_more = self._source.names(after, limit=_NAMES_IN_A_CALL)
            if keys:
                yield keys
            if not has_more or not keys or keys[-1].name == after:
                return
            after = keys[-1].name

    def _differing(self, keys: Sequence[Position]) -> list[str]:
        """Return the names of those that are not here as the source has them, or not here at all."""
        rule, context = self._rule, self._home.context
        names = [key.name for key in keys]

        def look(tx: Transaction) -> list[str]:
            marks = store.marks_of(tx, rule.site, rule.doctype, names)
            parked = logbook.parked(context, tx, rule.site, rule.doctype, names)
            doctype = context.registry.get(rule.local_doctype)
            here = store.local_rows(tx, doctype, [mark.local_name for mark in marks.values()])
            return [
                key.name
                for key in keys
                if key.name not in parked
                and (
                    (mark := marks.get(key.name)) is None
                    or mark.is_deleted
                    or mark.remote_modified != key.modified
                    or mark.local_name not in here
                )
            ]

        return reading(self._home.database, look)

    def _gone(self) -> tuple[list[Mark], int]:
        """Return the marks of documents that the source no longer has, and how many marks there are.

        Each is asked for by its name once more: it may have come by a push while names were read, or by another rule. What
        no longer matches the rule's filters is not gone: it stays as it is.
        """
        suspects: list[Mark] = []
        known, after = 0, ""
        while marks := self._marks(after):
            known += len(marks)
            suspects += [mark for mark in marks if mark.remote_name not in self._there]
            after = marks[-1].remote_name
        there = self._source.there([mark.remote_name for mark in suspects])
        return [mark for mark in suspects if mark.remote_name not in there], known

    def _marks(self, after: str) -> list[Mark]:
        rule = self._rule
        return reading(
            self._home.database,
            lambda tx: store.marks_after(tx, rule.site, rule.doctype, after=after, limit=_MARKS_AT_A_TIME),
        )

    def _bury(self, gone: Sequence[Mark], *, now: str) -> None:
        deleted_at = self._home.context.clock()
        tombstones = [
            Tombstone(
                doctype=self._rule.doctype,
                name=mark.remote_name,
                position=Position(now, mark.remote_name),
                deleted_at=deleted_at,
            )
            for mark in gone
        ]
        if tombstones:
            self._applying.deletions(tombstones)

    def _note(self, tx: Transaction) -> None:
        context = self._home.context
        found = checkpoints.load(context, tx, self._rule.name)
        checkpoints.save(context, tx, self._rule.name, replace(found, reconciled_at=context.clock(), compare_reason=""))


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
