"""What is done for all connections once a second: signs of life, and the end of those who are stalled or idle."""

import asyncio
import random

from demitasse.kernel.clock import monotonic_s
from demitasse.live.connection import Connection
from demitasse.live.hub import Hub
from demitasse.live.model import CloseCode, Limits

_ROUND_S = 1.0
_LOOKED_AT_ONCE = 500


async def keep(hub: Hub) -> None:
    """Look after a hub's connections until cancelled."""
    while True:
        await asyncio.sleep(_ROUND_S)
        hub.tidy()
        for count, connection in enumerate(tuple(hub.connections), start=1):
            look_after(connection, limits=hub.limits, now_s=monotonic_s())
            if not count % _LOOKED_AT_ONCE:
                await asyncio.sleep(0)


def look_after(connection: Connection, *, limits: Limits, now_s: float) -> None:
    """End a connection that takes nothing or asks for nothing; send the others a sign of life when it is due."""
    waits_since_s = connection.waits_since_s
    if waits_since_s is not None:
        if now_s - waits_since_s > limits.stalled_s:
            connection.close(CloseCode.IDLE, "You have taken nothing for too long")
            connection.abort()
        return
    if not connection.topics and now_s - connection.heard_at_s > limits.idle_s:
        connection.close(CloseCode.IDLE, "Subscribe to something, or connect when you need it")
    elif now_s >= connection.beat_at_s:
        # The first one comes at a random moment, so that clients who came together do not beat together.
        is_first = connection.beat_at_s == connection.came_at_s
        connection.beat_at_s = now_s + limits.heartbeat_s * (random.random() if is_first else 1.0)  # noqa: S311 - spreads load
        if not is_first:
            connection.beat()
