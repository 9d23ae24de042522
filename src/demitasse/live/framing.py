"""How entries and control messages look on each kind of connection."""

from demitasse.live.model import Entry, sse_event, text_frame


class FrameFraming:
    """WebSocket frames."""

    def entry(self, entry: Entry, _epoch: str) -> bytes:
        """Return an entry as it goes out."""
        return entry.frame

    def control(self, body: bytes, _cursor: str | None) -> bytes:
        """Return a control message as it goes out."""
        return text_frame(body)


class TextFraming:
    """The JSON text alone: the server makes the frame."""

    def entry(self, entry: Entry, _epoch: str) -> bytes:
        """Return an entry as it goes out."""
        return entry.body

    def control(self, body: bytes, _cursor: str | None) -> bytes:
        """Return a control message as it goes out."""
        return body


class EventFraming:
    """Server-sent events."""

    def entry(self, entry: Entry, epoch: str) -> bytes:
        """Return an entry as it goes out."""
        return entry.event(epoch)

    def control(self, body: bytes, cursor: str | None) -> bytes:
        """Return a control message as it goes out; with a cursor it moves the browser's ``Last-Event-ID``."""
        return sse_event(body, cursor)
