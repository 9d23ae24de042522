"""Guarded functions: signed, taken once, answered once, and logged."""

import hmac
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from standardwebhooks import Webhook

from demitasse import frappe
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.frappe.integrations.incoming import (
    IdempotencyKeyReusedError,
    InvalidIdempotencyKeyError,
    RequestInProgressError,
    idempotent,
    signed_by,
    verified,
)
from demitasse.frappe.whitelisting import endpoint_of
from demitasse.kernel import json
from demitasse.web.errors import describe
from tests.unit.frappe_room.calls import CONF, TestSite

SECRET = CONF["storefront_webhook_secret"]
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HEADER = "X-Storefront-Signature"
signed = signed_by("hmac_hex", secret="conf:storefront_webhook_secret", header=HEADER)
LOG = "Integration Request"


def signature(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {HEADER: hmac.new(secret.encode(), body, "sha256").hexdigest()}


def make_role(role_name: str) -> str:
    """Write something, so that what is undone can be seen."""
    frappe.get_doc({"doctype": "Role", "role_name": role_name}).insert(ignore_permissions=True)
    return role_name


@frappe.whitelist(allow_guest=True, methods=["POST"])
@signed
def receive(role_name: str) -> dict[str, Any]:
    return {"made": make_role(role_name)}


BODY = b'{"role_name": "Barista", "password": "hunter2", "unknown": 1}'


def roles(site: TestSite) -> set[str]:
    return set(site.rows("Role", "name"))


def test_a_signed_request_is_answered_and_logged_with_its_work(site: TestSite) -> None:
    assert site.request(receive, BODY, signature(BODY)) == {"made": "Barista"}
    assert "Barista" in roles(site)
    fields = ("status", "verification", "request_method", "url", "remote_address", "is_remote_request", "error")
    assert site.rows(LOG, *fields) == [
        ("Completed", "verified", "POST", "/api/method/app.api.function", "192.0.2.7", 1, None)
    ]
    (data, output, headers, service) = site.rows(
        LOG, "data", "output", "request_headers", "integration_request_service"
    )[0]
    assert data == '{"role_name":"Barista","password":"***","unknown":1}'
    assert output == '{"made":"Barista"}'
    assert headers == '{"x-storefront-signature":"***"}'
    assert service == "hmac_hex"


@pytest.mark.parametrize(
    ("headers", "check"),
    [
        ({}, "signature_missing"),
        (signature(BODY, "wrong"), "signature_mismatch"),
        ({HEADER: signature(BODY)[HEADER][:-2]}, "signature_malformed"),
        ({HEADER: signature(BODY)[HEADER] + "00"}, "signature_malformed"),
        ({HEADER: "é" * 64}, "signature_malformed"),
    ],
)
def test_a_refused_request_writes_nothing_but_its_log(site: TestSite, headers: dict[str, str], check: str) -> None:
    before = roles(site)
    with pytest.raises(frappe.InvalidSignatureError) as refused:
        site.request(receive, BODY, headers)
    assert describe(refused.value) == (401, "AuthenticationError")
    assert refused.value.data == {"check": check}
    assert roles(site) == before
    assert site.rows(LOG, "status", "verification") == [("Failed", check)]
    assert SECRET not in repr(site.rows(LOG, "data", "error", "request_headers"))


def test_the_signature_is_checked_before_the_arguments(site: TestSite) -> None:
    with pytest.raises(frappe.InvalidSignatureError):
        site.request(receive, b"{}", {})
    with pytest.raises(frappe.ValidationError, match="needs role_name"):
        site.request(receive, b"{}", signature(b"{}"))


def test_without_a_configured_secret_everybody_is_refused(site: TestSite) -> None:
    @signed_by("hmac_hex", secret="conf:not_set", header=HEADER)
    def closed() -> None:
        pytest.fail("it was called")

    with pytest.raises(frappe.InvalidSignatureError, match="not configured") as refused:
        site.request(closed, b"", signature(b"", ""))
    assert "not_set" not in str(refused.value)
    assert site.rows(LOG, "verification") == ["not_configured"]


def test_secrets_may_be_several_or_come_from_a_function(site: TestSite) -> None:
    @signed_by("hmac_hex", secret=["conf:storefront_webhook_secret", "conf:old_secret", "conf:not_set"], header=HEADER)
    def rotating() -> str:
        return "in"

    @signed_by("hmac_hex", secret=lambda: str(frappe.conf["old_secret"]), header=HEADER)
    def looked_up() -> str:
        return "in"

    for secret in (SECRET, CONF["old_secret"]):
        assert site.request(rotating, b"{}", signature(b"{}", secret)) == "in"
    assert site.request(looked_up, b"{}", signature(b"{}", CONF["old_secret"])) == "in"
    with pytest.raises(frappe.InvalidSignatureError):
        site.request(looked_up, b"{}", signature(b"{}"))


def test_a_signed_call_that_fails_is_logged_and_undone(site: TestSite) -> None:
    @signed
    def fail(role_name: str) -> None:
        make_role(role_name)
        frappe.throw("No more beans")

    with pytest.raises(frappe.ValidationError, match="No more beans"):
        site.request(fail, BODY, signature(BODY))
    assert "Barista" not in roles(site)
    assert site.rows(LOG, "status", "verification", "error") == [("Failed", "verified", "DocumentError: No more beans")]


def test_strangers_cannot_fill_the_log(site: TestSite) -> None:
    @signed
    def busy() -> None: ...

    body = b'{"a": "' + b"x" * 100_000 + b'"}'
    for _ in range(70):
        with pytest.raises(frappe.InvalidSignatureError):
            site.request(busy, body, {"X-Long": "y" * 50_000})
    lengths = [len(data or "") + len(headers) for data, headers in site.rows(LOG, "data", "request_headers")]
    assert len(lengths) == 60
    assert max(lengths) <= 4_000


def test_outside_of_a_request_a_signed_function_refuses(site: TestSite) -> None:
    with pytest.raises(frappe.InvalidSignatureError):
        site.run(lambda: receive(role_name="Barista"))


def _orders() -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    listed = frappe.whitelist(allow_guest=True, methods=["POST"])
    once = idempotent()
    return [
        lambda function: listed(signed(once(function))),
        lambda function: listed(once(signed(function))),
        lambda function: signed(once(listed(function))),
        lambda function: once(signed(listed(function))),
        lambda function: signed(listed(once(function))),
    ]


@pytest.mark.parametrize("decorate", _orders(), ids=range(5))
def test_decorators_may_stand_in_any_order(
    site: TestSite, decorate: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    calls = []

    def count(role_name: str) -> int:
        calls.append(role_name)
        return len(calls)

    guarded = decorate(count)
    endpoint = endpoint_of(guarded)
    assert endpoint is not None
    assert endpoint.allow_guest
    headers = {**signature(BODY), "Idempotency-Key": "k"}
    with pytest.raises(frappe.InvalidSignatureError):
        site.request(guarded, BODY, {"Idempotency-Key": "k"})
    assert site.request(guarded, BODY, headers) == 1
    assert site.request(guarded, BODY, headers) == 1
    with pytest.raises(frappe.InvalidSignatureError):
        site.request(guarded, BODY, {"Idempotency-Key": "k"})
    assert calls == ["Barista"]


@signed_by("standard_webhooks", secret=lambda: WHSEC)
def hear(role_name: str) -> dict[str, Any]:
    found = verified()
    assert found is not None
    return {"made": make_role(role_name), "id": found.message_id}


def standard(site: TestSite, body: bytes, identifier: str = "msg_1") -> dict[str, str]:
    stamp = str(int(site.clock().timestamp()))
    made = Webhook(WHSEC).sign(identifier, site.clock(), body.decode())
    return {"webhook-id": identifier, "webhook-timestamp": stamp, "webhook-signature": made}


def test_a_message_that_is_sent_again_is_acknowledged_and_not_worked_on_again(site: TestSite) -> None:
    first = standard(site, BODY)
    assert site.request(hear, BODY, first) == {"made": "Barista", "id": "msg_1"}
    assert site.request(hear, BODY, first) == {"status": "duplicate", "id": "msg_1"}
    site.clock.advance(3600)
    assert site.request(hear, BODY, standard(site, BODY)) == {"status": "duplicate", "id": "msg_1"}
    with pytest.raises(frappe.InvalidSignatureError, match="too long ago"):
        site.request(hear, BODY, first)
    assert site.rows(LOG, "request_id")[0] == "msg_1"


def test_a_message_whose_work_failed_may_be_sent_again(site: TestSite) -> None:
    make = b'{"role_name": "System Manager"}'
    with pytest.raises(frappe.ValidationError):
        site.request(hear, make, standard(site, make))
    assert site.request(hear, BODY, standard(site, BODY))["made"] == "Barista"


def test_a_replayed_message_without_an_id_is_refused(site: TestSite) -> None:
    @signed_by("slack", secret="conf:old_secret")
    def command() -> str:
        return "done"

    stamp = str(int(site.clock().timestamp()))
    made = hmac.new(CONF["old_secret"].encode(), f"v0:{stamp}:".encode() + BODY, "sha256").hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}"}
    assert site.request(command, BODY, headers) == "done"
    with pytest.raises(frappe.InvalidSignatureError, match="been here before"):
        site.request(command, BODY, headers)
    assert site.rows(LOG, "verification") == ["verified", "replayed"]


@idempotent(key=lambda sent: sent.get("order_id"))
@frappe.whitelist()
def order(role_name: str, order_id: Any = None) -> dict[str, Any]:
    make_role(role_name)
    frappe.msgprint(f"{role_name} is on the way")
    frappe.response["queue"] = 1
    frappe.response["http_status_code"] = 201
    return {"made": role_name, "at": frappe.get_doc("Role", role_name).creation}


def ask(site: TestSite, body: bytes, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
    options.setdefault("actor", ADMINISTRATOR_ACTOR)
    return site.request(order, body, headers, **options)


def test_the_first_answer_is_given_again_with_all_that_belongs_to_it(site: TestSite) -> None:
    key = {"Idempotency-Key": "order 7"}
    first = ask(site, BODY, key)
    assert site.last is not None
    said, more = list(site.last.messages), dict(site.last.response)
    site.clock.advance(60)
    again = ask(site, BODY, key)
    assert json.encode(again) == json.encode(first)
    assert site.last.messages == said
    assert dict(site.last.response) == more == {"queue": 1, "http_status_code": 201}


def test_a_changed_body_under_a_used_key_is_refused(site: TestSite) -> None:
    key = {"Idempotency-Key": "k"}
    ask(site, BODY, key)
    with pytest.raises(IdempotencyKeyReusedError) as refused:
        ask(site, b'{"role_name": "Roaster"}', key)
    assert describe(refused.value) == (422, "IdempotencyKeyReusedError")
    assert "Roaster" not in roles(site)
    with pytest.raises(frappe.ValidationError):
        ask(site, BODY, {"Idempotency-Key": "l"})


def test_a_key_may_stand_in_the_body(site: TestSite) -> None:
    for body in (b'{"role_name": "A", "order_id": "SF-1"}', b'{"role_name": "B", "order_id": 2}'):
        first = ask(site, body)
        assert ask(site, body, {"Idempotency-Key": "another"})["made"] == first["made"]
    with pytest.raises(IdempotencyKeyReusedError):
        ask(site, b'{"role_name": "C", "order_id": "SF-1"}')
    with pytest.raises(InvalidIdempotencyKeyError):
        ask(site, b'{"role_name": "C", "order_id": ["SF-1"]}')


@pytest.mark.parametrize("key", ["", "é", "k" * 251, "a\tb"])
def test_a_key_that_cannot_be_used_is_refused(site: TestSite, key: str) -> None:
    with pytest.raises(InvalidIdempotencyKeyError) as refused:
        ask(site, BODY, {"Idempotency-Key": key})
    assert describe(refused.value)[0] == 400


def test_guests_have_no_keys_without_a_signature(site: TestSite) -> None:
    with pytest.raises(InvalidIdempotencyKeyError):
        site.request(order, BODY, {"Idempotency-Key": "k"})


def test_an_error_is_not_kept(site: TestSite) -> None:
    key = {"Idempotency-Key": "k"}
    taken = b'{"role_name": "System Manager"}'
    with pytest.raises(frappe.ValidationError):
        ask(site, taken, key)
    assert ask(site, BODY, key)["made"] == "Barista"


def test_a_function_that_committed_before_it_failed_leaves_its_key_free(site: TestSite) -> None:
    attempts = []

    @idempotent()
    def fail_once() -> str:
        attempts.append(1)
        frappe.db.commit()
        if len(attempts) == 1:
            frappe.throw("Try again")
        return "done"

    key = {"Idempotency-Key": "k"}
    with pytest.raises(frappe.ValidationError):
        site.request(fail_once, BODY, key, actor=ADMINISTRATOR_ACTOR)
    tx = site.site.database.read()
    assert tx.execute('SELECT count(*) FROM "idempotency"') == [(0,)]
    tx.rollback()
    assert site.request(fail_once, BODY, key, actor=ADMINISTRATOR_ACTOR) == "done"
    assert site.request(fail_once, BODY, key, actor=ADMINISTRATOR_ACTOR) == "done"
    assert len(attempts) == 2


def test_a_second_request_while_the_first_is_worked_on_is_told_so(site: TestSite) -> None:
    working, may_end = threading.Event(), threading.Event()

    @idempotent()
    def slow() -> str:
        working.set()
        assert may_end.wait(10)
        return "done"

    key = {"Idempotency-Key": "k"}
    answers: list[str] = []

    def ask_first() -> None:
        answers.append(site.request(slow, BODY, key, actor=ADMINISTRATOR_ACTOR))

    first = threading.Thread(target=ask_first, daemon=True)
    first.start()
    assert working.wait(10)
    beside = TestSite(site=site.site, clock=site.clock)
    with pytest.raises(RequestInProgressError) as refused:
        beside.request(slow, BODY, key, actor=ADMINISTRATOR_ACTOR)
    assert describe(refused.value) == (409, "RequestInProgressError")
    with pytest.raises(IdempotencyKeyReusedError):
        beside.request(slow, b"{}", key, actor=ADMINISTRATOR_ACTOR)
    may_end.set()
    first.join(10)
    assert answers == ["done"]
    assert beside.request(slow, BODY, key, actor=ADMINISTRATOR_ACTOR) == "done"
