import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pycurl
import pytest

from demitasse.transports.addresses import AllowList
from demitasse.transports.errors import UnusableProxy
from demitasse.transports.http import HttpSender, Outcome, OutgoingRequest, SenderOptions, SendResult

MakeSender = Callable[..., HttpSender]


async def nowhere(host: str, port: int) -> Sequence[str]:
    raise OSError(host, port)


async def inside(host: str, port: int) -> Sequence[str]:
    return ["1.1.1.1", "192.168.0.1"]


async def for_ever(host: str, port: int) -> Sequence[str]:
    await asyncio.Event().wait()
    return []


async def broken(host: str, port: int) -> Sequence[str]:
    message = "a bug"
    raise RuntimeError(message)


@pytest.fixture
async def make_sender() -> AsyncIterator[MakeSender]:
    senders: list[HttpSender] = []

    def make(**options: Any) -> HttpSender:
        usual: dict[str, Any] = {"allow": AllowList(), "resolve": nowhere}
        senders.append(HttpSender(**(usual | options)))
        return senders[-1]

    yield make
    for sender in senders:
        await sender.close()


def request(**changes: Any) -> OutgoingRequest:
    usual: dict[str, Any] = {"method": "POST", "url": "https://shop.example/", "body": b"{}", "timeout_s": 5.0}
    return OutgoingRequest(**(usual | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://shop.example/"},
        {"url": "https://user:secret@shop.example/"},
        {"url": "https://shop.example/\r\nX: 1"},
        {"url": "https:///"},
        {"method": "TRACE"},
        {"headers": (("X-Name", "a\r\nX-Injected: 1"),)},
        {"headers": (("X Name", "1"),)},
        {"headers": (("Host", "other.example"),)},
        {"headers": (("Transfer-Encoding", "chunked"),)},
        {"timeout_s": 0.0},
        {"timeout_s": -1.0},
        {"timeout_s": float("inf")},
        {"timeout_s": float("nan")},
    ],
)
async def test_what_cannot_be_put_on_the_wire_is_invalid(make_sender: MakeSender, changes: dict[str, Any]) -> None:
    result = await make_sender().send(request(**changes))
    assert result.outcome is Outcome.INVALID
    assert result.error
    assert "secret" not in result.error


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "0",
    ],
)
async def test_a_forbidden_address_is_blocked(make_sender: MakeSender, host: str) -> None:
    result = await make_sender().send(request(url=f"http://{host}:8080/"))
    assert result.outcome is Outcome.BLOCKED
    assert result.error is not None
    assert "webhook_allow_hosts" in result.error


async def test_a_name_that_leads_inside_is_blocked_and_the_error_does_not_say_where(make_sender: MakeSender) -> None:
    result = await make_sender(resolve=inside).send(request())
    assert result.outcome is Outcome.BLOCKED
    assert result.address == "192.168.0.1"
    assert result.error is not None
    assert "192.168" not in result.error


async def test_an_unknown_name_is_a_result(make_sender: MakeSender) -> None:
    result = await make_sender().send(request())
    assert result.outcome is Outcome.DNS
    assert result.status is None


async def test_a_look_up_that_hangs_ends_with_the_deadline(make_sender: MakeSender) -> None:
    result = await make_sender(resolve=for_ever).send(request(timeout_s=0.02))
    assert result.outcome is Outcome.TIMEOUT
    assert result.duration_s >= 0.02
    assert result.error is not None
    assert "looked up" in result.error


async def test_a_bug_in_a_resolver_loses_nothing(make_sender: MakeSender) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    result = await make_sender(resolve=broken).send(request())
    assert result.outcome is Outcome.DNS
    assert isinstance(reported[0]["exception"], RuntimeError)


async def test_a_result_never_comes_within_the_call(make_sender: MakeSender) -> None:
    sender = make_sender()
    results: list[SendResult] = []
    for url in ("nonsense", "http://127.0.0.1/", "http://shop.example/"):
        sender.start(request(url=url), results.append)
    assert not results
    await sender.close()
    assert [result.outcome for result in results] == [Outcome.INVALID, Outcome.BLOCKED, Outcome.RESET]


async def test_a_callers_bug_does_not_cost_another_its_result(make_sender: MakeSender) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    sender = make_sender()
    results: list[SendResult] = []
    sender.start(request(url="nonsense"), lambda _: results.remove(SendResult(outcome=Outcome.DNS)))
    sender.start(request(url="nonsense"), results.append)
    await sender.close()
    assert [result.outcome for result in results] == [Outcome.INVALID]
    assert isinstance(reported[0]["exception"], ValueError)


async def test_closing_answers_what_waits_for_a_name(make_sender: MakeSender) -> None:
    sender = make_sender(resolve=for_ever)
    results: list[SendResult] = []
    sender.start(request(), results.append)
    await asyncio.sleep(0)
    await sender.close()
    assert [result.outcome for result in results] == [Outcome.RESET]


async def test_what_comes_after_closing_is_answered_too(make_sender: MakeSender) -> None:
    sender = make_sender()
    await sender.close()
    await sender.close()
    assert (await sender.send(request())).outcome is Outcome.RESET


async def test_a_cancelled_call_gives_up_its_look_up(make_sender: MakeSender) -> None:
    sender = make_sender(resolve=for_ever)
    call = asyncio.create_task(sender.send(request()))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not sender._looking_up


async def test_a_call_can_be_cancelled_before_it_hears_that_it_is_invalid(make_sender: MakeSender) -> None:
    call = asyncio.create_task(make_sender().send(request(url="nonsense")))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_what_libcurl_refuses_is_a_result_and_frees_its_place(make_sender: MakeSender) -> None:
    sender = make_sender(options=SenderOptions(idle_connection_s=-1, max_requests=1))
    for _ in range(2):
        result = await sender.send(request(url="http://1.1.1.1/"))
        assert result.outcome is Outcome.INVALID


async def test_a_broken_engine_loses_no_result(make_sender: MakeSender) -> None:
    sender = make_sender()
    calls = [asyncio.create_task(sender.send(request(url="http://1.1.1.1/"))) for _ in range(3)]
    sender._multi._is_kicked = True  # Nothing is sent before it breaks.
    await asyncio.sleep(0)
    sender._multi._multi.close()
    with pytest.raises(pycurl.error):
        sender._multi._act(((pycurl.SOCKET_TIMEOUT, 0),))
    assert [result.outcome for result in await asyncio.gather(*calls)] == [Outcome.RESET] * 3


@pytest.mark.parametrize(
    "url", ["", "proxy:3128", "ftp://proxy:3128", "http://", "http://proxy:99999", "socks5://proxy:1"]
)
async def test_an_impossible_proxy_is_refused_at_once(make_sender: MakeSender, url: str) -> None:
    with pytest.raises(UnusableProxy):
        make_sender(options=SenderOptions(proxy_url=url))
