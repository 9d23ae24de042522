"""Heads of requests, bounded in size and time: what uvicorn reads has no end of its own."""

import asyncio
from http import HTTPStatus
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
"""Of the request line and the headers."""

HEAD_WITHIN_S = 30.0
"""How long a head may take, from the connection or from its own first byte."""

_BESIDES = len(": \r\n")
_KIB = 1024


class HeadTooLarge(Exception):
    """The head goes on beyond what is read; raised through the parser, which turns it into its own error."""


class BoundedHeads(HttpToolsProtocol):
    """One connection to the server. A head that is too large is answered with 431, one that takes too long with 408."""

    max_head_bytes = MAX_HEAD_BYTES
    head_within_s = HEAD_WITHIN_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_in_head = False
        self._head_is_too_large = False
        self._read_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_within_s, self._give_up)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._read_bytes += len(data)
        super().data_received(data)
        if not self._is_in_head:
            self._read_bytes = 0
        elif self._read_bytes > self.max_head_bytes:
            self._refuse_size()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_within_s, self._give_up)

    @override
    def on_message_begin(self) -> None:
        self._is_in_head = True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timer()
        if self._read_bytes > self.max_head_bytes and self._size_of_head() > self.max_head_bytes:
            self._head_is_too_large = True
            raise HeadTooLarge
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        if self._head_is_too_large:
            self._refuse_size()
        else:
            super().send_400_response(msg)

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + _BESIDES for name, value in self.headers)

    def _give_up(self) -> None:
        self._head_timer = None
        if self._is_in_head:
            self._answer(HTTPStatus.REQUEST_TIMEOUT, f"No whole request came within {self.head_within_s:g} s.")
        else:
            self.transport.close()

    def _refuse_size(self) -> None:
        self._stop_timer()
        self._answer(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"The request's headers are larger than {self.max_head_bytes // _KIB} KiB: send fewer, and smaller cookies.",
        )

    def _answer(self, status: HTTPStatus, text: str) -> None:
        if self.transport.is_closing():
            return
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        self.transport.write(f"{head}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode("ascii"))
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
