"""Five thousand documents through kills, a full disk and a receiver that comes and goes: nothing is lost.

Each Lead is made and then changed a few times. One webhook tells of new Leads, another keeps the order of the changes of
each document. What was accepted, arrived, repeated and lost is printed.
"""

import itertools
import json
import random
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import requests

from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import SECRET, add_webhook, is_signed, rows

DOCUMENTS = 5_000
CLIENTS = 4
KILLS = 5
CHANGED_EVERY = 10
CHANGES = 3
NO_MORE_BYTES = 4_096
SPELL_EVERY_S = 5.0
SPELL_S = 0.5


@dataclass
class Tally:
    """What the clients were answered with 200."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    served: threading.Event = field(default_factory=threading.Event)
    made: set[str] = field(default_factory=set)
    changes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    refused: set[int] = field(default_factory=set)


def work(site: ServedSite, tally: Tally, serial: "itertools.count[int]") -> None:
    """Make and change Leads until there are enough; whatever the server does, try again."""
    while True:
        tally.served.wait(30)
        number = next(serial)
        if number > DOCUMENTS:
            return
        with site.client() as client:
            name = make(client, tally, f"Lead {number}")
            if name and number % CHANGED_EVERY == 0:
                for step in range(CHANGES):
                    change(client, tally, name, f"step {step}")


def make(client: Client, tally: Tally, lead_name: str) -> str | None:
    try:
        answer = client.post("/api/resource/Lead", {"lead_name": lead_name})
    except requests.RequestException:
        return None  # killed under it: nobody knows whether it was saved
    with tally.lock:
        if answer.status == 200:
            tally.made.add(answer.data["name"])
            return str(answer.data["name"])
        tally.refused.add(answer.status)
    return None


def change(client: Client, tally: Tally, name: str, note: str) -> None:
    try:
        answer = client.put(f"/api/resource/Lead/{name}", {"company_name": note})
    except requests.RequestException:
        return
    with tally.lock:
        if answer.status == 200:
            tally.changes[name].append(answer.data["modified"])
        else:
            tally.refused.add(answer.status)


def flapping() -> Callable[[Arrived], Reply]:
    """Return a receiver that has bad spells: it fails for the first part of every few seconds."""
    return lambda _: Reply(status=503 if time.monotonic() % SPELL_EVERY_S < SPELL_S else 200)


def fill_disk(site: ServedSite) -> None:
    """Let no file of the server grow beyond what no database fits in: each write beyond it fails, as on a full disk."""
    _, hard = resource.prlimit(site.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.pid, resource.RLIMIT_FSIZE, (NO_MORE_BYTES, hard))


def make_room(site: ServedSite) -> None:
    """Take the limit away."""
    _, hard = resource.prlimit(site.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(site.pid, resource.RLIMIT_FSIZE, (hard, hard))


def still_open(admin: Client) -> bool:
    return bool(rows(admin, "Webhook Delivery", fields="name", status=["not in", ["Delivered", "Failed"]]))


@pytest.mark.timeout(300)
def test_five_thousand_documents_through_chaos(
    copy_site: Callable[[], ServedSite], receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    site = copy_site().start()
    receiver.reply = flapping()
    with site.client() as admin:
        schedule = {"retry_schedule": ", ".join(["0.3"] * 30), "enable_security": 1, "webhook_secret": SECRET}
        add_webhook(admin, receiver.url("/made"), **schedule)
        ordered = {"webhook_docevent": "on_update", "ordering": "Per Document", "condition": "doc.company_name"}
        add_webhook(admin, receiver.url("/changed"), **ordered, **schedule)
    tally, serial, moments = Tally(), itertools.count(1), random.Random(4)
    threads = [threading.Thread(target=work, args=(site, tally, serial), daemon=True) for _ in range(CLIENTS)]
    tally.served.set()
    for thread in threads:
        thread.start()
    for kill in range(KILLS):
        goal = len(tally.made) + moments.randrange(200, 600)
        wait_for("progress", lambda goal=goal: len(tally.made) >= goal, within_s=60)  # type: ignore[misc]
        if kill == 1:
            receiver.down()
        if kill == 2:
            receiver.up()
        if kill == 3:
            fill_disk(site)
            wait_for("a refusal", lambda: 507 in tally.refused, within_s=20)
            make_room(site)
        else:
            tally.served.clear()
            site.kill()
            site.start()
            tally.served.set()
    for thread in threads:
        thread.join(120)
    with site.client() as admin:
        wait_for("the last delivery", lambda: not still_open(admin), within_s=120)
        failed = rows(admin, "Webhook Delivery", status="Failed")
        stored = {row["name"] for row in rows(admin, "Lead", fields="name")}

    arrived = receiver.arrived()
    made = [each for each in arrived if each.path == "/made"]
    told = {json.loads(each.body)["name"] for each in made}
    ids = [each.headers["webhook-id"] for each in arrived]
    lost = tally.made - told
    with capsys.disabled():
        print(  # noqa: T201 - the figures are what this test is for
            f"\nchaos: accepted {len(tally.made)}, arrived {len(told)}, "
            f"repeated {len(ids) - len(set(ids))}, lost {len(lost)}, refused with {sorted(tally.refused)}"
        )
    assert failed == []
    assert lost == set()
    assert told == stored
    assert tally.refused <= {507, 503}
    assert all(is_signed(each) for each in arrived)
    of_lead: defaultdict[str, set[str]] = defaultdict(set)
    for each in made:
        of_lead[json.loads(each.body)["name"]].add(each.headers["webhook-id"])
    assert all(len(found) == 1 for found in of_lead.values()), "a repeat had another id"
    assert_in_order([each for each in arrived if each.path == "/changed"], tally)


def assert_in_order(changed: list[Arrived], tally: Tally) -> None:
    """Each change that was answered with 200 came, and for each document in the order in which it was made."""
    first_seen: dict[str, None] = {}
    sequences: defaultdict[str, list[int]] = defaultdict(list)
    moments: defaultdict[str, set[str]] = defaultdict(set)
    for each in changed:
        webhook_id = each.headers["webhook-id"]
        document = json.loads(each.body)
        moments[document["name"]].add(document["modified"])
        if webhook_id not in first_seen:
            first_seen[webhook_id] = None
            sequences[document["name"]].append(int(each.headers["x-demitasse-sequence"]))
    for name, found in sequences.items():
        assert found == sorted(found), f"the changes of {name} came in the order {found}"
    for name, answered in tally.changes.items():
        assert set(answered) <= moments[name], f"a change of {name} never arrived"
