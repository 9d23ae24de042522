"""libcurl's multi interface on an asyncio loop: libcurl says what to watch, the loop says what happened."""

import asyncio
from typing import Protocol

import pycurl

ABANDONED = -1
"""In place of libcurl's code: the transfer was ended by us."""

_NEVER = float("inf")


class Transfer(Protocol):
    """One easy handle on its way."""

    @property
    def curl(self) -> pycurl.Curl:
        """The handle."""

    def finish(self, code: int, message: str) -> None:
        """Take the end of the transfer (``pycurl.E_*`` and its words); the handle is free again."""


class Multi:
    """Runs transfers, each of which is finished once or abandoned."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        max_connections: int,
        max_connections_per_host: int,
    ) -> None:
        self._loop = loop
        self._transfers: dict[pycurl.Curl, Transfer] = {}
        self._watched: dict[int, int] = {}
        self._is_kicked = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._due_at = _NEVER
        self._multi = multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._wake_in)
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)
        multi.setopt(pycurl.M_MAXCONNECTS, max_connections)
        multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, max_connections)
        multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, max_connections_per_host)

    def add(self, transfer: Transfer) -> None:
        """Start a transfer; it ends later, never within this call."""
        self._multi.add_handle(transfer.curl)
        self._transfers[transfer.curl] = transfer

    def abandon(self, transfer: Transfer) -> None:
        """Take a transfer off, its connection with it; it is not finished."""
        del self._transfers[transfer.curl]
        self._multi.remove_handle(transfer.curl)

    def close(self) -> None:
        """End all transfers as abandoned, and close all connections."""
        self._end_all("The sender was closed.")
        self._multi.close()
        for fd in tuple(self._watched):
            self._watch(pycurl.POLL_REMOVE, fd, self._multi, None)
        if self._timer is not None:
            self._timer.cancel()

    def _end_all(self, message: str) -> None:
        for transfer in tuple(self._transfers.values()):
            self.abandon(transfer)
            transfer.finish(ABANDONED, message)

    def _watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        wanted = 0 if what == pycurl.POLL_REMOVE else what
        changed = wanted ^ self._watched.get(fd, 0)
        if changed & pycurl.POLL_IN:
            if wanted & pycurl.POLL_IN:
                self._loop.add_reader(fd, self._act, fd, pycurl.CSELECT_IN)
            else:
                self._loop.remove_reader(fd)
        if changed & pycurl.POLL_OUT:
            if wanted & pycurl.POLL_OUT:
                self._loop.add_writer(fd, self._act, fd, pycurl.CSELECT_OUT)
            else:
                self._loop.remove_writer(fd)
        if wanted:
            self._watched[fd] = wanted
        else:
            self._watched.pop(fd, None)

    def _wake_in(self, timeout_ms: int) -> None:
        if timeout_ms <= 0:
            self._due_at = _NEVER
            if timeout_ms == 0 and not self._is_kicked:
                self._is_kicked = True
                self._loop.call_soon(self._kick)
            return
        self._due_at = self._loop.time() + timeout_ms / 1000
        if self._due_at < self._timer_at:
            self._arm()

    def _arm(self) -> None:
        # libcurl moves its one timer several times per transfer, mostly further away. One that rings too early costs
        # a look at the clock; replacing it each time would cost more than the transfer's other bookkeeping.
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._due_at
        self._timer = self._loop.call_at(self._timer_at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._timer_at = _NEVER
        if self._loop.time() >= self._due_at:
            self._due_at = _NEVER
            self._act(pycurl.SOCKET_TIMEOUT, 0)
        elif self._due_at < _NEVER:
            self._arm()

    def _kick(self) -> None:
        self._is_kicked = False
        if not self._multi.closed:
            self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, what: int) -> None:
        try:
            _, running = self._multi.socket_action(fd, what)
        except pycurl.error as error:  # Out of memory, or a bug: no transfer would be heard of again.
            self._end_all(str(error))
            raise
        if running != len(self._transfers):
            self._finish_ended()

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
