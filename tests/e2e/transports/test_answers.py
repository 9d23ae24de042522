"""What receivers answer, and what becomes of it."""

import gzip
from collections.abc import Callable

import pytest

from demitasse.transports.http import Outcome
from tests.e2e.transports.conftest import Attempt
from tests.e2e.transports.receiver import OK, Connection, Receiver, answer, answer_once

BOMB = gzip.compress(bytes(20_000_000))
FEW_BYTES = 16_000_000
"""More than a receiver gets rid of into the buffers of a loopback connection, less than any flood."""


async def test_a_request_arrives_as_it_was_given(attempt: Attempt) -> None:
    with Receiver(answer(OK)) as receiver:
        result = await attempt(
            receiver,
            headers=(("Content-Type", "application/json"), ("X-Empty", ""), ("X-Name", "caf\u00e9")),
            body='{"a":"\u00e9"}'.encode(),
        )
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /hook HTTP/1.1",
        f"Host: 127.0.0.1:{receiver.port}".encode(),
        b"User-Agent: Demitasse",
        b"Accept: */*",
        b"Accept-Encoding: identity",
        b"Content-Type: application/json",
        b"X-Empty:",
        "X-Name: caf\u00e9".encode(),
        b"Content-Length: 10",
    ]
    assert body == b'{"a":"\xc3\xa9"}'
    assert (result.outcome, result.status, result.body, result.truncated) == (Outcome.ANSWERED, 200, b"ok", False)
    assert result.headers == (("Content-Length", "2"),)
    assert result.error is None
    assert result.address == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("body", [b"", b"x"])
async def test_each_method_carries_its_body_and_no_content_type_of_its_own(
    attempt: Attempt, method: str, body: bytes
) -> None:
    with Receiver(answer(OK)) as receiver:
        assert (await attempt(receiver, method=method, body=body)).status == 200
    head, _, got = receiver.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(f"{method} /hook HTTP/1.1\r\n".encode())
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Content-Type" not in head
    assert got == body


async def test_a_large_body_arrives_without_waiting_for_a_go_ahead(attempt: Attempt) -> None:
    body = bytes(range(256)) * 12_000
    with Receiver(answer(OK)) as receiver:
        assert (await attempt(receiver, body=body)).status == 200
    head, _, got = receiver.requests[0].partition(b"\r\n\r\n")
    assert b"Expect" not in head
    assert got == body


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 401, 410, 429, 500, 503])
async def test_any_status_is_an_answer(attempt: Attempt, status: int) -> None:
    body = b"" if status in {204, 304} else b"Content-Length: 0\r\n"
    with Receiver(answer(f"HTTP/1.1 {status} Said\r\n".encode() + body + b"Retry-After: 17\r\n\r\n")) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status) == (Outcome.ANSWERED, status)
    assert dict(result.headers)["Retry-After"] == "17"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(attempt: Attempt, status: int) -> None:
    location = b"Location: http://169.254.169.254/latest/meta-data/\r\n"
    with Receiver(
        answer(f"HTTP/1.1 {status} Moved\r\n".encode() + location + b"Content-Length: 0\r\n\r\n")
    ) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status, len(receiver.requests)) == (Outcome.ANSWERED, status, 1)


async def test_a_redirect_to_itself_is_asked_for_once(attempt: Attempt) -> None:
    with Receiver(answer(b"HTTP/1.1 302 Found\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n")) as receiver:
        assert (await attempt(receiver)).status == 302
    assert len(receiver.requests) == 1


async def test_informational_answers_are_passed_over(attempt: Attempt) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with Receiver(answer(early + b"HTTP/1.1 202 Accepted\r\nX-Final: 1\r\nContent-Length: 0\r\n\r\n")) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status) == (Outcome.ANSWERED, 202)
    assert result.headers == (("X-Final", "1"), ("Content-Length", "0"))


async def test_an_answer_may_end_with_its_connection(attempt: Attempt) -> None:
    with Receiver(answer_once(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.body) == (Outcome.ANSWERED, b"all of it")


async def test_an_old_server_is_understood(attempt: Attempt) -> None:
    with Receiver(answer_once(b"HTTP/1.0 200 OK\r\n\r\nold")) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status, result.body) == (Outcome.ANSWERED, 200, b"old")


async def test_chunks_are_joined_and_trailers_left_out(attempt: Attempt) -> None:
    chunks = b"3\r\nabc\r\n2;extension=1\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
    with Receiver(
        answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n" + chunks)
    ) as receiver:
        results = [await attempt(receiver), await attempt(receiver)]
    assert [result.body for result in results] == [b"abcde"] * 2
    assert "X-Trailer" not in dict(results[0].headers)
    assert receiver.connections == 1


@pytest.mark.parametrize(("size", "truncated"), [(0, False), (9, False), (10, False), (11, True), (5000, True)])
async def test_a_body_is_kept_up_to_the_cap(attempt: Attempt, size: int, truncated: bool) -> None:
    with Receiver(answer(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)) as receiver:
        result = await attempt(receiver, max_response_bytes=10)
    assert (result.outcome, result.status) == (Outcome.ANSWERED, 200)
    assert (result.body, result.truncated) == (b"x" * min(size, 10), truncated)


async def test_no_body_need_be_kept(attempt: Attempt) -> None:
    with Receiver(answer(OK)) as receiver:
        result = await attempt(receiver, max_response_bytes=0)
    assert (result.outcome, result.body, result.truncated) == (Outcome.ANSWERED, b"", True)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 99999999999999\r\n\r\n",
    ],
)
async def test_an_endless_body_is_cut_and_its_connection_closed(attempt: Attempt, head: bytes) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(head)
        connection.pour(b"x" * 65_536)

    with Receiver(behave) as receiver:
        result = await attempt(receiver, max_response_bytes=1000)
        assert (await attempt(receiver, max_response_bytes=1000)).truncated
    assert (result.outcome, result.status) == (Outcome.ANSWERED, int(head[9:12]))
    assert (result.body, result.truncated) == (b"x" * 1000, True)
    assert receiver.connections == 2
    assert 0 < receiver.poured_bytes < FEW_BYTES


async def test_an_endless_chunked_body_is_cut(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.pour(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    with Receiver(behave) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status, len(result.body), result.truncated) == (Outcome.ANSWERED, 200, 65_536, True)
    assert receiver.poured_bytes < FEW_BYTES


@pytest.mark.parametrize(
    "header", ["Content-Encoding: gzip", "Content-Encoding: gzip, gzip", "Transfer-Encoding: gzip"]
)
async def test_a_gzip_bomb_is_never_unpacked(attempt: Attempt, header: str) -> None:
    head = f"HTTP/1.1 200 OK\r\n{header}\r\n{'' if 'Transfer' in header else f'Content-Length: {len(BOMB)}'}\r\n"
    with Receiver(answer_once(head.replace("\r\n\r\n", "\r\n").encode() + b"\r\n" + BOMB)) as receiver:
        result = await attempt(receiver, max_response_bytes=1000)
    assert result.outcome in {Outcome.ANSWERED, Outcome.INVALID}
    assert result.body in {b"", BOMB[:1000]}
    if header == "Content-Encoding: gzip":
        assert (result.outcome, result.body, result.truncated) == (Outcome.ANSWERED, BOMB[:1000], True)


def one_header(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 40_000 + b"\r\nContent-Length: 0\r\n\r\n")


def many_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200 + b"Content-Length: 0\r\n\r\n")


def endless_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.pour(b"X-Many: " + b"x" * 200 + b"\r\n")


def endless_header(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    connection.pour(b"x" * 65_536)


def endless_hints(connection: Connection) -> None:
    connection.pour(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


def endless_trailers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")
    connection.pour(b"X-Many: 1\r\n")


@pytest.mark.parametrize(
    "flood",
    [one_header, many_headers, endless_headers, endless_header, endless_hints, endless_trailers],
)
async def test_headers_beyond_the_caps_are_too_large(attempt: Attempt, flood: Callable[[Connection], None]) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        flood(connection)
        connection.hang()

    with Receiver(behave) as receiver:
        result = await attempt(receiver)
    assert result.outcome is Outcome.TOO_LARGE
    assert receiver.poured_bytes < FEW_BYTES


@pytest.mark.parametrize(
    "data",
    [
        b"just text, as HTTP/0.9 had it",
        b"\x00\xff\xfe\x01" * 100,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Null: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon in here\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: twelve\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    ],
)
async def test_what_is_not_http_is_invalid(attempt: Attempt, data: bytes) -> None:
    with Receiver(answer_once(data)) as receiver:
        result = await attempt(receiver)
    assert result.outcome is Outcome.INVALID
    assert result.error is not None
    assert "not HTTP" in result.error


async def test_an_answer_to_nobodys_upgrade_is_bounded(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        connection.hang()

    with Receiver(behave) as receiver:
        result = await attempt(receiver, timeout_s=0.3)
    assert result.outcome in {Outcome.TIMEOUT, Outcome.INVALID, Outcome.RESET}
    assert result.status is None
