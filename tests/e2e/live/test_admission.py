"""Who may connect, by which credentials, and what ends a connection."""

import json
from collections.abc import Callable

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.e2e.live.conftest import People
from tests.e2e.live.listening import Listener
from tests.e2e.site import Client, ServedSite, run_command

PASSWORD = "correct horse"


def status_of(refused: pytest.ExceptionInfo[InvalidStatus]) -> int:
    return refused.value.response.status_code


def session_of(site: ServedSite, admin: Client, person: str) -> str:
    """Return the cookie of a person who logs in."""
    user = f"{person}@example.com"
    assert admin.put(f"/api/resource/User/{user}", {"new_password": PASSWORD}).status == 200
    with site.guest() as browser:
        assert browser.post("/api/method/login", {"usr": user, "pwd": PASSWORD}).status == 200
        return f"sid={browser.cookies['sid']}"


def test_a_header_is_enough(people: People) -> None:
    with people.listener("writer") as listener:
        assert listener.subscribe("user:writer@example.com")[0] == {
            "type": "subscribed",
            "topics": ["user:writer@example.com"],
        }


@pytest.mark.parametrize("as_header", [True, False])
def test_a_first_message_is_enough_where_no_header_can_be_sent(
    site: ServedSite, people: People, as_header: bool
) -> None:
    header = people.header("writer")
    with Listener(site.port) as listener:
        listener.say("auth", **({"authorization": header} if as_header else {"token": header.removeprefix("token ")}))
        assert listener.hear()["type"] == "welcome"
        assert listener.subscribe("user:writer@example.com")[-1]["type"] == "up-to-date"


def test_wrong_credentials_in_a_header_are_refused_before_anything_is_opened(site: ServedSite) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Listener(site.port, headers={"Authorization": "token no:body"})
    assert status_of(refused) == 401
    assert json.loads(refused.value.response.body)["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "auth", "token": "no:body"},
        {"type": "auth", "token": 7},
        {"type": "auth"},
        {"type": "auth", "ticket": "nobody-has-it"},
        {"type": "subscribe", "topics": ["user:Administrator"]},
    ],
)
def test_a_first_message_without_right_credentials_ends_the_connection(
    site: ServedSite, message: dict[str, object]
) -> None:
    with Listener(site.port) as listener:
        listener.say_raw(json.dumps(message))
        code, reason = listener.ended()
    assert code == 4401
    assert reason


def test_a_cookie_is_enough_for_a_page_of_the_site(site: ServedSite, admin: Client) -> None:
    cookie = session_of(site, admin, "clerk")
    with Listener(site.port, headers={"Cookie": cookie}, origin=site.url) as listener:
        assert listener.hear()["type"] == "welcome"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_a_cookie_does_not_let_pages_of_other_sites_listen(site: ServedSite, admin: Client, origin: str) -> None:
    cookie = session_of(site, admin, "clerk")
    with pytest.raises(InvalidStatus) as refused:
        Listener(site.port, headers={"Cookie": cookie}, origin=origin)
    assert status_of(refused) == 403


def test_a_ticket_opens_one_connection(site: ServedSite, people: People) -> None:
    with people.client("writer") as writer:
        ticket = writer.post("/events/ticket").json["ticket"]
    with Listener(site.port, query=f"?ticket={ticket}") as listener:
        assert listener.hear()["type"] == "welcome"
        assert listener.subscribe("user:writer@example.com")[-1]["type"] == "up-to-date"
    with pytest.raises(InvalidStatus) as refused:
        Listener(site.port, query=f"?ticket={ticket}")
    assert status_of(refused) == 401
    assert ticket not in site.log


def test_tickets_are_for_those_who_are_known(site: ServedSite, guest: Client) -> None:
    assert guest.post("/events/ticket").status == 401
    assert guest.get("/events/ticket").status == 405


def test_a_logout_ends_the_connections_of_its_session(site: ServedSite, admin: Client) -> None:
    cookie = session_of(site, admin, "clerk")
    with Listener(site.port, headers={"Cookie": cookie}, origin=site.url) as listener:
        assert listener.hear()["type"] == "welcome"
        answer = requests.post(
            f"{site.url}/api/method/logout", headers={"Cookie": cookie, "Origin": site.url}, timeout=10
        )
        assert answer.status_code == 200
        assert listener.ended()[0] == 4401


def test_disabling_a_user_ends_its_connections_and_no_other(site: ServedSite, people: People, admin: Client) -> None:
    with people.listener("second.writer") as theirs, people.listener("writer") as other:
        assert admin.put("/api/resource/User/second.writer@example.com", {"enabled": 0}).status == 200
        assert theirs.ended()[0] == 4401
        other.say("ping")
        assert other.hear()["type"] == "pong"
    admin.put("/api/resource/User/second.writer@example.com", {"enabled": 1})


def test_a_user_disabled_by_a_command_beside_the_server_is_cut_off(site: ServedSite, people: People) -> None:
    with people.listener("approver") as listener:
        switch_off = ["guarded.api.switch_off", "--kwargs", '{"user": "approver@example.com"}']
        assert run_command("execute", *switch_off, "--site", str(site.path)).returncode == 0
        assert listener.ended()[0] == 4401


def test_a_role_that_is_taken_away_takes_its_topics_away(site: ServedSite, people: People, admin: Client) -> None:
    user = "/api/resource/User/clerk@example.com"
    admin.put(user, {"roles": [{"role": "Editor"}]})
    with people.listener("clerk") as listener:
        assert listener.subscribe("doctype:Diary", "user:clerk@example.com")[-1]["type"] == "up-to-date"
        admin.put(user, {"roles": [{"role": "Clerk"}]})
        said = listener.hear()
        assert (said["type"], said["topic"]) == ("refused", "doctype:Diary")
        listener.say("ping")
        assert listener.hear()["type"] == "pong"


def test_the_server_says_goodbye_when_it_stops(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    headers = {"Authorization": site.authorization}
    with Listener(site.port, headers=headers) as listener:
        listener.hear()
        stream = requests.get(f"{site.url}/events?topic=deliveries", headers=headers, stream=True, timeout=10)
        assert stream.status_code == 200
        assert site.stop() == 0
        assert listener.ended()[0] == 1012
        assert b"up-to-date" in b"".join(stream.iter_content(None))
