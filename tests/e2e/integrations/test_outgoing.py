"""Requests of app code to servers on loopback that answer well, badly, slowly and not at all."""

import contextlib
import gzip
import json
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import requests

from demitasse import frappe
from demitasse.frappe.integrations import utils
from demitasse.frappe.integrations.outgoing import ResponseTooLargeError
from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.unit.frappe_room.calls import TestSite

LOG = "Integration Request"
KEY = "a-very-secret-key"
OTHER_KEY = "another secret"


def answering(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Arrived], Reply]:
    return lambda _: Reply(
        status=status, body=body, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


def one_after_another(*replies: Reply) -> Callable[[Arrived], Reply]:
    waiting = list(replies)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen, and let ``talk`` do with each connection what no HTTP library would."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65_536)
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(10)


def test_each_verb_sends_what_it_is_given(calls: TestSite, receiver: Receiver) -> None:
    receiver.reply = answering(200, b'{"ok": true}', Content_Type="application/json; charset=utf-8")
    verbs = {
        "GET": utils.make_get_request,
        "POST": utils.make_post_request,
        "PUT": utils.make_put_request,
        "PATCH": utils.make_patch_request,
        "DELETE": utils.make_delete_request,
    }
    for send in verbs.values():
        work = partial(send, receiver.url("/a"), params={"q": "x"}, headers={"X-A": "1"})
        assert calls.run(work) == {"ok": True}
    arrived = receiver.arrived()
    assert [each.method for each in arrived] == list(verbs)
    assert {(each.path, each.headers["x-a"]) for each in arrived} == {("/a?q=x", "1")}
    calls.run(lambda: utils.make_post_request(receiver.url(), json={"a": 1}, auth=("user", "word")))
    calls.run(lambda: utils.make_post_request(receiver.url(), data={"a": 1}))
    calls.run(lambda: utils.make_request("PUT", receiver.url(), data=b"raw"))
    assert [each.body for each in receiver.arrived()[5:]] == [b'{"a": 1}', b"a=1", b"raw"]
    assert receiver.arrived()[5].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("media_type", "body", "expected"),
    [
        ("application/json", b"[1]", [1]),
        ("application/problem+json", b'{"a": null}', {"a": None}),
        ("application/x-www-form-urlencoded", b"a=1&b=&a=2", {"a": ["1", "2"], "b": [""]}),
        ("text/plain; charset=utf-8", b"ACK=Success&AMT=5", {"ACK": ["Success"], "AMT": ["5"]}),
        ("text/plain", b"It works", "It works"),
        ("text/html; charset=utf-8", "<p>é</p>".encode(), "<p>é</p>"),
        ("application/json", b"", None),
    ],
)
def test_an_answer_is_read_by_its_media_type(
    calls: TestSite, receiver: Receiver, media_type: str, body: bytes, expected: Any
) -> None:
    receiver.reply = answering(200, body, Content_Type=media_type)
    assert calls.run(lambda: utils.make_get_request(receiver.url())) == expected


def test_an_answer_that_is_no_json_is_a_failure_of_the_request(calls: TestSite, receiver: Receiver) -> None:
    receiver.reply = answering(200, b"<garbage", Content_Type="application/json")
    with pytest.raises(requests.JSONDecodeError):
        calls.run(lambda: utils.make_get_request(receiver.url()))
    assert calls.rows(LOG, "status", "output") == [("Failed", "<garbage")]


@pytest.mark.parametrize("status", [400, 401, 404, 422, 501])
def test_a_refusal_is_raised_at_once_without_the_key(calls: TestSite, receiver: Receiver, status: int) -> None:
    receiver.reply = answering(status, b'{"why": "no"}', Content_Type="application/json")
    with pytest.raises(requests.HTTPError) as refused:
        calls.run(lambda: utils.make_get_request(receiver.url(f"/data?appid={KEY}&q=x")))
    assert str(status) in str(refused.value)
    assert KEY not in str(refused.value)
    assert refused.value.response is not None
    assert refused.value.response.json() == {"why": "no"}
    assert len(receiver.arrived()) == 1
    [(url, status_code, state, error)] = calls.rows(LOG, "url", "status_code", "status", "error")
    assert (url, status_code, state) == (receiver.url("/data?appid=***&q=x"), status, "Failed")
    assert KEY not in error


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_tried_again_and_a_write_is_not(calls: TestSite, receiver: Receiver, status: int) -> None:
    again = Reply(status=status, headers={"Retry-After": "0"})
    receiver.reply = one_after_another(again, again, Reply(body=b"third"))
    assert calls.run(lambda: utils.make_get_request(receiver.url())) == "third"
    receiver.reply = answering(status, Retry_After="0")
    with pytest.raises(requests.HTTPError):
        calls.run(lambda: utils.make_get_request(receiver.url()))
    with pytest.raises(requests.HTTPError):
        calls.run(lambda: utils.make_post_request(receiver.url()))
    assert [each.method for each in receiver.arrived()] == ["GET"] * 6 + ["POST"]
    assert len(calls.rows(LOG, "name")) == 3


def test_nobody_listening_is_told_without_the_key(calls: TestSite, receiver: Receiver) -> None:
    receiver.down()
    with pytest.raises(requests.ConnectionError) as failed:
        calls.run(lambda: utils.make_get_request(receiver.url(f"/data?appid={KEY}"), params={"token": OTHER_KEY}))
    told = "".join(traceback.format_exception(failed.value))
    assert "Connection refused" in told
    assert KEY not in told
    assert OTHER_KEY not in told
    assert OTHER_KEY.replace(" ", "+") not in told
    [(data, error)] = calls.rows(LOG, "data", "error")
    assert json.loads(data)["params"] == {"token": "***"}
    assert KEY not in error


@pytest.mark.parametrize("url", ["http://[", "nonsense", "http://", "ftp://127.0.0.1/", "http://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_a_failure_of_the_request(calls: TestSite, url: str) -> None:
    with pytest.raises(requests.RequestException):
        calls.run(lambda: utils.make_get_request(url))
    assert calls.rows(LOG, "status") == ["Failed"]


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    connection.settimeout(0.05)
    for _ in range(200):
        connection.sendall(b"x")
        with contextlib.suppress(TimeoutError):
            connection.recv(1)  # Nothing comes: this is the pause between two drops.


def say_nothing(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize("talk", [drip, say_nothing])
def test_a_slow_answer_ends_at_the_deadline(calls: TestSite, talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as url:
        started = time.monotonic()
        with pytest.raises(requests.Timeout):
            calls.run(lambda: utils.make_post_request(url, timeout=0.5))
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf of it",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"not HTTP at all\r\n\r\n",
        b"",
    ],
    ids=["short", "chunk", "gzip", "no-http", "nothing"],
)
def test_a_broken_answer_is_a_failure_and_never_half_a_value(calls: TestSite, said: bytes) -> None:
    with raw_server(lambda connection: connection.sendall(said)) as url, pytest.raises(requests.RequestException):
        calls.run(lambda: utils.make_post_request(url, timeout=5))
    assert calls.rows(LOG, "status") == ["Failed"]


def test_an_answer_larger_than_the_limit_is_not_taken_packed_or_not(calls: TestSite, receiver: Receiver) -> None:
    for reply in (
        answering(200, b"x" * 2_000_000),
        answering(200, gzip.compress(b"x" * 50_000_000), Content_Encoding="gzip"),
    ):
        receiver.reply = reply
        with pytest.raises(ResponseTooLargeError):
            calls.run(lambda: utils.make_get_request(receiver.url(), max_response_bytes=1_000_000))
    receiver.reply = answering(200, gzip.compress(b"x" * 1000), Content_Encoding="gzip")
    assert calls.run(lambda: utils.make_get_request(receiver.url(), max_response_bytes=1000)) == "x" * 1000


def test_a_redirect_takes_no_secret_to_another_host(calls: TestSite, receiver: Receiver) -> None:
    with Receiver() as other:
        target = other.url("/there").replace("127.0.0.1", "localhost")
        receiver.reply = answering(302, b"x" * 100_000, Location=target)
        secrets = {"Authorization": "token a", "X-Api-Key": "b", "X-Kept": "c"}
        assert calls.run(lambda: utils.make_get_request(receiver.url(), headers=secrets)) == "ok"
        headers = other.arrived()[0].headers
        assert "authorization" not in headers
        assert "x-api-key" not in headers
        assert headers["x-kept"] == "c"


def test_redirects_in_a_circle_end(calls: TestSite, receiver: Receiver) -> None:
    receiver.reply = answering(302, Location=receiver.url())
    with pytest.raises(requests.TooManyRedirects):
        calls.run(lambda: utils.make_get_request(receiver.url()))
    assert len(receiver.arrived()) == 6


def test_the_log_keeps_the_exchange_without_its_secrets(calls: TestSite, receiver: Receiver) -> None:
    receiver.reply = answering(200, b'{"access_token": "out", "echo": "in-secret"}', Content_Type="application/json")
    url = receiver.url("/a").replace("://", "://user:url-secret@")

    def post() -> Any:
        return utils.make_post_request(
            url,
            headers={"Authorization": "Bearer head-secret", "X-Api-Key": "key-secret", "Accept": "*/*"},
            json={"order": 7, "password": "in-secret"},
        )

    assert calls.run(post)["access_token"] == "out"
    fields = ("url", "request_headers", "data", "output", "status", "status_code", "is_remote_request")
    [row] = calls.rows(LOG, *fields)
    assert row == (
        receiver.url("/a"),
        '{"Authorization":"***","X-Api-Key":"***","Accept":"*/*"}',
        '{"order":7,"password":"***"}',
        '{"access_token":"***","echo":"***"}',
        "Completed",
        200,
        0,
    )


def test_a_failed_call_keeps_the_log_of_what_it_asked(calls: TestSite, receiver: Receiver) -> None:
    def ask_and_fail() -> None:
        utils.make_get_request(receiver.url())
        frappe.throw("No")

    with pytest.raises(frappe.ValidationError):
        calls.run(ask_and_fail)
    assert calls.rows(LOG, "status") == ["Completed"]


def test_outside_of_a_call_requests_work_and_are_not_logged(receiver: Receiver) -> None:
    assert utils.make_get_request(receiver.url()) == "ok"


def test_an_app_keeps_its_own_log_of_an_exchange(calls: TestSite) -> None:
    def begin() -> str:
        log = utils.create_request_log(
            {"amount": 5, "api_key": "k"}, service_name="Pay", request_headers={"Cookie": "c"}
        )
        log.update_status({"step": 2}, "Authorized")
        return str(log.name)

    name = calls.run(begin)
    calls.run(lambda: frappe.get_doc(LOG, name).handle_success({"paid": True, "token": "t"}))
    fields = ("integration_request_service", "status", "data", "output", "request_headers")
    assert calls.rows(LOG, *fields) == [
        ("Pay", "Completed", '{"amount":5,"api_key":"***","step":2}', '{"paid":true,"token":"***"}', '{"Cookie":"***"}')
    ]
    calls.run(lambda: frappe.get_doc(LOG, name).handle_failure("declined"))
    assert calls.rows(LOG, "status", "error") == [("Failed", "declined")]
