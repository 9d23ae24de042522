import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

import pytest

from demitasse.transports.addresses import AllowList
from demitasse.transports.model import Fault, Outcome
from demitasse.transports.resolution import Route, Routes
from demitasse.transports.urls import parse_url

TARGET = parse_url("https://shop.example/hook")


class Names:
    """A name server: gives the next answer at each question, and the last for ever."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await self.may_answer.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


def routes(names: Names, *, allow: Sequence[str] = (), name_cache_s: float = 60.0, asks_proxy: bool = False) -> Routes:
    return Routes(allow=AllowList.of(allow), resolve=names, name_cache_s=name_cache_s, asks_proxy=asks_proxy)


async def test_a_public_name_has_a_route_to_all_its_addresses() -> None:
    route = await routes(Names(["2606:4700::1", "1.1.1.1"])).look_up(TARGET)
    assert route == Route(
        addresses=(IPv6Address("2606:4700::1"), IPv4Address("1.1.1.1")),
        pins=("+shop.example:443:[2606:4700::1],1.1.1.1",),
    )


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "::ffff:169.254.169.254", "fe80::1%eth0", "64:ff9b::7f00:1"])
async def test_one_forbidden_address_forbids_the_name(bad: str) -> None:
    route = await routes(Names(["1.1.1.1", bad, "8.8.8.8"])).look_up(TARGET)
    assert isinstance(route, Fault)
    assert route.outcome is Outcome.BLOCKED
    assert "webhook_allow_hosts" in route.error
    assert route.address is not None
    assert route.address not in route.error


async def test_an_allowed_name_may_lead_inside() -> None:
    route = await routes(Names(["10.0.0.1"]), allow=["shop.example"]).look_up(TARGET)
    assert isinstance(route, Route)


@pytest.mark.parametrize("answer", [OSError("unknown"), [], ["nonsense"], UnicodeError("label too long")])
async def test_a_name_without_addresses_is_not_found(answer: Sequence[str] | Exception) -> None:
    route = await routes(Names(answer)).look_up(TARGET)
    assert isinstance(route, Fault)
    assert route.outcome is Outcome.DNS
    assert "shop.example" in route.error


async def test_a_name_is_asked_for_once_in_a_while() -> None:
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    remembering = routes(names)
    first = await remembering.look_up(TARGET)
    assert remembering.remembered(TARGET) is first
    assert remembering.remembered(parse_url("https://other.example/")) is None
    assert names.asked == [("shop.example", 443)]


async def test_a_name_that_turns_inwards_is_noticed() -> None:
    forgetful = routes(Names(["1.1.1.1"], ["127.0.0.1"]), name_cache_s=0.0)
    assert isinstance(await forgetful.look_up(TARGET), Route)
    assert forgetful.remembered(TARGET) is None
    turned = await forgetful.look_up(TARGET)
    assert isinstance(turned, Fault)
    assert turned.outcome is Outcome.BLOCKED


async def test_a_name_that_was_not_found_is_asked_for_again() -> None:
    names = Names(OSError("try again"), ["1.1.1.1"])
    asking = routes(names)
    assert isinstance(await asking.look_up(TARGET), Fault)
    assert asking.remembered(TARGET) is None
    assert isinstance(await asking.look_up(TARGET), Route)


async def test_many_who_ask_share_one_look_up() -> None:
    names = Names(["1.1.1.1"])
    asking = routes(names)
    found = await asyncio.gather(*(asking.look_up(TARGET) for _ in range(20)))
    assert len(names.asked) == 1
    assert len(set(map(id, found))) == 1


async def test_a_look_up_goes_on_when_one_who_asked_gives_up() -> None:
    names = Names(["1.1.1.1"])
    names.may_answer.clear()
    asking = routes(names)
    impatient = asyncio.create_task(asking.look_up(TARGET))
    patient = asyncio.create_task(asking.look_up(TARGET))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    names.may_answer.set()
    assert isinstance(await patient, Route)
    assert len(names.asked) == 1


async def test_closing_ends_look_ups() -> None:
    names = Names(["1.1.1.1"])
    names.may_answer.clear()
    asking = routes(names)
    waiting = asyncio.create_task(asking.look_up(TARGET))
    await asyncio.sleep(0)
    await asking.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_address_is_vetted_without_asking() -> None:
    names = Names(["1.1.1.1"])
    asking = routes(names, allow=["127.0.0.1"])
    assert asking.remembered(parse_url("http://8.8.8.8/")) == Route(addresses=(IPv4Address("8.8.8.8"),), pins=())
    assert isinstance(asking.remembered(parse_url("http://127.1/")), Route)
    blocked = asking.remembered(parse_url("http://[::1]/"))
    assert isinstance(blocked, Fault)
    assert blocked.outcome is Outcome.BLOCKED
    assert not names.asked


async def test_a_proxy_resolves_names_but_forbidden_addresses_do_not_reach_it() -> None:
    names = Names(["127.0.0.1"])
    asking = routes(names, asks_proxy=True)
    assert asking.remembered(TARGET) == Route(addresses=(), pins=())
    assert isinstance(asking.remembered(parse_url("http://169.254.169.254/")), Fault)
    assert not names.asked


async def test_memory_of_names_is_bounded() -> None:
    asking = routes(Names(["1.1.1.1"]))
    for number in range(5000):
        asking.remembered(parse_url(f"http://8.8.{number // 256}.{number % 256}/"))
    assert len(asking._remembered) <= 4096


async def test_a_long_answer_is_vetted_whole_and_tried_in_part() -> None:
    many = [f"8.8.8.{number}" for number in range(100)]
    route = await routes(Names(many)).look_up(TARGET)
    assert isinstance(route, Route)
    assert route.addresses is not None
    assert len(route.addresses) == 8
    assert isinstance(await routes(Names([*many, "127.0.0.1"])).look_up(TARGET), Fault)
