"""Pulling from what answers as a real Frappe site did, and P5, P6, P18: when it, or the way to it, misbehaves."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.site import Client, MadeSite, ServedSite
from tests.e2e.sync.frappe_stub import FrappeStub
from tests.e2e.sync.pair import RUN, database, execute, get, names, rows

COLUMNS = {
    "Item": ("item_code", "item_name", "item_group", "stock_uom", "standard_rate", "image", "description", "disabled"),
    "Item Group": ("item_group_name", "parent_item_group"),
    "Sales Order": ("naming_series", "customer", "company", "delivery_date", "po_no", "grand_total"),
    "Customer": ("customer_name", "territory"),
}


@pytest.fixture(scope="module")
def outlet(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    site = made_site.copy(tmp_path_factory.mktemp("frappe") / "outlet")
    with database(site) as found:
        found.executescript('DELETE FROM "tabItem"; DELETE FROM "tabSales Order"; DELETE FROM "sync_identity"')
    try:
        yield site.start()
    finally:
        site.close()


@pytest.fixture
def o(outlet: ServedSite) -> Iterator[Client]:
    with outlet.client() as client:
        yield client


@pytest.fixture
def frappe() -> Iterator[FrappeStub]:
    with FrappeStub(COLUMNS) as stub:
        yield stub


class Rules:
    """Remote Sites and rules of one test, each under its name."""

    def __init__(self, client: Client, stub: FrappeStub, name: str, **site: Any) -> None:
        self._client = client
        self.name = name
        values = {"site_name": name, "site_url": stub.url, "api_key": "k", "api_secret": "s", "timeout": 5, **site}
        assert client.post("/api/resource/Remote Site", values).status == 200

    def rule(self, doctype: str = "Item", **asked: Any) -> str:
        name = f"{self.name} {doctype}"
        values = {"name": name, "remote_site": self.name, "document_type": doctype, "page_size": 10, **asked}
        answer = self._client.post("/api/resource/Sync Rule", values)
        assert answer.status == 200, answer.text
        return name


def pull(client: Client, rule: str, **more: Any) -> Any:
    return client.call(RUN, rule=rule, wait=1, **more)


def stock(stub: FrappeStub, prefix: str, count: int, *, modified: str | None = None) -> None:
    for number in range(count):
        code = f"{prefix}-{number:03}"
        stub.put("Item", code, item_code=code, item_group="Products", item_name=code.lower(), modified=modified)


def test_what_kind_of_site_it_is_is_found_by_the_first_call(o: Client, frappe: FrappeStub) -> None:
    rules = Rules(o, frappe, "KIND")
    pull(o, rules.rule())
    found = get(o, "Remote Site", "KIND")
    assert found is not None
    assert (found["kind"], found["time_zone"]) == ("Frappe", "UTC")


def test_p1_a_second_with_more_rows_than_three_pages_and_more_than_a_page_gives(o: Client, frappe: FrappeStub) -> None:
    frappe.most = 7
    stock(frappe, "F1", 40, modified="2026-01-31 10:00:00.123456")
    stock(frappe, "F2", 25)
    counts = pull(o, Rules(o, frappe, "F1").rule()).message
    assert counts["inserted"] == 65
    assert len(names(o, "Item", name=["like", "F1-%"])) == 40
    assert pull(o, "F1 Item").message["read"] == 0


def test_p4_two_edits_in_one_second_where_filters_compare_whole_seconds(o: Client, frappe: FrappeStub) -> None:
    rule = Rules(o, frappe, "F4").rule()
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    frappe.put("Item", "F4-A", item_code="F4-A", item_group="Products", item_name="first", modified=f"{at}.100000")
    pull(o, rule)
    frappe.put("Item", "F4-A", item_code="F4-A", item_group="Products", item_name="second", modified=f"{at}.200000")
    assert pull(o, rule).message["updated"] == 1
    frappe.put("Item", "F4-B", item_code="F4-B", item_group="Products", modified=f"{at}.150000")
    assert pull(o, rule).message["inserted"] == 1


def test_p5_a_page_out_of_order(o: Client, frappe: FrappeStub) -> None:
    frappe.shuffles = True
    stock(frappe, "F5", 33)
    assert pull(o, Rules(o, frappe, "F5").rule()).message["inserted"] == 33
    assert pull(o, "F5 Item").message["read"] == 0


def test_child_rows_come_with_a_call_for_each_document_and_lists_are_enough_without(
    o: Client, frappe: FrappeStub
) -> None:
    stock(frappe, "F7", 3)
    line = {"name": "f7row1", "idx": 1, "item_code": "F7-000", "qty": 2.0, "rate": 5.0, "amount": 10.0}
    frappe.put("Customer", "Acme Ltd", customer_name="Acme Ltd")
    frappe.put("Sales Order", "F7-SO", customer="Acme Ltd", grand_total=10.0, items=[line], po_no=None)
    rules = Rules(o, frappe, "F7")
    counts = pull(o, rules.rule("Sales Order")).message
    assert (counts["inserted"], counts["parked"]) == (2, 0)  # the order, and the item of its row
    order = get(o, "Sales Order", "F7-SO")
    assert order is not None
    assert [(row["item_code"], row["qty"], row["idx"]) for row in order["items"]] == [("F7-000", 2.0, 1)]
    frappe.calls.clear()
    assert pull(o, rules.rule("Item")).message["read"] == 3
    assert not [call for call in frappe.calls if call.startswith("/api/resource/Item/")]


def test_a_field_that_an_answer_leaves_out_is_empty(o: Client, frappe: FrappeStub) -> None:
    rule = Rules(o, frappe, "F8").rule()
    frappe.put("Item", "F8-A", item_code="F8-A", item_group="Products", item_name="named")
    pull(o, rule)
    frappe.put("Item", "F8-A", item_code="F8-A", item_group="Products", item_name=None)
    pull(o, rule)
    found = get(o, "Item", "F8-A")
    assert found is not None
    assert "item_name" not in found


def test_p10_deletions_are_read_from_deleted_document(o: Client, frappe: FrappeStub) -> None:
    rule = Rules(o, frappe, "F10").rule()
    stock(frappe, "F10", 4)
    pull(o, rule)
    frappe.delete("Item", "F10-001")
    frappe.delete("Item", "F10-002")
    frappe.put("Item", "F10-002", item_code="F10-002", item_group="Products", item_name="again")
    counts = pull(o, rule).message
    assert (counts["kind"], counts["deleted"], counts["updated"]) == ("Pull", 1, 1)
    assert names(o, "Item", name=["like", "F10-%"]) == ["F10-000", "F10-002", "F10-003"]


def test_p10_without_a_look_at_deletions_keys_are_compared(o: Client, frappe: FrappeStub) -> None:
    frappe.keeps_deletions = False
    rule = Rules(o, frappe, "F11").rule()
    stock(frappe, "F11", 4)
    pull(o, rule)
    del frappe.documents["Item"]["F11-001"]
    assert pull(o, rule, reconcile=1).message["deleted"] == 1


def test_p6_the_hour_that_comes_twice_when_summer_time_ends(o: Client) -> None:
    with FrappeStub(COLUMNS, zone="Europe/Berlin") as stub:
        rule = Rules(o, stub, "F6").rule()
        now = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)  # 02:50 summer time
        stub.clock = lambda: now
        stock(stub, "F6A", 3)
        assert pull(o, rule).message["inserted"] == 3
        now = datetime(2026, 10, 25, 1, 20, tzinfo=UTC)  # 02:20 again, now winter time
        stock(stub, "F6B", 3)
        assert pull(o, rule).message["inserted"] == 3
        now += timedelta(minutes=45)
        stock(stub, "F6C", 3)
        assert pull(o, rule).message["inserted"] == 3
        assert pull(o, rule).message["read"] == 0


def test_p18_a_site_that_asks_to_wait_is_waited_for(o: Client, frappe: FrappeStub) -> None:
    stock(frappe, "F18A", 5)
    refusals = iter([1, 1])
    frappe.fault = lambda path: (
        (429, {"Retry-After": "1"}, b'{"exc_type": "RateLimitExceededError"}')
        if path.endswith("/Item") and next(refusals, None)
        else None
    )
    assert pull(o, Rules(o, frappe, "F18A").rule()).message["inserted"] == 5


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("html", (200, {"Content-Type": "text/html"}, b"<html>login first</html>")),
        ("cut", (200, {"Content-Length": "9999"}, b'{"data": [{"name": "X"')),
        ("key", (401, {}, b'{"exc_type": "AuthenticationError"}')),
        ("odd", (200, {}, b'{"data": {"name": "X"}}')),
    ],
)
def test_p18_a_fault_in_the_middle_fails_the_run_and_the_next_goes_on(
    o: Client, frappe: FrappeStub, name: str, fault: tuple[int, dict[str, str], bytes]
) -> None:
    prefix = f"F18{name.upper()}"
    stock(frappe, prefix, 40)
    rule = Rules(o, frappe, prefix).rule()
    pages = 0

    def after_two_pages(path: str) -> tuple[int, dict[str, str], bytes] | None:
        nonlocal pages
        pages += path.endswith("/Item")
        return (fault[0], dict(fault[1]), fault[2]) if pages > 4 and path.endswith("/Item") else None

    frappe.fault = after_two_pages
    failed = o.post(f"/api/method/{RUN}", {"rule": rule, "wait": 1}, timeout_s=50)
    assert failed.status != 200
    (checkpoint,) = rows(o, "Sync Checkpoint", sync_rule=rule)
    assert checkpoint["last_error"]
    assert checkpoint["failures"] == 1
    there = len(names(o, "Item", name=["like", f"{prefix}-%"]))
    assert 0 < there < 40
    frappe.fault = lambda _: None
    assert pull(o, rule).message["inserted"] == 40 - there
    (checkpoint,) = rows(o, "Sync Checkpoint", sync_rule=rule)
    assert checkpoint["failures"] == 0
    assert not checkpoint["last_error"]


def test_p18_a_source_that_was_restored_from_a_backup_is_compared_by_keys(o: Client, frappe: FrappeStub) -> None:
    rule = Rules(o, frappe, "F18R").rule()
    stock(frappe, "F18R", 30)
    backup = json.dumps(frappe.documents)
    for number in range(3):
        frappe.put("Item", f"F18R-00{number}", item_code=f"F18R-00{number}", item_group="Products", item_name="lost")
    frappe.put("Item", "F18R-LOST", item_code="F18R-LOST", item_group="Products")
    pull(o, rule)
    frappe.documents = json.loads(backup)
    counts = pull(o, rule).message
    assert (counts["kind"], counts["updated"], counts["deleted"]) == ("Reconcile", 3, 1)
    found = get(o, "Item", "F18R-001")
    assert found is not None
    assert found["item_name"] == "f18r-001"
    assert pull(o, rule).message["kind"] == "Pull"


def test_what_seems_to_be_gone_by_the_half_is_not_deleted_unasked(
    o: Client, outlet: ServedSite, frappe: FrappeStub
) -> None:
    rule = Rules(o, frappe, "F20").rule()
    stock(frappe, "F20", 50)
    pull(o, rule)
    kept = frappe.documents["Item"]
    frappe.documents["Item"] = {"F20-000": kept["F20-000"]}  # as a user that may no longer see the others
    refused = pull(o, rule, reconcile=1)
    assert refused.status == 417
    assert "nothing was deleted" in refused.text
    assert len(names(o, "Item", name=["like", "F20-%"])) == 50
    execute(outlet, 'UPDATE "tabSync Checkpoint" SET compare_reason = NULL WHERE name = ?', rule)
    frappe.documents["Item"] = kept
    assert pull(o, rule, reconcile=1).message["deleted"] == 0
