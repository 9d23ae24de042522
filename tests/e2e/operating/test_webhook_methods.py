"""Replay, backfill, preview and why over HTTP, for those who may."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.receiver import Receiver
from tests.e2e.site import Answer, Client, ServedSite, run_command
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries, unique, wait_for_status

METHODS = "frappe.integrations.doctype.webhook.webhook"


def call(client: Client, method: str, **arguments: object) -> Answer:
    return client.call(f"{METHODS}.{method}", **arguments)


@pytest.fixture(scope="module")
def plain_user(site: ServedSite) -> str:
    """The credentials of a user without roles."""
    with site.client() as admin:
        answer = admin.post("/api/resource/User", {"email": "asha@shop.test", "first_name": "Asha"})
    assert answer.status == 200, answer.text
    done = run_command("generate-keys", "asha@shop.test", "--site", str(site.path), "--json")
    said = json.loads(done.stdout)
    return f"token {said['api_key']}:{said['api_secret']}"


@pytest.fixture
def nobody(site: ServedSite, plain_user: str) -> Iterator[Client]:
    with site.client(plain_user) as client:
        yield client


def test_a_delivery_is_replayed_under_its_id(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('m')}"))
    add_lead(admin, lead_name="Asha")
    name = wait_for_status(admin, webhook, "Delivered")["name"]
    assert call(admin, "replay", deliveries=[name]).message["replayed"] == [name]
    first, second = receiver.wait(count=2)
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_all_delivered_ones_of_a_webhook_are_replayed_in_parts(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('m')}"))
    for number in range(3):
        add_lead(admin, lead_name=f"Lead {number}")
    wait_for("three delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 3)
    chosen = {"webhook": webhook, "status": "Delivered"}
    assert call(admin, "replay", **chosen, dry_run=1).message == {"would_replay": 3, "without_body": 0}
    first = call(admin, "replay", **chosen, limit=2).message
    assert len(first["replayed"]) == 2
    second = call(admin, "replay", **chosen, limit=2, after=first["next"]).message
    assert len(second["replayed"]) == 1
    assert second["next"] is None
    receiver.wait(count=6)


def test_a_delivery_whose_template_failed_cannot_be_replayed(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('m')}"), webhook_json='{"n": {{ doc.lead_name / 2 }} }')
    add_lead(admin, lead_name="Asha")
    name = wait_for_status(admin, webhook, "Failed")["name"]
    answer = call(admin, "replay", deliveries=[name])
    assert answer.status == 417
    assert "template failed" in answer.text


def test_an_unknown_delivery_is_not_found(admin: Client) -> None:
    assert call(admin, "replay", deliveries=["msg_none"]).status == 404


def test_a_backfill_says_where_to_go_on(admin: Client, receiver: Receiver) -> None:
    territory = unique("Goa")
    for number in range(3):
        add_lead(admin, lead_name=f"Lead {number}", territory=territory)
    webhook = add_webhook(admin, receiver.url(f"/{unique('m')}"))
    chosen = {"webhook": webhook, "filters": {"territory": territory}, "limit": 2}
    assert call(admin, "backfill", **chosen, dry_run=1).message == {"looked_at": 2, "would_queue": 2, "next": 2}
    first = call(admin, "backfill", **chosen).message
    assert len(first["queued"]) == 2
    second = call(admin, "backfill", **chosen, limit_start=first["next"]).message
    assert (second["looked_at"], second["next"]) == (1, None)
    assert len({arrived.headers["webhook-id"] for arrived in receiver.wait(count=3)}) == 3


def test_a_webhook_that_is_switched_off_takes_no_backfill(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('m')}"), enabled=0)
    answer = call(admin, "backfill", webhook=webhook)
    assert answer.status == 417
    assert "switched off" in answer.text


def test_a_preview_shows_the_body_and_no_credentials(admin: Client, receiver: Receiver) -> None:
    lead = add_lead(admin, lead_name="Asha")
    webhook = add_webhook(
        admin,
        receiver.url(f"/{unique('m')}"),
        condition='doc.status == "Converted"',
        webhook_json='{"n":"{{ doc.lead_name }}"}',
        webhook_headers=[{"key": "Authorization", "value": "hush"}],
    )
    seen = call(admin, "preview", webhook=webhook, document=lead["name"]).message
    assert (seen["condition"], json.loads(seen["request"]["body"])) == (False, {"n": "Asha"})
    assert "hush" not in json.dumps(seen)
    assert deliveries(admin, webhook) == []


def test_why_shows_the_last_deliveries_of_the_document(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('m')}"))
    lead = add_lead(admin, lead_name="Asha")
    wait_for_status(admin, webhook, "Delivered")
    told = call(admin, "why", doctype="Lead", document=lead["name"], webhook=webhook).message
    assert [(each["webhook"], each["reason"]) for each in told["webhooks"]] == [(webhook, "fires")]
    assert [row["status"] for row in told["webhooks"][0]["deliveries"]] == ["Delivered"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("replay", {"webhook": "any"}),
        ("backfill", {"webhook": "any"}),
        ("preview", {"webhook": "any", "document": "any"}),
        ("why", {"doctype": "Lead", "document": "any"}),
    ],
)
def test_who_may_not_see_webhooks_is_refused(
    nobody: Client, guest: Client, method: str, arguments: dict[str, str]
) -> None:
    assert call(nobody, method, **arguments).status == 403
    assert call(guest, method, **arguments).status == 403


@pytest.mark.parametrize(
    "arguments",
    [
        {"webhook": "x", "status": "Queued"},
        {"webhook": "x", "since": "yesterday"},
        {"webhook": "x", "limit": "many"},
        {"webhook": "x", "after": "[1]"},
        {"deliveries": {"a": 1}},
        {},
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    admin: Client, receiver: Receiver, arguments: dict[str, object]
) -> None:
    if "webhook" in arguments:
        arguments = {**arguments, "webhook": add_webhook(admin, receiver.url(f"/{unique('m')}"))}
    assert call(admin, "replay", **arguments).status == 417
