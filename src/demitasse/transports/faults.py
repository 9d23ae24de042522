"""What libcurl reports, as an outcome and a sentence for the webhook's owner."""

from collections.abc import Callable
from dataclasses import dataclass

import pycurl

from demitasse.transports.model import Fault, Outcome
from demitasse.transports.multi import ABANDONED
from demitasse.transports.urls import Target

_PROXY_ERROR = 97  # CURLE_PROXY and CURLE_TOO_LARGE, which pycurl does not name.
_TOO_LARGE = 100
_FIRST_STATUS_OF_REFUSAL = 300
_TLS_CODES = frozenset(
    {
        pycurl.E_BAD_FUNCTION_ARGUMENT,  # A private key that is locked, or of another certificate.
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CIPHER,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_SSL_INVALIDCERTSTATUS,
        pycurl.E_SSL_ISSUER_ERROR,
        pycurl.E_SSL_PINNEDPUBKEYNOTMATCH,
        pycurl.E_USE_SSL_FAILED,
    }
)
_BROKEN_CODES = frozenset(
    {
        pycurl.E_GOT_NOTHING,
        pycurl.E_PARTIAL_FILE,
        pycurl.E_RECV_ERROR,
        pycurl.E_SEND_ERROR,
        pycurl.E_SEND_FAIL_REWIND,
    }
)


NOT_PUBLIC = (
    "{where} is not on the public internet, where alone requests may go. If it is a service of your own, "
    "add it to webhook_allow_hosts in site_config.json."
)
NOT_FOUND = "The host name {host} was not found. Check the URL's spelling and the name's DNS records."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a transfer ended without its answer.

    Args:
        code: libcurl's, one of ``pycurl.E_*``.
        message: libcurl's words.
        status: Of the answer, if its head came.
        blocked_address: What libcurl was about to connect to without leave.
        proxied: The request went through the proxy.
        proxy_status: The proxy's own answer, 0 if it gave none.
        head_is_too_large: We stopped reading, as the head was beyond its caps.
        lacks_sockets: This machine had no socket left to open.
    """

    code: int
    message: str
    status: int | None
    blocked_address: str | None
    proxied: bool
    proxy_status: int
    head_is_too_large: bool
    lacks_sockets: bool


def fault_of(ending: Ending, *, target: Target, timeout_s: float) -> Fault:
    """Return what to make of a failed transfer."""
    outcome, words = next((outcome, words) for applies, outcome, words in _RULES if applies(ending))
    error = words.format(
        host=target.host,
        where=target.authority,
        within=f"within {timeout_s:g} s",
        message=ending.message,
        proxy_status=ending.proxy_status,
    )
    return Fault(outcome=outcome, error=error, address=ending.blocked_address)


def _has_timed_out(ending: Ending) -> bool:
    return bool(ending.code == pycurl.E_OPERATION_TIMEDOUT)


def _is_the_proxys(ending: Ending) -> bool:
    return ending.proxied and ending.code in {pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_PROXY, _PROXY_ERROR}


def _is_refused_by_proxy(ending: Ending) -> bool:
    return ending.proxied and ending.status is None and ending.proxy_status >= _FIRST_STATUS_OF_REFUSAL


def _is_of_tls(ending: Ending) -> bool:
    # A receiver that misses our certificate says so after the handshake, as a broken read.
    return ending.code in _TLS_CODES or (ending.code in _BROKEN_CODES and "alert" in ending.message)


_RULES: tuple[tuple[Callable[[Ending], bool], Outcome, str], ...] = (
    (
        lambda ending: ending.code == ABANDONED,
        Outcome.RESET,
        "Sending to {where} was broken off, as this server stops. Whether it arrived is not known.",
    ),
    (
        lambda ending: ending.blocked_address is not None,
        Outcome.BLOCKED,
        NOT_PUBLIC,
    ),
    (
        lambda ending: ending.head_is_too_large or ending.code == _TOO_LARGE,
        Outcome.TOO_LARGE,
        "The headers that {where} answered with are too large to read. Shorten them, cookies first.",
    ),
    (
        lambda ending: _has_timed_out(ending) and ending.status is not None,
        Outcome.TIMEOUT,
        "{where} began its answer and did not end it {within}. Answer with a short body.",
    ),
    (
        lambda ending: _has_timed_out(ending) and ending.message.startswith("Operation"),  # Else the connection did.
        Outcome.TIMEOUT,
        "{where} did not answer {within}. Answer first and work afterwards, or raise the timeout.",
    ),
    (
        _has_timed_out,
        Outcome.TIMEOUT,
        "No connection to {where} {within}. Check that it runs and that no firewall drops what we send.",
    ),
    (
        _is_refused_by_proxy,
        Outcome.PROXY,
        "The outgoing proxy refused to connect to {where} (status {proxy_status}). Ask whoever runs this server.",
    ),
    (
        _is_the_proxys,
        Outcome.PROXY,
        "The outgoing proxy did not pass the request on to {where}. Ask whoever runs this server.",
    ),
    (
        _is_of_tls,
        Outcome.TLS,
        "No secure connection to {where}: {message}. Check its certificate, and ours if it asks for one.",
    ),
    (
        lambda ending: ending.code in _BROKEN_CODES and "chunk" not in ending.message,
        Outcome.RESET,
        "{where} closed the connection before its answer was complete. Look for a crash in its log.",
    ),
    (
        lambda ending: ending.lacks_sockets,
        Outcome.REFUSED,
        "This server has too many files open to connect anywhere. Raise its limit (ulimit -n).",
    ),
    (
        lambda ending: ending.code == pycurl.E_COULDNT_CONNECT,
        Outcome.REFUSED,
        "{where} does not accept connections. Check that the receiver runs and listens on this port.",
    ),
    (
        lambda ending: ending.code == pycurl.E_COULDNT_RESOLVE_HOST,
        Outcome.DNS,
        NOT_FOUND,
    ),
    (
        lambda _: True,
        Outcome.INVALID,
        "What {where} answered is not HTTP/1.1: {message}. Check the URL's scheme and port.",
    ),
)
"""What an ending means and what to say of it; the first that applies counts."""
