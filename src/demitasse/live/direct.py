"""Connections that write ready-made frames to their transport: no task and no encoding per client and message."""

from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from demitasse.kernel.clock import monotonic_s
from demitasse.live.connection import Batch, Connection, Source
from demitasse.live.framing import FrameFraming
from demitasse.live.model import CloseCode, Subject

_ROUNDS = 16


class Pipe(Protocol):
    """A transport that takes WebSocket frames."""

    on_full: Callable[[], None] | None
    """Called when no more should be written."""
    on_ready: Callable[[], None] | None
    """Called when more may be written."""

    @property
    def is_writable(self) -> bool:
        """Whether what is written goes out soon."""

    def write_frames(self, frames: bytes) -> None:
        """Write whole frames."""

    def abort(self) -> None:
        """Cut the connection; what is buffered is dropped."""


class DirectConnection(Connection):
    """A WebSocket whose transport is at hand."""

    def __init__(
        self,
        hub: Source,
        subject: Subject,
        pipe: Pipe,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        end: Callable[[CloseCode, str], None],
    ) -> None:
        super().__init__(hub, subject, framing=FrameFraming(), now_s=monotonic_s(), end=end)
        self._pipe = pipe
        self._call_soon = call_soon
        pipe.on_full = self._full
        pipe.on_ready = self._ready

    @override
    def offer(self, batch: Batch) -> None:
        """Write the entries at once, or leave them to the log."""
        if not self.is_current or batch.last <= self.position or batch.topic not in self.topics:
            return
        if batch.is_checked or batch.first <= self.position:
            for entry in batch.entries:
                if entry.ordinal > self.position and self.is_current:
                    self.position = entry.ordinal
                    if self.hub.allows(self, entry):
                        self._pipe.write_frames(entry.frame)
            return
        self.position = batch.last
        self._pipe.write_frames(batch.frames)

    @override
    def flush(self) -> None:
        """Write what waits, some rounds at a time."""
        for _ in range(_ROUNDS):
            if self.is_closed or not self._pipe.is_writable:
                return
            pieces = self.take()
            if pieces:
                self._pipe.write_frames(b"".join(pieces))
            elif self.is_current:
                return
        self._call_soon(self.flush)

    @override
    def abort(self) -> None:
        """Cut the connection."""
        self._pipe.abort()

    def _full(self) -> None:
        self.is_slow = True
        self.waits_since_s = monotonic_s()
        self.fall_behind()

    def _ready(self) -> None:
        self.waits_since_s = None
        self.flush()
