"""Clients that misbehave: they are told why, they are cut off, and they harm no other."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.live.conftest import People
from tests.e2e.live.listening import Listener, types_of
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for

BIG = "x" * 50_000


@pytest.mark.parametrize("text", ["not JSON", "", b"\xff\xfe"])
def test_what_is_no_json_ends_the_connection(people: People, text: str | bytes) -> None:
    with people.listener("editor") as listener:
        listener.say_raw(text)
        said = listener.hear() if not text or isinstance(text, bytes) else None
        assert said is None or said["type"] == "error"
        if said is None:
            assert listener.ended()[0] == 4400


@pytest.mark.parametrize(
    "message",
    [
        [],
        7,
        {},
        {"type": 7},
        {"type": "dance"},
        {"type": "subscribe"},
        {"type": "subscribe", "topics": [7]},
        {"type": "subscribe", "topics": {"user:editor@example.com": 7}},
        {"type": "subscribe", "topics": ["user:editor@example.com"], "since": 7},
        {"type": "unsubscribe", "topics": None},
    ],
)
def test_a_message_that_makes_no_sense_is_answered_and_the_connection_goes_on(people: People, message: object) -> None:
    with people.listener("editor") as listener:
        listener.say_raw(json.dumps(message))
        said = listener.hear()
        assert (said["type"], said["code"]) == ("error", "malformed_message")
        assert said["error"]
        assert listener.subscribe("user:editor@example.com")[-1]["type"] == "up-to-date"


def test_a_message_that_is_too_large_ends_the_connection(people: People) -> None:
    with people.listener("editor") as listener:
        listener.say("subscribe", topics=["x" * 70_000])
        assert listener.ended()[0] == 1009


def test_too_many_topics_are_refused_one_by_one(people: People) -> None:
    with people.listener("editor") as listener:
        listener.say("subscribe", topics=[f"task_progress:{n}" for n in range(205)])
        said = listener.hear_until(lambda message: message["type"] == "up-to-date")
    assert types_of(said).count("refused") == 5
    assert {message["code"] for message in said if message["type"] == "refused"} == {"too_many"}
    assert len(said[-1]["topics"]) == 200


def test_too_many_messages_end_the_connection(people: People) -> None:
    with people.listener("editor") as listener:
        for _ in range(601):
            listener.say("ping")
        assert listener.ended()[0] == 4429


def test_who_unsubscribes_hears_nothing_more(people: People, admin: Client) -> None:
    with people.listener("editor") as listener:
        listener.subscribe("task_progress:1", "user:editor@example.com")
        listener.say("unsubscribe", topics=["task_progress:1"])
        assert listener.hear()["type"] == "unsubscribed"
        admin.call("guarded.api.publish", event="step", task_id="1")
        admin.call("guarded.api.publish", event="mark", user="editor@example.com")
        assert listener.hear()["type"] == "mark"


def test_other_paths_take_no_websockets(site: ServedSite) -> None:
    for path in ("/", "/app", "/api/resource/Diary", "/events"):
        with pytest.raises(InvalidStatus):
            Listener(site.port, path=path)


@contextmanager
def deaf(site: ServedSite, header: str, *topics: str) -> Iterator[socket.socket]:
    """Open a WebSocket that subscribes and then never reads again."""
    query = "&".join(f"topic={topic}" for topic in topics)
    request = (
        f"GET /ws?{query} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: {header}\r\n\r\n"
    )
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", site.port))
        connection.sendall(request.encode())
        seen = b""
        while b"up-to-date" not in seen:
            seen += connection.recv(1024)
        yield connection


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    pytest.fail("no such process")


def test_clients_that_do_not_read_harm_no_other_and_take_no_memory(
    copy_site: Callable[[], ServedSite],
) -> None:
    site = copy_site().start()
    people, count, deaf_clients = People(site), 300, 10
    header, topic = people.header("editor"), "user:editor@example.com"
    with site.client() as admin, people.listener("editor") as quick:
        quick.subscribe(topic)
        arrived: list[int] = []

        def listen() -> None:
            while len(arrived) < count:
                arrived.append(quick.hear(within_s=30)["message"]["n"])

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        opened = [deaf(site, header, topic) for _ in range(deaf_clients)]
        for each in opened:
            each.__enter__()
        before_mb = memory_mb(site.pid)
        for n in range(count):
            message = {"n": n, "pad": BIG}
            assert (
                admin.call("guarded.api.publish", event="big", message=message, user="editor@example.com").status == 200
            )
        listening.join(30)
        grown_mb = memory_mb(site.pid) - before_mb
        for each in opened:
            each.__exit__(None, None, None)
    assert arrived == list(range(count)), "the one that reads has everything, in order"
    sent_mb = count * len(BIG) / 1e6
    # A queue for each would be ten times what was sent; the log, which all share, is once.
    assert grown_mb < 2 * sent_mb, f"{grown_mb:.0f} MB grown for {sent_mb:.0f} MB sent to {deaf_clients} clients"


def test_who_reads_again_after_too_long_is_told_to_fetch_anew(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    people, topic = People(site), "user:editor@example.com"
    with site.client() as admin, deaf(site, people.header("editor"), topic) as connection:
        for n in range(800):  # 40 MB: the log keeps 33.5
            admin.call("guarded.api.publish", event="big", message={"n": n, "pad": BIG}, user="editor@example.com")
        seen = b""

        def is_told() -> bool:
            nonlocal seen
            seen = seen[-200:] + connection.recv(1_000_000)
            return b'"must-refetch"' in seen and b'"too_slow"' in seen

        wait_for("the word to fetch anew", is_told, within_s=30)
