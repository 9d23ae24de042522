"""`demitasse webhook` beside the process that serves the site."""

import json
from typing import Any

import pytest

from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import Client, ServedSite, run_command
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries, unique, wait_for_status


def command(site: ServedSite, *arguments: str, code: int = 0) -> Any:
    """Run `demitasse webhook ... --json` and return what it prints."""
    done = run_command("webhook", *arguments, "--site", str(site.path), "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def refuse(_: Arrived) -> Reply:
    return Reply(status=500, body=b"no")


def wait_until_all_failed(admin: Client, webhook: str, count: int) -> None:
    wait_for(
        f"{count} failed deliveries",
        lambda: len(deliveries(admin, webhook, status="Failed")) == count,
        within_s=20,
    )


def test_failed_deliveries_are_replayed_by_a_command_under_their_ids(
    site: ServedSite, admin: Client, receiver: Receiver
) -> None:
    receiver.reply = refuse
    webhook = add_webhook(admin, receiver.url(f"/{unique('replay')}"), retry_schedule="0.1")
    for _ in range(2):  # Few enough for the breaker to stay closed.
        add_lead(admin, lead_name="Asha")
    wait_until_all_failed(admin, webhook, 2)
    ids = {arrived.headers["webhook-id"] for arrived in receiver.arrived()}
    receiver.reply = lambda _: Reply()
    before = len(receiver.arrived())

    assert command(site, "replay", "--webhook", webhook, "--since", "1h", "--dry-run")["replayed"] == 2
    assert len(receiver.arrived()) == before
    assert command(site, "replay", "--webhook", webhook, "--since", "1h")["replayed"] == 2

    again = receiver.wait(count=before + 2)[before:]
    assert {arrived.headers["webhook-id"] for arrived in again} == ids
    wait_for("all delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 2)
    assert command(site, "replay", "--webhook", webhook)["replayed"] == 0


def test_one_delivery_is_replayed_by_its_name(site: ServedSite, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('one')}"))
    add_lead(admin, lead_name="Asha")
    name = wait_for_status(admin, webhook, "Delivered")["name"]

    assert command(site, "replay", name)["replayed"] == 1
    first, second = receiver.wait(count=2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == name
    assert first.body == second.body


def test_a_replay_of_an_unknown_delivery_changes_nothing_and_says_so(site: ServedSite) -> None:
    done = run_command("webhook", "replay", "msg_none", "--site", str(site.path))
    assert done.returncode == 1
    assert "There is no Webhook Delivery msg_none" in done.stderr


def test_a_backfill_sends_existing_documents_where_the_condition_holds(
    site: ServedSite, admin: Client, receiver: Receiver
) -> None:
    territory = unique("Pune")
    for number in range(4):
        add_lead(admin, lead_name=f"Lead {number}", territory=territory, status="Open" if number % 2 else "Replied")
    webhook = add_webhook(
        admin,
        receiver.url(f"/{unique('fill')}"),
        condition='doc.status == "Open"',
        webhook_json='{"n":"{{ doc.lead_name }}"}',
    )
    filters = json.dumps({"territory": territory})
    expected = {"documents": 4, "queued": 2, "not_meant": 2}

    assert command(site, "backfill", webhook, "--filters", filters, "--dry-run") == {**expected, "is_dry_run": True}
    assert receiver.arrived() == []
    assert command(site, "backfill", webhook, "--filters", filters) == {**expected, "is_dry_run": False}

    arrived = receiver.wait(count=2)
    assert sorted(json.loads(each.body)["n"] for each in arrived) == ["Lead 1", "Lead 3"]
    assert len({each.headers["webhook-id"] for each in arrived}) == 2


def test_a_paused_webhook_holds_its_events_until_it_is_resumed(
    site: ServedSite, admin: Client, receiver: Receiver
) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('pause')}"))
    add_lead(admin, lead_name="Before")
    receiver.wait(count=1)

    command(site, "pause", webhook, "--reason", "the CRM moves")
    lead = add_lead(admin, lead_name="While paused")
    wait_for("a held delivery", lambda: deliveries(admin, webhook, status="Held"))
    assert [line["state"] for line in command(site, "list") if line["name"] == webhook] == ["paused"]
    told = command(site, "why", "Lead", lead["name"], "--webhook", webhook)
    assert told[0]["reason"] == "held"
    assert "the CRM moves" in told[0]["message"]
    assert len(receiver.arrived()) == 1

    command(site, "resume", webhook)
    assert len(receiver.wait(count=2)) == 2


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"enabled": 0}, "disabled"),
        ({"condition": 'doc.status == "Lost"'}, "condition_false"),
        ({"condition": "doc.no_such_field > 1"}, "fault"),
        ({"webhook_docevent": "on_trash"}, "event_not_yet"),
        ({}, "fires"),
    ],
)
def test_why_names_the_reason(
    site: ServedSite, admin: Client, receiver: Receiver, values: dict[str, Any], reason: str
) -> None:
    lead = add_lead(admin, lead_name="Asha", status="Open")
    webhook = add_webhook(admin, receiver.url(f"/{unique('why')}"), **values)
    told = command(site, "why", "Lead", lead["name"], "--webhook", webhook)
    assert [each["reason"] for each in told] == [reason], told


def test_test_sends_one_signed_request_and_queues_nothing(site: ServedSite, admin: Client, receiver: Receiver) -> None:
    lead = add_lead(admin, lead_name="Asha")
    webhook = add_webhook(
        admin, receiver.url(f"/{unique('try')}"), enable_security=1, webhook_secret="s3cret", condition="False"
    )
    told = command(site, "test", webhook, "--document", lead["name"])
    assert (told["outcome"], told["status_code"], told["response"], told["holds"]) == ("delivered", 200, "ok", False)
    assert receiver.arrived()[0].headers["x-frappe-webhook-signature"]
    assert deliveries(admin, webhook) == []

    receiver.reply = refuse
    assert command(site, "test", webhook, code=1)["status_code"] == 500


def test_show_keeps_secrets_to_itself(site: ServedSite, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(
        admin,
        receiver.url(f"/{unique('show')}?token=hush1"),
        enable_security=1,
        webhook_secret="hush2",
        webhook_headers=[{"key": "Authorization", "value": "hush3"}],
    )
    add_lead(admin, lead_name="Asha")
    wait_for_status(admin, webhook, "Delivered")
    told = command(site, "show", webhook)
    assert told["line"]["last_day"] == {"Delivered": 1}
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["delivered"]
    assert "hush" not in json.dumps(told)


def test_export_and_tail_print_json_lines(site: ServedSite, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('export')}"), webhook_json='{"n":"{{ doc.lead_name }}"}')
    for number in range(3):
        add_lead(admin, lead_name=f"Lead {number}")
    wait_for("three delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 3)

    done = run_command("webhook", "export", webhook, "--status", "Delivered", "--site", str(site.path))
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [json.loads(row["data"])["n"] for row in rows] == ["Lead 0", "Lead 1", "Lead 2"]
    assert all(row["creation"].endswith("Z") for row in rows)

    done = run_command("webhook", "tail", webhook, "--no-follow", "--json", "--site", str(site.path))
    assert [json.loads(line)["status_code"] for line in done.stdout.splitlines()] == [200, 200, 200]


def test_an_unknown_webhook_is_answered_with_those_that_there_are(
    site: ServedSite, admin: Client, receiver: Receiver
) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('known')}"))
    done = run_command("webhook", "show", "nothing", "--site", str(site.path))
    assert done.returncode == 1
    assert webhook in done.stderr.replace("\n", "") or "There are:" in done.stderr
