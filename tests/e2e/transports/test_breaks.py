"""Receivers that stall, break off, or are not there."""

import asyncio
import contextlib
import socket

import pytest

from demitasse.transports.http import HttpSender, Outcome, SenderOptions
from tests.e2e.transports.conftest import Attempt, MakeSender, request
from tests.e2e.transports.receiver import OK, PATIENCE_S, Connection, Receiver, answer, answer_once


async def test_nobody_listening_is_refused(attempt: Attempt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = await attempt(f"http://127.0.0.1:{port}/")
    assert (result.outcome, result.status) == (Outcome.REFUSED, None)
    assert result.error is not None
    assert f"127.0.0.1:{port}" in result.error


async def test_a_connection_that_does_not_come_about_is_a_timeout(attempt: Attempt) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # Fills the line of those to be accepted; further ones hear nothing.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        result = await attempt(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.3)
    assert result.outcome is Outcome.TIMEOUT
    assert result.error is not None
    assert "No connection" in result.error


async def test_silence_before_the_head_is_a_timeout(attempt: Attempt) -> None:
    with Receiver(Connection.hang) as receiver:
        result = await attempt(receiver, timeout_s=0.2)
    assert (result.outcome, result.status) == (Outcome.TIMEOUT, None)
    assert 0.2 <= result.duration_s < 1
    assert result.error is not None
    assert "did not answer within 0.2 s" in result.error


@pytest.mark.parametrize("status", [None, 200])
async def test_dripping_does_not_stretch_the_deadline(attempt: Attempt, status: int | None) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        if status is None:
            connection.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000, every_s=0.02)
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            connection.drip(b"x" * 1000, every_s=0.02)

    with Receiver(behave) as receiver:
        result = await attempt(receiver, timeout_s=0.3)
    assert result.outcome is Outcome.TIMEOUT
    assert 0.3 <= result.duration_s < 1
    if status is not None:
        assert result.status == status
        assert 0 < len(result.body) < 30


async def test_a_peer_that_does_not_read_the_body_is_a_timeout(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.receiver.stopping.wait(PATIENCE_S)

    with Receiver(behave) as receiver:
        result = await attempt(receiver, timeout_s=0.3, body=bytes(30_000_000))
    assert result.outcome is Outcome.TIMEOUT


async def test_a_reset_is_a_reset(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        connection.reset()

    with Receiver(behave) as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status) == (Outcome.RESET, None)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HT",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
async def test_an_answer_that_breaks_off_is_a_reset_and_is_not_sent_again(attempt: Attempt, data: bytes) -> None:
    with Receiver(answer_once(data)) as receiver:
        result = await attempt(receiver)
    assert result.outcome is Outcome.RESET
    assert len(receiver.requests) == receiver.connections == 1


async def test_an_answer_before_the_body_is_read_counts(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch")
        connection.hang()

    with Receiver(behave) as receiver:
        result = await attempt(receiver, body=bytes(8_000_000))
    assert (result.outcome, result.status, result.body) == (Outcome.ANSWERED, 413, b"much")


async def test_an_early_answer_with_a_slammed_door_is_answer_or_reset(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.sock.close()  # With much unread: the kernel resets.

    with Receiver(behave) as receiver:
        result = await attempt(receiver, body=bytes(8_000_000))
    assert result.outcome in {Outcome.ANSWERED, Outcome.RESET}
    assert receiver.connections == 1


async def test_a_connection_is_kept_and_used_again(sender: HttpSender) -> None:
    with Receiver(answer(OK)) as receiver:
        for _ in range(5):
            assert (await sender.send(request(receiver.url))).outcome is Outcome.ANSWERED
    assert (len(receiver.requests), receiver.connections) == (5, 1)


async def test_a_kept_connection_that_was_closed_is_replaced(sender: HttpSender) -> None:
    with Receiver(answer_once(OK)) as receiver:
        for _ in range(5):
            assert (await sender.send(request(receiver.url))).outcome is Outcome.ANSWERED
            await asyncio.sleep(0.02)
    assert (len(receiver.requests), receiver.connections) == (5, 5)


async def test_a_kept_connection_closed_in_the_moment_of_use_is_replaced(sender: HttpSender) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(OK)
        if connection.receiver.connections == 1:
            connection.read_head()  # The second request arrives, and the connection is closed all the same.

    with Receiver(behave) as receiver:
        assert (await sender.send(request(receiver.url))).outcome is Outcome.ANSWERED
        assert (await sender.send(request(receiver.url))).outcome is Outcome.ANSWERED
    assert receiver.connections == 2


async def test_a_kept_connection_that_breaks_within_an_answer_is_a_reset(sender: HttpSender) -> None:
    def behave(connection: Connection) -> None:
        connection.read()
        connection.send(OK)
        connection.read()
        connection.send(b"HTTP/1.1 200 OK\r\n")

    with Receiver(behave) as receiver:
        assert (await sender.send(request(receiver.url))).outcome is Outcome.ANSWERED
        assert (await sender.send(request(receiver.url))).outcome is Outcome.RESET
    assert len(receiver.requests) == 2


async def test_bytes_nobody_asked_for_are_not_taken_for_the_next_answer(sender: HttpSender) -> None:
    with Receiver(answer(OK + b"HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n")) as receiver:
        first = await sender.send(request(receiver.url))
        await asyncio.sleep(0.02)
        second = await sender.send(request(receiver.url))
    assert (first.status, second.status) == (200, 200)


async def test_one_receiver_gets_its_share_and_holds_up_nobody(make_sender: MakeSender) -> None:
    sender = make_sender(options=_two_at_a_time())
    with Receiver(answer(OK)) as receiver, Receiver(Connection.hang) as hanging:
        stuck = [asyncio.create_task(sender.send(request(hanging.url, timeout_s=2.0))) for _ in range(6)]
        await asyncio.sleep(0.05)
        results = await asyncio.gather(*(sender.send(request(receiver.url)) for _ in range(20)))
        held = hanging.connections  # while all six wait: some may get a place at the last moment
        ended = await asyncio.gather(*stuck)
    assert {result.status for result in results} == {200}
    assert max(result.duration_s for result in results) < 1.5
    assert receiver.connections <= 2
    assert held == 2
    assert {result.outcome for result in ended} == {Outcome.TIMEOUT}
    assert max(result.duration_s for result in ended) < 3
    assert sum("too slow" in str(result.error) for result in ended) >= 2


async def test_many_at_once_all_get_their_own_answer(sender: HttpSender) -> None:
    def echo(connection: Connection) -> None:
        while (got := connection.read()) is not None:
            body = got.partition(b"\r\n\r\n")[2]
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with Receiver(echo) as receiver:
        bodies = [str(number).encode() for number in range(200)]
        results = await asyncio.gather(*(sender.send(request(receiver.url, body=body)) for body in bodies))
    assert [result.body for result in results] == bodies


async def test_closing_breaks_off_what_is_under_way(make_sender: MakeSender) -> None:
    sender = make_sender()
    with Receiver(Connection.hang) as receiver:
        calls = [asyncio.create_task(sender.send(request(receiver.url))) for _ in range(3)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await sender.close()
            results = await asyncio.gather(*calls)
    assert {result.outcome for result in results} == {Outcome.RESET}
    assert all("not known" in str(result.error) for result in results)


async def test_a_cancelled_call_frees_its_place(make_sender: MakeSender) -> None:
    def behave(connection: Connection) -> None:
        if connection.receiver.connections <= 2:
            connection.hang()
        else:
            answer(OK)(connection)

    sender = make_sender(options=_two_at_a_time())
    with Receiver(behave) as receiver:
        calls = [asyncio.create_task(sender.send(request(receiver.url))) for _ in range(4)]
        await asyncio.sleep(0.1)
        for call in (calls[3], calls[0], calls[1]):  # One that waits for a place, and two that are under way.
            call.cancel()
        assert (await calls[2]).status == 200
        await asyncio.gather(*calls, return_exceptions=True)
        results = await asyncio.gather(*(sender.send(request(receiver.url)) for _ in range(4)))
    assert {result.status for result in results} == {200}


async def test_closing_answers_those_who_wait_for_a_place(make_sender: MakeSender) -> None:
    sender = make_sender(options=_two_at_a_time())
    with Receiver(Connection.hang) as receiver:
        calls = [asyncio.create_task(sender.send(request(receiver.url))) for _ in range(4)]
        await asyncio.sleep(0.05)
        await sender.close()
        results = await asyncio.gather(*calls)
    assert [result.outcome for result in results] == [Outcome.RESET] * 4
    assert sum("was not sent" in str(result.error) for result in results) == 2


def _two_at_a_time() -> SenderOptions:
    return SenderOptions(max_requests_per_receiver=2)
