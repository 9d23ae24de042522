"""Signed calls over HTTP: let in, refused, answered once, logged, and whole after a crash."""

import hmac
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.integrations.conftest import TILL
from tests.e2e.site import Answer, Client, ServedSite
from tests.e2e.waiting import wait_for

RECEIVE = "/api/method/till.api.receive_order"
FIELDS = '["status", "verification", "data", "output", "error", "request_headers"]'


def body_of(**values: Any) -> bytes:
    return json.dumps(values).encode()


def signature(body: bytes) -> str:
    return hmac.new(TILL["till_secret"].encode(), body, "sha256").hexdigest()


def send(site: ServedSite, body: bytes, *, sign: str | None = None, path: str = RECEIVE, **headers: str) -> Answer:
    marks = {"Content-Type": "application/json", "X-Till-Signature": signature(body) if sign is None else sign}
    with site.guest() as guest:
        return guest.post(path, body=body, headers={**marks, **headers})


def log(owner: Client) -> list[dict[str, Any]]:
    listed = owner.get("/api/resource/Integration Request", params={"fields": FIELDS, "order_by": "creation asc"})
    return list(listed.data)


def test_a_signed_order_is_taken_and_its_log_can_be_read(till: ServedSite, owner: Client) -> None:
    answer = send(till, body_of(order_id="SF-1", token="hidden"))
    assert answer.message["order"] == "SF-1"
    assert owner.get("/api/resource/Role/SF-1").status == 200
    [row] = log(owner)
    assert (row["status"], row["verification"], row["error"]) == ("Completed", "verified", None)
    assert json.loads(row["data"]) == {"order_id": "SF-1", "token": "***"}
    assert json.loads(row["request_headers"])["x-till-signature"] == "***"


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda good: "", "signature_missing"),
        (lambda good: good[:-1] + ("0" if good[-1] != "0" else "1"), "signature_mismatch"),
        (lambda good: good[:-1], "signature_malformed"),
        (lambda good: good + "0" * 10_000, "signature_malformed"),
    ],
    ids=["missing", "wrong", "truncated", "over-long"],
)
def test_a_refused_call_is_answered_401_and_logged(
    till: ServedSite, owner: Client, spoil: Callable[[str], str], check: str
) -> None:
    body = body_of(order_id="SF-1")
    answer = send(till, body, sign=spoil(signature(body)))
    assert answer.status == 401
    assert answer.json["exc_type"] == "AuthenticationError"
    assert TILL["till_secret"] not in answer.text
    assert signature(body) not in answer.text
    assert owner.get("/api/resource/Role/SF-1").status == 404
    assert [(row["status"], row["verification"]) for row in log(owner)] == [("Failed", check)]


def test_the_same_order_is_answered_with_the_first_answer(till: ServedSite) -> None:
    body = body_of(order_id="SF-1")
    first = send(till, body)
    assert send(till, body).text == first.text
    assert send(till, body, **{"Idempotency-Key": "another"}).text == first.text
    changed = send(till, body_of(order_id="SF-1", seconds=0))
    assert (changed.status, changed.json["exc_type"]) == (422, "IdempotencyKeyReusedError")


def test_many_at_once_are_worked_on_once(till: ServedSite, owner: Client) -> None:
    body = body_of(order_id="SF-1", seconds=0.2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(till, body), range(8)))
    stamps = {answer.message["stamp"] for answer in answers if answer.status == 200}
    assert len(stamps) == 1
    assert {answer.status for answer in answers} <= {200, 409}
    assert send(till, body).message["stamp"] in stamps


def test_a_killed_server_leaves_nothing_half_and_the_retry_makes_the_order(till: ServedSite, owner: Client) -> None:
    body = body_of(order_id="SF-1", seconds=20)
    outcomes: list[int | Exception] = []

    def send_one() -> None:
        try:
            outcomes.append(send(till, body).status)
        except Exception as error:  # noqa: BLE001 - whichever way the connection broke
            outcomes.append(error)

    both = [threading.Thread(target=send_one, daemon=True) for _ in range(2)]
    for each in both:
        each.start()
    wait_for("the refusal of the second", lambda: outcomes == [409])  # So the first is being worked on.
    till.kill()
    for each in both:
        each.join(10)
    assert isinstance(outcomes[1], Exception)
    till.start()
    assert owner.get("/api/resource/Role/SF-1").status == 404
    quick = body_of(order_id="SF-1")
    first = send(till, quick)
    assert first.message["order"] == "SF-1"
    assert send(till, quick).text == first.text


def test_an_answered_key_is_answered_again_after_a_crash(till: ServedSite) -> None:
    body = body_of(order_id="SF-1")
    first = send(till, body)
    till.kill()
    till.start()
    assert send(till, body).text == first.text


def test_a_standard_webhook_is_heard_once(till: ServedSite, owner: Client) -> None:
    body = body_of(data="é")
    now = datetime.now(UTC)
    made = Webhook(TILL["till_standard_secret"]).sign("msg_7", now, body.decode())
    headers = {"webhook-id": "msg_7", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": made}
    path = "/api/method/till.api.hear"
    assert send(till, body, path=path, **headers).message == {"heard": "é"}
    assert send(till, body, path=path, **headers).message == {"status": "duplicate", "id": "msg_7"}
    assert send(till, body + b" ", path=path, **headers).status == 401
    assert [row["verification"] for row in log(owner)] == ["verified", "verified", "signature_mismatch"]


def test_a_logged_in_caller_needs_no_signature_for_a_key(till: ServedSite, owner: Client) -> None:
    path, key = "/api/method/till.api.pay", {"Idempotency-Key": "pay 7"}
    refused = owner.post(path, {"amount": -1}, headers=key)
    assert refused.status == 417
    first = owner.post(path, {"amount": 5}, headers=key)
    assert first.status == 200
    assert owner.post(path, {"amount": 5}, headers=key).text == first.text
    assert owner.post(path, {"amount": 6}, headers=key).status == 422
    assert owner.post(path, {"amount": 6}, headers={"Idempotency-Key": ""}).status == 400
    assert owner.post(path, {"amount": 5}).text != first.text
