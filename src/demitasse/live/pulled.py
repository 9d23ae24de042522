"""Connections with a task that reads from the log and sends: server-sent events, and WebSockets without a pipe."""

import asyncio
from collections.abc import Awaitable, Callable

from typing_extensions import override

from demitasse.kernel.clock import monotonic_s
from demitasse.live.connection import Batch, Connection, Framing, Source
from demitasse.live.model import CloseCode, Subject

_SLOW_BEHIND = 64


class PulledConnection(Connection):
    """A connection that sends with ASGI's ``send``, and waits while that waits."""

    def __init__(
        self,
        hub: Source,
        subject: Subject,
        *,
        framing: Framing,
        loop: asyncio.AbstractEventLoop,
        end: Callable[[CloseCode, str], None],
    ) -> None:
        super().__init__(hub, subject, framing=framing, now_s=monotonic_s(), end=end)
        self._loop = loop
        self._woken: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @override
    def offer(self, batch: Batch) -> None:
        """Leave the entries to the task."""
        if batch.last <= self.position or batch.topic not in self.topics:
            return
        if self.is_current:
            self.is_current = False
            self.position = max(self.position, batch.first - 1)
        elif self.waits_since_s is not None and batch.last - self.position > _SLOW_BEHIND:
            self.is_slow = True
        self.flush()

    @override
    def flush(self) -> None:
        """Wake the task."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    @override
    def abort(self) -> None:
        """Cut the connection."""
        if self._task is not None:
            self._task.cancel()

    async def run(self, send: Callable[[list[bytes]], Awaitable[None]]) -> None:
        """Send what there is, and wait for more, until the connection is closed."""
        self._task = asyncio.current_task()
        while not self.is_closed:
            pieces = self.take()
            if pieces:
                self.waits_since_s = monotonic_s()
                await send(pieces)
                self.waits_since_s = None
            elif self.is_current:
                self._woken = self._loop.create_future()
                await self._woken
            else:
                await asyncio.sleep(0)
