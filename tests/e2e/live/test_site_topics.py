"""What is pushed of a site's documents, and to whom."""

from typing import Any

import pytest

from tests.e2e.live.conftest import People
from tests.e2e.live.listening import Listener, types_of
from tests.e2e.receiver import Receiver
from tests.e2e.site import Client, ServedSite, run_command


def make_diary(client: Client, title: str = "Monday") -> str:
    name: str = client.post("/api/resource/Diary", {"title": title}).data["name"]
    return name


def heard_before_mark(listener: Listener, client: Client, user: str) -> list[dict[str, Any]]:
    """Return what a listener hears before a message that is sent to its user now."""
    assert client.call("guarded.api.publish", event="mark", user=user).status == 200
    return listener.hear_until(lambda message: message["type"] == "mark")[:-1]


def test_the_life_of_a_document_is_heard_by_those_who_listen_to_its_doctype(people: People, admin: Client) -> None:
    with people.listener("editor") as listener:
        listener.subscribe("doctype:Diary")
        name = make_diary(admin)
        admin.put(f"/api/resource/Diary/{name}", {"title": "Tuesday"})
        admin.call("guarded.api.retitle", name=name, title="Wednesday")
        admin.delete(f"/api/resource/Diary/{name}")
        heard = [listener.hear() for _ in range(4)]
    assert [(message["type"], message["name"], message["change"]) for message in heard] == [
        ("list_update", name, change) for change in ("insert", "update", "update", "delete")
    ]
    assert {message["topic"] for message in heard} == {"doctype:Diary"}
    assert all(message["user"] == "Administrator" for message in heard)
    assert "title" not in heard[0]


def test_a_document_is_heard_by_those_who_listen_to_it_alone(people: People, admin: Client) -> None:
    name, other = make_diary(admin), make_diary(admin)
    with people.listener("editor") as listener:
        listener.subscribe(f"doc:Diary/{name}", "user:editor@example.com")
        admin.put(f"/api/resource/Diary/{other}", {"title": "not heard"})
        modified = admin.put(f"/api/resource/Diary/{name}", {"title": "heard"}).data["modified"]
        heard = heard_before_mark(listener, admin, "editor@example.com")
    assert [(message["type"], message["name"], message["modified"]) for message in heard] == [
        ("doc_update", name, modified)
    ]


def test_nothing_is_heard_of_what_is_rolled_back(people: People, admin: Client) -> None:
    with people.listener("editor") as listener:
        listener.subscribe("doctype:Diary", "user:editor@example.com")
        refused = admin.call("guarded.api.publish", event="late", user="editor@example.com", after_commit=1, fails=1)
        assert refused.status == 417
        assert heard_before_mark(listener, admin, "editor@example.com") == []


def test_several_changes_in_one_transaction_are_heard_once(people: People, admin: Client) -> None:
    with people.listener("editor") as listener:
        listener.subscribe("doctype:Diary", "user:editor@example.com")
        admin.post("/api/resource/Diary", {"title": "Monday", "lines": [{"what": "beans"}]})
        heard = heard_before_mark(listener, admin, "editor@example.com")
    assert [message["change"] for message in heard] == ["insert"]


@pytest.mark.parametrize(
    "topic",
    [
        "doctype:Payslip",
        "user:Administrator",
        "user:editor@example.com",
        "deliveries",
        "doctype:Nope",
        "all the news",
        "doc:Diary/no-such",
    ],
)
def test_topics_that_are_not_for_everybody_are_refused(people: People, topic: str) -> None:
    with people.listener("writer") as listener:
        said = listener.subscribe(topic)
        assert types_of(said) == ["refused"]
        assert said[0]["topic"] == topic


def test_a_document_that_the_user_may_not_read_is_not_pushed(people: People, admin: Client) -> None:
    with people.client("writer") as writer, people.client("second.writer") as second:
        hers, theirs = make_diary(writer), make_diary(second)
        with people.listener("writer") as listener:
            assert listener.subscribe(f"doc:Diary/{theirs}")[0]["type"] == "refused"
            said = listener.subscribe("doctype:Diary", f"doc:Diary/{hers}", "user:writer@example.com")
            assert said[-1]["type"] == "up-to-date"
            second.put(f"/api/resource/Diary/{theirs}", {"title": "secret"})
            admin.call("guarded.api.retitle", name=theirs, title="secret too")
            second.delete(f"/api/resource/Diary/{theirs}")
            admin.call("guarded.api.retitle", name=hers, title="mine")
            heard = heard_before_mark(listener, admin, "writer@example.com")
    assert {message["name"] for message in heard} == {hers}
    assert sorted(types_of(heard)) == ["doc_update", "list_update"]


def test_what_apps_publish_goes_to_the_caller_and_not_to_everybody(people: People, admin: Client) -> None:
    with people.listener("editor") as editor, people.listener("writer") as writer, people.client("writer") as caller:
        editor.subscribe("user:editor@example.com", "all")
        writer.subscribe("user:writer@example.com", "all")
        assert caller.call("guarded.api.publish", event="hello", message={"n": 1}).status == 200
        assert writer.hear()["message"] == {"n": 1}
        assert caller.call("guarded.api.publish", event="hello", message={"n": 2}, room="all").status == 200
        assert [editor.hear()["message"], writer.hear()["message"]] == [{"n": 2}, {"n": 2}]
        assert heard_before_mark(editor, admin, "editor@example.com") == []


def test_what_apps_publish_to_a_document_is_for_those_who_may_read_it(people: People, admin: Client) -> None:
    with people.client("writer") as writer:
        name = make_diary(writer)
    with people.listener("writer") as hers, people.listener("second.writer") as theirs:
        hers.subscribe(f"doc:Diary/{name}", "doctype:Diary", "user:writer@example.com")
        theirs.subscribe("doctype:Diary", "user:second.writer@example.com")
        admin.call("guarded.api.publish", event="shout", doctype="Diary", docname=name)
        admin.call("guarded.api.publish", event="list_update", message={"doctype": "Diary", "name": name})
        assert types_of(heard_before_mark(hers, admin, "writer@example.com")) == ["shout", "list_update"]
        assert heard_before_mark(theirs, admin, "second.writer@example.com") == []


def test_delivery_states_are_heard_by_system_managers(site: ServedSite, admin: Client, receiver: Receiver) -> None:
    webhook = {
        "webhook_doctype": "Diary",
        "webhook_docevent": "after_insert",
        "request_url": receiver.url(),
        "webhook_json": '{"title": "{{ doc.title }}"}',
    }
    assert admin.post("/api/resource/Webhook", webhook).status == 200
    with Listener(site.port, headers={"Authorization": site.authorization}) as listener:
        listener.hear()
        listener.subscribe("deliveries")
        name = make_diary(admin)
        heard = listener.hear_until(lambda message: message.get("state") == "Delivered")
    assert types_of(heard) == ["delivery_update"] * 2
    assert [message["state"] for message in heard] == ["Queued", "Delivered"]
    assert heard[1]["reference_name"] == name
    assert heard[1]["status_code"] == 200
    assert len({message["delivery"] for message in heard}) == 1


def test_what_a_command_changes_beside_the_server_is_heard(site: ServedSite, people: People, admin: Client) -> None:
    name = make_diary(admin)
    with people.listener("editor") as listener:
        listener.subscribe("doctype:Diary")
        done = run_command(
            "execute",
            "guarded.api.retitle",
            "--kwargs",
            f'{{"name": "{name}", "title": "by hand"}}',
            "--site",
            str(site.path),
        )
        assert done.returncode == 0, done.stderr
        heard = listener.hear()
    assert (heard["type"], heard["name"], heard["change"]) == ("list_update", name, "update")


def test_metrics_count_the_clients(site: ServedSite, people: People, admin: Client) -> None:
    with people.listener("editor") as listener:
        listener.subscribe("user:editor@example.com")
        heard_before_mark(listener, admin, "editor@example.com")
        lines = dict(line.split() for line in admin.get("/metrics").text.splitlines() if "demitasse_live" in line[:14])
    assert float(lines["demitasse_live_connections"]) >= 1
    assert float(lines["demitasse_live_topics"]) >= 1
    assert float(lines["demitasse_live_messages_total"]) >= 1
    assert float(lines["demitasse_live_connections_behind"]) == 0
