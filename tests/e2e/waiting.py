"""Waiting for what a server does in its own time: a bound, and a word on what did not come."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_POLL_S = 0.02


def wait_for(what: str, look: Callable[[], T | None], *, within_s: float = 10.0) -> T:
    """Return the first truthy thing that ``look`` gives.

    Raises:
        AssertionError: it gave none in time; the last thing seen is told.
    """
    until = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            message = f"{what} did not come within {within_s} s; last seen: {seen!r}"
            raise AssertionError(message)
        time.sleep(_POLL_S)
