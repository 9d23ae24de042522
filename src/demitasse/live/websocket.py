"""The WebSocket endpoint: plain text frames with JSON, for browsers, React Native and everything else.

Raw ASGI: a framework's request objects would cost more than the messages.
"""

import asyncio
import contextlib
from collections.abc import MutableMapping
from typing import Any

import structlog

from demitasse.kernel import json
from demitasse.live.asgi import Receive, Scope, Send, cursor_of, knock_of, refusal
from demitasse.live.connection import Connection
from demitasse.live.conversation import Conversation, read_message
from demitasse.live.direct import DirectConnection, Pipe
from demitasse.live.errors import LiveError, NotAdmitted
from demitasse.live.frames import PIPE
from demitasse.live.framing import TextFraming
from demitasse.live.hub import Hub
from demitasse.live.model import CloseCode, Subject
from demitasse.live.ports import Knock
from demitasse.live.pulled import PulledConnection

_log = structlog.get_logger("demitasse.live")
_CLOSES_WITHIN_S = 5.0
_MAX_REASON_BYTES = 120


class WebSocketEndpoint:
    """Serves WebSockets on a hub."""

    def __init__(self, hub: Hub, *, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until it ends."""
        await receive()  # websocket.connect
        capacity = self._hub.capacity
        try:
            knock = knock_of(scope)
            capacity.enter(knock.address)
        except LiveError as error:
            await _refuse(scope, send, error)
            return
        try:
            subject = await self._hub.doorkeeper.admit(knock)
            await send({"type": "websocket.accept"})
            if subject is None:
                subject = await self._wait_for_credentials(receive, send, knock)
            if subject is not None:
                await self._serve(scope, receive, send, subject, knock)
        except LiveError as error:
            await _refuse(scope, send, error)
        finally:
            capacity.leave(knock.address)

    async def _wait_for_credentials(self, receive: Receive, send: Send, knock: Knock) -> Subject | None:
        """Return who the first message stands for; where it does not say, the connection is ended."""
        limits = self._hub.limits
        try:
            async with asyncio.timeout(limits.authenticate_within_s):
                message = await receive()
                if message["type"] == "websocket.disconnect":
                    return None
                content = read_message(message.get("text"))
                if content["type"] != "auth":
                    text = 'The first message must be {"type": "auth", ...} with your credentials'
                    raise NotAdmitted(text)
                return await self._hub.doorkeeper.admit_by(content, knock)
        except (LiveError, json.MalformedJson) as error:
            await send(_close(CloseCode.NOT_AUTHENTICATED, error.message))
        except TimeoutError:
            text = f"No credentials within {limits.authenticate_within_s:.0f} s"
            await send(_close(CloseCode.NOT_AUTHENTICATED, text))
        return None

    async def _serve(self, scope: Scope, receive: Receive, send: Send, subject: Subject, knock: Knock) -> None:
        pipe: Pipe | None = scope.get("extensions", {}).get(PIPE, {}).get("pipe")
        closing: set[asyncio.Task[None]] = set()

        def end(code: CloseCode, reason: str) -> None:
            closing.add(self._loop.create_task(self._end(connection, send, code, reason)))

        connection: Connection
        sender: asyncio.Task[None] | None = None
        if pipe is not None:
            connection = DirectConnection(self._hub, subject, pipe, call_soon=self._loop.call_soon, end=end)
        else:
            connection = pulled = PulledConnection(self._hub, subject, framing=TextFraming(), loop=self._loop, end=end)
            sender = self._loop.create_task(pulled.run(_sender(send)))
        self._hub.connections.add(connection)
        try:
            await self._converse(connection, receive, knock)
        finally:
            connection.is_closed = True
            self._hub.remove(connection)
            connection.flush()
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)

    async def _converse(self, connection: Connection, receive: Receive, knock: Knock) -> None:
        conversation = Conversation(self._hub, connection)
        connection.send("welcome", heartbeat_s=self._hub.limits.heartbeat_s)
        topics = knock.query.get("topic")
        if topics:
            since = cursor_of(knock.query.get("since", [""])[0])
            await conversation.subscribe(dict.fromkeys(topics, since))
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if not connection.is_closed:
                await conversation.hear(message.get("text"))

    async def _end(self, connection: Connection, send: Send, code: CloseCode, reason: str) -> None:
        """Say goodbye; who does not listen is cut off."""
        _log.info("live.ended", user=connection.subject.identity, code=int(code), reason=reason)
        try:
            async with asyncio.timeout(_CLOSES_WITHIN_S):
                await send(_close(code, reason))
        except TimeoutError:
            connection.abort()
        except (OSError, RuntimeError):
            _log.debug("live.gone_before_close", user=connection.subject.identity)


def _sender(send: Send) -> Any:
    async def send_pieces(pieces: list[bytes]) -> None:
        for piece in pieces:
            await send({"type": "websocket.send", "text": piece.decode()})

    return send_pieces


def _close(code: CloseCode, reason: str) -> MutableMapping[str, Any]:
    text = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
    return {"type": "websocket.close", "code": int(code), "reason": text}


async def _refuse(scope: Scope, send: Send, error: LiveError) -> None:
    """Answer the handshake with an HTTP status, or, where the server cannot, with its own refusal."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": int(CloseCode.TRY_LATER)})
        return
    status, headers, body = refusal(error)
    with contextlib.suppress(OSError):
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
