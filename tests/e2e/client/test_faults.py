"""The client and peers that misbehave."""

import json

import pytest

from demitasse.client import errors
from demitasse.client.model import Credentials
from demitasse.client.retrying import NO_RETRIES, RetryPolicy
from demitasse.client.site import FrappeClient
from tests.e2e.client.conftest import QUICK, Naps
from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import free_port
from tests.e2e.transports.receiver import Connection, answer, answer_once
from tests.e2e.transports.receiver import Receiver as RawReceiver

ROWS = json.dumps({"data": [{"name": "A"}]}).encode()
GOOD = Reply(body=ROWS)


def in_turn(*replies: Reply) -> Receiver:
    """Return a peer that gives these answers one after the other, and then the last."""
    left = list(replies)
    return Receiver(reply=lambda _: left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.parametrize("status", [429, 502, 503, 504, 508])
def test_a_read_is_repeated_until_the_site_is_well(naps: Naps, status: int) -> None:
    with in_turn(Reply(status=status), GOOD) as peer, FrappeClient(peer.url(""), retries=QUICK, sleep=naps) as client:
        assert client.get_list("Item") == [{"name": "A"}]
        assert len(peer.arrived()) == 2
    assert len(naps) == 1


def test_retry_after_is_honoured(naps: Naps) -> None:
    busy = Reply(status=429, headers={"Retry-After": "3"})
    with in_turn(busy, GOOD) as peer, FrappeClient(peer.url(""), retries=QUICK, sleep=naps) as client:
        assert client.get_list("Item") == [{"name": "A"}]
    assert naps == [3.0]


def test_a_write_is_sent_once_when_its_answer_is_lost(naps: Naps) -> None:
    with in_turn(Reply(status=503)) as peer, FrappeClient(peer.url(""), retries=QUICK, sleep=naps) as client:
        with pytest.raises(errors.ServerFailed):
            client.insert("Item", {})
        assert len(peer.arrived()) == 1


def test_a_write_keeps_its_key_over_attempts_where_keys_are_honoured(naps: Naps) -> None:
    policy = RetryPolicy(max_attempts=3, honours_idempotency_keys=True)
    made = Reply(body=b'{"data": {"name": "A"}}')
    with in_turn(Reply(status=503), made) as peer, FrappeClient(peer.url(""), retries=policy, sleep=naps) as client:
        client.insert("Item", {})
        client.insert("Item", {})
        first, again, other = [each.headers["idempotency-key"] for each in peer.arrived()]
    assert first == again != other


def test_a_write_to_a_port_where_nobody_listens_is_tried_again(naps: Naps) -> None:
    with (
        FrappeClient(f"http://127.0.0.1:{free_port()}", retries=QUICK, sleep=naps) as client,
        pytest.raises(errors.SiteUnreachable) as caught,
    ):
        client.insert("Item", {})
    assert not caught.value.was_sent
    assert len(naps) == 2


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + ROWS,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + ROWS[:5] + b"\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + ROWS[:9],
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
)
def test_a_broken_off_list_is_never_an_empty_one(broken: bytes) -> None:
    with (
        RawReceiver(answer_once(broken)) as peer,
        FrappeClient(root(peer), retries=NO_RETRIES) as client,
        pytest.raises((errors.SiteUnreachable, errors.UnusableAnswer)),
    ):
        client.get_list("Item")


def test_a_site_that_hangs_is_given_up_in_time() -> None:
    with (
        RawReceiver(Connection.hang) as peer,
        FrappeClient(root(peer), retries=NO_RETRIES, timeout_s=0.2) as client,
        pytest.raises(errors.SiteUnreachable, match=r"within 0\.2 s") as caught,
    ):
        client.get_list("Item")
    assert caught.value.was_sent


def test_an_endless_answer_is_refused() -> None:
    def pour(connection: Connection) -> None:
        connection.read()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.pour(b"[" * 65_536)

    with (
        RawReceiver(pour) as peer,
        FrappeClient(root(peer), retries=NO_RETRIES, max_answer_bytes=100_000) as client,
        pytest.raises(errors.UnusableAnswer, match="too large"),
    ):
        client.get_list("Item")


def test_a_redirect_is_not_followed_and_carries_no_secret_along() -> None:
    with in_turn(GOOD) as other:
        away = Reply(status=302, headers={"Location": other.url("/api?x=1")})
        with (
            in_turn(away) as peer,
            FrappeClient(peer.url(""), api_key="k", api_secret="hush") as client,
            pytest.raises(errors.UnusableAnswer, match="redirected"),
        ):
            client.get_list("Item")
        assert other.arrived() == []


def test_secrets_that_a_peer_repeats_are_not_told() -> None:
    def parrot(arrived: Arrived) -> Reply:
        said = {"exc_type": "ValidationError", "_error_message": f"bad {arrived.headers['authorization']}"}
        return Reply(status=417, body=json.dumps(said).encode())

    with Receiver(reply=parrot) as peer, FrappeClient(peer.url(""), api_key="k", api_secret="hush") as client:
        with pytest.raises(errors.ValidationFailed) as caught:
            client.get_list("Item")
        assert "hush" not in f"{caught.value!r} {caught.value} {caught.value.data} {client!r}"
        assert caught.value.messages == ("bad token k:***",)


def test_a_proxy_or_netrc_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("HOME", str(home))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with in_turn(GOOD) as peer, FrappeClient(peer.url(""), retries=NO_RETRIES) as client:
        assert client.get_list("Item") == [{"name": "A"}]
        assert "authorization" not in peer.arrived()[0].headers


def test_connections_are_kept() -> None:
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ROWS), ROWS)
    with RawReceiver(answer(kept)) as peer, FrappeClient(root(peer)) as client:
        for _ in range(5):
            client.get_list("Item")
        assert peer.connections == 1


def test_a_site_that_gives_fewer_rows_than_asked_is_read_to_its_end() -> None:
    names = [f"N{number:02}" for number in range(50)]

    def give_twenty(arrived: Arrived) -> Reply:
        after = arrived.path.partition("%22%3E%22%2C%22")[2][:3]
        rows = [{"name": name} for name in names if name > after][:20]
        return Reply(body=json.dumps({"data": rows}).encode())

    with Receiver(reply=give_twenty) as peer, FrappeClient(peer.url("")) as client:
        assert [row["name"] for row in client.iterate("Item", page_length=500)] == names


@pytest.mark.parametrize("url", ["erp.example.com", "ftp://x", "https://user:pass@x", "https://x/?a=1", ""])
def test_a_url_that_is_no_sites_is_refused(url: str) -> None:
    with pytest.raises(errors.UnusableSite):
        FrappeClient(url)


@pytest.mark.parametrize(("key", "secret"), [("k", ""), ("", "s"), ("k", "a\nb")])
def test_half_or_broken_keys_are_refused(key: str, secret: str) -> None:
    with pytest.raises(errors.UnusableSite) as caught:
        FrappeClient("https://erp.example.com", api_key=key, api_secret=secret)
    assert "a\nb" not in str(caught.value)


def test_an_access_token_is_sent_as_bearer() -> None:
    assert Credentials(access_token="t").headers == (("Authorization", "Bearer t"),)


def root(peer: RawReceiver) -> str:
    return peer.url.removesuffix("/hook")
