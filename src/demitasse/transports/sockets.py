"""Sockets that are opened here and used by libcurl."""

import os
import socket

import pycurl


class NewSocket:
    """A socket not yet connected; libcurl duplicates it, and this one is closed when it is forgotten.

    Raises:
        OSError: no file descriptor is left.
    """

    __slots__ = ("_fd",)

    def __init__(self, family: int, kind: int, protocol: int) -> None:
        self._fd = socket.socket(family, kind, protocol).detach()

    def __del__(self) -> None:
        """Close our end of the pair."""
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._fd


def keep_from_children(fd: int, _purpose: int) -> int:
    """Mark libcurl's duplicate as not to be inherited by child processes."""
    os.set_inheritable(fd, False)  # noqa: FBT003 (the standard library's own signature)
    return int(pycurl.SOCKOPT_OK)
