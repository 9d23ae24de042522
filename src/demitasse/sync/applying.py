"""Applying many documents in transactions so short that a serving site does not notice, each with its checkpoint."""

import time
from collections.abc import Callable, Sequence

from demitasse.client.errors import SiteError
from demitasse.db.transaction import Transaction
from demitasse.kernel.clock import monotonic_s
from demitasse.sync.apply import Batch
from demitasse.sync.arrivals import Applier, Arrival
from demitasse.sync.model import Counts, RemoteDocument, Tombstone
from demitasse.sync.ports import Home, Source
from demitasse.sync.transacting import reading, writing

_BUDGET_S = 0.025
"""A transaction takes no more work after this time."""
_CHUNK = 32
_DELETIONS = 8
"""In one transaction: each looks for links in every table."""
_DEPTH = 12
"""Links of links of links that are fetched for one page."""
Note = Callable[[Transaction, Sequence[RemoteDocument]], None]
"""Writes into the transaction how far it goes: it is given what was applied in it."""


class Applying:
    """Applies documents of one source, and keeps count.

    Args:
        source: Where documents that are linked to are fetched.
    """

    def __init__(self, home: Home, applier: Applier, source: Source | None) -> None:
        self.counts = Counts()
        self._home = home
        self._applier = applier
        self._source = source

    def documents(self, documents: Sequence[RemoteDocument], *, note: Note | None = None) -> None:
        """Apply documents in their order, after what they link to."""
        arrivals = self._applier.prepare(documents)
        reserve = [*arrivals, *self._linked(arrivals)]
        start = 0
        while start < len(arrivals):
            start = self._transaction(arrivals, start, reserve, note)

    def deletions(self, tombstones: Sequence[Tombstone], *, note: Callable[[Transaction], None] | None = None) -> None:
        """Apply deletions and renames, and write how far they go."""
        for start in range(0, max(len(tombstones), 1), _DELETIONS):
            began_s = monotonic_s()
            chunk = tombstones[start : start + _DELETIONS]
            is_last = start + _DELETIONS >= len(tombstones)

            def work(tx: Transaction, chunk: Sequence[Tombstone] = chunk, *, is_last: bool = is_last) -> Counts:
                batch = Batch(self._applier, tx)
                batch.bury(chunk)
                counts = batch.finish()
                if note is not None and is_last:
                    note(tx)
                return counts

            self._count(writing(self._home.database, work), began_s)

    def _transaction(
        self, arrivals: Sequence[Arrival], start: int, reserve: Sequence[Arrival], note: Note | None
    ) -> int:
        """Apply as many documents as fit into one transaction, and return where to go on."""
        began_s = monotonic_s()
        end = start

        def work(tx: Transaction) -> Counts:
            nonlocal end
            end = start
            batch = Batch(self._applier, tx, reserve=reserve)
            began_s = monotonic_s()
            while end < len(arrivals):
                chunk = arrivals[end : end + _CHUNK]
                batch.take(chunk)
                end += len(chunk)
                if monotonic_s() - began_s > _BUDGET_S:
                    break
            counts = batch.finish()
            if note is not None:
                note(tx, [arrival.remote for arrival in arrivals[start:end]])
            return counts

        self._count(writing(self._home.database, work), began_s)
        return end

    def _count(self, counts: Counts, began_s: float) -> None:
        self.counts.add(counts)
        self._home.tell(self.counts)
        if self._home.rests:
            time.sleep((monotonic_s() - began_s) * self._home.rests)

    def _linked(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Fetch what these link to and is neither here nor among them, and what that links to."""
        found: list[Arrival] = []
        newest: Sequence[Arrival] = arrivals
        asked: set[tuple[str, str]] = set()
        for _ in range(_DEPTH if self._source is not None else 0):
            fetched: list[RemoteDocument] = []
            for doctype, names in self._missing([*found, *arrivals] if found else newest).items():
                wanted = [name for name in names if (doctype, name) not in asked]
                asked.update((doctype, name) for name in wanted)
                fetched += self._fetch(doctype, wanted) if wanted else []
            if not fetched:
                break
            newest = self._applier.prepare(fetched)
            found += newest
        return found

    def _missing(self, arrivals: Sequence[Arrival]) -> dict[str, list[str]]:
        return reading(self._home.database, lambda tx: self._applier.missing_targets(tx, arrivals))

    def _fetch(self, doctype: str, names: Sequence[str]) -> list[RemoteDocument]:
        assert self._source is not None  # noqa: S101 - looked at by the caller
        try:
            return list(self._source.documents(names, doctype=doctype))
        except SiteError:
            return []  # the source refuses these: what links to them is parked, and says so
