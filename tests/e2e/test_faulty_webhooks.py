"""A webhook that cannot work never harms the save, and its delivery tells the reason."""

from typing import Any

import pytest

from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import Client
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import (
    add_lead,
    add_webhook,
    attempts,
    deliveries,
    rows,
    unique,
    wait_for_status,
)

QUICK = "0.2, 0.2"
"""Three attempts within half a second, and then no more."""
NEVER = "3600"
"""One attempt that a test can see."""


def save_with(admin: Client, url: str, **webhook: Any) -> tuple[str, dict[str, Any]]:
    """Save a webhook for one Lead and that Lead; return the webhook's name and the Lead as it is stored."""
    source = unique("source")
    condition = webhook.pop("condition", "True")
    name = add_webhook(admin, url, condition=f'doc.source == "{source}" and ({condition})', **webhook)
    lead = add_lead(admin, lead_name="Mara", source=source)
    stored = admin.get(f"/api/resource/Lead/{lead['name']}")
    assert stored.data["source"] == source
    return name, lead


BROKEN: dict[str, dict[str, Any]] = {
    "condition of another type": {"condition": "doc.lead_name > 5"},
    "condition that divides by zero": {"condition": "1 / 0"},
    "condition that never ends": {"condition": "9 ** 9 ** 9 > 1"},
    "template that divides by zero": {"webhook_json": '{"share": {{ 1 / 0 }} }'},
    "template that gives no JSON": {"webhook_json": '{"name": {% if doc.lead_name %} {% else %} 1 {% endif %} }'},
    "template without an end": {"webhook_json": '[{% for i in range(99999999) %}"{{ i }}",{% endfor %} 1]'},
    "template that calls what is not there": {"webhook_json": '{"x": "{{ doc.nosuch.deeper() }}"}'},
    "address that is made of data": {"is_dynamic_url": 1, "request_url": "{{ 1 / 0 }}"},
    "header that fails": {"webhook_headers": [{"key": "X-Share", "value": "{{ 1 / 0 }}"}]},
}


@pytest.mark.parametrize("webhook", BROKEN.values(), ids=BROKEN)
def test_a_broken_condition_or_template_fails_the_delivery_only(
    admin: Client, receiver: Receiver, webhook: dict[str, Any]
) -> None:
    name, lead = save_with(admin, receiver.url(), **webhook)
    delivery = wait_for_status(admin, name, "Failed")
    assert delivery["reference_document"] == lead["name"]
    assert len(delivery["error"]) > 10
    assert delivery["attempts"] == 0
    assert attempts(admin, delivery["name"]) == []
    assert receiver.arrived() == []


NONSENSE = {
    "no address at all": {"is_dynamic_url": 1, "request_url": "{{ doc.lead_name }}"},
    "another scheme": {"is_dynamic_url": 1, "request_url": "{{ 'file:///etc/passwd' }}"},
    "an impossible host": {"is_dynamic_url": 1, "request_url": "http://{{ '..' }}/"},
    "an impossible port": {"is_dynamic_url": 1, "request_url": "http://127.0.0.1:{{ 99999 }}/"},
    "port zero": {"request_url": "http://127.0.0.1:0/"},
    "a setting that is not there": {"request_url": "conf:no_such_key"},
    "a metadata service": {"request_url": "http://169.254.169.254/latest/meta-data/"},
    "a private network": {"request_url": "http://10.0.0.1/"},
    "a private address in disguise": {"request_url": "http://[::ffff:10.0.0.1]/"},
    "a missing secret": {"enable_security": 1, "webhook_secret": "env:DEMITASSE_TEST_NO_SUCH_SECRET"},
}


@pytest.mark.parametrize("webhook", NONSENSE.values(), ids=NONSENSE)
def test_an_address_that_cannot_be_called_is_told_on_the_delivery(
    admin: Client, receiver: Receiver, webhook: dict[str, Any]
) -> None:
    given = {"request_url": receiver.url(), "retry_schedule": QUICK, **webhook}
    name, lead = save_with(admin, given.pop("request_url"), **given)
    delivery = wait_for_status(admin, name, "Failed")
    assert delivery["reference_document"] == lead["name"]
    assert len(delivery["error"]) > 10
    assert receiver.arrived() == []


@pytest.mark.parametrize("url", ["nonsense", "ftp://example.com/", "http://", "javascript:alert(1)", ""])
def test_an_address_that_can_never_be_one_is_refused_at_once(admin: Client, url: str) -> None:
    answer = admin.post(
        "/api/resource/Webhook",
        {"webhook_doctype": "Lead", "webhook_docevent": "after_insert", "request_url": url},
    )
    assert answer.status == 417, answer.text
    assert answer.json["exc_type"] in {"ValidationError", "MandatoryError"}


def test_a_receiver_that_is_down_gets_its_webhook_when_it_is_back(admin: Client, receiver: Receiver) -> None:
    receiver.down()
    name, _ = save_with(admin, receiver.url(), retry_schedule="1, 1, 1, 1, 1, 1, 1, 1")
    waiting = wait_for_status(admin, name, "Retrying")
    assert f"127.0.0.1:{receiver.port}" in waiting["error"]
    assert waiting["next_attempt_at"]
    receiver.up()
    (arrived,) = receiver.wait(within_s=15)
    delivery = wait_for_status(admin, name, "Delivered")
    assert arrived.headers["webhook-id"] == delivery["name"] == waiting["name"]
    tried = attempts(admin, delivery["name"])
    assert [each["attempt"] for each in tried] == list(range(1, len(tried) + 1))
    assert {each["reference_document"] for each in tried} == {delivery["reference_document"]}
    assert tried[-1]["status_code"] == 200
    assert all(each["error"] for each in tried[:-1])


def test_a_receiver_that_never_comes_back_exhausts_the_schedule(admin: Client, receiver: Receiver) -> None:
    receiver.down()
    name, _ = save_with(admin, receiver.url(), retry_schedule=QUICK)
    delivery = wait_for_status(admin, name, "Failed")
    assert f"127.0.0.1:{receiver.port}" in delivery["error"]
    assert delivery["attempts"] == len(attempts(admin, delivery["name"])) == 3


def test_a_receiver_that_fails_gets_the_same_request_again(admin: Client, receiver: Receiver) -> None:
    statuses = iter([500, 503, 404])
    receiver.reply = lambda _: Reply(status=next(statuses, 200), body=b"what it says")
    name, _ = save_with(admin, receiver.url(), retry_schedule="0.2, 0.2, 0.2, 0.2")
    arrived = receiver.wait(count=4, within_s=30)
    delivery = wait_for_status(admin, name, "Delivered")
    assert len({each.body for each in arrived}) == 1
    assert {each.headers["webhook-id"] for each in arrived} == {delivery["name"]}
    assert [each.headers["x-demitasse-attempt"] for each in arrived] == ["1", "2", "3", "4"]
    tried = attempts(admin, delivery["name"])
    assert [each["status_code"] for each in tried] == [500, 503, 404, 200]
    assert all("what it says" in each["response"] for each in tried)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_a_failure_and_is_not_followed(admin: Client, receiver: Receiver, status: int) -> None:
    elsewhere = receiver.url("/elsewhere")
    receiver.reply = lambda _: Reply(status=status, headers={"Location": elsewhere})
    name, _ = save_with(admin, receiver.url(), retry_schedule=NEVER)
    delivery = wait_for_status(admin, name, "Retrying")
    assert delivery["status_code"] == status
    assert receiver.arrived("/elsewhere") == []


def test_a_receiver_that_is_gone_pauses_the_webhook_and_later_events_wait(admin: Client, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(status=410)
    source = unique("source")
    name = add_webhook(admin, receiver.url(), condition=f'doc.source == "{source}"', retry_schedule=QUICK)
    add_lead(admin, lead_name="First", source=source)
    wait_for("the pause", lambda: admin.get(f"/api/resource/Webhook/{name}").data["paused"])
    assert admin.get(f"/api/resource/Webhook/{name}").data["paused_reason"]
    second = add_lead(admin, lead_name="Second", source=source)
    held = deliveries(admin, name, reference_document=second["name"])
    assert [row["status"] for row in held] == ["Held"]
    assert len(receiver.arrived()) == 1

    receiver.reply = lambda _: Reply()
    assert admin.put(f"/api/resource/Webhook/{name}", {"paused": 0}).status == 200
    resumed = wait_for(
        "the held delivery", lambda: deliveries(admin, name, reference_document=second["name"], status="Delivered")
    )
    assert resumed[0]["name"] in {each.headers["webhook-id"] for each in receiver.arrived()}


def test_a_slow_receiver_holds_up_neither_saves_nor_other_webhooks(admin: Client, receiver: Receiver) -> None:
    receiver.reply = lambda arrived: Reply(waits_for_release=arrived.path == "/slow")
    source = unique("source")
    condition = f'doc.source == "{source}"'
    slow = add_webhook(admin, receiver.url("/slow"), condition=condition, timeout=20)
    quick = add_webhook(admin, receiver.url("/quick"), condition=condition)
    for _ in range(30):
        add_lead(admin, lead_name="Mara", source=source)
    receiver.wait("/quick", count=30)
    wait_for("the quick ones", lambda: len(deliveries(admin, quick, status="Delivered")) == 30)
    assert deliveries(admin, slow, status="Delivered") == []
    receiver.release()
    wait_for("the slow ones", lambda: len(deliveries(admin, slow, status="Delivered")) == 30, within_s=20)


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(admin: Client, receiver: Receiver) -> None:
    first: list[Arrived] = []

    def reply(arrived: Arrived) -> Reply:
        first.append(arrived)
        return Reply(waits_for_release=len(first) == 1)

    receiver.reply = reply
    name, _ = save_with(admin, receiver.url(), timeout=1, retry_schedule=QUICK)
    delivery = wait_for_status(admin, name, "Delivered")
    tried = attempts(admin, delivery["name"])
    assert len(tried) == 2
    assert "1" in tried[0]["error"]
    assert tried[0]["status_code"] in {0, None}
    assert 900 <= tried[0]["duration_ms"] <= 5000


def test_a_webhook_that_is_switched_off_writes_nothing(admin: Client, receiver: Receiver) -> None:
    name, _ = save_with(admin, receiver.url(), enabled=0)
    assert deliveries(admin, name) == []


def test_a_condition_that_does_not_hold_writes_nothing(admin: Client, receiver: Receiver) -> None:
    name, _ = save_with(admin, receiver.url(), condition='doc.status == "Converted"')
    assert deliveries(admin, name) == []


def test_faulty_webhooks_do_not_stop_a_good_one_on_the_same_save(admin: Client, receiver: Receiver) -> None:
    source = unique("source")
    condition = f'doc.source == "{source}"'
    add_webhook(admin, receiver.url("/bad"), condition=f"{condition} and 1 / 0")
    add_webhook(admin, "conf:no_such_key", condition=condition, retry_schedule=NEVER)
    add_webhook(admin, receiver.url("/bad"), condition=condition, webhook_json='{"x": {{ 1 / 0 }} }')
    good = add_webhook(admin, receiver.url("/good"), condition=condition)
    lead = add_lead(admin, lead_name="Mara", source=source)
    receiver.wait("/good")
    assert wait_for_status(admin, good, "Delivered")["reference_document"] == lead["name"]
    assert receiver.arrived("/bad") == []


EVENTS = ["after_insert", "on_update", "on_submit", "on_update_after_submit", "on_change", "on_cancel", "on_trash"]


def test_each_event_of_a_document_reaches_its_webhook(admin: Client, receiver: Receiver) -> None:
    for event in EVENTS:
        add_webhook(admin, receiver.url(f"/{event}"), webhook_doctype="Sales Order", webhook_docevent=event)
    order = admin.post("/api/resource/Sales Order", {"customer": "Globex", "items": [{"item_code": "ITEM-00011"}]})
    path = f"/api/resource/Sales Order/{order.data['name']}"
    seen: list[list[str]] = [sorted(_events_of(admin, order.data["name"]))]
    for change in ({"po_no": "PO-1"}, {"docstatus": 1}, {"po_no": "PO-2"}, {"docstatus": 2}):
        assert admin.put(path, change).status == 200
        seen.append(sorted(_events_of(admin, order.data["name"])))
    assert admin.delete(path).status == 202
    seen.append(sorted(_events_of(admin, order.data["name"])))
    new = [sorted(_without(after, before)) for before, after in zip([[], *seen], seen, strict=False)]
    assert new == [
        ["after_insert", "on_change", "on_update"],
        ["on_change", "on_update"],
        ["on_change", "on_submit", "on_update"],
        ["on_change", "on_update_after_submit"],
        ["on_cancel", "on_change"],
        ["on_trash"],
    ]
    for event in EVENTS:
        receiver.wait(f"/{event}", count=seen[-1].count(event))


def _events_of(admin: Client, name: str) -> list[str]:
    return [row["event"] for row in rows(admin, "Webhook Delivery", reference_document=name)]


def _without(events: list[str], earlier: list[str]) -> list[str]:
    left = list(events)
    for event in earlier:
        left.remove(event)
    return left
