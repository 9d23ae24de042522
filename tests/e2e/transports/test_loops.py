"""Each kind of watching on each kind of loop."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable

import pytest
import uvloop

from demitasse.kernel.clock import monotonic_s
from demitasse.transports.addresses import AllowList
from demitasse.transports.easy import Easy, Job
from demitasse.transports.http import HttpSender, Outcome, SenderOptions, SendResult
from demitasse.transports.multi import Multi
from demitasse.transports.resolution import Route
from demitasse.transports.urls import parse_url
from demitasse.transports.watching import EpollWatcher, LoopWatcher, OnReady, Watcher
from tests.e2e.transports.conftest import open_files, open_handles, request
from tests.e2e.transports.receiver import OK, Connection, Receiver, answer

MakeLoop = Callable[[], asyncio.AbstractEventLoop]
MakeWatcher = Callable[[asyncio.AbstractEventLoop, OnReady], Watcher]
BODY = bytes(range(256)) * 8000

pytestmark = pytest.mark.parametrize("make_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop])


@pytest.mark.parametrize("make_watcher", [EpollWatcher, LoopWatcher])
def test_each_watcher_sees_all_that_happens(make_loop: MakeLoop, make_watcher: MakeWatcher) -> None:
    async def run(good: Receiver, silent: Receiver) -> list[SendResult]:
        multi = Multi(loop=asyncio.get_running_loop(), max_idle_connections=4, make_watcher=make_watcher)
        results: list[SendResult] = []
        ended = asyncio.Event()
        easies: list[Easy] = []

        def take(_easy: Easy, _job: Job, result: SendResult) -> None:
            results.append(result)
            if len(results) == 5:
                ended.set()

        for url, timeout_s in [(good.url, 5.0)] * 4 + [(silent.url, 0.2)]:
            target = parse_url(url)
            sent = request(url, body=BODY, timeout_s=timeout_s)
            job = Job(request=sent, on_done=results.append, lines=["Expect:"], target=target, started_at=monotonic_s())
            easies.append(Easy(SenderOptions(), tls=None, on_result=take))
            assert not isinstance(target.host, str)
            easies[-1].begin(job, Route(addresses=(target.host,), pins=()))
            multi.add(easies[-1])
        async with asyncio.timeout(5):
            await ended.wait()
        multi.close()
        for easy in easies:
            easy.close()
        return results

    with (
        Receiver(answer(OK)) as good,
        Receiver(Connection.hang) as silent,
        asyncio.Runner(loop_factory=make_loop) as runner,
    ):
        results = runner.run(run(good, silent))
    assert Counter(result.outcome for result in results) == {Outcome.ANSWERED: 4, Outcome.TIMEOUT: 1}


def test_a_sender_does_its_work_and_leaves_nothing(make_loop: MakeLoop) -> None:
    async def run(receiver: Receiver, silent: Receiver) -> None:
        sender = HttpSender(allow=AllowList.of(["127.0.0.1"]))
        for _ in range(3):
            stuck = asyncio.create_task(sender.send(request(silent.url, timeout_s=0.1)))
            results = await asyncio.gather(*(sender.send(request(receiver.url)) for _ in range(50)))
            assert {result.status for result in results} == {200}
            assert (await stuck).outcome is Outcome.TIMEOUT
        await sender.close()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(asyncio.sleep(0))  # What a loop makes once per process is made.
    gc.collect()
    before = open_files()
    with Receiver(answer(OK)) as receiver, Receiver(Connection.hang) as silent:
        with asyncio.Runner(loop_factory=make_loop) as runner:
            runner.run(run(receiver, silent))
        assert receiver.connections <= 50
    assert open_files() == before
    assert open_handles() == 0
