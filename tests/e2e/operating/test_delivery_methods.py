"""Looking at deliveries over HTTP: found by what people know of them, shown whole, hidden from who may not see them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.receiver import Receiver, Reply
from tests.e2e.site import Answer, Client, ServedSite, run_command
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries, unique, wait_for_status

METHODS = "frappe.integrations.doctype.webhook_delivery.webhook_delivery"
SECRET_COOKIE = "session=hush-hush"


def call(client: Client, method: str, **arguments: object) -> Answer:
    return client.call(f"{METHODS}.{method}", **arguments)


def found(client: Client, **filters: object) -> list[str]:
    return [row["name"] for row in call(client, "find", **filters).message["deliveries"]]


@pytest.fixture
def nobody(site: ServedSite, admin: Client) -> Iterator[Client]:
    email = f"{unique('asha')}@shop.test"
    answer = admin.post("/api/resource/User", {"email": email, "first_name": "Asha"})
    assert answer.status == 200, answer.text
    said = json.loads(run_command("generate-keys", email, "--site", str(site.path), "--json").stdout)
    with site.client(f"token {said['api_key']}:{said['api_secret']}") as client:
        yield client


def test_a_delivery_is_found_by_all_that_people_know_of_it(admin: Client, receiver: Receiver) -> None:
    path = unique("find")
    webhook = add_webhook(admin, receiver.url(f"/{path}"))
    lead = add_lead(admin, lead_name=f"Asha of {path}")
    name = wait_for_status(admin, webhook, "Delivered")["name"]
    for filters in (
        {"webhook": webhook},
        {"status": "Delivered", "webhook": webhook},
        {"status": ["Failed", "delivered"], "webhook": webhook},
        {"reference_doctype": "Lead", "reference_document": lead["name"], "webhook": webhook},
        {"code": "200", "webhook": webhook},
        {"code": "2xx", "webhook": webhook},
        {"since": "2020-01-01", "webhook": webhook},
        {"text": name},
        {"text": f"ASHA OF {path}", "webhook": webhook},
        {"text": f"/{path}"},
    ):
        assert found(admin, **filters) == [name], filters
    for filters in (
        {"webhook": webhook, "status": "Failed"},
        {"webhook": webhook, "code": "404"},
        {"webhook": webhook, "until": "2020-01-01"},
        {"webhook": webhook, "text": "nothing of the kind"},
        {"webhook": "none"},
    ):
        assert found(admin, **filters) == [], filters


def test_pages_go_on_where_the_last_one_ended(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('page')}"))
    for number in range(5):
        add_lead(admin, lead_name=f"Lead {number}")
    wait_for("five delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 5)
    names: list[str] = []
    after: Any = None
    while True:
        page = call(admin, "find", webhook=webhook, limit=2, after=after).message
        names += [row["name"] for row in page["deliveries"]]
        after = page["next"]
        if after is None:
            break
    assert names == [row["name"] for row in reversed(deliveries(admin, webhook))]


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [
        ("status", "Lost", "Queued"),
        ("code", "4x", "5xx"),
        ("since", "yesterday", "YYYY-MM-DD"),
        ("after", "[1]", "next"),
        ("after", '["soon", "msg_1"]', "next"),
        ("limit", "many", "whole number"),
    ],
)
def test_what_cannot_be_understood_is_said(admin: Client, argument: str, value: str, says: str) -> None:
    answer = call(admin, "find", **{argument: value})
    assert answer.status == 417
    assert says in answer.text


def test_a_delivery_shows_each_attempt_with_its_answer_and_no_secrets(admin: Client, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(
        status=500 if len(receiver.arrived()) == 1 else 200,
        body=b'{"error":"<script>alert(1)</script>"}',
        headers={"Content-Type": "application/json", "Set-Cookie": SECRET_COOKIE, "X-Trace": "abc"},
    )
    webhook = add_webhook(
        admin,
        receiver.url(f"/{unique('show')}?token=s3cret"),
        webhook_headers=[{"key": "Authorization", "value": "Bearer s3cret"}],
    )
    lead = add_lead(admin, lead_name='Asha\'s "shop"')
    name = wait_for_status(admin, webhook, "Delivered")["name"]
    told = call(admin, "show", delivery=name)
    shown = told.message
    first, second = shown["attempts"]
    assert (first["status_code"], second["status_code"]) == (500, 200)
    assert (first["headline"], second["headline"]) == ("Receiver failed (500)", "Delivered (200)")
    assert "Look into its log" in first["error"]
    assert first["response_headers"]["X-Trace"] == "abc"
    assert first["response_headers"]["Set-Cookie"] == "***"
    assert first["pretty_response"] == '{\n  "error": "<script>alert(1)</script>"\n}'
    assert (first["response_truncated"], shown["document_exists"], shown["webhook_exists"]) == (False, True, True)
    assert (shown["reference_document"], shown["due_at"]) == (lead["name"], None)
    assert json.loads(shown["body"])["name"] == json.loads(shown["pretty_body"])["name"] == lead["name"]
    assert "Authorization: <your Authorization>" in shown["curl"]
    assert second["headers"]["webhook-signature" if "webhook-signature" in second["headers"] else "webhook-id"]
    for secret in ("s3cret", SECRET_COOKIE):
        assert secret not in told.text


def test_an_answer_that_was_cut_is_said_to_be(admin: Client, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(body=b"x" * 20_000)
    webhook = add_webhook(admin, receiver.url(f"/{unique('cut')}"))
    add_lead(admin, lead_name="Asha")
    name = wait_for_status(admin, webhook, "Delivered")["name"]
    (attempt,) = call(admin, "show", delivery=name).message["attempts"]
    assert (attempt["response_truncated"], len(attempt["response"])) == (True, 16_384)


def test_a_delivery_without_a_body_says_why(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(), webhook_json='{"n": {{ doc.lead_name / 2 }} }')
    add_lead(admin, lead_name="Asha")
    name = wait_for_status(admin, webhook, "Failed")["name"]
    shown = call(admin, "show", delivery=name).message
    assert (shown["has_body"], shown["curl"], shown["attempts"]) == (False, None, [])
    assert shown["headline"] == "The body could not be made"
    assert "Line 1 of the template" in shown["error"]


def test_one_that_is_not_there_is_not_found(admin: Client) -> None:
    assert call(admin, "show", delivery="msg_none").status == 404


@pytest.mark.parametrize(("method", "arguments"), [("find", {}), ("show", {"delivery": "msg_none"})])
def test_who_may_not_read_all_deliveries_sees_none(nobody: Client, method: str, arguments: dict[str, Any]) -> None:
    answer = call(nobody, method, **arguments)
    assert answer.status == 403
