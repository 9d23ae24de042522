"""A client of live push over a real socket."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

WITHIN_S = 10.0
Message = dict[str, Any]


class Listener:
    """One WebSocket; what arrives is read when it is asked for."""

    def __init__(
        self,
        port: int,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        origin: str | None = None,
        path: str = "/ws",
    ) -> None:
        self._open = ExitStack()
        opening = connect(
            f"ws://127.0.0.1:{port}{path}{query}",
            additional_headers=headers,
            origin=None if origin is None else Origin(origin),
            compression=None,
            proxy=None,
            open_timeout=WITHIN_S,
            close_timeout=1,
            max_size=None,
        )
        self._socket = self._open.enter_context(opening)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._open.close()

    def say(self, type_: str, **content: Any) -> None:
        """Send a message."""
        self._socket.send(json.dumps({"type": type_, **content}))

    def say_raw(self, text: str | bytes) -> None:
        """Send what is no message."""
        self._socket.send(text)

    def hear(self, *, within_s: float = WITHIN_S) -> Message:
        """Return the next message that is no heartbeat."""
        until = time.monotonic() + within_s
        while True:
            text = self._socket.recv(timeout=max(0.01, until - time.monotonic()))
            message: Message = json.loads(text)
            if message["type"] != "heartbeat":
                return message

    def hear_until(self, wanted: Callable[[Message], bool], *, within_s: float = WITHIN_S) -> list[Message]:
        """Return all messages up to the first that is wanted."""
        until = time.monotonic() + within_s
        found: list[Message] = []
        while not found or not wanted(found[-1]):
            found.append(self.hear(within_s=max(0.01, until - time.monotonic())))
        return found

    def subscribe(self, *topics: str, since: Any = None) -> list[Message]:
        """Subscribe, and return what comes up to the word that the client is up to date, or was refused everything."""
        self.say("subscribe", topics=list(topics), since=since)
        return self.hear_until(lambda message: message["type"] in {"up-to-date", "refused"})

    def ended(self, *, within_s: float = WITHIN_S) -> tuple[int, str]:
        """Return code and reason with which the server ends the connection; messages before it are passed over."""
        with pytest.raises(ConnectionClosed) as closed:
            self.hear_until(lambda _: False, within_s=within_s)
        assert closed.value.rcvd is not None, "the connection was cut"
        return closed.value.rcvd.code, closed.value.rcvd.reason


def types_of(messages: Sequence[Message]) -> list[str]:
    """Return the types of messages."""
    return [message["type"] for message in messages]
