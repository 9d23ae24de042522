from typing import Any

import pycurl
import pytest

from demitasse.transports.faults import Ending, fault_of
from demitasse.transports.model import Outcome
from demitasse.transports.multi import ABANDONED
from demitasse.transports.urls import parse_url

TARGET = parse_url("https://shop.example/hook")


def ending(code: int, **changes: Any) -> Ending:
    facts: dict[str, Any] = {
        "message": "said libcurl",
        "status": None,
        "blocked_address": None,
        "proxied": False,
        "proxy_status": 0,
        "head_is_too_large": False,
        "lacks_sockets": False,
    }
    return Ending(code=code, **(facts | changes))


@pytest.mark.parametrize(
    ("end", "outcome", "words"),
    [
        (ending(ABANDONED), Outcome.RESET, "stops"),
        (ending(pycurl.E_COULDNT_CONNECT, blocked_address="10.0.0.1"), Outcome.BLOCKED, "webhook_allow_hosts"),
        (ending(pycurl.E_WRITE_ERROR, head_is_too_large=True), Outcome.TOO_LARGE, "headers"),
        (ending(100), Outcome.TOO_LARGE, "headers"),
        (ending(pycurl.E_OPERATION_TIMEDOUT, status=200), Outcome.TIMEOUT, "did not end it within 2.5 s"),
        (
            ending(pycurl.E_OPERATION_TIMEDOUT, message="Operation timed out"),
            Outcome.TIMEOUT,
            "did not answer within 2.5 s",
        ),
        (ending(pycurl.E_OPERATION_TIMEDOUT), Outcome.TIMEOUT, "No connection"),
        (ending(pycurl.E_COULDNT_RESOLVE_PROXY, proxied=True), Outcome.PROXY, "proxy"),
        (ending(pycurl.E_COULDNT_CONNECT, proxied=True), Outcome.PROXY, "proxy"),
        (ending(97, proxied=True, proxy_status=403), Outcome.PROXY, "status 403"),
        (ending(97, proxied=True), Outcome.PROXY, "proxy"),
        (ending(pycurl.E_RECV_ERROR, proxied=True, proxy_status=407), Outcome.PROXY, "status 407"),
        (ending(pycurl.E_RECV_ERROR, proxied=True, proxy_status=200), Outcome.RESET, "closed"),
        (ending(pycurl.E_PEER_FAILED_VERIFICATION), Outcome.TLS, "said libcurl"),
        (ending(pycurl.E_SSL_CONNECT_ERROR), Outcome.TLS, "said libcurl"),
        (ending(pycurl.E_RECV_ERROR, message="OpenSSL SSL_read: alert certificate required"), Outcome.TLS, "ours"),
        (ending(pycurl.E_RECV_ERROR), Outcome.RESET, "closed"),
        (
            ending(pycurl.E_RECV_ERROR, message="OpenSSL SSL_read: unexpected eof while reading"),
            Outcome.RESET,
            "closed",
        ),
        (
            ending(pycurl.E_RECV_ERROR, message="Illegal or missing hexadecimal sequence in chunk"),
            Outcome.INVALID,
            "HTTP",
        ),
        (ending(pycurl.E_GOT_NOTHING), Outcome.RESET, "closed"),
        (ending(pycurl.E_PARTIAL_FILE, status=200), Outcome.RESET, "closed"),
        (ending(pycurl.E_SEND_ERROR), Outcome.RESET, "closed"),
        (ending(pycurl.E_COULDNT_CONNECT), Outcome.REFUSED, "shop.example:443 does not accept"),
        (ending(pycurl.E_COULDNT_CONNECT, lacks_sockets=True), Outcome.REFUSED, "ulimit"),
        (ending(pycurl.E_COULDNT_RESOLVE_HOST), Outcome.DNS, "shop.example"),
        (ending(pycurl.E_UNSUPPORTED_PROTOCOL), Outcome.INVALID, "not HTTP"),
        (
            ending(pycurl.E_WEIRD_SERVER_REPLY if hasattr(pycurl, "E_WEIRD_SERVER_REPLY") else 8),
            Outcome.INVALID,
            "not HTTP",
        ),
    ],
)
def test_an_ending_has_an_outcome_and_says_what_to_do(end: Ending, outcome: Outcome, words: str) -> None:
    fault = fault_of(end, target=TARGET, timeout_s=2.5)
    assert fault.outcome is outcome
    assert words in fault.error
    assert fault.error.endswith(".")


def test_a_blocked_address_is_told_to_operators_only() -> None:
    fault = fault_of(ending(pycurl.E_COULDNT_CONNECT, blocked_address="10.0.0.1"), target=TARGET, timeout_s=1)
    assert fault.address == "10.0.0.1"
    assert "10.0.0.1" not in fault.error
