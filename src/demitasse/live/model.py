"""Values of live push: cursors, messages, entries of the log, limits, and how a connection may end."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from typing_extensions import override

from demitasse.kernel import json
from demitasse.live.errors import InvalidPublication

Place = tuple[int, ...]
"""Where a message stands in its stream; places of one epoch compare in order."""

RESERVED = frozenset({"seq", "topic", "type"})
_TEXT_FRAME = 0x81
_SHORT, _MEDIUM = 126, 65536


class CloseCode(IntEnum):
    """Why the server ends a WebSocket (RFC 6455 7.4; 4000 and above are ours)."""

    RESTARTING = 1012
    TRY_LATER = 1013
    MALFORMED = 4400
    NOT_AUTHENTICATED = 4401
    FORBIDDEN = 4403
    IDLE = 4408
    TOO_MANY = 4429


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in the stream of one epoch. A restarted server has another epoch, so that its places are never mixed up."""

    epoch: str
    place: Place

    @override
    def __str__(self) -> str:
        return cursor_text(self.epoch, self.place)


def cursor_text(epoch: str, place: Place) -> str:
    """Return a cursor as clients keep it."""
    return f"{epoch}-{'-'.join(map(str, place))}"


def parse_cursor(text: str) -> Cursor | None:
    """Return the cursor that a client sent, ``None`` where it is none of ours."""
    epoch, *places = text.split("-")
    if not epoch or not places or not all(part.isascii() and part.isdigit() for part in places):
        return None
    return Cursor(epoch=epoch, place=tuple(int(part) for part in places))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is published to a topic.

    Args:
        content: The payload as a JSON object.
        key: Names the state that this message is (an item's code): a newer message of the same topic and key replaces
            it for those who are slow. ``None`` where each message counts.
        about: Facts for the check at send time, JSON-like; never sent to clients.
    """

    topic: str
    type: str
    content: bytes
    key: str | None = None
    about: Mapping[str, Any] | None = None


def make_message(
    topic: str,
    type_: str,
    payload: Mapping[str, Any],
    *,
    key: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Message:
    """Return a message with its payload encoded, once for everybody who gets it.

    Raises:
        InvalidPublication: the payload uses a name of the protocol (``seq``, ``topic``, ``type``).
    """
    taken = RESERVED & payload.keys()
    if taken:
        text = f"A payload cannot have {', '.join(sorted(taken))}: these names belong to the protocol"
        raise InvalidPublication(text, topic=topic)
    return Message(topic=topic, type=type_, content=json.encode(payload), key=key, about=about)


class Entry:
    """A message with its place in the log, in the form that goes out."""

    __slots__ = ("_body_at", "_event", "about", "at_s", "frame", "is_superseded", "key", "ordinal", "place", "topic")

    def __init__(self, message: Message, *, epoch: str, place: Place, ordinal: int, at_s: float) -> None:
        head = json.encode({"seq": cursor_text(epoch, place), "topic": message.topic, "type": message.type})
        content = message.content
        body = head if content == b"{}" else b"%b,%b" % (head[:-1], content[1:])
        self.frame = text_frame(body)
        self.topic = message.topic
        self.key = message.key
        self.about = message.about
        self.place = place
        self.ordinal = ordinal
        self.at_s = at_s
        self.is_superseded = False
        self._body_at = len(self.frame) - len(body)
        self._event: bytes | None = None

    @property
    def body(self) -> bytes:
        """The JSON text."""
        return self.frame[self._body_at :]

    def event(self, epoch: str) -> bytes:
        """Return it as a server-sent event; made once."""
        if self._event is None:
            self._event = sse_event(self.body, cursor_text(epoch, self.place))
        return self._event


def text_frame(body: bytes) -> bytes:
    """Return an unfragmented WebSocket text frame as a server sends it (RFC 6455 5.2)."""
    size = len(body)
    if size < _SHORT:
        return bytes((_TEXT_FRAME, size)) + body
    if size < _MEDIUM:
        return bytes((_TEXT_FRAME, 126)) + size.to_bytes(2, "big") + body
    return bytes((_TEXT_FRAME, 127)) + size.to_bytes(8, "big") + body


def sse_event(body: bytes, cursor: str | None) -> bytes:
    """Return a server-sent event; JSON has no line ends in it (WHATWG HTML 9.2.6)."""
    if cursor is None:
        return b"data: %b\n\n" % body
    return b"id: %b\ndata: %b\n\n" % (cursor.encode(), body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who a connection belongs to.

    Args:
        identity: Named in logs.
        actor: What the doorkeeper makes of it.
    """

    identity: str
    actor: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of everything that grows.

    Args:
        log_age_s: How long a message is kept for those who come back.
        stalled_s: A connection that has taken nothing for this long while something waited is ended.
        idle_s: A WebSocket without a subscription and without a message from its client ends after this.
        messages_per_minute: What a client may send.
    """

    log_entries: int = 20_000
    log_bytes: int = 32 * 1024 * 1024
    log_age_s: float = 3600.0
    connections: int = 20_000
    connections_per_address: int = 10_000
    topics_per_connection: int = 200
    topic_length: int = 300
    message_bytes: int = 64 * 1024
    messages_per_minute: int = 600
    authenticate_within_s: float = 10.0
    heartbeat_s: float = 25.0
    stalled_s: float = 60.0
    idle_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a hub can count.

    Args:
        behind: Connections that have yet to be sent something.
        messages: Published in the life of this process.
        kept: Of them in the log, ``kept_bytes`` of frames.
    """

    connections: int
    behind: int
    topics: int
    messages: int
    kept: int
    kept_bytes: int
