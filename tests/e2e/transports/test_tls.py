"""Whom we trust, and who we say we are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from demitasse.transports.http import HttpSender, Outcome, TlsOptions
from tests.e2e.transports.certificates import Authority, server_context
from tests.e2e.transports.conftest import Attempt, request
from tests.e2e.transports.receiver import OK, Connection, Receiver, answer

Secure = Callable[..., Receiver]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Secure:
    """Make a receiver whose certificate is for these names."""

    def make(*names: str, expired: bool = False, asks_for_clients_of: Authority | None = None) -> Receiver:
        certified = authority.issue(*names, expired=expired)
        return Receiver(answer(OK), tls=server_context(certified, tmp_path, asks_for_clients_of=asks_for_clients_of))

    return make


async def test_an_unknown_authority_is_not_trusted(attempt: Attempt, secure: Secure) -> None:
    with secure("127.0.0.1") as receiver:
        result = await attempt(receiver)
    assert (result.outcome, result.status) == (Outcome.TLS, None)
    assert result.error is not None
    assert "certificate" in result.error
    assert receiver.requests == []


async def test_an_authority_of_ones_own_is_trusted_where_it_is_named(
    attempt: Attempt,
    secure: Secure,
    authority: Authority,
) -> None:
    trusting = TlsOptions(ca_pem=authority.pem)
    with secure("127.0.0.1") as receiver:
        assert (await attempt(receiver, tls=trusting)).status == 200
        assert (await attempt(receiver, tls=trusting)).status == 200
        assert receiver.connections == 1
        assert (await attempt(receiver)).outcome is Outcome.TLS  # Trust, and its open connection, are not shared.


async def test_the_next_request_does_not_inherit_trust(
    sender: HttpSender, secure: Secure, authority: Authority
) -> None:
    with secure("127.0.0.1") as receiver:
        assert (await sender.send(request(receiver.url, tls=TlsOptions(ca_pem=authority.pem)))).status == 200
        assert (await sender.send(request(receiver.url))).outcome is Outcome.TLS


async def test_another_authority_is_not_trusted_in_its_place(attempt: Attempt, secure: Secure) -> None:
    with secure("127.0.0.1") as receiver:
        assert (await attempt(receiver, tls=TlsOptions(ca_pem=Authority().pem))).outcome is Outcome.TLS


async def test_a_certificate_for_another_host_is_refused(
    attempt: Attempt, secure: Secure, authority: Authority
) -> None:
    with secure("other.example", "127.0.0.2") as receiver:
        result = await attempt(receiver, tls=TlsOptions(ca_pem=authority.pem))
    assert result.outcome is Outcome.TLS
    assert receiver.requests == []


async def test_an_expired_certificate_is_refused(attempt: Attempt, secure: Secure, authority: Authority) -> None:
    with secure("127.0.0.1", expired=True) as receiver:
        result = await attempt(receiver, tls=TlsOptions(ca_pem=authority.pem))
    assert result.outcome is Outcome.TLS
    assert "expired" in str(result.error)


async def test_the_name_is_checked_and_not_the_address_it_leads_to(
    attempt: Attempt,
    secure: Secure,
    authority: Authority,
) -> None:
    trusting = TlsOptions(ca_pem=authority.pem)
    with secure("localhost") as receiver:
        assert (await attempt(f"https://localhost:{receiver.port}/", tls=trusting)).status == 200
        assert (await attempt(receiver, tls=trusting)).outcome is Outcome.TLS


async def test_our_certificate_is_shown_where_it_is_asked_for(
    attempt: Attempt, secure: Secure, authority: Authority
) -> None:
    ours = authority.issue(client=True)
    tls = TlsOptions(ca_pem=authority.pem, client_cert_pem=ours.certificate_pem, client_key_pem=ours.key_pem())
    one_file = TlsOptions(ca_pem=authority.pem, client_cert_pem=ours.certificate_pem + ours.key_pem())
    with secure("127.0.0.1", asks_for_clients_of=authority) as receiver:
        assert (await attempt(receiver, tls=tls)).status == 200
        assert (await attempt(receiver, tls=one_file)).status == 200


async def test_without_our_certificate_a_receiver_that_asks_for_it_refuses(
    attempt: Attempt,
    secure: Secure,
    authority: Authority,
) -> None:
    stranger = Authority().issue(client=True)
    wrong = TlsOptions(
        ca_pem=authority.pem, client_cert_pem=stranger.certificate_pem, client_key_pem=stranger.key_pem()
    )
    ours = authority.issue(client=True)
    right = TlsOptions(ca_pem=authority.pem, client_cert_pem=ours.certificate_pem, client_key_pem=ours.key_pem())
    with secure("127.0.0.1", asks_for_clients_of=authority) as receiver:
        assert (await attempt(receiver, tls=right)).status == 200
        for tls in (TlsOptions(ca_pem=authority.pem), wrong):
            result = await attempt(receiver, tls=tls)
            assert result.outcome is Outcome.TLS
            assert "ours" in str(result.error)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("broken", ["ca", "certificate", "key", "other key", "locked key"])
async def test_unusable_certificates_are_a_result(
    attempt: Attempt,
    secure: Secure,
    authority: Authority,
    broken: str,
) -> None:
    ours, other = authority.issue(client=True), authority.issue(client=True)
    nonsense = b"-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n"
    keys = {"key": nonsense, "other key": other.key_pem(), "locked key": ours.key_pem(password=b"hush")}
    tls = TlsOptions(
        ca_pem=nonsense if broken == "ca" else authority.pem,
        client_cert_pem=nonsense if broken == "certificate" else ours.certificate_pem,
        client_key_pem=keys.get(broken, ours.key_pem()),
    )
    with secure("127.0.0.1") as receiver:
        result = await attempt(receiver, tls=tls)
    assert result.outcome is Outcome.TLS
    assert receiver.requests == []


async def test_plain_http_behind_https_is_a_fault_of_tls(attempt: Attempt) -> None:
    def behave(connection: Connection) -> None:
        connection.sock.recv(1)
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Receiver(behave) as receiver:
        assert (await attempt(receiver.url.replace("http", "https"))).outcome is Outcome.TLS


async def test_a_silent_handshake_is_a_timeout(attempt: Attempt) -> None:
    with Receiver(Connection.hang) as receiver:
        result = await attempt(receiver.url.replace("http", "https"), timeout_s=0.3)
    assert result.outcome is Outcome.TIMEOUT
    assert "No connection" in str(result.error)


async def test_https_behind_http_is_no_answer(sender: HttpSender, secure: Secure) -> None:
    with secure("127.0.0.1") as receiver:
        result = await sender.send(request(receiver.url.replace("https", "http")))
    assert result.outcome in {Outcome.INVALID, Outcome.RESET}
