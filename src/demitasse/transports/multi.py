"""libcurl's multi interface on an asyncio loop: libcurl says what to watch, the loop says what happened."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Protocol

import pycurl

from demitasse.transports.watching import OnReady, Watcher, watcher_for

ABANDONED = -1
"""In place of libcurl's code: the transfer was ended by us."""

_NEVER = float("inf")
_TIME_PASSED = ((pycurl.SOCKET_TIMEOUT, 0),)


class Transfer(Protocol):
    """One easy handle on its way."""

    @property
    def curl(self) -> pycurl.Curl:
        """The handle."""

    def finish(self, code: int, message: str) -> None:
        """Take the end of the transfer: ``pycurl.E_*`` or ``ABANDONED``, and libcurl's words."""


class Multi:
    """Runs transfers, each of which is finished once or abandoned."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        max_idle_connections: int,
        make_watcher: Callable[[asyncio.AbstractEventLoop, OnReady], Watcher] = watcher_for,
    ) -> None:
        self._loop = loop
        self._transfers: dict[pycurl.Curl, Transfer] = {}
        self._watcher = make_watcher(loop, self._act)
        self._is_kicked = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._multi = multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watcher.watch)
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)
        multi.setopt(pycurl.M_MAXCONNECTS, max_idle_connections)

    def add(self, transfer: Transfer) -> None:
        """Start a transfer; it ends later, never within this call."""
        self._multi.add_handle(transfer.curl)
        self._transfers[transfer.curl] = transfer
        self._kick_soon()

    def abandon(self, transfer: Transfer) -> None:
        """Take a transfer off, its connection with it; it is not finished."""
        del self._transfers[transfer.curl]
        self._multi.remove_handle(transfer.curl)

    def close(self) -> None:
        """End all transfers as abandoned, and close all connections."""
        self._end_all("The sender was closed.")
        self._multi.close()
        self._watcher.close()
        if self._timer is not None:
            self._timer.cancel()

    def _end_all(self, message: str) -> None:
        transfers = tuple(self._transfers.values())
        self._transfers.clear()
        for transfer in transfers:
            with contextlib.suppress(pycurl.error):  # The engine may be what is broken.
                self._multi.remove_handle(transfer.curl)
            transfer.finish(ABANDONED, message)

    def _kick_soon(self) -> None:
        if not self._is_kicked:
            self._is_kicked = True
            self._loop.call_soon(self._kick)

    def _kick(self) -> None:
        self._is_kicked = False
        if not self._multi.closed:
            self._act(_TIME_PASSED)

    def _ring(self) -> None:
        self._timer = None
        self._timer_at = _NEVER
        self._act(_TIME_PASSED)

    def _act(self, happened: Iterable[tuple[int, int]]) -> None:
        running = 0
        try:
            for fd, ready in happened:
                _, running = self._multi.socket_action(fd, ready)
        except pycurl.error as error:  # Out of memory, or a bug: no transfer would be heard of again.
            self._end_all(str(error))
            raise
        if running != len(self._transfers):
            self._finish_ended()
        self._wait()

    def _wait(self) -> None:
        # libcurl would tell each change of its one timer by a callback, several per transfer, which cost more than
        # asking once when all is done.
        timeout_ms = self._multi.timeout()
        if timeout_ms == 0:
            self._kick_soon()
        elif timeout_ms > 0:
            due_at = self._loop.time() + timeout_ms / 1000
            if due_at < self._timer_at:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer_at = due_at
                self._timer = self._loop.call_at(due_at, self._ring)

    def _finish_ended(self) -> None:
        _, succeeded, failed = self._multi.info_read()
        for curl in succeeded:
            self._finish(curl, pycurl.E_OK, "")
        for curl, code, message in failed:
            self._finish(curl, code, message)

    def _finish(self, curl: pycurl.Curl, code: int, message: str) -> None:
        transfer = self._transfers.pop(curl, None)
        if transfer is not None:  # Else abandoned by what an earlier one's end set off.
            self._multi.remove_handle(curl)
            transfer.finish(code, message)
