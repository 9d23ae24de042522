"""A function that takes its time holds up nobody; one that has written holds up writers only."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.e2e.site import Answer, Client, ServedSite
from tests.e2e.webhooks import unique

SLEEP_S = 3.0
AT_ONCE_S = 1.5
"""What an answer may take while a function sleeps: far from the sleep, however busy the machine."""


@contextmanager
def running(site: ServedSite, function: str, **arguments: object) -> Iterator[Future[Answer]]:
    """Call a function from another thread; its answer is there when the block is left."""

    def call() -> Answer:
        with site.client() as client:
            return client.call(f"cafe.transactions.{function}", seconds=SLEEP_S, **arguments)

    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(call)


def read_everything(client: Client) -> None:
    """Read in all ways there are, and be answered at once."""
    for path in ("/healthz", "/api/resource/Item/ITEM-00002", "/api/resource/Item?limit=5", "/api/method/ping"):
        answer = client.get(path, timeout_s=AT_ONCE_S)
        assert answer.status == 200, answer.text


@pytest.fixture(params=["sleep", "write_then_sleep"])
def slow(request: pytest.FixtureRequest, site: ServedSite) -> Iterator[Future[Answer]]:
    arguments = {"lead_name": unique("Sleeper")} if request.param == "write_then_sleep" else {}
    with running(site, request.param, **arguments) as future:
        yield future
        assert future.result(SLEEP_S * 2).status == 200


def test_reads_and_health_go_on_beside_a_slow_function(admin: Client, slow: Future[Answer]) -> None:
    rounds = 0
    while not slow.done():
        read_everything(admin)
        rounds += 1
    assert rounds > 10


def test_writes_go_on_beside_a_function_that_only_sleeps(site: ServedSite, admin: Client) -> None:
    with running(site, "sleep") as slow:
        for _ in range(20):
            answer = admin.post("/api/resource/Lead", {"lead_name": unique("Quick")}, timeout_s=AT_ONCE_S)
            assert answer.status == 200, answer.text
            assert admin.call("cafe.transactions.save", lead_name=unique("Quick")).status == 200
        assert not slow.done()


def test_writers_wait_for_one_that_has_written_and_then_go_on(site: ServedSite, admin: Client) -> None:
    sleeper, waiting = unique("Sleeper"), unique("Waiting")
    with running(site, "write_then_sleep", lead_name=sleeper) as slow, ThreadPoolExecutor(1) as pool:
        read_everything(admin)
        assert not _is_there(admin, sleeper)
        with site.client() as writer:
            written = pool.submit(writer.post, "/api/resource/Lead", {"lead_name": waiting})
            while not slow.done():
                read_everything(admin)
            assert slow.result(1).status == 200
            assert written.result(10).status == 200
    assert _is_there(admin, sleeper)
    assert _is_there(admin, waiting)


def test_many_slow_calls_of_one_function_stop_nothing_else(site: ServedSite, admin: Client) -> None:
    def call() -> Answer:
        with site.client() as client:
            return client.call("cafe.transactions.sleep", seconds=SLEEP_S)

    with ThreadPoolExecutor(max_workers=24) as pool:
        slow = [pool.submit(call) for _ in range(24)]
        read_everything(admin)
        quick = admin.call("cafe.transactions.save", lead_name=unique("Quick"))
        assert quick.status == 200, quick.text
        assert admin.post("/api/resource/Lead", {"lead_name": unique("Quick")}, timeout_s=AT_ONCE_S).status == 200
        answers = [future.result() for future in slow]
    assert {answer.status for answer in answers} <= {200, 503}
    assert any(answer.status == 200 for answer in answers)
    assert all("Retry-After" in answer.headers for answer in answers if answer.status == 503)


def _is_there(client: Client, lead: str) -> bool:
    answer = client.get("/api/resource/Lead", params={"filters": f'{{"lead_name": "{lead}"}}'}, timeout_s=AT_ONCE_S)
    return bool(answer.data)
