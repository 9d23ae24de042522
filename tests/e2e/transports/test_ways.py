"""Names, addresses and sockets: where a request goes, and where it does not."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import pytest

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.addresses import AllowList
from demitasse.transports.easy import Easy, Job
from demitasse.transports.http import HttpSender, Outcome, SenderOptions, SendResult
from demitasse.transports.multi import Multi
from demitasse.transports.resolution import Route, SystemResolver
from demitasse.transports.urls import parse_url
from tests.e2e.transports.conftest import Attempt, MakeSender, request
from tests.e2e.transports.receiver import OK, Receiver, answer

NOWHERE = "127.255.255.254"
"""On loopback, like all of 127/8, and nobody listens there."""


class Names:
    """Leads a name to the next of these answers at each question, and then to the last."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.left = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@pytest.fixture
def ipv6_receiver() -> Iterator[Receiver]:
    try:
        receiver = Receiver(answer(OK), host="::1")
    except OSError:
        pytest.skip("This machine has no IPv6 loopback")
    with receiver:
        yield receiver


async def test_the_system_knows_its_own_name() -> None:
    resolver = SystemResolver()
    try:
        assert {"127.0.0.1", "::1"} & set(await resolver("localhost", 80))
        with pytest.raises(OSError, match=r"."):
            await resolver("no-such-name.invalid", 80)
    finally:
        resolver.close()


async def test_a_name_of_the_system_is_reached(attempt: Attempt) -> None:
    with Receiver(answer(OK)) as receiver:
        result = await attempt(f"http://localhost:{receiver.port}/hook")
    assert result.status == 200
    assert f"Host: localhost:{receiver.port}".encode() in receiver.requests[0]


async def test_ipv6_is_reached(attempt: Attempt, ipv6_receiver: Receiver) -> None:
    result = await attempt(ipv6_receiver)
    assert (result.status, result.address) == (200, "::1")
    assert f"Host: [::1]:{ipv6_receiver.port}".encode() in ipv6_receiver.requests[0]


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]"])
async def test_odd_spellings_of_loopback_are_reached_only_where_it_is_allowed(
    make_sender: MakeSender, host: str
) -> None:
    with Receiver(answer(OK)) as receiver:
        url = f"http://{host}:{receiver.port}/"
        blocked = await make_sender(allow=AllowList()).send(request(url))
        allowed = await make_sender().send(request(url))
    assert blocked.outcome is Outcome.BLOCKED
    assert allowed.outcome is Outcome.ANSWERED
    assert receiver.connections == 1


async def test_an_address_that_does_not_answer_gives_way_to_the_next(
    make_sender: MakeSender, ipv6_receiver: Receiver
) -> None:
    with Receiver(answer(OK)) as receiver:
        for names, port in (
            (Names(["::1", "127.0.0.1"]), receiver.port),
            (Names(["127.0.0.1", "::1"]), ipv6_receiver.port),
            (Names([NOWHERE, "127.0.0.3", "127.0.0.1"]), receiver.port),
        ):
            result = await make_sender(resolve=names).send(request(f"http://shop.example:{port}/", timeout_s=2.0))
            assert result.status == 200
            assert names.asked == 1


async def test_no_address_that_answers_is_refused(make_sender: MakeSender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sender = make_sender(resolve=Names(["127.0.0.1", "127.0.0.2", "::1"]))
    result = await sender.send(request(f"http://shop.example:{port}/"))
    assert result.outcome is Outcome.REFUSED


async def test_a_name_that_turns_inwards_is_blocked_although_a_connection_is_kept(make_sender: MakeSender) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    sender = make_sender(resolve=names, options=SenderOptions(name_cache_s=0.0))
    with Receiver(answer(OK)) as receiver:
        url = f"http://shop.example:{receiver.port}/"
        assert (await sender.send(request(url))).status == 200
        turned = await sender.send(request(url))
    assert (turned.outcome, turned.address) == (Outcome.BLOCKED, "10.0.0.1")
    assert len(receiver.requests) == 1


async def test_a_name_is_asked_for_once_for_many(make_sender: MakeSender) -> None:
    names = Names(["127.0.0.1"])
    sender = make_sender(resolve=names)
    with Receiver(answer(OK)) as receiver:
        url = f"http://shop.example:{receiver.port}/"
        results = await asyncio.gather(*(sender.send(request(url)) for _ in range(30)))
    assert {result.status for result in results} == {200}
    assert names.asked == 1


@pytest.mark.parametrize("pinned", ["127.0.0.1", "::1"])
async def test_the_socket_refuses_what_was_not_vetted(pinned: str) -> None:
    """Whatever libcurl may have come to believe, a connection is opened to a vetted address or not at all."""
    multi = Multi(loop=asyncio.get_running_loop(), max_idle_connections=1)
    results: list[SendResult] = []
    ended = asyncio.Event()

    def take(_easy: Easy, _job: Job, result: SendResult) -> None:
        results.append(result)
        ended.set()

    with Receiver(answer(OK), host=pinned) as receiver:
        target = parse_url(f"http://shop.example:{receiver.port}/")
        job = Job(
            request=request(target.url), on_done=results.append, lines=[], target=target, started_at=monotonic_s()
        )
        easy = Easy(SenderOptions(), tls=None, on_result=take)
        pin = f"+shop.example:{receiver.port}:{f'[{pinned}]' if ':' in pinned else pinned}"
        easy.begin(job, Route(addresses=(ip_address("8.8.8.8"),), pins=(pin,)))
        multi.add(easy)
        async with asyncio.timeout(5):
            await ended.wait()
    multi.close()
    easy.close()
    assert results[0].outcome is Outcome.BLOCKED
    assert results[0].address == pinned
    assert receiver.connections == 0


async def test_a_machine_without_free_sockets_says_so(make_sender: MakeSender) -> None:
    sender = make_sender()
    with Receiver(answer(OK)) as receiver:
        assert (await sender.send(request(receiver.url))).status == 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208 (numbers, not paths)
        filler = [os.dup(0) for _ in range(highest + 1 - len(os.listdir("/proc/self/fd")) + 2)]  # noqa: PTH208
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(filler) + 1, hard))
        try:
            result = await sender.send(request(f"http://127.0.0.2:{receiver.port}/"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for fd in filler:
                os.close(fd)
        assert result.outcome is Outcome.REFUSED
        assert "too many files" in str(result.error)
        assert (await sender.send(request(receiver.url))).status == 200


async def test_children_do_not_inherit_connections(sender: HttpSender) -> None:
    with Receiver(answer(OK)) as receiver:
        before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 (numbers, not paths)
        assert (await sender.send(request(receiver.url))).status == 200
        new = set(os.listdir("/proc/self/fd")) - before  # noqa: PTH208
        kept = [fd for fd in map(int, new) if _is_socket(fd)]
        assert kept
        assert not any(map(os.get_inheritable, kept))


def _is_socket(fd: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")  # noqa: PTH115 (a number, not a path)
    except OSError:
        return False
