"""A connection as the hub sees it: what it listens to, and how far it has read.

A connection that keeps up is given each entry as it comes. One that does not is a position in the log, and reads on from
there when it can: what waits for it takes no memory of its own, and nobody else notices.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from demitasse.kernel import json
from demitasse.live.log import Log
from demitasse.live.model import CloseCode, Entry, Subject

CHUNK_BYTES = 64 * 1024
_MAX_CONTROLS = 256


class Batch:
    """Entries of one topic, in order, on their way to everybody who listens."""

    __slots__ = ("_frames", "entries", "first", "is_checked", "last", "topic")

    def __init__(self, entries: list[Entry], *, is_checked: bool) -> None:
        self.entries = entries
        self.topic = entries[0].topic
        self.first = entries[0].ordinal
        self.last = entries[-1].ordinal
        self.is_checked = is_checked
        self._frames: bytes | None = None

    @property
    def frames(self) -> bytes:
        """All entries as WebSocket frames; joined once for everybody."""
        if self._frames is None:
            self._frames = b"".join([entry.frame for entry in self.entries])
        return self._frames


class Source(Protocol):
    """What a connection reads from: the hub."""

    @property
    def log(self) -> Log:
        """What was published."""

    @property
    def fanned_out(self) -> int:
        """The last ordinal that every current connection has been offered."""

    def allows(self, connection: "Connection", entry: Entry) -> bool:
        """Return whether the connection may be sent the entry."""

    def remove(self, connection: "Connection") -> None:
        """Forget a connection."""


class Framing(Protocol):
    """How entries and control messages look on one kind of connection."""

    def entry(self, entry: Entry, epoch: str) -> bytes:
        """Return an entry as it goes out."""

    def control(self, body: bytes, cursor: str | None) -> bytes:
        """Return a control message as it goes out; ``cursor`` is where a client stands after it."""


class Connection:
    """What all kinds of connections share. Every method belongs to the loop's thread.

    Args:
        end: Called once with a close code and a reason, when the server wants the connection to end.
    """

    def __init__(
        self,
        hub: Source,
        subject: Subject,
        *,
        framing: Framing,
        now_s: float,
        end: Callable[[CloseCode, str], None],
    ) -> None:
        self.hub = hub
        self.subject = subject
        self.topics: dict[str, int] = {}
        self.position = 0
        self.is_current = True
        self.is_slow = False
        self.is_closed = False
        self.waits_since_s: float | None = None
        self.heard_at_s = now_s
        self.came_at_s = self.beat_at_s = now_s
        self._framing = framing
        self._end = end
        self._controls: deque[bytes] = deque()
        self._catching_up: list[str] = []

    def offer(self, batch: Batch) -> None:
        """Take entries as they are published, or be behind from now on."""
        raise NotImplementedError

    def flush(self) -> None:
        """Send what waits, as far as the other side takes it."""
        raise NotImplementedError

    def abort(self) -> None:
        """Cut the connection, whatever is still to be sent."""
        raise NotImplementedError

    def send(self, type_: str, *, with_cursor: bool = False, **content: Any) -> None:
        """Send a control message, after what was sent before."""
        if len(self._controls) >= _MAX_CONTROLS:
            self.close(CloseCode.TOO_MANY, "Read what is sent before asking for more")
            return
        self._controls.append(self._control(type_, with_cursor=with_cursor, **content))
        self.flush()

    def rewind(self, wanted: dict[str, int]) -> None:
        """Listen to further topics, each from an ordinal on, and to the others from where they stand."""
        reached = max(self.position, self.hub.fanned_out) if self.is_current else self.position
        for topic, after in self.topics.items():
            if after < reached:
                self.topics[topic] = reached
        self.topics.update(wanted)
        self.position = min(reached, *wanted.values())
        self.is_current = False
        self._catching_up.extend(wanted)

    def beat(self) -> None:
        """Send a sign of life; where nothing waits it says where the client stands."""
        self.send("heartbeat", with_cursor=self.is_current and bool(self.topics))

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection, telling why."""
        if not self.is_closed:
            self.is_closed = True
            self.hub.remove(self)
            self._end(code, reason)
            self.flush()

    def take(self) -> list[bytes]:
        """Return the next pieces to send, at most about ``CHUNK_BYTES``; none does not yet mean that it is current."""
        pieces = list(self._controls)
        self._controls.clear()
        if self.is_current:
            return pieces
        hub = self.hub
        log = hub.log
        if self.position < log.floor and any(after < log.floor for after in self.topics.values()):
            pieces.append(self._lose("too_slow"))
        else:
            entries, self.position = log.read(
                self.position, self.topics, skips_superseded=self.is_slow, limit_bytes=CHUNK_BYTES
            )
            pieces.extend(self._framing.entry(entry, log.epoch) for entry in entries if hub.allows(self, entry))
        if self.position >= log.head:
            self.is_current = True
            self.is_slow = False
            if self._catching_up:
                pieces.append(self._control("up-to-date", with_cursor=True, topics=self._catching_up))
                self._catching_up = []
        return pieces

    def start_over(self, reason: str) -> None:
        """Tell the client that what it knows of all its topics may be old."""
        if self.topics:
            self._controls.append(self._lose(reason))
            self._catching_up = []
            self.is_current = False  # until this has gone out: nothing may overtake it
            self.flush()

    def fall_behind(self) -> None:
        """Be a position in the log from now on: the other side does not take what is sent."""
        if self.is_current:
            self.is_current = False
            self.position = max(self.position, self.hub.fanned_out)

    def _lose(self, reason: str) -> bytes:
        self.position = self.hub.log.head
        return self._control("must-refetch", with_cursor=True, topics=list(self.topics), reason=reason)

    def _control(self, type_: str, *, with_cursor: bool, **content: Any) -> bytes:
        cursor = str(self.hub.log.cursor) if with_cursor else None
        head = {"type": type_} if cursor is None else {"type": type_, "seq": cursor}
        return self._framing.control(json.encode({**head, **content}), cursor)
