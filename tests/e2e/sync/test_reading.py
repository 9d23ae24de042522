"""P1 to P7, P9, P16: what is new at a source is read, all of it and in any order, and read once."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.sync.pair import Pair, copy_rows, execute, get, insert, item, know, names, rows, update


def only(prefix: str) -> str:
    return f'[["name", "like", "{prefix}%"]]'


def moment(**ago: int) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).strftime("%Y-%m-%d %H:%M:%S.%f")


def test_p1_more_rows_than_three_pages_in_one_moment(pair: Pair) -> None:
    item(pair.h, "P1-000")
    at = moment(hours=1)
    copy_rows(
        pair.hq,
        "Item",
        "P1-000",
        ({"name": f"P1-{n:03}", "item_code": f"P1-{n:03}", "modified": at} for n in range(1, 36)),
    )
    counts = pair.pull(pair.rule("P1", filters=only("P1-"), page_size=10))
    assert counts["inserted"] == 36
    assert names(pair.o, "Item", name=["like", "P1-%"]) == names(pair.h, "Item", name=["like", "P1-%"])


def test_p1_a_source_without_filters_is_walked_by_its_index(pair: Pair) -> None:
    insert(pair.h, "Lead", lead_name="P1 first")
    like = rows(pair.h, "Lead")[0]["name"]
    at = moment(hours=1)
    copy_rows(pair.hq, "Lead", like, ({"name": f"P1-LEAD-{n:03}", "modified": at} for n in range(35)))
    assert pair.pull(pair.rule("P1 leads", "Lead", page_size=10))["inserted"] == 36
    assert names(pair.o, "Lead") == names(pair.h, "Lead")


def test_p2_a_row_with_the_very_modified_of_the_checkpoint_comes_later(pair: Pair) -> None:
    rule = pair.rule("P2", filters=only("P2-"))
    last = item(pair.h, "P2-M")["modified"]
    pair.pull(rule)
    copy_rows(pair.hq, "Item", "P2-M", ({"name": f"P2-{x}", "item_code": f"P2-{x}", "modified": last} for x in "AZ"))
    assert pair.pull(rule)["inserted"] == 2
    assert names(pair.o, "Item", name=["like", "P2-%"]) == ["P2-A", "P2-M", "P2-Z"]


def test_p3_a_transaction_that_commits_late_with_an_earlier_modified(pair: Pair) -> None:
    rule = pair.rule("P3", filters=only("P3-"))
    item(pair.h, "P3-READ")
    pair.pull(rule)
    copy_rows(pair.hq, "Item", "P3-READ", [{"name": "P3-LATE", "item_code": "P3-LATE", "modified": moment(seconds=40)}])
    assert pair.pull(rule)["inserted"] == 1
    assert get(pair.o, "Item", "P3-LATE")


def test_p4_two_edits_in_one_second(pair: Pair) -> None:
    rule = pair.rule("P4", filters=only("P4-"))
    item(pair.h, "P4-A", item_name="first")
    pair.pull(rule)
    update(pair.h, "Item", "P4-A", item_name="second")
    assert pair.pull(rule)["updated"] == 1
    update(pair.h, "Item", "P4-A", item_name="third")
    assert pair.pull(rule)["updated"] == 1
    pair.assert_equal("Item", ["P4-A"])


def test_p5_the_watermark_is_the_greatest_that_was_seen(pair: Pair) -> None:
    rule = pair.rule("P5", filters=only("P5-"), page_size=2)
    for code in "CAB":
        item(pair.h, f"P5-{code}")
    pair.pull(rule)
    (checkpoint,) = rows(pair.o, "Sync Checkpoint", sync_rule=rule)
    latest = max((row["modified"], row["name"]) for row in rows(pair.h, "Item", name=["like", "P5-%"]))
    assert (checkpoint["seen_modified"], checkpoint["seen_name"]) == latest


def test_p6_a_row_of_the_sources_future_is_read_and_not_passed(pair: Pair) -> None:
    rule = pair.rule("P6 future", filters=only("P6F-"))
    item(pair.h, "P6F-NOW")
    future = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    copy_rows(pair.hq, "Item", "P6F-NOW", [{"name": "P6F-NEXT", "item_code": "P6F-NEXT", "modified": future}])
    assert pair.pull(rule)["inserted"] == 2
    item(pair.h, "P6F-AFTER")  # its modified is below that of the row of the future
    assert pair.pull(rule)["inserted"] == 1


def test_p6_a_source_whose_clock_went_back_is_compared_by_keys(pair: Pair) -> None:
    rule = pair.rule("P6 clock", filters=only("P6C-"))
    item(pair.h, "P6C-A")
    pair.pull(rule)
    # As if the clock had been put back since: the last look was at a later time of the source.
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    execute(pair.outlet, 'UPDATE "tabSync Checkpoint" SET source_now = ? WHERE name = ?', later, rule)
    copy_rows(pair.hq, "Item", "P6C-A", [{"name": "P6C-B", "item_code": "P6C-B", "modified": moment(minutes=40)}])
    counts = pair.pull(rule)
    assert (counts["kind"], counts["inserted"]) == ("Reconcile", 1)
    assert pair.pull(rule)["kind"] == "Pull"


def test_p6_moments_are_the_same_in_sites_of_different_zones(pair: Pair) -> None:
    for client in (pair.h, pair.o):
        insert(client, "Custom Field", dt="Item", fieldname="tasted_at", fieldtype="Datetime", label="Tasted At")
    item(pair.h, "P6Z-A", tasted_at="2026-10-25 02:30:00.250000")
    pair.pull(pair.rule("P6 zones", filters=only("P6Z-")))
    pair.outlet.stop()
    pair.outlet.start(DEMITASSE_TIME_ZONE="Asia/Kolkata")
    found = get(pair.o, "Item", "P6Z-A")
    assert found is not None
    assert found["tasted_at"] == "2026-10-25 08:00:00.250000"
    update(pair.h, "Item", "P6Z-A", tasted_at="2026-03-29 00:15:00.000001")
    pair.pull("P6 zones")
    found = get(pair.o, "Item", "P6Z-A")
    assert found is not None
    assert found["tasted_at"] == "2026-03-29 05:45:00.000001"
    pair.outlet.stop()
    pair.outlet.start()


def test_p9_a_run_again_and_the_whole_history_again_change_nothing(pair: Pair) -> None:
    rule = pair.rule("P9", filters=only("P9-"))
    for number in range(20):
        item(pair.h, f"P9-{number:02}", item_name=f"Number {number}")
    pair.pull(rule)
    before = rows(pair.o, "Item", name=["like", "P9-%"])
    assert pair.pull(rule)["read"] == 0
    execute(pair.outlet, 'DELETE FROM "tabSync Checkpoint" WHERE name = ?', rule)
    counts = pair.pull(rule)
    assert (counts["read"], counts["inserted"], counts["updated"]) == (20, 0, 0)
    execute(pair.outlet, 'DELETE FROM "tabSync Checkpoint" WHERE name = ?', rule)
    execute(pair.outlet, "DELETE FROM sync_mark WHERE remote_name LIKE 'P9-%'")
    assert pair.pull(rule)["unchanged"] == 20
    assert rows(pair.o, "Item", name=["like", "P9-%"]) == before


def test_p16_what_is_written_during_the_snapshot_comes_too(pair: Pair) -> None:
    rule = pair.rule("P16", filters=only("P16-"), page_size=5)
    for number in range(40):
        item(pair.h, f"P16-{number:02}")
    done = threading.Event()

    def edit() -> None:
        with pair.hq.client() as client:
            number = 0
            while not done.is_set() and number < 60:
                update(client, "Item", f"P16-{number % 40:02}", item_name=f"edit {number}")
                item(client, f"P16-NEW-{number:02}")
                number += 1

    editor = threading.Thread(target=edit)
    editor.start()
    pair.pull(rule)
    done.set()
    editor.join()
    pair.pull(rule)
    there = names(pair.h, "Item", name=["like", "P16-%"])
    assert names(pair.o, "Item", name=["like", "P16-%"]) == there
    pair.assert_equal("Item", there)


def test_p16_an_empty_doctype_is_read_to_its_end(pair: Pair) -> None:
    rule = pair.rule("P16 empty", "Sales Order", filters='[["company", "=", "Nobody"]]')
    pair.pull(rule)
    (checkpoint,) = rows(pair.o, "Sync Checkpoint", sync_rule=rule)
    assert checkpoint["is_complete"]


def test_p16_a_user_who_does_not_see_all_is_refused_before_anything_is_taken_for_gone(pair: Pair) -> None:
    pair.h.post("/api/resource/User", {"email": "few@example.com", "first_name": "Few"})
    keys: Any = pair.h.call("frappe.core.doctype.user.user.generate_keys", user="few@example.com")
    assert keys.status == 200, keys.text
    held = get(pair.h, "User", "few@example.com")
    assert held is not None
    secret = keys.message["api_secret"]
    know(pair.outlet, pair.hq, name="HQ for few", api_key=held["api_key"], api_secret=secret, push_secret="")
    answer = pair.o.post(
        "/api/resource/Sync Rule", {"name": "P16 few", "remote_site": "HQ for few", "document_type": "Item"}
    )
    assert answer.status == 200, answer.text
    refused = pair.o.call("frappe.integrations.sync_jobs.run", rule="P16 few", wait=1)
    assert refused.status != 200
    (checkpoint,) = rows(pair.o, "Sync Checkpoint", sync_rule="P16 few")
    assert "doctype access" in checkpoint["last_error"]
