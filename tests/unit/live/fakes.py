"""A client's side without sockets: a pipe that can be full, and an event loop that turns when told to."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from demitasse.live.direct import DirectConnection
from demitasse.live.hub import Hub
from demitasse.live.model import CloseCode, Entry, Limits, Subject, parse_cursor
from demitasse.live.ports import Knock


class Soon(Protocol):
    """What the hub uses of an event loop."""

    def call_soon(self, callback: Callable[[], None], /) -> object: ...


class ManualLoop:
    """Runs callbacks when it is told to."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], None]] = deque()

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._calls.append(callback)

    def turn(self) -> None:
        while self._calls:
            self._calls.popleft()()


class OpenDoor:
    """Lets everybody in; refuses entries about what a subject may not see."""

    async def admit(self, knock: Knock) -> Subject | None:
        return Subject(identity="ada")

    async def admit_by(self, credentials: Mapping[str, Any], knock: Knock) -> Subject:
        return Subject(identity="ada")

    async def renew(self, subject: Subject) -> Subject:
        return subject

    async def check_topic(self, subject: Subject, topic: str) -> None:
        return None

    def may_receive(self, subject: Subject, entry: Entry) -> bool:
        return entry.about is None or entry.about.get("owner") == subject.identity


def make_hub(limits: Limits | None = None, *, keeps_everything: bool = True) -> tuple[Hub, ManualLoop]:
    loop = ManualLoop()
    hub = Hub(OpenDoor(), call_soon=loop.call_soon, limits=limits, keeps_everything=keeps_everything)
    return hub, loop


def frames_in(data: bytes) -> list[Any]:
    """Return the messages of server frames (RFC 6455 5.2)."""
    found = []
    while data:
        size, start = data[1], 2
        assert data[0] == 0x81, "only whole text frames go out"
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        found.append(json.loads(data[start : start + size]))
        data = data[start + size :]
    return found


class FakePipe:
    """Takes frames until it is full; ``room`` is how many writes it takes before that."""

    def __init__(self) -> None:
        self.on_full: Callable[[], None] | None = None
        self.on_ready: Callable[[], None] | None = None
        self.is_writable = True
        self.room: int | None = None
        self.written: list[bytes] = []
        self.is_aborted = False

    def write_frames(self, frames: bytes) -> None:
        self.written.append(frames)
        if self.room is not None:
            self.room -= 1
            if self.room <= 0:
                self.fill()

    def fill(self) -> None:
        if self.is_writable:
            self.is_writable = False
            assert self.on_full is not None
            self.on_full()

    def drain(self) -> None:
        self.room = None
        if not self.is_writable:
            self.is_writable = True
            assert self.on_ready is not None
            self.on_ready()

    def abort(self) -> None:
        self.is_aborted = True


class Client:
    """A client that does what docs/live.md tells it to: it keeps a cursor per topic, and comes back with it."""

    def __init__(self, hub: Hub, loop: Soon, *, identity: str = "ada") -> None:
        self.hub = hub
        self.loop = loop
        self.identity = identity
        self.cursors: dict[str, str | None] = {}
        self.messages: list[Any] = []
        self.refetched: list[str] = []
        self.ended: list[tuple[CloseCode, str]] = []
        self.connection: DirectConnection | None = None
        self.connect()

    def connect(self) -> None:
        self.pipe = FakePipe()
        self.connection = DirectConnection(
            self.hub,
            Subject(identity=self.identity),
            self.pipe,
            call_soon=self.loop.call_soon,
            end=lambda code, reason: self.ended.append((code, reason)),
        )
        self.hub.connections.add(self.connection)
        if self.cursors:
            self._subscribe(self.cursors)

    def subscribe(self, *topics: str) -> None:
        self.cursors.update(dict.fromkeys(topics))
        if self.connection is not None:
            self._subscribe(dict.fromkeys(topics))

    def disconnect(self) -> None:
        """Lose the connection, with what was written and not yet read lost on the way."""
        if self.connection is not None:
            self.connection.is_closed = True
            self.hub.remove(self.connection)
            self.connection = None

    def read(self) -> list[Any]:
        """Read what has arrived."""
        found = frames_in(b"".join(self.pipe.written))
        self.pipe.written.clear()
        for message in found:
            if "topic" in message:
                self.messages.append(message)
                self.cursors[message["topic"]] = message["seq"]
                continue
            if message["type"] == "must-refetch":
                self.refetched.extend(message["topics"])
            if message["type"] in {"must-refetch", "up-to-date"}:
                self.cursors.update(dict.fromkeys(message["topics"], message["seq"]))
            elif message["type"] == "heartbeat" and "seq" in message:
                self.cursors.update(dict.fromkeys(self.cursors, message["seq"]))
        return found

    def _subscribe(self, wanted: Mapping[str, str | None]) -> None:
        assert self.connection is not None
        since = {topic: parse_cursor(text) if text else None for topic, text in wanted.items()}
        self.hub.subscribe(self.connection, since)
