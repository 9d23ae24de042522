"""P8, P10, P12, P14 and P15: what arrives becomes what it is at its source, or waits with a reason."""

from typing import Any

from tests.e2e.sync.pair import Pair, execute, get, insert, item, names, rows, update
from tests.e2e.waiting import wait_for


def only(prefix: str) -> str:
    return f'[["name", "like", "{prefix}%"]]'


def order(pair: Pair, *lines: tuple[str, float], **values: Any) -> str:
    found = insert(
        pair.h,
        "Sales Order",
        customer="Acme Ltd",
        items=[{"item_code": code, "qty": qty, "rate": 2} for code, qty in lines],
        **values,
    )
    return str(found["name"])


def lines(document: dict[str, Any] | None) -> list[tuple[str, float, int]]:
    assert document is not None
    return [(row["item_code"], row["qty"], row["idx"]) for row in document["items"]]


def test_p8_a_document_that_fails_is_parked_and_the_others_go_on(pair: Pair) -> None:
    rule = pair.rule("P8", "Customer", filters='[["territory", "=", "P8"]]')
    for name in ("P8 a", "P8 poison", "P8 z"):
        insert(pair.h, "Customer", customer_name=name, territory="P8")
    execute(pair.hq, "UPDATE tabCustomer SET customer_name = 'Forbidden' WHERE name = 'P8 poison'")
    counts = pair.pull(rule)
    assert (counts["inserted"], counts["parked"]) == (2, 1)
    (parked,) = rows(pair.o, "Sync Parked Row", sync_rule=rule)
    assert (parked["remote_name"], parked["attempts"]) == ("P8 poison", 1)
    assert "Nobody may be called Forbidden" in parked["error"]
    assert pair.pull(rule)["parked"] == 0  # its next attempt is not due
    execute(pair.hq, "UPDATE tabCustomer SET customer_name = 'P8 poison' WHERE name = 'P8 poison'")
    assert pair.o.call("frappe.integrations.sync_jobs.retry", parked=parked["name"]).message["queued"]
    wait_for("the parked customer", lambda: get(pair.o, "Customer", "P8 poison"))
    wait_for("the end of the parked row", lambda: not rows(pair.o, "Sync Parked Row", sync_rule=rule))


def test_p10_a_deletion_a_deletion_with_a_new_document_and_a_rename(pair: Pair) -> None:
    rule = pair.rule("P10", filters=only("P10-"))
    for code in ("P10-GONE", "P10-AGAIN", "P10-OLD", "P10-KEPT"):
        item(pair.h, code, item_name="first")
    pair.pull(rule)
    first = get(pair.o, "Item", "P10-OLD")
    assert pair.h.delete("/api/resource/Item/P10-GONE").status == 202
    assert pair.h.delete("/api/resource/Item/P10-AGAIN").status == 202
    item(pair.h, "P10-AGAIN", item_name="second")
    renamed = pair.h.call("frappe.client.rename_doc", doctype="Item", old_name="P10-OLD", new_name="P10-NEW")
    assert renamed.message == "P10-NEW"
    counts = pair.pull(rule)
    assert (counts["deleted"], counts["renamed"], counts["parked"]) == (1, 1, 0)
    there = ["P10-AGAIN", "P10-KEPT", "P10-NEW"]
    assert names(pair.o, "Item", name=["like", "P10-%"]) == there
    pair.assert_equal("Item", there)
    moved = get(pair.o, "Item", "P10-NEW")
    assert first is not None
    assert moved is not None
    assert moved["creation"] == first["creation"]  # it was renamed here too, so that links follow


def test_p10_a_rename_takes_the_links_here_with_it(pair: Pair) -> None:
    rule, orders = pair.rule("P10L", filters=only("P10L-")), pair.rule("P10L orders", "Sales Order")
    item(pair.h, "P10L-A")
    name = order(pair, ("P10L-A", 1))
    pair.pull(rule)
    pair.pull(orders)
    pair.h.call("frappe.client.rename_doc", doctype="Item", old_name="P10L-A", new_name="P10L-B")
    pair.pull(rule)
    assert lines(get(pair.o, "Sales Order", name)) == [("P10L-B", 1, 1)]


def test_p10_deletions_whose_tombstones_are_gone_are_found_by_comparing_keys(pair: Pair) -> None:
    rule = pair.rule("P10K", filters=only("P10K-"))
    item(pair.h, "P10K-GONE")
    item(pair.h, "P10K-KEPT")
    pair.pull(rule)
    pair.h.delete("/api/resource/Item/P10K-GONE")
    item(pair.h, "P10K-AFTER")
    execute(pair.hq, "DELETE FROM \"tabDeleted Document\" WHERE deleted_name LIKE 'P10K-%'")
    assert pair.pull(rule)["deleted"] == 0
    # The cursor of deletions stands before what the source still knows: the next run finds that out by itself.
    execute(pair.outlet, "UPDATE \"tabSync Checkpoint\" SET deleted_modified = '2020-01-01' WHERE name = ?", rule)
    counts = pair.pull(rule)
    assert (counts["kind"], counts["deleted"]) == ("Reconcile", 1)
    assert names(pair.o, "Item", name=["like", "P10K-%"]) == ["P10K-AFTER", "P10K-KEPT"]
    assert pair.pull(rule)["kind"] == "Pull"


def test_p10_a_document_that_is_linked_to_here_is_deleted_once_the_link_is_gone(pair: Pair) -> None:
    rule = pair.rule("P10R", filters=only("P10R-"))
    insert(
        pair.o, "Custom Field", dt="Lead", fieldname="favourite", fieldtype="Link", options="Item", label="Favourite"
    )
    item(pair.h, "P10R-A")
    pair.pull(rule)
    made = insert(pair.o, "Lead", lead_name="Likes P10R-A", favourite="P10R-A")
    pair.h.delete("/api/resource/Item/P10R-A")
    assert pair.pull(rule)["parked"] == 1
    (parked,) = rows(pair.o, "Sync Parked Row", sync_rule=rule)
    assert (parked["kind"], parked["error_type"]) == ("Deletion", "LinkedElsewhere")
    pair.o.delete(f"/api/resource/Lead/{made['name']}")
    execute(
        pair.outlet, "UPDATE \"tabSync Parked Row\" SET next_attempt_at = '2020-01-01' WHERE name = ?", parked["name"]
    )
    assert pair.pull(rule)["deleted"] == 1
    assert not rows(pair.o, "Sync Parked Row", sync_rule=rule)


def test_p12_an_edit_goes_round_once_though_the_copies_never_are_equal(pair: Pair) -> None:
    """Both sites pull from each other, and each writes a field of its own over: values differ for ever."""
    here = pair.rule("P12 here", filters=only("P12-"), fixed_values=[{"local_field": "description", "value": "outlet"}])
    there = pair.rule(
        "P12 there", at=pair.h, filters=only("P12-"), fixed_values=[{"local_field": "description", "value": "hq"}]
    )
    item(pair.h, "P12-A", item_name="made at HQ", description="hq")
    item(pair.o, "P12-B", item_name="made at the outlet", description="outlet")
    for _ in range(2):
        pair.pull(here)
        pair.pull(there, at=pair.h)
    before = rows(pair.h, "Item", name=["like", "P12-%"]), rows(pair.o, "Item", name=["like", "P12-%"])
    for _ in range(3):
        assert pair.pull(here)["updated"] == 0
        assert pair.pull(there, at=pair.h)["updated"] == 0
    after = rows(pair.h, "Item", name=["like", "P12-%"]), rows(pair.o, "Item", name=["like", "P12-%"])
    assert after == before
    update(pair.o, "Item", "P12-A", item_name="changed at the outlet")
    assert pair.pull(there, at=pair.h)["updated"] == 1
    assert pair.pull(here)["updated"] == 0
    found = get(pair.h, "Item", "P12-A")
    assert found is not None
    assert (found["item_name"], found["description"]) == ("changed at the outlet", "hq")


def test_p14_rows_are_removed_reordered_and_doubled(pair: Pair) -> None:
    for code in "ABC":
        item(pair.h, f"P14-{code}")
    name = order(pair, ("P14-A", 1), ("P14-B", 2), ("P14-C", 3), company="P14")
    rule = pair.rule("P14", "Sales Order", filters='[["company", "=", "P14"]]')
    pair.pull(rule)
    first = get(pair.o, "Sales Order", name)
    assert lines(first) == [("P14-A", 1, 1), ("P14-B", 2, 2), ("P14-C", 3, 3)]
    there = get(pair.h, "Sales Order", name)
    assert there is not None
    _, b, c = there["items"]
    twice = {"item_code": "P14-B", "qty": 9}
    update(pair.h, "Sales Order", name, items=[c, b, twice])
    pair.pull(rule)
    assert lines(get(pair.o, "Sales Order", name)) == [("P14-C", 3, 1), ("P14-B", 2, 2), ("P14-B", 9, 3)]
    pair.assert_equal("Sales Order", [name])
    update(pair.h, "Sales Order", name, items=[{"item_code": "P14-A", "qty": 5}])
    pair.pull(rule)
    pair.assert_equal("Sales Order", [name])


def test_p14_rows_are_matched_by_a_key_so_that_their_names_here_stay(pair: Pair) -> None:
    for code in "AB":
        item(pair.h, f"P14K-{code}")
    name = order(pair, ("P14K-A", 1), ("P14K-B", 2), company="P14K")
    rule = pair.rule(
        "P14K",
        "Sales Order",
        filters='[["company", "=", "P14K"]]',
        child_keys=[{"table_field": "items", "key_field": "item_code"}],
    )
    pair.pull(rule)
    before = get(pair.o, "Sales Order", name)
    update(pair.h, "Sales Order", name, items=[{"item_code": "P14K-B", "qty": 7}, {"item_code": "P14K-A", "qty": 8}])
    pair.pull(rule)
    after = get(pair.o, "Sales Order", name)
    assert lines(after) == [("P14K-B", 7, 1), ("P14K-A", 8, 2)]
    assert before is not None
    assert after is not None
    assert [row["name"] for row in after["items"]] == [row["name"] for row in reversed(before["items"])]


def test_p15_what_is_linked_to_and_not_here_is_fetched_first(pair: Pair) -> None:
    insert(pair.h, "Item Group", item_group_name="P15 top")
    insert(pair.h, "Item Group", item_group_name="P15 below", parent_item_group="P15 top")
    item(pair.h, "P15-A", item_group="P15 below")
    name = order(pair, ("P15-A", 1), company="P15")
    counts = pair.pull(pair.rule("P15", "Sales Order", filters='[["company", "=", "P15"]]'))
    assert counts["parked"] == 0
    pair.assert_equal("Sales Order", [name])
    pair.assert_equal("Item", ["P15-A"])
    pair.assert_equal("Item Group", ["P15 below", "P15 top"])


def test_p15_links_in_a_circle(pair: Pair) -> None:
    insert(pair.h, "Item Group", item_group_name="P15 egg")
    insert(pair.h, "Item Group", item_group_name="P15 hen", parent_item_group="P15 egg")
    update(pair.h, "Item Group", "P15 egg", parent_item_group="P15 hen")
    item(pair.h, "P15C-A", item_group="P15 hen")
    assert pair.pull(pair.rule("P15C", filters=only("P15C-")))["parked"] == 0
    pair.assert_equal("Item Group", ["P15 egg", "P15 hen"])


def test_p15_a_link_to_what_is_nowhere_parks_the_document_until_it_comes(pair: Pair) -> None:
    item(pair.h, "P15N-A")
    execute(pair.hq, "UPDATE tabItem SET item_group = 'P15 nowhere' WHERE name = 'P15N-A'")
    rule = pair.rule("P15N", filters=only("P15N-"))
    assert pair.pull(rule)["parked"] == 1
    (parked,) = rows(pair.o, "Sync Parked Row", sync_rule=rule)
    assert parked["error_type"] == "MissingLinks"
    assert "Item Group P15 nowhere" in parked["error"]
    insert(pair.o, "Item Group", item_group_name="P15 nowhere")
    execute(
        pair.outlet, "UPDATE \"tabSync Parked Row\" SET next_attempt_at = '2020-01-01' WHERE name = ?", parked["name"]
    )
    assert pair.pull(rule)["inserted"] == 1
    assert not rows(pair.o, "Sync Parked Row", sync_rule=rule)


def test_a_link_brings_no_users_along(pair: Pair) -> None:
    for client in (pair.h, pair.o):
        insert(client, "Custom Field", dt="Lead", fieldname="taster", fieldtype="Link", options="User", label="Taster")
    insert(pair.h, "User", email="taster@example.com", first_name="Taster", roles=[{"role": "System Manager"}])
    insert(pair.h, "Lead", lead_name="Tasted", taster="taster@example.com")
    assert pair.pull(pair.rule("TASTED", "Lead", filters='[["lead_name", "=", "Tasted"]]'))["parked"] == 1
    assert get(pair.o, "User", "taster@example.com") is None
    refused = pair.o.post("/api/resource/Sync Rule", {"remote_site": "HQ", "document_type": "User"})
    assert refused.status == 417
    assert "own" in refused.text
