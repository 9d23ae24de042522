"""`demitasse sync`: what operators see and do, beside the server."""

import json
from typing import Any

from tests.e2e.site import free_port, run_command
from tests.e2e.sync.pair import Pair, execute, insert, item, know


def command(pair: Pair, *arguments: str, fails: bool = False) -> Any:
    """Run a command at the outlet and return what it prints as JSON."""
    done = run_command("sync", *arguments, "--site", str(pair.outlet.path), "--json")
    assert (done.returncode != 0) == fails, done.stderr
    return json.loads(done.stdout)


def test_a_rule_is_run_beside_the_server_and_shown(pair: Pair) -> None:
    rule = pair.rule("C1", filters='[["name", "like", "C1-%"]]')
    for number in range(3):
        item(pair.h, f"C1-{number}")
    execute(pair.hq, "UPDATE tabItem SET item_group = 'Nowhere' WHERE name = 'C1-2'")
    (ran,) = command(pair, "run", rule)
    assert (ran["kind"], ran["counts"]["inserted"], ran["counts"]["parked"]) == ("Pull", 2, 1)
    assert pair.o.get("/api/resource/Item/C1-1").status == 200
    (line,) = [line for line in command(pair, "status") if line["name"] == rule]
    assert (line["is_complete"], line["parked"], line["last_error"]) == (True, 1, "")
    (parked,) = command(pair, "parked", "--rule", rule)
    assert (parked["remote_name"], parked["error_type"]) == ("C1-2", "MissingLinks")
    insert(pair.o, "Item Group", item_group_name="Nowhere")
    command(pair, "parked", "--rule", rule, "--retry")
    (ran,) = command(pair, "reconcile", rule)
    assert (ran["kind"], ran["reason"], ran["counts"]["inserted"]) == ("Reconcile", "asked for", 1)
    assert command(pair, "parked", "--rule", rule) == []


def test_what_people_read_says_what_was_done(pair: Pair) -> None:
    rule = pair.rule("C2", filters='[["name", "like", "C2-%"]]')
    item(pair.h, "C2-0")
    site = str(pair.outlet.path)
    assert "C2: 1 read, 1 inserted in" in run_command("sync", "run", rule, "--site", site).stdout
    assert "C2: nothing new in" in run_command("sync", "run", rule, "--site", site).stdout
    assert "Pull Item, HQ" in run_command("sync", "status", "--site", site).stdout


def test_a_site_that_cannot_be_reached_is_told_of(pair: Pair) -> None:
    know(pair.outlet, pair.hq, name="Nobody", site_url=f"http://127.0.0.1:{free_port()}", push_secret="")
    values = {"name": "C3", "remote_site": "Nobody", "document_type": "Item"}
    assert pair.o.post("/api/resource/Sync Rule", values).status == 200
    (failed,) = command(pair, "run", "C3", fails=True)
    assert "does not accept connections" in failed["error"]
    (line,) = [line for line in command(pair, "status") if line["name"] == "C3"]
    assert line["last_error"] == failed["error"]
    unknown = run_command("sync", "run", "C4", "--site", str(pair.outlet.path))
    assert unknown.returncode == 1
    assert "There is no Sync Rule C4" in unknown.stderr


def test_a_remote_site_is_tried_and_a_copy_of_a_site_is_found_out(pair: Pair) -> None:
    tried = command(pair, "test", "HQ")
    assert (tried["kind"], tried["user"]) == ("Demitasse", "Administrator")
    first = command(pair, "identity")["site_id"]
    rule = pair.rule("C5", filters='[["name", "like", "C5-%"]]')
    execute(pair.outlet, "UPDATE sync_identity SET site_id = ?", tried["site_id"])
    (failed,) = command(pair, "run", rule, fails=True)
    assert "identity --new" in failed["error"]
    assert command(pair, "identity", "--new")["site_id"] not in {first, tried["site_id"]}
    command(pair, "run", rule)
