"""Senders that must leave nothing behind, and a neighbour that must never notice."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pycurl
import pytest

from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender, Outcome, OutgoingRequest, SendResult
from tests.e2e.transports.receiver import OK, Receiver, answer

MakeSender = Callable[..., HttpSender]
Attempt = Callable[..., Awaitable[SendResult]]
LEAVING_S = 5.0


def open_files() -> dict[str, str]:
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            found[link.name] = str(link.readlink())
        except FileNotFoundError:  # The folder's own.
            continue
    return found


def open_handles() -> int:
    if not _count_handles():
        return 0
    gc.collect()  # Slow, and seldom needed.
    return _count_handles()


def _count_handles() -> int:
    return sum(type(thing) is pycurl.Curl and not thing.closed for thing in gc.get_objects())


@pytest.fixture
async def make_sender() -> AsyncIterator[MakeSender]:
    """Make senders that may reach loopback; afterwards no socket and no handle of theirs is left."""
    before = open_files()
    senders: list[HttpSender] = []

    def make(**options: Any) -> HttpSender:
        usual: dict[str, Any] = {"allow": AllowList.of(["127.0.0.0/8", "::1", "localhost"])}
        senders.append(HttpSender(**(usual | options)))
        return senders[-1]

    yield make
    async with asyncio.timeout(LEAVING_S):
        for sender in senders:
            await sender.close()
    assert {name: what for name, what in open_files().items() if before.get(name) != what} == {}
    assert open_handles() == 0


@pytest.fixture
async def sender(make_sender: MakeSender) -> HttpSender:
    return make_sender()


@pytest.fixture
def neighbour() -> Iterator[Receiver]:
    with Receiver(answer(OK)) as receiver:
        yield receiver


@pytest.fixture
def attempt(sender: HttpSender, neighbour: Receiver) -> Attempt:
    """Send to a receiver while a neighbour is sent to as well, before, during and after."""

    async def send(receiver: Receiver | str, *, within_s: float = 2.0, **changes: Any) -> SendResult:
        url = receiver if isinstance(receiver, str) else receiver.url
        result, *others = await asyncio.gather(
            sender.send(request(url, **changes)),
            *(sender.send(request(neighbour.url)) for _ in range(3)),
        )
        others.append(await sender.send(request(neighbour.url)))
        assert [other.outcome for other in others] == [Outcome.ANSWERED] * 4
        assert max(other.duration_s for other in others) < within_s
        assert result.duration_s < within_s
        return result

    return send


def request(url: str, **changes: Any) -> OutgoingRequest:
    usual: dict[str, Any] = {"method": "POST", "url": url, "body": b'{"a":1}', "timeout_s": 5.0}
    return OutgoingRequest(**(usual | changes))
