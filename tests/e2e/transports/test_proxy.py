"""The proxy that is configured, and those that are not."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.transports.http import HttpSender, Outcome, SenderOptions, TlsOptions
from tests.e2e.transports.certificates import Authority, server_context
from tests.e2e.transports.conftest import MakeSender, request
from tests.e2e.transports.receiver import OK, Connection, Receiver, answer, answer_once


def by_way_of(proxy: Receiver, make_sender: MakeSender) -> HttpSender:
    return make_sender(options=SenderOptions(proxy_url=f"http://user:hush@127.0.0.1:{proxy.port}"))


def pass_on(connection: Connection) -> None:
    """Open the tunnel that is asked for, whatever name is asked for, to loopback."""
    head = connection.read_head()
    assert head is not None
    connection.receiver.requests.append(head)
    port = int(head.split(b" ")[1].rpartition(b":")[2])
    with socket.create_connection(("127.0.0.1", port)) as onward:
        connection.send(b"HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n")
        back = threading.Thread(target=_pump, args=(onward, connection.sock), daemon=True)
        back.start()
        _pump(connection.sock, onward)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def environment_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver(answer(OK)) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        yield proxy


async def test_a_proxy_in_the_environment_is_ignored(environment_proxy: Receiver, make_sender: MakeSender) -> None:
    with Receiver(answer(OK)) as receiver:
        assert (await make_sender().send(request(receiver.url))).status == 200
    assert environment_proxy.connections == 0
    assert len(receiver.requests) == 1


async def test_a_proxy_gets_the_name_and_resolves_it(make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with Receiver(answer(OK)) as proxy:
        result = await by_way_of(proxy, make_sender).send(request("http://shop.invalid/hook"))
    assert result.status == 200
    assert proxy.requests[0].startswith(b"POST http://shop.invalid/hook HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpodXNo" in proxy.requests[0]


async def test_forbidden_addresses_do_not_reach_the_proxy(make_sender: MakeSender) -> None:
    with Receiver(answer(OK)) as proxy:
        result = await by_way_of(proxy, make_sender).send(request("http://169.254.169.254/latest/"))
    assert result.outcome is Outcome.BLOCKED
    assert proxy.connections == 0


async def test_https_goes_through_a_tunnel(make_sender: MakeSender, tmp_path: Path) -> None:
    authority = Authority()
    context = server_context(authority.issue("shop.invalid"), tmp_path)
    with Receiver(pass_on) as proxy, Receiver(answer(OK), tls=context) as receiver:
        sender = by_way_of(proxy, make_sender)
        url = f"https://shop.invalid:{receiver.port}/"
        secret = (("Authorization", "token of the receiver"),)
        result = await sender.send(request(url, tls=TlsOptions(ca_pem=authority.pem), headers=secret))
        distrusted = await sender.send(request(url))
        await sender.close()
    assert (result.outcome, result.status) == (Outcome.ANSWERED, 200)
    assert result.headers == (("Content-Length", "2"),)
    assert b"token of the receiver" not in proxy.requests[0]
    assert distrusted.outcome is Outcome.TLS


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_tunnel_that_is_not_granted_is_the_proxys_fault(make_sender: MakeSender, status: int) -> None:
    with Receiver(answer_once(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())) as proxy:
        result = await by_way_of(proxy, make_sender).send(request("https://shop.invalid/"))
    assert (result.outcome, result.status, result.headers) == (Outcome.PROXY, None, ())
    assert f"status {status}" in str(result.error)


async def test_a_proxy_that_is_not_there_is_its_fault(make_sender: MakeSender) -> None:
    with Receiver(answer(OK)) as proxy:
        pass
    for url in ("http://shop.invalid/", "https://shop.invalid/"):
        result = await by_way_of(proxy, make_sender).send(request(url))
        assert result.outcome is Outcome.PROXY
        assert "hush" not in str(result.error)
