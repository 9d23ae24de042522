"""Server-sent events: what a browser's EventSource needs, by raw HTTP (WHATWG HTML 9.2)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.e2e.live.conftest import People
from tests.e2e.site import Client, ServedSite

TOPIC = "user:editor@example.com"


class Stream:
    """An event stream, read event by event as an EventSource reads it."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self.retry_ms: int | None = None
        self.last_id = ""
        self._lines = response.iter_lines(chunk_size=1)

    def event(self) -> dict[str, Any]:
        """Return the data of the next event."""
        data: list[str] = []
        for line in self._lines:
            field, _, value = line.decode().partition(": ")
            if field == "retry":
                self.retry_ms = int(value)
            elif field == "id":
                self.last_id = value
            elif field == "data":
                data.append(value)
            elif not line and data:
                message: dict[str, Any] = json.loads("\n".join(data))
                return message
        pytest.fail("the stream ended")


@contextmanager
def stream(site: ServedSite, header: str, *topics: str, last_id: str = "", **query: str) -> Iterator[Stream]:
    """Open a stream for as long as the block lasts."""
    headers = {"Authorization": header, **({"Last-Event-ID": last_id} if last_id else {})}
    parameters = [*(("topic", topic) for topic in topics), *query.items()]
    with requests.get(f"{site.url}/events", params=parameters, headers=headers, stream=True, timeout=15) as response:
        assert response.status_code == 200, response.text
        yield Stream(response)


def publish(client: Client, n: int) -> None:
    assert client.call("guarded.api.publish", event="count", message=n, user="editor@example.com").status == 200


def test_a_stream_begins_where_its_topics_stand(site: ServedSite, people: People, admin: Client) -> None:
    with stream(site, people.header("editor"), TOPIC) as events:
        first = events.event()
        assert events.response.headers["Content-Type"] == "text/event-stream"
        assert events.response.headers["Cache-Control"] == "no-store"
        assert events.retry_ms
        assert (first["type"], first["topics"], first["seq"]) == ("up-to-date", [TOPIC], events.last_id)
        publish(admin, 1)
        assert events.event()["message"] == 1


def test_who_comes_back_with_the_last_id_gets_what_he_missed_once(
    site: ServedSite, people: People, admin: Client
) -> None:
    with stream(site, people.header("editor"), TOPIC) as events:
        events.event()
        publish(admin, 1)
        assert events.event()["message"] == 1
        last_id = events.last_id
    publish(admin, 2)
    publish(admin, 3)
    for way in ({"last_id": last_id}, {"since": last_id}):
        with stream(site, people.header("editor"), TOPIC, **way) as events:
            assert [events.event()["message"] for _ in range(2)] == [2, 3]
            assert events.event()["type"] == "up-to-date"


def test_an_id_of_another_life_is_told_to_fetch_anew(site: ServedSite, people: People) -> None:
    for last_id in ("elsewhere-17", "garbage", "9" * 500, "-1"):
        with stream(site, people.header("editor"), TOPIC, last_id=last_id) as events:
            said = events.event()
            assert (said["type"], said["topics"]) == ("must-refetch", [TOPIC])
            assert events.event()["type"] == "up-to-date"


def test_a_ticket_opens_a_stream_without_a_header(site: ServedSite, people: People) -> None:
    with people.client("editor") as editor:
        ticket = editor.post("/events/ticket").json["ticket"]
    query = {"topic": TOPIC, "ticket": ticket}
    with requests.get(f"{site.url}/events", params=query, stream=True, timeout=10) as response:
        assert response.status_code == 200
    assert requests.get(f"{site.url}/events", params=query, timeout=10).status_code == 401


def test_refusals_say_what_is_wrong(site: ServedSite, people: People) -> None:
    header = {"Authorization": people.header("editor")}
    asked = {
        "/events": (header, 403, "Name what you want to hear"),
        f"/events?topic={TOPIC}": ({}, 401, "Authorization"),
        "/events?topic=user:Administrator": (header, 403, "may not hear"),
        f"/events?topic={TOPIC}&topic=doctype:Payslip": (header, 403, "Payslip"),
        f"/events?topic={'x' * 400}": (header, 403, "300"),
    }
    for path, (headers, status, words) in asked.items():
        answer = requests.get(site.url + path, headers=headers, timeout=10)
        assert (answer.status_code, words in answer.json()["error"]) == (status, True), (path, answer.text)


def test_a_closed_stream_is_forgotten(site: ServedSite, people: People, admin: Client) -> None:
    with stream(site, people.header("editor"), TOPIC) as events:
        events.event()
    for n in range(50):
        publish(admin, n)
    assert "Traceback" not in site.log
