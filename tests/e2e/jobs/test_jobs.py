"""`frappe.enqueue` on a served site."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.jobs.conftest import enqueue, job, lines, wait_for_job
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import unique


def ran_times(counted: Path, times: int) -> bool:
    return lines(counted) == times


def role_exists(admin: Client, name: str) -> bool:
    return admin.get(f"/api/resource/Role/{name}").status == 200


def test_a_job_runs_after_the_call_in_the_name_of_its_user(admin: Client) -> None:
    name = unique("asked")
    done = wait_for_job(admin, enqueue(admin, "note", name=name), "finished")

    assert role_exists(admin, f"{name} by Administrator")
    assert done["attempts"] == 1
    assert done["user"] == "Administrator"
    assert done["time_taken"] >= 0


def test_a_call_that_may_only_read_queues_too(admin: Client) -> None:
    name = unique("read")
    answer = admin.get("/api/method/chores.api.enqueue", params={"method": "note", "name": name})

    assert answer.status == 200, answer.text
    wait_for("the role", lambda: role_exists(admin, f"{name} by Administrator"))


def test_a_call_that_is_undone_queues_nothing(admin: Client) -> None:
    name = unique("undone")
    assert admin.call("chores.api.enqueue_and_throw", name=name).status == 417
    after = unique("after")
    wait_for_job(admin, enqueue(admin, "note", name=after), "finished")

    assert not role_exists(admin, f"{name} by Administrator")
    jobs = admin.get("/api/resource/RQ Job", params={"filters": f'[["arguments","like","%{name}%"]]'}).data
    assert jobs == []


def test_a_failed_job_undoes_its_writes_and_keeps_its_error(admin: Client) -> None:
    name = enqueue(admin, "fail")
    failed = wait_for_job(admin, name, "failed")

    assert "The broom is gone" in failed["exc_info"]
    assert "chores/work.py" in failed["exc_info"]
    assert not role_exists(admin, "half done")
    logged = admin.get("/api/resource/Error Log", params={"filters": '{"method": "Chores"}'}).data
    assert len(logged) == 1


def test_dates_and_documents_arrive_as_they_were(admin: Client) -> None:
    role = admin.post("/api/resource/Role", {"role_name": unique("role")}).data["name"]
    assert admin.call("chores.api.enqueue_values", role=role).status == 200

    wait_for("the job's mark", lambda: admin.get(f"/api/resource/Role/{role}").data["disabled"] == 1)


def test_a_method_of_a_document_is_called(admin: Client) -> None:
    email = f"{unique('user')}@example.com".lower().replace(" ", "-")
    admin.post("/api/resource/User", {"email": email, "first_name": "New"})
    assert admin.call("chores.api.enqueue_method", user=email).status == 200

    wait_for("the new name", lambda: admin.get(f"/api/resource/User/{email}").data.get("last_name") == "Moved")


@pytest.mark.parametrize("function", ["enqueue_lambda", "enqueue_object"])
def test_what_cannot_wait_is_refused_at_once(admin: Client, function: str) -> None:
    answer = admin.call(f"chores.api.{function}")

    assert answer.status == 417, answer.text


def test_an_unknown_function_or_queue_is_refused_at_once(admin: Client) -> None:
    assert admin.call("chores.api.enqueue", method="nothing").status == 404
    assert admin.call("chores.api.enqueue", method="sweep", options={"queue": "slow"}).status == 417


def test_now_calls_at_once(admin: Client) -> None:
    name = unique("now")
    enqueue(admin, "note", {"now": True}, name=name)

    assert role_exists(admin, f"{name} by Administrator")


def test_a_job_id_deduplicates_while_the_job_waits_or_runs(admin: Client, tmp_path: Path) -> None:
    stop, options = tmp_path / "stop", {"job_id": unique("only"), "deduplicate": True}
    first = enqueue(admin, "wait_for_file", options, path=str(stop))
    wait_for_job(admin, first, "started")

    assert enqueue(admin, "wait_for_file", options, path=str(stop)) is None
    assert admin.call("chores.api.is_queued", job_id=options["job_id"]).message is True
    stop.touch()
    wait_for_job(admin, first, "finished")
    assert admin.call("chores.api.is_queued", job_id=options["job_id"]).message is False
    assert enqueue(admin, "wait_for_file", options, path=str(stop))


def test_a_job_that_asks_for_it_runs_again(admin: Client, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    done = wait_for_job(admin, enqueue(admin, "try_again", path=str(counted), enough=2), "finished")

    assert lines(counted) == done["attempts"] == 2


def test_a_job_beyond_its_timeout_is_stopped_and_failed(admin: Client, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    failed = wait_for_job(admin, enqueue(admin, "spin", {"timeout": 1}, path=str(counted)), "failed")

    assert "timeout" in failed["exc_info"]
    assert lines(counted) == 1


def test_jobs_that_wait_for_others_stop_no_request_and_no_other_queue(admin: Client, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    hanging = [enqueue(admin, "wait_for_file", path=str(stop)) for _ in range(6)]
    wait_for("four that run", lambda: lines(Path(f"{stop}.began")) == 4)

    wait_for_job(admin, enqueue(admin, "note", {"queue": "short"}, name=unique("short")), "finished")
    assert sum(job(admin, name)["status"] == "queued" for name in hanging) == 2
    stop.touch()
    for name in hanging:
        wait_for_job(admin, name, "finished")


def test_jobs_are_counted_in_metrics(admin: Client) -> None:
    wait_for_job(admin, enqueue(admin, "note", name=unique("counted")), "finished")
    text = admin.get("/metrics").text

    assert 'demitasse_jobs_ended_total{outcome="finished",queue="default"}' in text


def test_a_job_whose_process_is_killed_runs_again_with_the_next(
    copy_chores: Callable[[], ServedSite], tmp_path: Path
) -> None:
    site, stop = copy_chores().start(), tmp_path / "stop"
    with site.client() as admin:
        name = enqueue(admin, "wait_for_file", path=str(stop))
        wait_for("the start", lambda: lines(Path(f"{stop}.began")) == 1)
        site.kill()
        stop.touch()
        site.start()
        done = wait_for_job(admin, name, "finished")
    assert done["attempts"] == lines(Path(f"{stop}.began")) == 2


def test_a_job_that_ends_its_process_each_time_is_failed_and_stops_nothing(
    copy_chores: Callable[[], ServedSite], tmp_path: Path
) -> None:
    site, counted = copy_chores().start(), tmp_path / "counted"
    with site.client() as admin:
        name = enqueue(admin, "end_process", path=str(counted))
        for times in range(1, 6):
            wait_for(f"attempt {times}", partial(ran_times, counted, times))
            Path(f"{counted}.{times}").touch()
            site.wait_for_end()
            site.start()
        assert "ended 5 times" in wait_for_job(admin, name, "failed")["exc_info"]
    assert lines(counted) == 5


def test_an_orderly_stop_gives_back_what_does_not_end(copy_chores: Callable[[], ServedSite], tmp_path: Path) -> None:
    site, stop = copy_chores().start(), tmp_path / "stop"
    with site.client() as admin:
        name = enqueue(admin, "wait_for_file", path=str(stop))
        wait_for_job(admin, name, "started")
        site.stop()
        stop.touch()
        site.start()
        assert wait_for_job(admin, name, "finished")["attempts"] == 1
