"""The bounded log of what was published: what a client missed is read from here, and so is what a slow one has yet to get.

Source: docs/decisions/0007-one-engine-for-live-push.md
"""

from bisect import bisect_right
from collections.abc import Mapping

from demitasse.live.model import Cursor, Entry, Limits, Message, Place

_SCANNED_AT_ONCE = 2048
_START: Place = (0,)


class Log:
    """Entries in order, with consecutive ordinals that only this process knows. No I/O, no clock.

    Args:
        start: The place before the first message; what came after it and is not in the log is lost.
    """

    def __init__(self, epoch: str, *, limits: Limits, start: Place = _START) -> None:
        self._limits = limits
        self._entries: list[Entry] = []
        self._base = 1
        self._gone = 0
        self._latest: dict[tuple[str, str], Entry] = {}
        self._floor_place = start
        self.epoch = epoch
        self.head_place = start
        self.floor = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries) - self._gone

    @property
    def head(self) -> int:
        """The ordinal of the newest entry."""
        return self._base + len(self._entries) - 1

    @property
    def cursor(self) -> Cursor:
        """Where the stream ends now."""
        return Cursor(epoch=self.epoch, place=self.head_place)

    def append(self, message: Message, place: Place, *, now_s: float) -> Entry:
        """Add a message at a place after all others."""
        entry = Entry(message, epoch=self.epoch, place=place, ordinal=self.head + 1, at_s=now_s)
        self._entries.append(entry)
        self.head_place = place
        self.size_bytes += len(entry.frame)
        if entry.key is not None:
            state = (entry.topic, entry.key)
            earlier = self._latest.get(state)
            if earlier is not None:
                earlier.is_superseded = True
            self._latest[state] = entry
        self.evict(now_s=now_s)
        return entry

    def evict(self, *, now_s: float) -> None:
        """Drop the oldest entries that are over a bound."""
        limits = self._limits
        oldest_s = now_s - limits.log_age_s
        entries = self._entries
        while self._gone < len(entries):
            entry = entries[self._gone]
            if len(self) <= limits.log_entries and self.size_bytes <= limits.log_bytes and entry.at_s >= oldest_s:
                break
            self._drop(entry)
        if self._gone > 1024 and self._gone * 2 > len(entries):  # noqa: PLR2004 - shifts the list once for many drops
            del entries[: self._gone]
            self._base += self._gone
            self._gone = 0

    def restart(self, epoch: str, *, start: Place) -> None:
        """Begin another stream: no cursor of the old one means anything."""
        self._base = self.head + 1
        self._entries.clear()
        self._latest.clear()
        self._gone = self.size_bytes = 0
        self._floor_place = self.head_place = start
        self.floor = self.head
        self.epoch = epoch

    def locate(self, cursor: Cursor) -> int | None:
        """Return the ordinal after which the entries that a cursor has not seen begin; ``None`` where some are lost."""
        place = cursor.place
        if cursor.epoch != self.epoch or len(place) != len(self.head_place) or place > self.head_place:
            return None
        if place < self._floor_place:
            return None
        index = bisect_right(self._entries, place, lo=self._gone, key=_place)
        return self._base + index - 1

    def read(
        self, position: int, topics: Mapping[str, int], *, skips_superseded: bool, limit_bytes: int
    ) -> tuple[list[Entry], int]:
        """Return the next entries of some topics after ``position``, and the position that is reached with them.

        At most about ``limit_bytes`` are returned, and a few thousand entries looked at: ask again until the head is
        reached.

        Args:
            topics: Each topic with the ordinal after which it is wanted.
            skips_superseded: Leave out states that a newer entry replaces.
        """
        found: list[Entry] = []
        size = 0
        start = max(position + 1 - self._base, self._gone)
        for entry in self._entries[start : start + _SCANNED_AT_ONCE]:
            position = entry.ordinal
            wanted_after = topics.get(entry.topic)
            if wanted_after is None or position <= wanted_after or (skips_superseded and entry.is_superseded):
                continue
            found.append(entry)
            size += len(entry.frame)
            if size >= limit_bytes:
                break
        return found, position

    def _drop(self, entry: Entry) -> None:
        self._gone += 1
        self.size_bytes -= len(entry.frame)
        if entry.is_superseded:
            return  # its newer state is still here: nobody misses it
        self.floor = entry.ordinal
        self._floor_place = entry.place
        if entry.key is not None:
            state = (entry.topic, entry.key)
            if self._latest.get(state) is entry:
                del self._latest[state]


def _place(entry: Entry) -> Place:
    return entry.place
