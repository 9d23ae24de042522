"""Watching libcurl's sockets from an event loop."""

import asyncio
import select
from collections.abc import Callable, Iterable
from functools import cache
from typing import Protocol

import pycurl

OnReady = Callable[[Iterable[tuple[int, int]]], None]
"""Called with sockets and what each is ready for (``pycurl.CSELECT_*``)."""


class Watcher(Protocol):
    """Tells when sockets are ready."""

    def watch(self, what: int, fd: int, multi: object = None, data: object = None) -> None:
        """Watch a socket for ``what`` (``pycurl.POLL_*``) from now on; the arguments are those of libcurl's callback."""

    def close(self) -> None:
        """Watch nothing any more."""


class EpollWatcher:
    """One epoll inside the loop's: the loop sees a single reader, however sockets come and go.

    libcurl drops its interest in a socket after each answer and takes it up with the next request, for which the
    loops' own bookkeeping (on uvloop, six system calls) costs more than the request's way through the kernel.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_ready: OnReady) -> None:
        self._loop = loop
        self._on_ready = on_ready
        self._events = {
            pycurl.POLL_IN: select.EPOLLIN,
            pycurl.POLL_OUT: select.EPOLLOUT,
            pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
        }
        self._watched: set[int] = set()
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._look)

    def watch(self, what: int, fd: int, _multi: object = None, _data: object = None) -> None:
        """Watch a socket."""
        events = self._events.get(what)
        if events is None:
            if fd in self._watched:
                self._watched.remove(fd)
                self._epoll.unregister(fd)
        elif fd in self._watched:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
            self._watched.add(fd)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._watched.clear()

    def _look(self) -> None:
        self._on_ready([(fd, _meaning(events)) for fd, events in self._epoll.poll(0)])


class LoopWatcher:
    """The loop's own readers and writers, where there is no epoll."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_ready: OnReady) -> None:
        self._loop = loop
        self._on_ready = on_ready
        self._watched: dict[int, int] = {}

    def watch(self, what: int, fd: int, _multi: object = None, _data: object = None) -> None:
        """Watch a socket."""
        wanted = 0 if what == pycurl.POLL_REMOVE else what
        changed = wanted ^ self._watched.pop(fd, 0)
        if wanted:
            self._watched[fd] = wanted
        if changed & pycurl.POLL_IN:
            if wanted & pycurl.POLL_IN:
                self._loop.add_reader(fd, self._on_ready, ((fd, pycurl.CSELECT_IN),))
            else:
                self._loop.remove_reader(fd)
        if changed & pycurl.POLL_OUT:
            if wanted & pycurl.POLL_OUT:
                self._loop.add_writer(fd, self._on_ready, ((fd, pycurl.CSELECT_OUT),))
            else:
                self._loop.remove_writer(fd)

    def close(self) -> None:
        """Watch nothing any more."""
        for fd in tuple(self._watched):
            self.watch(pycurl.POLL_REMOVE, fd)


def watcher_for(loop: asyncio.AbstractEventLoop, on_ready: OnReady) -> Watcher:
    """Return the quickest watcher that this system has."""
    return EpollWatcher(loop, on_ready) if hasattr(select, "epoll") else LoopWatcher(loop, on_ready)


@cache
def _meaning(events: int) -> int:
    ready = pycurl.CSELECT_IN if events & select.EPOLLIN else 0
    if events & select.EPOLLOUT:
        ready |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        ready |= pycurl.CSELECT_ERR
    return int(ready)
