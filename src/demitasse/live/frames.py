"""uvicorn's WebSocket protocol, with a pipe beside ASGI's ``send`` for frames that are made once for many clients.

Per message and client, ``send`` costs a task switch, a dict, an encoding and a frame; the pipe costs one write.
Applications find it in ``scope["extensions"]`` and do without where it is missing (another server, compression).

Source: docs/decisions/0007-one-engine-for-live-push.md
"""

from collections.abc import Callable

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

PIPE = "demitasse.pipe"


class FrameProtocol(WebSocketsSansIOProtocol):
    """One WebSocket on the server's side."""

    on_full: Callable[[], None] | None = None
    on_ready: Callable[[], None] | None = None

    @property
    def is_writable(self) -> bool:
        """Whether what is written goes out soon."""
        return self.writable.is_set() and not self.close_sent and not self.transport.is_closing()

    def write_frames(self, frames: bytes) -> None:
        """Write whole, unfragmented frames; after a close frame nothing more."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames)

    def abort(self) -> None:
        """Cut the connection; what is buffered is dropped."""
        self.transport.abort()

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101 and not self.config.ws_per_message_deflate:  # noqa: PLR2004 - RFC 6455 4.2.2
            self.scope["extensions"][PIPE] = {"pipe": self}

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        if self.on_full is not None:
            self.on_full()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_ready is not None:
            self.on_ready()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.on_full = self.on_ready = None
        super().connection_lost(exc)
