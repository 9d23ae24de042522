"""Pulling: read what is new at a source, and apply it here.

A run reads up to the source's present and looks back a little from its watermark, since a transaction may commit with
an earlier ``modified`` than one that was read already. What was looked at before is told by its mark, so looking back
costs keys and not documents.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from demitasse.db.transaction import Transaction
from demitasse.kernel.clock import monotonic_s
from demitasse.sync import checkpoint as checkpoints
from demitasse.sync import logbook, store
from demitasse.sync.applying import Applying
from demitasse.sync.arrivals import Applier
from demitasse.sync.checkpoint import Checkpoint
from demitasse.sync.cursor import Alarm, Reading, advance, clock_went_back, earlier, is_restored, look_back_from
from demitasse.sync.errors import SameSite
from demitasse.sync.model import START, Counts, Position, RemoteDocument, Rule
from demitasse.sync.ports import Home, Outlook, Page, Source
from demitasse.sync.transacting import reading, writing

_KEYS_IN_A_CALL = 5_000
_CLOCK_TOLERANCE_S = 30.0
_SAVED_EVERY = timedelta(seconds=30)
"""A run that finds nothing writes nothing, but that it looked, this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a run did.

    Args:
        lag_s: How long the last change waited until it was here.
    """

    counts: Counts
    checkpoint: Checkpoint
    lag_s: float
    duration_s: float


class Pull:
    """One run of a rule against its source."""

    def __init__(self, home: Home, rule: Rule, source: Source, applier: Applier) -> None:
        self._home = home
        self._rule = rule
        self._source = source
        self._applying = Applying(home, applier, source)
        self._checkpoint = Checkpoint()
        self._now = ""
        self._last_change = ""
        self._has_deletions = False

    def run(self) -> Pulled:
        """Read and apply all that is new.

        Raises:
            ClientError: the source cannot be asked.
            SameSite: it has this site's identity.
        """
        began_s = monotonic_s()
        before = self._checkpoint = self._load()
        outlook = self._source.look()
        if outlook.site_id == self._home.site_id:
            message = (
                f"{self._rule.site} has the identity of this site: one is a copy of the other. "
                "Run `demitasse sync identity --new` on the copy"
            )
            raise SameSite(message, site=self._rule.site)
        self._now = outlook.now
        if before == Checkpoint() or not before.deleted.modified:
            # Deletions count from before the first document is read; what was deleted earlier never comes.
            self._checkpoint = replace(
                before, deleted=Position(earlier(outlook.now, seconds=self._rule.lookback_s), "")
            )
        if outlook.knows_deletions:
            self._read_deletions()
        alarm = self._alarm(before, outlook)
        if alarm is not None:
            self._fall_back(outlook, alarm)
        self._look_back(before)
        self._read_pages()
        self._finish(before)
        return Pulled(
            counts=self._applying.counts,
            checkpoint=self._checkpoint,
            lag_s=self._checkpoint.lag_s,
            duration_s=monotonic_s() - began_s,
        )

    def _load(self) -> Checkpoint:
        return reading(self._home.database, lambda tx: checkpoints.load(self._home.context, tx, self._rule.name))

    def _alarm(self, before: Checkpoint, outlook: Outlook) -> Alarm | None:
        if before.seen == START:
            return None
        elapsed_s = (self._home.context.clock() - before.looked_at).total_seconds() if before.looked_at else 0.0
        reading = Reading(source_now=outlook.now, elapsed_s=elapsed_s)
        tolerance_s = max(self._rule.lookback_s / 2, _CLOCK_TOLERANCE_S)
        if clock_went_back(before.source_now, reading, tolerance_s=tolerance_s):
            return Alarm.CLOCK_WENT_BACK
        if is_restored(before.seen, outlook.newest) and not self._has_deletions:  # else the newest was just deleted
            return Alarm.SOURCE_RESTORED
        if before.deleted.modified and outlook.deletions_since > before.deleted.modified:
            return Alarm.TOMBSTONES_GONE
        return None

    def _fall_back(self, outlook: Outlook, alarm: Alarm) -> None:
        """Let the watermark stand no later than what the source now has: all keys are compared after this run."""
        bounds = [self._checkpoint.seen, Position(outlook.now, "")]
        seen = min([*bounds, outlook.newest or START])
        deleted = min(self._checkpoint.deleted, Position(earlier(outlook.now, seconds=self._rule.lookback_s), ""))
        self._checkpoint = replace(
            self._checkpoint, seen=seen, deleted=deleted, source_now=outlook.now, compare_reason=alarm.value
        )
        writing(self._home.database, self._save)  # the comparison is owed, whatever becomes of this run

    def _read_deletions(self) -> None:
        """Apply what was deleted or renamed; the cursor then stands a little before the source's present."""
        before = self._checkpoint.deleted
        place = Position(earlier(before.modified, seconds=self._rule.lookback_s), "")
        while True:
            tombstones, last, has_more = self._source.tombstones(place, limit=self._rule.page_size)
            if tombstones:
                self._has_deletions = self._has_deletions or last > before
                reached = advance(self._checkpoint.deleted, [last], now=self._now)
                self._checkpoint = replace(self._checkpoint, deleted=reached)
                self._applying.deletions(tombstones, note=self._save)
            if not has_more or last <= place:
                break
            place = last
        present = Position(earlier(self._now, seconds=self._rule.lookback_s), "")
        self._checkpoint = replace(self._checkpoint, deleted=max(self._checkpoint.deleted, present))

    def _look_back(self, before: Checkpoint) -> None:
        """Read what lies behind the watermark and is not what its mark says."""
        seen = self._checkpoint.seen
        place = look_back_from(seen, now=self._now, lookback_s=self._rule.lookback_s, last_look=before.source_now)
        if place == START or place > seen:
            return
        while True:
            keys, has_more = self._source.keys(place, until=seen.modified, limit=_KEYS_IN_A_CALL)
            self._fetch(self.differing(keys))
            if not has_more or not keys:
                return
            place = keys[-1]

    def differing(self, keys: Sequence[Position]) -> list[str]:
        """Return the names of those that are not here as the source has them; parked ones have tries of their own."""
        names = [key.name for key in keys]

        def look(tx: Transaction) -> list[str]:
            rule = self._rule
            marks = store.marks_of(tx, rule.site, rule.doctype, names)
            parked = logbook.parked(self._home.context, tx, rule.site, rule.doctype, names) if names else {}
            return [
                key.name
                for key in keys
                if key.name not in parked
                and ((mark := marks.get(key.name)) is None or mark.is_deleted or mark.remote_modified != key.modified)
            ]

        return reading(self._home.database, look)

    def _fetch(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), self._rule.page_size):
            documents = self._source.documents(names[start : start + self._rule.page_size])
            self._applying.documents(sorted(documents, key=lambda document: document.position))

    def _read_pages(self) -> None:
        """Read page after page from the watermark on; the next one is on its way while one is applied."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="demitasse-pull") as ahead:
            page = self._source.page(self._checkpoint.seen, limit=self._rule.page_size)
            while True:
                following = ahead.submit(self._next, page.last) if page.has_more else None
                self._applying.documents(page.documents, note=self._note)
                if page.documents:
                    self._last_change = page.documents[-1].modified
                if following is None:
                    # A page may have been looked at further than it has documents that we may see.
                    self._checkpoint = replace(
                        self._checkpoint, seen=advance(self._checkpoint.seen, [page.last], now=self._now)
                    )
                    return
                page = following.result()

    def _next(self, place: Position) -> Page:
        return self._source.page(place, limit=self._rule.page_size)

    def _note(self, tx: Transaction, applied: Sequence[RemoteDocument]) -> None:
        """Move the watermark over what this transaction applies."""
        reached = advance(self._checkpoint.seen, (document.position for document in applied), now=self._now)
        behind_s = _seconds_between(reached.modified, self._now) if not self._checkpoint.is_complete else 0.0
        self._checkpoint = replace(self._checkpoint, seen=reached, lag_s=behind_s or self._checkpoint.lag_s)
        self._save(tx)

    def _finish(self, before: Checkpoint) -> None:
        """Write that everything was read; a run that found nothing does so only now and then."""
        now = self._home.context.clock()
        lag_s = before.lag_s if before.is_complete else 0.0
        if self._last_change and before.is_complete:
            lag_s = _seconds_between(self._last_change, self._now)  # by the source's clock: our own may be another
        self._checkpoint = replace(
            self._checkpoint,
            is_complete=True,
            source_now=self._now,
            looked_at=now,
            lag_s=lag_s,
            reconciled_at=before.reconciled_at or now,  # reading all of it was the first comparison
            failures=0,
            last_error="",
        )
        as_before = replace(
            self._checkpoint,
            source_now=before.source_now,
            looked_at=before.looked_at,
            deleted=self._checkpoint.deleted if self._has_deletions else before.deleted,
        )
        is_news = as_before != before or before.looked_at is None
        if is_news or now - (before.looked_at or now) > _SAVED_EVERY:
            writing(self._home.database, self._save)

    def _save(self, tx: Transaction) -> None:
        checkpoints.save(self._home.context, tx, self._rule.name, self._checkpoint)


def _seconds_between(earlier_moment: str, later_moment: str) -> float:
    """Return the seconds between two of a source's moments; 0 where one is missing."""
    if not earlier_moment or not later_moment:
        return 0.0
    passed = datetime.fromisoformat(later_moment) - datetime.fromisoformat(earlier_moment)
    return max(passed.total_seconds(), 0.0)
