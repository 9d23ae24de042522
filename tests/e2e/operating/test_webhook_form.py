"""What the form of a webhook asks while it is filled in: checked, previewed and tried without being saved."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from demitasse.core.doctype.webhook.recipes import LANGUAGES, recipes
from tests.e2e.operating.test_recipes import recipe
from tests.e2e.receiver import Receiver, Reply
from tests.e2e.site import Answer, Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import SECRET, add_lead, add_webhook, deliveries, frappe_signature, is_signed, rows, unique

METHODS = "frappe.integrations.doctype.webhook.form"


def call(client: Client, method: str, **arguments: object) -> Answer:
    return client.call(f"{METHODS}.{method}", **arguments)


def form(url: str = "https://crm.example.com/hook", **values: Any) -> dict[str, Any]:
    return {"webhook_doctype": "Lead", "webhook_docevent": "after_insert", "request_url": url, **values}


def faults(answer: Answer) -> dict[str, Any]:
    return {fault["field"]: (fault["line"], fault["message"]) for fault in answer.message["faults"]}


@pytest.fixture
def lead(admin: Client) -> str:
    name: str = add_lead(admin, lead_name='Asha\'s "shop"')["name"]
    return name


@pytest.fixture
def nobody(site: ServedSite, admin: Client) -> Iterator[Client]:
    email = f"{unique('asha')}@shop.test"
    assert admin.post("/api/resource/User", {"email": email, "first_name": "Asha"}).status == 200
    made = admin.call("frappe.core.doctype.user.user.generate_keys", user=email).message
    with site.client(f"token {made['api_key']}:{made['api_secret']}") as client:
        yield client


def test_a_form_that_is_not_saved_is_previewed(admin: Client, lead: str) -> None:
    told = call(
        admin,
        "check",
        webhook=form(
            "https://crm.example.com/{{ doc.name }}?token=s3cret",
            is_dynamic_url=1,
            condition='doc.status == "Converted"',
            webhook_headers=[{"key": "Authorization", "value": "s3cret"}, {"key": "X-Who", "value": "{{ doc.name }}"}],
            webhook_json='{"n": "{{ doc.lead_name }}"}',
        ),
        document=lead,
    )
    seen = told.message
    assert seen["faults"] == []
    assert (seen["condition"], seen["method"], seen["body"]) == (False, "POST", '{"n":"Asha\'s \\"shop\\""}')
    assert (seen["url"], seen["headers"]["X-Who"]) == (f"https://crm.example.com/{lead}?token=***", lead)
    assert "s3cret" not in told.text
    assert rows(admin, "Webhook", request_url=["like", "%crm.example.com%"]) == []


def test_each_fault_is_told_at_its_field_and_line(admin: Client, lead: str) -> None:
    told = call(
        admin,
        "check",
        webhook=form(
            "no url",
            webhook_docevent="on_submit",
            condition="doc.status =",
            enable_security=1,
            retry_schedule="soon",
            webhook_headers=[{"key": "Host", "value": "x"}],
            webhook_json='{\n"n": "{{ doc.nme }}"\n}',
        ),
        document=lead,
    )
    found = faults(told)
    assert set(found) == {
        "request_url",
        "webhook_docevent",
        "condition",
        "webhook_secret",
        "retry_schedule",
        "webhook_headers",
        "webhook_json",
    }
    assert found["webhook_json"][0] == 2
    assert "set by the server" in found["webhook_headers"][1]


def test_an_empty_form_says_what_is_needed(admin: Client) -> None:
    assert set(faults(call(admin, "check", webhook={}))) == {"webhook_doctype", "request_url"}


def test_a_form_is_tried_before_it_is_saved(admin: Client, receiver: Receiver, lead: str) -> None:
    receiver.reply = lambda _: Reply(status=422, body=b'{"why":"no"}', headers={"Content-Type": "application/json"})
    path = f"/{unique('try')}"
    done = call(
        admin,
        "test",
        webhook=form(receiver.url(path), enable_security=1, webhook_secret=SECRET),
        document=lead,
    ).message
    (arrived,) = receiver.arrived(path)
    assert is_signed(arrived)
    assert (done["status_code"], done["headline"]) == (422, "Refused by the receiver (422)")
    assert "cannot process the content" in done["error"]
    assert done["pretty_response"] == '{\n  "why": "no"\n}'
    assert done["body"] == arrived.body.decode()
    assert rows(admin, "Webhook", request_url=receiver.url(path)) == []


def test_a_saved_webhook_is_tried_with_its_stored_secret(admin: Client, receiver: Receiver, lead: str) -> None:
    path = f"/{unique('try')}"
    name = add_webhook(admin, receiver.url("/old"), enable_security=1, webhook_secret=SECRET, enabled=0)
    saved = admin.get(f"/api/resource/Webhook/{name}").data
    assert SECRET not in json.dumps(saved)
    changed = {**saved, "request_url": receiver.url(path)}
    done = call(admin, "test", webhook=changed, document=lead)
    assert done.message["outcome"] == "delivered"
    (arrived,) = receiver.arrived(path)
    assert arrived.headers["x-frappe-webhook-signature"] == frappe_signature(arrived.body)
    assert SECRET not in done.text
    assert admin.get(f"/api/resource/Webhook/{name}").data["request_url"] == receiver.url("/old")
    assert deliveries(admin, name) == []


def test_what_cannot_be_sent_says_why(admin: Client, lead: str) -> None:
    answer = call(admin, "test", webhook=form("nowhere"), document=lead)
    assert (answer.status, "is not a URL" in answer.text) == (417, True)
    answer = call(admin, "test", webhook=form("http://10.0.0.1/"), document=lead)
    assert answer.message["outcome"] == "blocked"
    assert "webhook_allow_hosts" in answer.message["error"]
    missing = form("http://127.0.0.1:9/", webhook_headers=[{"key": "X-Key", "value": "env:NOT_SET_ANYWHERE"}])
    assert "NOT_SET_ANYWHERE is not set" in call(admin, "test", webhook=missing, document=lead).text


@pytest.mark.parametrize("webhook", ["[", '"x"', [1], None])
def test_a_form_that_is_none_is_refused(admin: Client, webhook: object) -> None:
    assert call(admin, "check", webhook=webhook).status == 417


def test_the_fields_of_a_doctype_are_offered(admin: Client) -> None:
    offered = call(admin, "fields", webhook_doctype="Lead").message
    assert {"fieldname": "name", "label": "ID", "fieldtype": "Data"} in offered
    assert "lead_name" in {field["fieldname"] for field in offered}
    secrets = {"webhook_secret", "client_key", "previous_secret"}
    assert not secrets & {field["fieldname"] for field in call(admin, "fields", webhook_doctype="Webhook").message}


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("check", {"webhook": form()}),
        ("test", {"webhook": form(), "document": "x"}),
        ("fields", {"webhook_doctype": "Webhook"}),
    ],
)
def test_who_may_not_make_webhooks_tries_none(nobody: Client, method: str, arguments: dict[str, Any]) -> None:
    assert call(nobody, method, **arguments).status == 403


def test_the_recipes_are_those_of_the_documentation(admin: Client) -> None:
    told = call(admin, "recipes").message
    assert told == recipes()
    assert list(told) == list(LANGUAGES.values())
    for language, text in told.items():
        fence = {"Node": "javascript", "C#": "csharp"}.get(language, language.lower())
        assert text == recipe(fence), language


def test_a_hanging_receiver_keeps_nobody_from_writing(admin: Client, site: ServedSite, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(waits_for_release=True)
    lead = add_lead(admin, lead_name="Asha")["name"]
    path = f"/{unique('hang')}"
    with site.client() as other, ThreadPoolExecutor(1) as pool:
        trying = pool.submit(call, other, "test", webhook=form(receiver.url(path), timeout=20), document=lead)
        receiver.wait(path)
        add_lead(admin, lead_name="Written meanwhile")
        assert not trying.done()
        receiver.release()
        wait_for("the answer", trying.done)
        assert trying.result().message["outcome"] == "delivered"
