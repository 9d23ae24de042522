"""Fan-out: each entry is offered to everybody who listens to its topic, some milliseconds at a time."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from demitasse.kernel.clock import monotonic_s
from demitasse.live.connection import Batch, Connection
from demitasse.live.model import Entry

CallSoon = Callable[[Callable[[], None]], object]
"""Runs a callback in the next turn of the event loop (``loop.call_soon``)."""

_SLICE_S = 0.005
_OFFERS_BETWEEN_LOOKS = 64
_BATCH_ENTRIES = 64


class FanOut:
    """Offers entries in order. Every method belongs to the thread of the event loop.

    Args:
        listeners: Returns who listens to a topic now.
    """

    def __init__(self, call_soon: CallSoon, listeners: Callable[[str], Sequence[Connection]]) -> None:
        self._call_soon = call_soon
        self._listeners = listeners
        self._pending: deque[Entry] = deque()
        self._batch: Batch | None = None
        self._to_offer: Iterator[Connection] = iter(())
        self._is_pumping = False

    @property
    def first_pending(self) -> int | None:
        """The ordinal of the first entry that somebody may not have been offered; ``None`` where there is none."""
        if self._batch is not None:
            return self._batch.first
        return self._pending[0].ordinal if self._pending else None

    def add(self, entry: Entry) -> None:
        """Offer an entry soon."""
        self._pending.append(entry)
        if not self._is_pumping:
            self._is_pumping = True
            self._call_soon(self._pump)

    def clear(self) -> None:
        """Offer nothing of what is pending."""
        self._pending.clear()
        self._batch = None

    def _pump(self) -> None:
        """Offer what is pending, for a few milliseconds at a time: requests are served in between."""
        until_s = monotonic_s() + _SLICE_S
        while True:
            batch = self._batch
            if batch is None:
                batch = self._batch = self._next_batch()
                if batch is None:
                    self._is_pumping = False
                    return
                self._to_offer = iter(self._listeners(batch.topic))
            for count, connection in enumerate(self._to_offer, start=1):
                connection.offer(batch)
                if not count % _OFFERS_BETWEEN_LOOKS and monotonic_s() > until_s:
                    self._call_soon(self._pump)
                    return
            self._batch = None

    def _next_batch(self) -> Batch | None:
        """Take the next pending entries of one topic, that nothing of another topic stands between."""
        pending = self._pending
        if not pending:
            return None
        entries = [pending.popleft()]
        while pending and pending[0].topic == entries[0].topic and len(entries) < _BATCH_ENTRIES:
            entries.append(pending.popleft())
        return Batch(entries, is_checked=any(entry.about is not None for entry in entries))
