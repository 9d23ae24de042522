"""P11: a document that was changed on both sides, or is in force, under each policy; and people who decide."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.site import run_command
from tests.e2e.sync.pair import Pair, execute, get, insert, item, names, rows, update

RESOLVE = "frappe.integrations.sync_jobs.resolve"


def only(prefix: str) -> str:
    return f'[["name", "like", "{prefix}%"]]'


def name_of(pair: Pair, code: str) -> Any:
    found = get(pair.o, "Item", code)
    return found["item_name"] if found else None


def changed_on_both(pair: Pair, rule: str, code: str, *, last: str) -> None:
    """Bring an Item to both sites and change it on both, last at one of them."""
    item(pair.h, code, item_name="first")
    pair.pull(rule)
    for side in ("outlet", "hq") if last == "hq" else ("hq", "outlet"):
        update(pair.h if side == "hq" else pair.o, "Item", code, item_name=f"of the {side}")


@pytest.mark.parametrize(
    ("policy", "last", "wins"),
    [
        ("Source Wins", "outlet", "of the hq"),
        ("Newest Wins", "outlet", "of the outlet"),
        ("Newest Wins", "hq", "of the hq"),
    ],
)
def test_p11_a_policy_decides(pair: Pair, policy: str, last: str, wins: str) -> None:
    code = f"P11-{policy[0]}{last[0]}-A"
    rule = pair.rule(f"{code} rule", filters=only(code), conflict_policy=policy)
    changed_on_both(pair, rule, code, last=last)
    pair.pull(rule)
    assert name_of(pair, code) == wins
    assert pair.pull(rule)["read"] == 0  # and it is decided once


def test_p11_two_sites_that_follow_the_newest_end_up_with_the_same(pair: Pair) -> None:
    here = pair.rule("P11N here", filters=only("P11N-"), conflict_policy="Newest Wins")
    there = pair.rule("P11N there", at=pair.h, filters=only("P11N-"), conflict_policy="Newest Wins")
    changed_on_both(pair, here, "P11N-A", last="outlet")
    changed_on_both(pair, here, "P11N-B", last="hq")
    for _ in range(2):
        pair.pull(here)
        pair.pull(there, at=pair.h)
    pair.assert_equal("Item", ["P11N-A", "P11N-B"])
    assert (name_of(pair, "P11N-A"), name_of(pair, "P11N-B")) == ("of the outlet", "of the hq")


def conflict_of(pair: Pair, rule: str) -> dict[str, Any]:
    (found,) = rows(pair.o, "Sync Conflict", sync_rule=rule, status="Open")
    return found


def test_p11_a_person_takes_theirs(pair: Pair) -> None:
    rule = pair.rule("P11M", filters=only("P11M-"), conflict_policy="Manual")
    changed_on_both(pair, rule, "P11M-A", last="hq")
    assert pair.pull(rule)["conflicts"] == 1
    assert pair.pull(rule)["conflicts"] == 0
    found = conflict_of(pair, rule)
    assert json.loads(found["local_version"])["item_name"] == "of the outlet"
    assert json.loads(found["remote_version"])["item_name"] == "of the hq"
    assert name_of(pair, "P11M-A") == "of the outlet"
    assert pair.o.call(RESOLVE, conflict=found["name"], choice="theirs").status == 200
    pair.assert_equal("Item", ["P11M-A"])
    again = pair.o.call(RESOLVE, conflict=found["name"], choice="ours")
    assert again.status == 417
    assert "settled already" in again.text


def test_p11_a_person_keeps_ours_and_a_later_change_there_asks_again(pair: Pair) -> None:
    rule = pair.rule("P11O", filters=only("P11O-"), conflict_policy="Manual")
    changed_on_both(pair, rule, "P11O-A", last="hq")
    pair.pull(rule)
    pair.o.call(RESOLVE, conflict=conflict_of(pair, rule)["name"], choice="ours")
    assert pair.pull(rule)["conflicts"] == 0
    assert name_of(pair, "P11O-A") == "of the outlet"
    update(pair.h, "Item", "P11O-A", item_name="later")
    assert pair.pull(rule)["conflicts"] == 1
    # A second change there, before anybody decided, is the same conflict with newer versions.
    update(pair.h, "Item", "P11O-A", item_name="even later")
    pair.pull(rule)
    assert json.loads(conflict_of(pair, rule)["remote_version"])["item_name"] == "even later"


def test_p11_a_person_merges(pair: Pair) -> None:
    rule = pair.rule("P11X", filters=only("P11X-"), conflict_policy="Manual")
    changed_on_both(pair, rule, "P11X-A", last="hq")
    pair.pull(rule)
    values = {"item_name": "of both", "standard_rate": 5}
    pair.o.call(RESOLVE, conflict=conflict_of(pair, rule)["name"], choice="merged", values=values)
    assert name_of(pair, "P11X-A") == "of both"


def test_p11_deleted_there_and_changed_here(pair: Pair) -> None:
    rule = pair.rule("P11D", filters=only("P11D-"), conflict_policy="Manual")
    for code in ("P11D-A", "P11D-B"):
        item(pair.h, code)
    pair.pull(rule)
    for code in ("P11D-A", "P11D-B"):
        update(pair.o, "Item", code, item_name="changed here")
        pair.h.delete(f"/api/resource/Item/{code}")
    assert pair.pull(rule)["conflicts"] == 2
    found = {row["document"]: row for row in rows(pair.o, "Sync Conflict", sync_rule=rule)}
    assert {row["kind"] for row in found.values()} == {"Deleted There"}
    assert pair.o.call(RESOLVE, conflict=found["P11D-A"]["name"], choice="theirs").status == 200
    assert pair.o.call(RESOLVE, conflict=found["P11D-B"]["name"], choice="ours").status == 200
    assert pair.pull(rule)["conflicts"] == 0
    assert names(pair.o, "Item", name=["like", "P11D-%"]) == ["P11D-B"]


def test_p11_commands_show_and_resolve(pair: Pair) -> None:
    rule = pair.rule("P11C", filters=only("P11C-"), conflict_policy="Manual")
    changed_on_both(pair, rule, "P11C-A", last="hq")
    pair.pull(rule)
    site = str(pair.outlet.path)
    listed = run_command("sync", "conflicts", "--rule", rule, "--site", site, "--json")
    (found,) = json.loads(listed.stdout)
    shown = run_command("sync", "resolve", found["name"], "--site", site, "--json")
    versions = json.loads(shown.stdout)
    assert (versions["ours"]["item_name"], versions["theirs"]["item_name"]) == ("of the outlet", "of the hq")
    done = run_command("sync", "resolve", found["name"], "theirs", "--site", site, "--json")
    assert json.loads(done.stdout)["resolution"] == "Use Theirs"
    assert name_of(pair, "P11C-A") == "of the hq"


def order(pair: Pair, **values: Any) -> str:
    lines = [{"item_code": "P11S-A", "qty": 1}]
    return str(insert(pair.h, "Sales Order", customer="Acme Ltd", company="P11S", items=lines, **values)["name"])


def test_p11_a_document_is_submitted_changed_and_cancelled_as_at_its_source(pair: Pair) -> None:
    item(pair.h, "P11S-A")
    rule = pair.rule("P11S", "Sales Order", filters='[["company", "=", "P11S"]]')
    draft, quick, gone = order(pair), order(pair), order(pair)
    pair.pull(rule)
    update(pair.h, "Sales Order", draft, docstatus=1)
    update(pair.h, "Sales Order", quick, docstatus=1)
    update(pair.h, "Sales Order", quick, docstatus=2)
    update(pair.h, "Sales Order", gone, docstatus=1)
    pair.pull(rule)
    pair.assert_equal("Sales Order", [draft, quick, gone])
    update(pair.h, "Sales Order", draft, po_no="allowed after submission")
    # As `db_set` does it, past the life of a document in force:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    execute(pair.hq, 'UPDATE "tabSales Order" SET grand_total = 99, modified = ? WHERE name = ?', now, draft)
    update(pair.h, "Sales Order", gone, docstatus=2)
    assert pair.h.delete(f"/api/resource/Sales Order/{gone}").status == 202
    counts = pair.pull(rule)
    assert counts["parked"] == 0
    pair.assert_equal("Sales Order", [draft])
    assert get(pair.o, "Sales Order", gone) is None
    new = order(pair, docstatus=1)
    update(pair.h, "Sales Order", new, docstatus=2)
    pair.pull(rule)
    pair.assert_equal("Sales Order", [new])
