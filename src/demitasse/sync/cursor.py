"""Where a pull goes on, and what its source's clock says: pure.

Positions and clocks are the source's own texts, compared and never converted: its zone, its summer time and its steps
do not matter to the order. Source: docs/decisions/0012-a-pull-reads-up-to-now-and-looks-back.md
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from demitasse.sync.model import START, Position

_LENGTH = len("2026-01-31 10:20:30.123456")
_SECOND_LENGTH = len("2026-01-31 10:20:30")
_MOST_RESTARTS = 3
"""Then the walk reads on: what moved comes again with its new place."""


class Alarm(Enum):
    """What makes a cursor worth nothing, so that the keys of both sides are compared instead."""

    CLOCK_WENT_BACK = "the source's clock went back"
    SOURCE_RESTORED = "the source is older than what was read of it: was it restored from a backup?"
    TOMBSTONES_GONE = "the source no longer keeps the deletions since the last run"


def text_of(moment: str) -> str:
    """Return a source's moment in the one form that compares: six digits after the second, a space before the time.

    Raises:
        ValueError: it is no moment.
    """
    if len(moment) == _LENGTH and moment[10] == " " and moment[19] == ".":
        return moment
    return datetime.fromisoformat(moment).replace(tzinfo=None).isoformat(" ", "microseconds")


def earlier(moment: str, *, seconds: float) -> str:
    """Return the text of a moment so much earlier; nothing is earlier than the start."""
    if not moment:
        return moment
    try:
        return (datetime.fromisoformat(moment) - timedelta(seconds=seconds)).isoformat(" ", "microseconds")
    except OverflowError:
        return START.modified


def advance(seen: Position, read: Iterable[Position], *, now: str) -> Position:
    """Return the watermark after reading these: the greatest that was seen, whatever order they came in.

    What lies in the source's future is read but not passed: its clock may be put right, and edits would come below it.
    """
    return max([seen, *(position for position in read if position.modified <= now)])


def look_back_from(seen: Position, *, now: str, lookback_s: float, last_look: str = "") -> Position:
    """Return where to look again for what committed late, or with the very ``modified`` of the watermark.

    Where that is behind the watermark, there is nothing to look for: a source that is left alone is not read again.

    Args:
        last_look: The source's time when all was read the last time: what was older then has long been committed.
    """
    if seen == START:
        return START
    place = earlier(min(seen.modified, now), seconds=lookback_s)
    if last_look:
        place = max(place, earlier(min(last_look, now), seconds=lookback_s))
    return Position(place, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the clocks said at a look at the source.

    Args:
        source_now: The source's own time, naive.
        elapsed_s: How long ago the look before was, by our clock.
    """

    source_now: str
    elapsed_s: float = 0.0


def clock_went_back(before: str, reading: Reading, *, tolerance_s: float) -> bool:
    """Return whether the source's clock was put back between two looks, by more than is looked back anyway.

    Put back and passed again in a long pause is seen by how much less time went by there than here.
    """
    if not before:
        return False
    passed_s = (datetime.fromisoformat(reading.source_now) - datetime.fromisoformat(before)).total_seconds()
    return passed_s < 0 or reading.elapsed_s - passed_s > tolerance_s


def is_restored(seen: Position, newest: Position | None) -> bool:
    """Return whether the source has nothing as new as what was read of it."""
    return seen != START and (newest is None or newest.modified < seen.modified)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """One list of rows with ``modified`` from a second on, ordered by ``(modified, name)``."""

    since: str
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondWalk:
    """A walk over a list that cannot be asked for what lies behind a pair, and perhaps compares whole seconds only.

    Each page asks for rows from the watermark's second on, and leaves out as many as have been passed within that
    second. The row before is asked for again: where another one stands there, the second is walked from its start.

    Args:
        place: What was read last, by this walk or by one before it.
        second: The second that the next page starts at.
        passed: Rows of that second that were looked at, by the last page.
        anchor: The last of them: it must stand there again.
        restarts: How often the second was walked anew because rows moved.
    """

    place: Position
    second: str = ""
    passed: int = 0
    anchor: Position | None = None
    restarts: int = 0

    @classmethod
    def behind(cls, place: Position) -> "SecondWalk":
        """Return the walk that goes on behind a place."""
        return cls(place=place, second=place.modified[:_SECOND_LENGTH])

    def request(self, limit: int) -> ListRequest:
        """Return the next page's request; it holds at least one row beyond the one asked for again."""
        return ListRequest(since=self.second, offset=max(self.passed - 1, 0), limit=max(limit, 2))

    def digest(self, asked: ListRequest, rows: Sequence[Position]) -> tuple["SecondWalk", list[Position], bool]:
        """Return the walk behind a page, the rows that are new, and whether there may be more."""
        has_moved = self.anchor is not None and self.anchor not in rows
        if has_moved and self.restarts < _MOST_RESTARTS:
            return replace(self, passed=0, anchor=None, restarts=self.restarts + 1), [], True
        if not rows:
            return self, [], False
        fresh = sorted(row for row in rows if row > self.place)
        last = max(rows)
        second = last.modified[:_SECOND_LENGTH]
        held = sum(1 for row in rows if row.modified[:_SECOND_LENGTH] == second)
        passed = asked.offset + len(rows) if second == asked.since else held
        walk = SecondWalk(place=max(self.place, last), second=second, passed=passed, anchor=last)
        # A site may give fewer rows than it is asked for: the end is a page that only has what was asked for again.
        return walk, fresh, last != self.anchor


def positions(rows: Iterable[Sequence[Any]]) -> list[Position]:
    """Return pairs of ``modified`` and name as positions."""
    return [Position(text_of(str(modified)), str(name)) for modified, name in rows]
