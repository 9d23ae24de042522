"""Rules run by themselves, as jobs of the site that has them."""

from tests.e2e.sync.pair import Pair, get, item, rows, update
from tests.e2e.waiting import wait_for


def test_a_rule_that_counts_in_seconds_follows_its_source(pair: Pair) -> None:
    pair.rule("S1", filters='[["name", "like", "S1-%"]]', schedule="1s")
    item(pair.h, "S1-A", item_name="first")
    wait_for("the item", lambda: get(pair.o, "Item", "S1-A"), within_s=30)
    update(pair.h, "Item", "S1-A", item_name="second")
    wait_for("the change", lambda: (get(pair.o, "Item", "S1-A") or {}).get("item_name") == "second", within_s=10)
    (checkpoint,) = rows(pair.o, "Sync Checkpoint", sync_rule="S1")
    assert checkpoint["is_complete"]


def test_a_rule_with_a_cron_line_runs_when_it_is_saved_and_another_is_refused(pair: Pair) -> None:
    pair.rule("S2", filters='[["name", "like", "S2-%"]]', schedule="0 3 * * *")
    item(pair.h, "S2-A")
    wait_for("the run", lambda: rows(pair.o, "Sync Checkpoint", sync_rule="S2"), within_s=30)
    refused = pair.o.put("/api/resource/Sync Rule/S2", {"schedule": "now and then"})
    assert refused.status == 417
    assert "seconds such as 30s" in refused.text
