"""The server is killed at any moment, again and again: every Lead that was answered with 200 has its webhook."""

import itertools
import json
import random
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import SECRET, add_webhook, deliveries, is_signed, rows

KILLS = 8
POSTERS = 4
FAILS_EVERY = 7


class Posters:
    """Threads that post Leads as fast as they are answered, and keep the names that were answered with 200."""

    def __init__(self, site: ServedSite) -> None:
        self._site = site
        self._serial = itertools.count(1)
        self._lock = threading.Lock()
        self.answered: dict[str, str] = {}
        """Name of each Lead by the lead_name that was sent."""
        self.refused: list[str] = []

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Post until the block is left; what the server cannot be asked any more ends a thread too."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._post, args=(stop,), daemon=True) for _ in range(POSTERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)

    def _post(self, stop: threading.Event) -> None:
        with self._site.client() as client:
            while not stop.is_set():
                lead_name = f"Lead {next(self._serial)}"
                try:
                    answer = client.post("/api/resource/Lead", {"lead_name": lead_name})
                except requests.RequestException:
                    return  # the server was killed: nobody knows whether this one was saved
                with self._lock:
                    if answer.status == 200:
                        self.answered[lead_name] = answer.data["name"]
                    else:
                        self.refused.append(answer.text)


def fails_now_and_then() -> Callable[[Arrived], Reply]:
    """Return a receiver's behaviour: every so many requests fail, so that there are retries to lose."""
    serial = itertools.count(1)
    return lambda _: Reply(status=500 if next(serial) % FAILS_EVERY == 0 else 200)


def all_delivered(admin: Client, webhook: str) -> bool:
    """Return whether every delivery of a webhook has come to its end."""
    open_ones = rows(admin, "Webhook Delivery", webhook=webhook, status=["!=", "Delivered"])
    assert all(row["status"] in {"Queued", "Retrying", "Held"} for row in open_ones), open_ones
    return not open_ones


@pytest.mark.timeout(120)
def test_no_answered_lead_loses_its_webhook_when_the_server_is_killed(
    copy_site: Callable[[], ServedSite], receiver: Receiver
) -> None:
    site = copy_site().start()
    receiver.reply = fails_now_and_then()
    with site.client() as admin:
        options = {"enable_security": 1, "webhook_secret": SECRET, "retry_schedule": "0.2, 0.2, 0.2, 0.5, 1, 1, 1, 1"}
        webhook = add_webhook(admin, receiver.url(), **options)
    posters = Posters(site)
    moments = random.Random(2)
    for kill in range(KILLS):
        answered, arrived = len(posters.answered), len(receiver.arrived())
        with posters.posting():
            if kill % 2:  # while Leads are being saved
                count = answered + moments.randrange(1, 150)
                wait_for("answers", lambda count=count: len(posters.answered) >= count, within_s=20)  # type: ignore[misc]
            else:  # while deliveries, also those of before the last kill, are under way
                count = arrived + moments.randrange(1, 100)
                wait_for("arrivals", lambda count=count: len(receiver.arrived()) >= count, within_s=20)  # type: ignore[misc]
            site.kill()
        site.start()
    with site.client() as admin:
        wait_for("the last delivery", lambda: all_delivered(admin, webhook), within_s=40)
        stored = {row["name"]: row["lead_name"] for row in rows(admin, "Lead")}
        told = deliveries(admin, webhook)

    assert posters.refused == []
    assert posters.answered
    assert {name: stored.get(name) for name in posters.answered.values()} == {
        name: lead_name for lead_name, name in posters.answered.items()
    }
    ids: defaultdict[str, set[str]] = defaultdict(set)
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for each in receiver.arrived():
        assert is_signed(each)
        ids[json.loads(each.body)["name"]].add(each.headers["webhook-id"])
        bodies[each.headers["webhook-id"]].add(each.body)
    assert set(posters.answered.values()) <= set(ids), "an answered Lead never arrived"
    assert set(ids) == set(stored), "a Lead arrived that is not stored, or a stored one never arrived"
    assert all(len(of_lead) == 1 for of_lead in ids.values()), "a repeat had another id"
    assert all(len(of_id) == 1 for of_id in bodies.values()), "a repeat had another body"
    assert sorted(row["reference_document"] for row in told) == sorted(stored)


def test_a_delivery_that_was_due_later_survives_a_kill(copy_site: Callable[[], ServedSite], receiver: Receiver) -> None:
    site = copy_site().start()
    receiver.down()
    with site.client() as admin:
        webhook = add_webhook(admin, receiver.url(), retry_schedule="1, 1, 1, 1, 1, 1, 1, 1, 1, 1")
        assert admin.post("/api/resource/Lead", {"lead_name": "Waits"}).status == 200
        wait_for("a failed attempt", lambda: deliveries(admin, webhook, status="Retrying"))
        (before,) = deliveries(admin, webhook)
        site.kill()
    receiver.up()
    site.start()
    (arrived,) = receiver.wait(within_s=20)
    assert arrived.headers["webhook-id"] == before["name"]
    assert arrived.body.decode() == before["data"]


def test_a_second_server_for_the_same_site_is_refused(site: ServedSite) -> None:
    second = ServedSite(site.path, key="", secret="", password="")
    with pytest.raises(AssertionError, match="did not come up"):
        second.start()
    with site.guest() as guest:
        assert guest.get("/healthz").status == 200


def test_a_server_that_is_asked_to_stop_ends_well(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    with site.client() as admin:
        assert admin.post("/api/resource/Lead", {"lead_name": "Last"}).status == 200
    assert site.stop() in {0, -signal.SIGTERM}
    site.start()
    with site.client() as admin:
        assert len(rows(admin, "Lead")) == 1
