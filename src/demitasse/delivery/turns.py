"""Whose turn it is: endpoints in a circle, first attempts before retries."""

from collections import deque

from demitasse.delivery.channel import Channel
from demitasse.outbox.model import QueuedDelivery

_RETRY_SHARE = 8


class Turns:
    """Two circles of channels that have something to send; one in so many turns is a retry's, so that none starves."""

    __slots__ = ("_first_names", "_firsts", "_retries", "_retry_names", "_taken")

    def __init__(self) -> None:
        self._firsts: deque[Channel] = deque()
        self._retries: deque[Channel] = deque()
        self._first_names: set[str] = set()
        self._retry_names: set[str] = set()
        self._taken = 0

    def add(self, channel: Channel) -> None:
        """Put a channel at the end of the circles in which it has something and is not yet."""
        if channel.firsts and channel.name not in self._first_names:
            self._first_names.add(channel.name)
            self._firsts.append(channel)
        if channel.retries and channel.name not in self._retry_names:
            self._retry_names.add(channel.name)
            self._retries.append(channel)

    def next(self) -> tuple[Channel, deque[QueuedDelivery]] | None:
        """Return a channel and which of its rows are meant; it leaves the circle until it is added again."""
        wants_retry = self._taken % _RETRY_SHARE == _RETRY_SHARE - 1
        if self._retries and (wants_retry or not self._firsts):
            channel = self._retries.popleft()
            self._retry_names.discard(channel.name)
            rows = channel.retries
        elif self._firsts:
            channel = self._firsts.popleft()
            self._first_names.discard(channel.name)
            rows = channel.firsts
        else:
            return None
        self._taken += 1
        return channel, rows
