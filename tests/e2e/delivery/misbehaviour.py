"""The ways in which a receiver misbehaves, each with what must come of a delivery to it."""

import contextlib
import gzip
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from demitasse.kernel.clock import utc_now
from tests.e2e.transports.certificates import Authority, server_context
from tests.e2e.transports.receiver import OK, Behaviour, Connection, Receiver, answer, answer_once

RECEIVER = "127.0.0.2"
"""Where they listen; their neighbour has another address, so that one may be allowed without the other."""

TIMEOUT_S = 0.5
ONE_GIGABYTE = 1_000_000_000
BOMB = gzip.compress(bytes(100_000_000))
_METADATA = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to misbehave.

    Args:
        behave: What the receiver does on each connection; ``None``: nobody listens.
        outcome: The word in the log.
        status: What becomes of the delivery after the first attempt.
        url: Where the webhook points, for the receiver's port.
        certificate: Makes the receiver's certificate; ``None``: plain HTTP.
        is_allowed: The operator lets deliveries through to it.
        addresses: What the name ``shop.example`` leads to, question by question.
        connections: How many the receiver must have seen; ``None``: any.
        settings: Of the webhook.
        headers: Of the delivery.
        waits_s: How long the next attempt must wait at least.
    """

    behave: Behaviour | None = None
    outcome: str
    status: str = "Retrying"
    url: Callable[[int], str] = f"http://{RECEIVER}:{{}}/hook".format
    certificate: Callable[[Authority, Path], ssl.SSLContext] | None = None
    host: str = RECEIVER
    is_allowed: bool = True
    addresses: Sequence[Sequence[str]] = ()
    connections: int | None = None
    settings: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    waits_s: float = 0.0


def _after_the_request(act: Callable[[Connection], None]) -> Behaviour:
    def behave(connection: Connection) -> None:
        if connection.read() is not None:
            act(connection)

    return behave


def _drip_head(connection: Connection) -> None:
    connection.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000, every_s=0.05)


def _drip_body(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    connection.drip(b"x" * 1000, every_s=0.05)


def _pour_a_gigabyte(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % ONE_GIGABYTE)
    connection.pour(b"x" * 65_536)


def _pour_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.pour(b"X-Many: " + b"x" * 200 + b"\r\n")


def _answer_before_the_body(connection: Connection) -> None:
    connection.read_head()
    connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    connection.hang()


def _status(line: str, *headers: str) -> Behaviour:
    return answer("\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""]).encode())


def _in_two_minutes(connection: Connection) -> None:
    until = format_datetime(utc_now() + timedelta(minutes=2), usegmt=True)
    connection.send(f"HTTP/1.1 503 Busy\r\nRetry-After: {until}\r\nContent-Length: 0\r\n\r\n".encode())


def _blocked(host: str) -> Way:
    return Way(
        behave=answer(OK),
        outcome="blocked",
        url=lambda port: f"http://{host}:{port}/hook",
        is_allowed=False,
        connections=0,
    )


def _https(*names: str, outcome: str = "tls", trusted: bool = True, expired: bool = False) -> Way:
    return Way(
        behave=answer(OK),
        outcome=outcome,
        url=f"https://{RECEIVER}:{{}}/hook".format,
        certificate=lambda authority, folder: server_context(authority.issue(*names, expired=expired), folder),
        settings=None if trusted else {"ca_certificate": Authority().pem.decode()},
    )


WAYS: dict[str, Way] = {
    "refuses": Way(outcome="refused"),
    "resets": Way(behave=_after_the_request(Connection.reset), outcome="reset", connections=1),
    "hangs before it accepts": Way(
        behave=lambda connection: connection.hang(), outcome="timeout", url=f"https://{RECEIVER}:{{}}/".format
    ),
    "hangs before the headers": Way(behave=_after_the_request(Connection.hang), outcome="timeout"),
    "drips the headers": Way(behave=_after_the_request(_drip_head), outcome="timeout"),
    "drips the body": Way(behave=_after_the_request(_drip_body), outcome="timeout"),
    "answers 200 with a gigabyte": Way(
        behave=_after_the_request(_pour_a_gigabyte), outcome="delivered", status="Delivered", connections=1
    ),
    "answers with headers without end": Way(behave=_after_the_request(_pour_headers), outcome="too_large"),
    "answers with a gzip bomb": Way(
        behave=answer_once(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB
        ),
        outcome="delivered",
        status="Delivered",
    ),
    "redirects to the metadata address": Way(
        behave=_status("302 Found", f"Location: {_METADATA}"), outcome="redirect", connections=1
    ),
    "redirects to itself": Way(behave=_status("307 Again", "Location: /hook"), outcome="redirect", connections=1),
    "is gone (410)": Way(behave=_status("410 Gone"), outcome="gone", status="Held"),
    "asks to wait (429, seconds)": Way(
        behave=_status("429 Slow down", "Retry-After: 120"), outcome="overloaded", waits_s=119
    ),
    "asks to wait (503, a date)": Way(behave=_after_the_request(_in_two_minutes), outcome="overloaded", waits_s=110),
    "fails (500)": Way(behave=_status("500 Oops"), outcome="server_error"),
    "has a certificate for another name": _https("other.example"),
    "has an expired certificate": _https(RECEIVER, expired=True),
    "has a certificate of an unknown authority": _https(RECEIVER, trusted=False),
    "speaks HTTP where TLS is expected": Way(
        behave=lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        outcome="tls",
        url=f"https://{RECEIVER}:{{}}/".format,
    ),
    "speaks HTTP/0.9": Way(behave=answer_once(b"just text, as HTTP/0.9 had it"), outcome="invalid"),
    "speaks something else": Way(behave=answer_once(b"SSH-2.0-OpenSSH_9.6\r\n"), outcome="invalid"),
    "sends invalid headers": Way(
        behave=answer_once(b"HTTP/1.1 200 OK\r\nno colon in here\r\nContent-Length: 0\r\n\r\n"), outcome="invalid"
    ),
    "breaks off within its answer": Way(
        behave=answer_once(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), outcome="reset", connections=1
    ),
    "closes kept-alive connections": Way(behave=answer_once(OK), outcome="delivered", status="Delivered"),
    "answers before the body is sent": Way(
        behave=_answer_before_the_body, outcome="delivered", status="Delivered", connections=1
    ),
    "has IPv6 only": Way(
        behave=answer(OK), outcome="delivered", status="Delivered", host="::1", url="http://[::1]:{}/hook".format
    ),
    "has a name that leads outside, then inside": Way(
        behave=answer(OK),
        outcome="blocked",
        url="http://shop.example:{}/hook".format,
        addresses=[[RECEIVER], ["10.0.0.1"]],
        connections=1,
    ),
    "has a name that leads outside and inside": Way(
        behave=answer(OK),
        outcome="blocked",
        url="http://shop.example:{}/hook".format,
        addresses=[[RECEIVER, "169.254.169.254"]],
        connections=0,
    ),
    "has a name that nobody knows": Way(outcome="dns", url="http://shop.example:{}/hook".format, addresses=[[]]),
    "is a decimal spelling of loopback": _blocked("2130706434"),
    "is an octal spelling of loopback": _blocked("0177.0.0.2"),
    "is a hexadecimal spelling of loopback": _blocked("0x7f000002"),
    "is a short spelling of loopback": _blocked("127.2"),
    "is a mapped spelling of loopback": _blocked("[::ffff:127.0.0.2]"),
    "has user-info in its URL": Way(
        behave=answer(OK), outcome="invalid", url=f"http://admin:secret@{RECEIVER}:{{}}/".format, connections=0
    ),
    "has a line break in its URL": Way(
        behave=answer(OK), outcome="invalid", url=f"http://{RECEIVER}:{{}}/\r\nX-Injected: 1".format, connections=0
    ),
    "has a line break in a header's value": Way(
        behave=answer(OK), outcome="invalid", headers=(("X-Source", "erp\r\nX-Injected: 1"),), connections=0
    ),
}


@contextlib.contextmanager
def misbehaving(way: Way, *, authority: Authority, folder: Path) -> Iterator[tuple[Receiver | None, str]]:
    """Listen as a way says, and give the receiver, or a port at which nobody listens."""
    if way.behave is None:
        with socket.create_server((RECEIVER, 0)) as listener:
            port = listener.getsockname()[1]
        yield None, way.url(port)
        return
    tls = way.certificate(authority, folder) if way.certificate else None
    with Receiver(way.behave, host=way.host, tls=tls) as receiver:
        yield receiver, way.url(receiver.port)
