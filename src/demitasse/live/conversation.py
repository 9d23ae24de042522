"""What a client says on a WebSocket, and what it is answered."""

from collections.abc import Mapping, Sequence
from typing import Any

from demitasse.kernel import json
from demitasse.kernel.clock import monotonic_s
from demitasse.live.asgi import cursor_of
from demitasse.live.connection import Connection
from demitasse.live.errors import LiveError, MalformedMessage, SubscriptionRefused, TooMany
from demitasse.live.hub import Hub
from demitasse.live.model import CloseCode, Cursor, Limits

_MINUTE_S = 60.0


def read_message(text: str | None) -> dict[str, Any]:
    """Return a client's message.

    Raises:
        MalformedMessage: it is not a JSON object with a type.
    """
    content = json.decode(text) if text else None
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        message = 'A message is a JSON object in a text frame, with a type: {"type": "subscribe", "topics": [...]}'
        raise MalformedMessage(message)
    return content


class Conversation:
    """Answers the messages of one connection."""

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self._connection = connection
        self._minute_at_s = monotonic_s()
        self._in_minute = 0

    async def hear(self, text: str | None) -> None:
        """Do what a message asks for."""
        connection = self._connection
        connection.heard_at_s = now_s = monotonic_s()
        if now_s - self._minute_at_s > _MINUTE_S:
            self._minute_at_s, self._in_minute = now_s, 0
        self._in_minute += 1
        if self._in_minute > self._hub.limits.messages_per_minute:
            connection.close(CloseCode.TOO_MANY, f"More than {self._hub.limits.messages_per_minute} messages a minute")
            return
        try:
            message = read_message(text)
            await self._answer(message)
        except json.MalformedJson:
            connection.close(CloseCode.MALFORMED, "A message must be JSON")
        except LiveError as error:
            connection.send("error", code=error.code, error=error.message)

    async def subscribe(self, wanted: Mapping[str, Cursor | None]) -> None:
        """Subscribe to what the doorkeeper allows, and say of each topic how it went."""
        connection, hub = self._connection, self._hub
        granted: dict[str, Cursor | None] = {}
        await hub.ready()
        for topic, since in wanted.items():
            try:
                others = connection.topics.keys() | granted.keys()
                check_topic_form(topic, taken=len(others - {topic}), limits=hub.limits)
                await hub.doorkeeper.check_topic(connection.subject, topic)
            except (SubscriptionRefused, TooMany) as error:
                connection.send("refused", topic=topic, code=error.code, error=error.message)
            else:
                granted[topic] = since
        if granted and not connection.is_closed:
            connection.send("subscribed", topics=list(granted))
            hub.subscribe(connection, granted)

    async def _answer(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "subscribe":
                await self.subscribe(_wanted(message))
            case "unsubscribe":
                topics = tuple(_wanted(message))
                self._hub.unsubscribe(self._connection, topics)
                self._connection.send("unsubscribed", topics=topics)
            case "ping":
                self._connection.send("pong", **{key: message[key] for key in ("id",) if key in message})
            case "pong" | "auth":
                pass
            case other:
                text = f"There is no message type {other[:40]!r}: use subscribe, unsubscribe or ping"
                raise MalformedMessage(text)


def check_topic_form(topic: str, *, taken: int, limits: Limits) -> None:
    """Return if a topic can be asked for by a connection that has ``taken`` others.

    Raises:
        SubscriptionRefused: it is no topic.
        TooMany: the connection has as many as it may have.
    """
    if not topic or len(topic) > limits.topic_length or not topic.isprintable():
        message = f"A topic is text of 1 to {limits.topic_length} characters"
        raise SubscriptionRefused(message)
    if taken >= limits.topics_per_connection:
        message = f"A connection may have {limits.topics_per_connection} topics: unsubscribe from some"
        raise TooMany(message, limit=limits.topics_per_connection)


def _wanted(message: dict[str, Any]) -> dict[str, Cursor | None]:
    """Return the topics of a message, each with where to start.

    Raises:
        MalformedMessage: they are neither a list of texts nor an object of cursors.
    """
    topics, since = message.get("topics"), message.get("since")
    if isinstance(topics, str):
        topics = [topics]
    if isinstance(topics, Sequence) and all(isinstance(topic, str) for topic in topics) and _is_cursor(since):
        return dict.fromkeys(topics, cursor_of(since))
    if isinstance(topics, dict) and all(_is_cursor(cursor) for cursor in topics.values()):
        return {topic: cursor_of(cursor or since) for topic, cursor in topics.items()}
    text = 'topics must be a list of texts, or an object {"topic": "cursor or null"}; since is the text of a cursor'
    raise MalformedMessage(text)


def _is_cursor(value: Any) -> bool:
    return value is None or isinstance(value, str)
