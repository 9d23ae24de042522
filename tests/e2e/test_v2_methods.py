"""Methods of documents over REST, renaming with a controller, and what bulk requests do with controllers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Client, ServedSite, make_site, run_command, served_copy


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    made = make_site(tmp_path_factory.mktemp("tally") / "site", apps=["tally"])
    with served_copy(made, tmp_path_factory.mktemp("served") / "site") as served:
        yield served


@pytest.fixture(scope="module")
def reader(site: ServedSite) -> str:
    """The credentials of a user who may read tallies and nothing more."""
    with site.client() as admin:
        assert admin.post("/api/resource/User", {"email": "reads@example.com", "first_name": "R"}).status == 200
    return _keys(site.path, "reads@example.com")


def _keys(path: Path, user: str) -> str:
    done = run_command("generate-keys", user, "--site", str(path), "--json")
    assert done.returncode == 0, done.stderr
    keys = json.loads(done.stdout)
    return f"token {keys['api_key']}:{keys['api_secret']}"


def _make(admin: Client, title: str, count: int = 0) -> str:
    name: str = admin.post("/api/v2/document/Tally", {"title": title, "count": count}).data["name"]
    return name


def test_a_whitelisted_method_changes_its_document(admin: Client) -> None:
    name = _make(admin, "Cups", 3)

    answer = admin.post(f"/api/v2/document/Tally/{name}/method/add", {"by": 4})

    assert (answer.status, answer.json) == (200, {"data": 7})
    assert admin.get(f"/api/resource/Tally/{name}").data["count"] == 7


def test_version_1_runs_a_method_by_run_method(admin: Client) -> None:
    name = _make(admin, "Spoons", 5)

    assert admin.post(f"/api/resource/Tally/{name}", {"run_method": "add", "by": "2"}).json == {"data": 7}
    assert admin.get(f"/api/resource/Tally/{name}", params={"run_method": "doubled"}).json == {"data": 14}


def test_an_argument_of_the_wrong_type_is_refused(admin: Client) -> None:
    name = _make(admin, "Forks")

    answer = admin.post(f"/api/v2/document/Tally/{name}/method/add", {"by": "many"})

    assert answer.status == 417
    assert answer.json["errors"][0]["type"] == "FrappeTypeError"


def test_a_get_of_a_method_cannot_write(admin: Client) -> None:
    name = _make(admin, "Plates", 1)

    answer = admin.get(f"/api/v2/document/Tally/{name}/method/count_while_reading")

    assert answer.status == 403
    assert admin.get(f"/api/resource/Tally/{name}").data["count"] == 1


@pytest.mark.parametrize("method", ["secret", "delete", "save", "_adopt", "__init__", "nosuch"])
def test_what_is_not_whitelisted_cannot_be_called(admin: Client, method: str) -> None:
    name = _make(admin, f"Hidden {method}")

    answer = admin.post(f"/api/v2/document/Tally/{name}/method/{method}")

    assert answer.status in {403, 404}
    assert admin.get(f"/api/resource/Tally/{name}").status == 200


def test_a_method_for_post_needs_the_right_to_write(site: ServedSite, reader: str, admin: Client) -> None:
    name = _make(admin, "Bowls", 1)
    with site.client(reader) as client:
        assert client.get(f"/api/v2/document/Tally/{name}/method/doubled").json == {"data": 2}
        assert client.post(f"/api/v2/document/Tally/{name}/method/add", {"by": 1}).status == 403
        assert client.post(f"/api/v2/document/Tally/{name}/method/doubled").status == 403


def test_a_sent_document_is_run_with_what_was_changed_in_it(admin: Client) -> None:
    name = _make(admin, "Jugs", 1)
    document = admin.get(f"/api/v2/document/Tally/{name}").data | {"count": 10}

    answer = admin.post("/api/v2/method/run_doc_method", {"method": "add", "document": document, "kwargs": {"by": 1}})

    assert answer.json["data"] == 11
    assert answer.json["docs"][0]["count"] == 11
    v1 = admin.call("run_doc_method", dt="Tally", dn=name, method="doubled")
    assert (v1.message, v1.json["docs"][0]["name"]) == (22, name)


def test_a_stale_document_that_is_sent_is_refused(admin: Client) -> None:
    name = _make(admin, "Mugs", 1)
    document = admin.get(f"/api/v2/document/Tally/{name}").data
    admin.put(f"/api/v2/document/Tally/{name}", {"count": 2})

    answer = admin.post("/api/v2/method/run_doc_method", {"method": "add", "document": document, "kwargs": {"by": 1}})

    assert answer.json["errors"][0]["type"] == "TimestampMismatchError"


def test_a_function_beside_the_controller_is_called_by_its_doctype(admin: Client) -> None:
    before = admin.get("/api/v2/method/Tally/total").data
    _make(admin, "Trays", 30)

    assert admin.get("/api/v2/method/Tally/total").data == before + 30
    assert admin.get("/api/v2/method/Tally/nosuch").status == 404


def test_a_controller_has_a_say_in_renaming(admin: Client) -> None:
    name = _make(admin, "Pots", 2)

    answer = admin.call("frappe.client.rename_doc", doctype="Tally", old_name=name, new_name="big pots")

    assert answer.message == "Big Pots"
    renamed = admin.get("/api/resource/Tally/Big%20Pots").data
    assert (renamed["title"], renamed["former"], renamed["count"]) == ("Big Pots", "Pots", 2)
    assert admin.get(f"/api/resource/Tally/{name}").status == 404


def test_messages_go_out_beside_the_error_of_a_save(admin: Client) -> None:
    v2 = admin.post("/api/v2/document/Tally", {"title": "Less", "count": -1})
    v1 = admin.post("/api/resource/Tally", {"title": "Less", "count": -1})

    assert v2.json["errors"][0]["message"] == "A tally is never negative"
    assert [message["message"] for message in v2.json["messages"]] == ["Look at the count"]
    shown = [json.loads(message)["message"] for message in json.loads(v1.json["_server_messages"])]
    assert shown == ["Look at the count", "A tally is never negative"]


def test_what_fails_in_a_bulk_update_stops_no_other(admin: Client) -> None:
    first, second = _make(admin, "One", 1), _make(admin, "Two", 2)
    docs = [{"name": first, "count": 10}, {"name": second, "count": -2}, {"name": "Nobody", "count": 1}, 7]

    told = admin.post("/api/v2/document/Tally/bulk_update", {"docs": docs}).data

    assert told["updated"] == [first]
    assert [failed["name"] for failed in told["failed"]] == [second, "Nobody", 7]
    assert (told["total"], told["success_count"], told["failure_count"]) == (4, 1, 3)
    assert admin.get(f"/api/resource/Tally/{first}").data["count"] == 10
    assert admin.get(f"/api/resource/Tally/{second}").data["count"] == 2
