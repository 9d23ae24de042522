"""The chain of a stream's messages, which shows whether one is missing: pure.

A publisher numbers its messages and says with each what the number before it was. So a reader finds out that some were
lost, whichever broker lost them. Whether a message was applied before is not decided here: the document's own mark knows.
"""

FRESH = -1
"""Whatever message comes first is the next one: all before it was fetched."""
BEGINS = -2
"""What a message has for its previous one where the stream begins, or begins anew: nothing is known of what was before."""


class Chain:
    """Which messages of a stream have come, as one number and what is ahead of it.

    Args:
        last: All messages up to this one have come; ``FRESH`` after everything was fetched.
    """

    def __init__(self, last: int) -> None:
        self.last = last
        self._ahead: dict[int, int] = {}

    @property
    def has_gap(self) -> bool:
        """Whether messages have come that are not the next ones."""
        return bool(self._ahead)

    def take(self, previous: int, identifier: int) -> None:
        """Note that a message came, for the first time or again."""
        if self.last != FRESH and identifier <= self.last:
            return
        if previous != BEGINS and (self.last == FRESH or previous <= self.last):
            self.last = identifier
            self._close()
        else:
            self._ahead[previous] = identifier

    def resume(self) -> None:
        """Go on behind all that has come: what is missing was fetched."""
        self.last = max((*self._ahead.values(), self.last), default=FRESH)
        self._ahead.clear()

    def _close(self) -> None:
        while (following := self._ahead.pop(self.last, None)) is not None:
            self.last = max(self.last, following)
        for previous in [each for each, identifier in self._ahead.items() if identifier <= self.last]:
            del self._ahead[previous]
