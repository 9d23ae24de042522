"""Schedules of apps, and `demitasse jobs`."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.jobs.conftest import enqueue, lines, wait_for_job
from tests.e2e.site import COMMAND, ServedSite, environment, run_command
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import unique


def command(site: ServedSite, *arguments: str, code: int = 0) -> Any:
    done = run_command("jobs", *arguments, "--site", str(site.path), "--json")
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def make_due(site: ServedSite, schedule: str) -> None:
    """Move a schedule's next run into the past, as if the server had been down."""
    with sqlite3.connect(site.path / "site.db") as database:
        changed = database.execute(
            'UPDATE "tabScheduled Job Type" SET "next_execution" = ? WHERE "name" = ?',
            ("2026-01-01 00:00:00.000000", schedule),
        )
        assert changed.rowcount == 1
    database.close()


def test_an_apps_schedules_are_there_after_its_installation(copy_chores: Callable[[], ServedSite]) -> None:
    rows = command(copy_chores(), "list", "--scheduled")
    found = {row["name"]: row for row in rows if row["name"].startswith("chores.")}

    assert {name: row["frequency"] for name, row in found.items()} == {
        "chores.work.sweep": "All",
        "chores.work.note_hour": "Hourly",
        "chores.work.tidy": "Daily Long",
        "chores.work.break_down 30 3 * * 1-5": "Cron",
    }
    assert all(row["next_execution"] for row in found.values())


def test_a_run_that_was_missed_comes_once_at_the_start(copy_chores: Callable[[], ServedSite]) -> None:
    site = copy_chores()
    make_due(site, "chores.work.note_hour")
    site.start()
    with site.client() as admin:
        wait_for("the run", lambda: admin.get("/api/resource/Role/hour by Administrator").status == 200)
        params = {
            "fields": '["scheduled_job_type","status"]',
            "filters": '{"scheduled_job_type": ["like", "chores.%"]}',
        }
        logs = admin.get("/api/resource/Scheduled Job Log", params=params).data
        kind = admin.get("/api/resource/Scheduled Job Type/chores.work.note_hour").data
    assert logs == [{"scheduled_job_type": "chores.work.note_hour", "status": "Complete"}]
    assert kind["next_execution"] > kind["last_execution"]


def test_a_failed_run_is_logged_with_its_error(copy_chores: Callable[[], ServedSite]) -> None:
    site, schedule = copy_chores(), "chores.work.break_down 30 3 * * 1-5"
    (told,) = command(site, "run", schedule, code=1)

    assert told["outcome"] == "failed"
    assert "The week is over" in told["error"]
    site.start()
    with site.client() as admin:
        params = {"fields": '["status","details"]', "filters": '{"scheduled_job_type": ["like", "chores.%"]}'}
        (log,) = admin.get("/api/resource/Scheduled Job Log", params=params).data
    assert log["status"] == "Failed"
    assert "The week is over" in log["details"]


def test_a_failed_job_is_retried_by_a_command(copy_chores: Callable[[], ServedSite], tmp_path: Path) -> None:
    site, counted = copy_chores().start(), tmp_path / "counted"
    with site.client() as admin:
        name = enqueue(admin, "fail", path=str(counted))
        wait_for_job(admin, name, "failed")
        assert [row["name"] for row in command(site, "list", "--status", "failed")] == [name]
        assert command(site, "retry", "--all-failed") == {"queued": [name]}
        wait_for("the second run", lambda: lines(counted) == 2)
        wait_for_job(admin, name, "failed")


def test_a_retry_of_a_job_that_did_not_fail_says_so(copy_chores: Callable[[], ServedSite]) -> None:
    done = run_command("jobs", "retry", "nothing", "--site", str(copy_chores().path))

    assert done.returncode == 1
    assert "There is no job nothing" in done.stderr


def test_each_job_runs_once_however_many_processes_work(copy_chores: Callable[[], ServedSite], tmp_path: Path) -> None:
    site, counted = copy_chores(), tmp_path / "counted"
    names = [unique("many") for _ in range(30)]
    kwargs = json.dumps({"names": names, "path": str(counted)})
    filled = run_command("execute", "chores.work.fill", "--kwargs", kwargs, "--site", str(site.path))
    assert filled.returncode == 0, filled.stderr
    workers = [
        subprocess.Popen(
            [*COMMAND, "jobs", "run", "--site", str(site.path), "--json"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    told = [json.loads(worker.communicate(timeout=50)[0]) for worker in workers]

    outcomes = [each["outcome"] for ended in told for each in ended if each["method"].startswith("chores.")]
    assert outcomes == ["finished"] * 60
    assert lines(counted) == 30
    site.start()
    with site.client() as admin:
        roles = admin.get("/api/resource/Role", params={"limit_page_length": "0"}).data
    assert {row["name"] for row in roles} >= {f"{name} by Administrator" for name in names}
