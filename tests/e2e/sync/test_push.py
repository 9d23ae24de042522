"""Pushes: each change of a document at its source stands at the peer soon after, in order, once, and signed."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from typing import Any

import pytest

from tests.e2e.site import Client
from tests.e2e.sync.pair import SECRET, Pair, execute, get, insert, item, names, rows, update
from tests.e2e.waiting import wait_for

RECEIVE = "/api/method/frappe.integrations.sync.receive"


@pytest.fixture(scope="module")
def pushed(pair: Pair) -> Pair:
    """HQ pushes its Items, all that are not for itself."""
    pair.rule("take", pattern="Receive")
    pair.rule("give", at=pair.h, pattern="Push", filters='[["name", "not like", "SECRET%"]]')
    pair.rule("take customers", "Customer", pattern="Receive")
    pair.rule("give customers", "Customer", at=pair.h, pattern="Push")
    return pair


def reaches(pair: Pair, code: str, *, within_s: float = 10, **values: Any) -> None:
    """Wait until the outlet has an Item with these values."""

    def look() -> bool:
        found = get(pair.o, "Item", code)
        return found is not None and {key: found.get(key) for key in values} == values

    wait_for(f"{code} {values}", look, within_s=within_s)


def test_every_kind_of_change_is_pushed(pushed: Pair) -> None:
    item(pushed.h, "K-A", item_name="first")
    reaches(pushed, "K-A", item_name="first")
    update(pushed.h, "Item", "K-A", item_name="second")
    reaches(pushed, "K-A", item_name="second")
    pushed.h.call("frappe.client.set_value", doctype="Item", name="K-A", fieldname="standard_rate", value=7)
    reaches(pushed, "K-A", standard_rate=7)
    pushed.h.call("frappe.client.rename_doc", doctype="Item", old_name="K-A", new_name="K-B")
    reaches(pushed, "K-B", standard_rate=7)
    wait_for("the end of the old name", lambda: get(pushed.o, "Item", "K-A") is None)
    update(pushed.h, "Item", "K-B", item_name="after the rename")
    reaches(pushed, "K-B", item_name="after the rename")
    pushed.h.delete("/api/resource/Item/K-B")
    wait_for("the deletion", lambda: get(pushed.o, "Item", "K-B") is None)


def test_a_filter_holds_back_what_is_not_meant(pushed: Pair) -> None:
    item(pushed.h, "SECRET-A")
    item(pushed.h, "F-A")
    reaches(pushed, "F-A")
    assert get(pushed.o, "Item", "SECRET-A") is None


def test_what_a_document_links_to_is_fetched(pushed: Pair) -> None:
    insert(pushed.h, "Item Group", item_group_name="Pushed")
    item(pushed.h, "L-A", item_group="Pushed")
    reaches(pushed, "L-A", item_group="Pushed")


def test_a_change_does_not_come_back_to_where_it_was_made(pushed: Pair) -> None:
    pushed.rule("give back", pattern="Push")
    pushed.rule("take back", at=pushed.h, pattern="Receive")
    item(pushed.h, "E-A", item_name="at HQ")
    reaches(pushed, "E-A")
    first = get(pushed.h, "Item", "E-A")
    update(pushed.o, "Item", "E-A", item_name="at the outlet")
    wait_for("the outlet's edit", lambda: (get(pushed.h, "Item", "E-A") or {}).get("item_name") == "at the outlet")
    item(pushed.h, "E-END")
    reaches(pushed, "E-END")
    assert first is not None
    sent = rows(pushed.h, "Webhook Delivery", reference_document="E-A")
    back = rows(pushed.o, "Webhook Delivery", reference_document="E-A")
    assert (len(sent), len(back)) == (1, 1)


def delivered(pair: Pair, code: str) -> list[dict[str, Any]]:
    return rows(pair.h, "Webhook Delivery", reference_document=code, status="Delivered")


def test_an_old_push_that_comes_again_changes_nothing(pushed: Pair) -> None:
    item(pushed.h, "O-A", item_name="first")
    reaches(pushed, "O-A", item_name="first")
    update(pushed.h, "Item", "O-A", item_name="second")
    reaches(pushed, "O-A", item_name="second")
    (old, _) = wait_for("both deliveries", lambda: found if len(found := delivered(pushed, "O-A")) == 2 else None)
    before = get(pushed.o, "Item", "O-A")
    with pushed.outlet.guest() as guest:
        answer = send(guest, old["data"].encode())
    assert answer == (200, "unchanged")
    assert get(pushed.o, "Item", "O-A") == before
    pushed.h.delete("/api/resource/Item/O-A")
    wait_for("the deletion", lambda: get(pushed.o, "Item", "O-A") is None)
    with pushed.outlet.guest() as guest:
        assert send(guest, old["data"].encode()) == (200, "unchanged")
    assert get(pushed.o, "Item", "O-A") is None


def send(client: Client, body: bytes, *, secret: str = SECRET, at: int | None = None) -> tuple[int, Any]:
    moment = str(at or int(time.time()))
    message = f"msg_{time.time_ns():x}"
    mac = hmac.digest(secret.encode(), f"{message}.{moment}.".encode() + body, hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{b64encode(mac).decode()}",
    }
    answer = client.request("POST", RECEIVE, body=body, headers=headers)
    return answer.status, answer.json.get("message", {}).get("status") if answer.status == 200 else answer.json


def test_a_push_is_refused_unless_a_known_site_signed_it_now_and_a_rule_takes_it(pushed: Pair) -> None:
    item(pushed.h, "S-A")
    reaches(pushed, "S-A")
    (sent,) = wait_for("the delivery", lambda: delivered(pushed, "S-A"))
    body = json.loads(sent["data"])
    with pushed.outlet.guest() as guest:
        assert send(guest, sent["data"].encode(), secret="another secret of this length")[0] == 401
        assert send(guest, sent["data"].encode(), at=int(time.time()) - 3600)[0] == 401
        assert guest.post(RECEIVE, body).status == 401
        stranger = json.dumps({**body, "site": "somebody"}).encode()
        assert send(guest, stranger)[0] == 401
        for other in ("User", "Sync Rule", "Lead"):
            status, said = send(guest, json.dumps({**body, "doctype": other}).encode())
            assert status == 403, said
        assert send(guest, b"[]")[0] == 403
        assert send(guest, json.dumps({**body, "page": {"fields": 1}}).encode())[0] == 403
    assert names(pushed.o, "Item", name="S-A") == ["S-A"]


def test_while_the_peer_is_down_pushes_wait_and_then_come_in_order(pushed: Pair) -> None:
    pushed.outlet.stop()
    item(pushed.h, "D-A", item_name="first")
    for number in range(5):
        update(pushed.h, "Item", "D-A", item_name=f"edit {number}")
    item(pushed.h, "D-B")
    pushed.h.delete("/api/resource/Item/D-B")
    pushed.outlet.start()
    reaches(pushed, "D-A", item_name="edit 4", within_s=40)  # the circuit breaker probes now and then
    wait_for(
        "the end of all pushes",
        lambda: not rows(pushed.h, "Webhook Delivery", status=["in", ["Queued", "Retrying"]]),
        within_s=20,
    )
    assert get(pushed.o, "Item", "D-B") is None
    pushed.assert_equal("Item", ["D-A"])


def test_what_was_missed_is_found_by_comparing_what_the_peer_has(pushed: Pair) -> None:
    pushed.pull("give", at=pushed.h, reconcile=True)
    for code in ("M-LOST", "M-OLD", "M-GONE"):
        item(pushed.h, code)
        reaches(pushed, code)
    # As if three deliveries had been lost: a document, a change, a deletion.
    execute(pushed.outlet, "DELETE FROM tabItem WHERE name = 'M-LOST'")
    execute(pushed.outlet, "DELETE FROM sync_mark WHERE remote_name = 'M-LOST'")
    execute(
        pushed.hq,
        "UPDATE tabItem SET item_name = 'changed', modified = '2030-01-01 00:00:00.000000' WHERE name = 'M-OLD'",
    )
    execute(pushed.hq, "DELETE FROM tabItem WHERE name = 'M-GONE'")
    counts = pushed.pull("give", at=pushed.h, reconcile=True)
    assert (counts["kind"], counts["updated"], counts["deleted"]) == ("Push", 2, 1)
    reaches(pushed, "M-LOST")
    reaches(pushed, "M-OLD", item_name="changed")
    wait_for("the deletion", lambda: get(pushed.o, "Item", "M-GONE") is None)
    counts = pushed.pull("give", at=pushed.h, reconcile=True)
    assert (counts["updated"], counts["deleted"]) == (0, 0)


def test_a_push_that_cannot_be_applied_is_parked_and_answered(pushed: Pair) -> None:
    insert(pushed.h, "Customer", customer_name="Will be forbidden")
    wait_for("the customer", lambda: get(pushed.o, "Customer", "Will be forbidden"))
    execute(pushed.hq, "UPDATE tabCustomer SET customer_name = 'Forbidden' WHERE name = 'Will be forbidden'")
    pushed.h.call("frappe.client.set_value", doctype="Customer", name="Acme Ltd", fieldname="territory", value="x")
    pushed.pull("give customers", at=pushed.h, reconcile=True)
    execute(
        pushed.hq, "UPDATE tabCustomer SET modified = '2030-01-01 00:00:00.000000' WHERE name = 'Will be forbidden'"
    )
    pushed.pull("give customers", at=pushed.h, reconcile=True)
    (parked,) = wait_for("the parked push", lambda: rows(pushed.o, "Sync Parked Row", remote_doctype="Customer"))
    assert "Nobody may be called Forbidden" in parked["error"]


def test_the_webhook_belongs_to_the_rule(pushed: Pair) -> None:
    rule = get(pushed.h, "Sync Rule", "give")
    assert rule is not None
    webhook = get(pushed.h, "Webhook", rule["webhook"])
    assert webhook is not None
    assert (webhook["sync_rule"], webhook["ordering"], webhook["enable_security"]) == ("give", "Per Document", 1)
    made = pushed.rule("short", "Lead", at=pushed.h, pattern="Push")
    update(pushed.h, "Sync Rule", made, enabled=0)
    owned = get(pushed.h, "Webhook", f"Sync {made}")
    assert owned is not None
    assert not owned["enabled"]
    assert pushed.h.delete(f"/api/resource/Sync Rule/{made}").status == 202
    assert get(pushed.h, "Webhook", f"Sync {made}") is None
