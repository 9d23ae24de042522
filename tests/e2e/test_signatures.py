"""A receiver that works out the signature over the raw bytes agrees, whatever the Lead holds."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from standardwebhooks import Webhook

from tests.e2e.javascript import JavaScript
from tests.e2e.receiver import Arrived, Receiver
from tests.e2e.site import Client
from tests.e2e.webhooks import SECRET, add_lead, add_webhook, attempts, is_signed, unique, wait_for_status

AWKWARD = {
    "double quotes": 'the "Sundae" bar',
    "single quotes": "Ben's",
    "backslashes": "C:\\new\\table \\u0041 \\\\",
    "newlines": "first\nsecond\r\nthird\n",
    "tabs and controls": "a\tb\bc\fd\x07e\x1bf\x7fg",
    "emoji": "🍨🍦👩‍👩‍👧‍👦",
    "line separators": "a\u2028b\u2029c\u0085d\ufeffe",
    "template": "{{ doc.name }} {% for x in y %} {# no #} }}",
    "expression": "${x} %(name)s #{y} {0}",
    "script": "</script><!-- &amp; -->",
    "other scripts": "Crème Brûlée Ωmega Ж 日本語 عربى e\u0301",
    "json": '{"a": [1, null]}',
    "percent": "100%0d%0aX-Injected: 1",
    "number": "0012.50",
    "word null": "null",
    "spaces": "  both ends  ",
    "empty": "",
}
TEMPLATE = """{
  "name": "{{ doc.name }}", "text": "{{ doc.company_name }}", "whole": {{ doc.company_name | tojson }},
  "bare": {{ doc.company_name }}, "greeting": "Dear {{ doc.company_name }}, welcome",
  "nothing": "{{ doc.territory }}", "created_at": "{{ doc.creation }}"
}"""
KINDS: dict[str, dict[str, Any]] = {
    "template": {"webhook_json": TEMPLATE, "request_structure": "JSON"},
    "field rows": {
        "request_structure": "JSON",
        "webhook_data": [
            {"fieldname": "name", "key": "name"},
            {"fieldname": "company_name", "key": "text"},
        ],
    },
    "the document": {},
}


def deliver(admin: Client, receiver: Receiver, webhook: dict[str, Any], lead: dict[str, Any]) -> Arrived:
    """Send one Lead through one webhook of its own, and return what arrived."""
    source = unique("source")
    path = f"/{source}"
    values = {"enable_security": 1, "webhook_secret": SECRET, "condition": f'doc.source == "{source}"', **webhook}
    add_webhook(admin, receiver.url(path), **values)
    add_lead(admin, **{"lead_name": "Mara", "source": source, **lead})
    return receiver.wait(path)[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", AWKWARD.values(), ids=AWKWARD)
def test_a_receiver_agrees_over_the_raw_bytes(
    admin: Client, receiver: Receiver, javascript: JavaScript, value: str, kind: str
) -> None:
    arrived = deliver(admin, receiver, KINDS[kind], {"company_name": value})
    assert is_signed(arrived)
    told = json.loads(arrived.body)
    text = told["company_name" if kind == "the document" else "text"]
    assert (text or "") == value
    if kind == "template":
        assert (told["whole"] or "") == value
        assert (told["bare"] or "") == value
        assert told["greeting"] == f"Dear {value}, welcome"
        assert told["nothing"] == ""
    assert javascript.rewrite(arrived.body) == arrived.body


@pytest.mark.parametrize("value", AWKWARD.values(), ids=AWKWARD)
def test_a_form_body_is_signed_as_it_is_sent(admin: Client, receiver: Receiver, value: str) -> None:
    form = {"request_structure": "Form URL-Encoded", "webhook_data": [{"fieldname": "company_name", "key": "text"}]}
    arrived = deliver(admin, receiver, form, {"company_name": value})
    assert is_signed(arrived)
    assert arrived.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert dict(parse_qsl(arrived.body.decode("ascii"), keep_blank_values=True)) == {"text": value}


NUMBERS = [0.1, 1e-7, 1.5e-9, 1e21, 123456789.125, 100.0, 1e15, 0.30000000000000004, -0.0, 2**53, -(2**53), 5e-324]


def test_numbers_have_the_form_that_javascript_writes(
    admin: Client, receiver: Receiver, javascript: JavaScript
) -> None:
    body = json.dumps({"numbers": NUMBERS, "written": "as JavaScript does"})
    arrived = deliver(admin, receiver, {"webhook_json": body, "request_structure": "JSON"}, {})
    assert json.loads(arrived.body)["numbers"] == NUMBERS
    assert javascript.rewrite(arrived.body) == arrived.body


def test_integers_that_javascript_would_round_arrive_whole(
    admin: Client, receiver: Receiver, javascript: JavaScript
) -> None:
    body = '{"big": 9007199254740993, "negative": -12345678901234567890}'
    arrived = deliver(admin, receiver, {"webhook_json": body, "request_structure": "JSON"}, {})
    assert json.loads(arrived.body) == {"big": "9007199254740993", "negative": "-12345678901234567890"}
    assert javascript.rewrite(arrived.body) == arrived.body


@pytest.mark.parametrize("rate", [0, 0.1, 1234.56, 99999999.99, -12.5, 1e12, 0.3])
@pytest.mark.parametrize("webhook", [{"webhook_json": '{"standard_rate": {{ doc.standard_rate }} }'}, {}])
def test_a_number_of_a_document_arrives_as_javascript_writes_it(
    admin: Client, receiver: Receiver, javascript: JavaScript, webhook: dict[str, Any], rate: float
) -> None:
    code = unique("ITEM-RATE")
    condition = f'doc.item_code == "{code}"'
    add_webhook(admin, receiver.url(f"/{code}"), webhook_doctype="Item", condition=condition, **webhook)
    item = {"item_code": code, "item_group": "Products", "standard_rate": rate}
    assert admin.post("/api/resource/Item", item).status == 200
    (arrived,) = receiver.wait(f"/{code}")
    assert json.loads(arrived.body)["standard_rate"] == rate
    assert javascript.rewrite(arrived.body) == arrived.body


def test_standard_webhooks_agrees_beside_frappe(admin: Client, receiver: Receiver) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    arrived = deliver(
        admin, receiver, {**KINDS["template"], "webhook_secret": secret}, {"company_name": AWKWARD["emoji"]}
    )
    assert is_signed(arrived, secret=secret)
    assert Webhook(secret).verify(arrived.body.decode(), dict(arrived.headers)) == json.loads(arrived.body)


def test_another_body_or_another_secret_is_noticed(admin: Client, receiver: Receiver) -> None:
    arrived = deliver(admin, receiver, KINDS["template"], {"company_name": "plain"})
    assert is_signed(arrived)
    assert not is_signed(arrived, secret="another")
    changed = Arrived(method="POST", path="/", headers=arrived.headers, body=arrived.body.replace(b"plain", b"plaim"))
    assert not is_signed(changed)


def test_a_webhook_without_security_is_not_signed(admin: Client, receiver: Receiver) -> None:
    arrived = deliver(admin, receiver, {"enable_security": 0}, {})
    assert "x-frappe-webhook-signature" not in arrived.headers


def test_what_is_stored_is_what_was_sent(admin: Client, receiver: Receiver) -> None:
    source = unique("source")
    webhook = add_webhook(
        admin,
        receiver.url(f"/{source}"),
        condition=f'doc.source == "{source}"',
        enable_security=1,
        webhook_secret=SECRET,
        webhook_headers=[{"key": "X-Source", "value": "cafe"}],
        **KINDS["template"],
    )
    lead = add_lead(admin, lead_name="Mara", source=source, company_name=AWKWARD["line separators"])
    arrived = receiver.wait(f"/{source}")[0]
    delivery = wait_for_status(admin, webhook, "Delivered")
    assert delivery["data"].encode() == arrived.body
    assert delivery["name"] == arrived.headers["webhook-id"]
    assert (delivery["reference_doctype"], delivery["reference_document"]) == ("Lead", lead["name"])
    assert arrived.headers["x-source"] == "cafe"
    assert arrived.headers["content-type"].startswith("application/json")
    (attempt,) = attempts(admin, delivery["name"])
    assert (attempt["status_code"], attempt["attempt"]) == (200, 1)
    assert SECRET not in json.dumps(attempt)
