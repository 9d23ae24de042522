"""Values of the HTTP sender: what goes out, what comes back."""

from dataclasses import dataclass, field
from enum import Enum

import msgspec
from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """How one receiver is trusted and told who we are; all PEM.

    Args:
        ca_pem: Certificates that the receiver's must lead up to, instead of the public authorities.
        client_cert_pem: Our certificate, with its chain, for mutual TLS.
        client_key_pem: Its private key, unencrypted.
    """

    ca_pem: bytes | None = None
    client_cert_pem: bytes | None = None
    client_key_pem: bytes | None = field(default=None, repr=False)


class OutgoingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, as it goes out.

    Args:
        method: GET, POST, PUT, PATCH or DELETE.
        headers: In order; names and values are checked when it is sent.
        timeout_s: One deadline, from the look-up of the name to the last byte of the answer.
        max_response_bytes: How much of the answer's body is kept; a longer one is cut and no more of it is read.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float
    max_response_bytes: int = 65_536
    tls: TlsOptions | None = None

    @override
    def __repr__(self) -> str:
        return f"OutgoingRequest({self.method} {self.url}, {len(self.body)} bytes)"  # No secrets of headers or body.


class Outcome(Enum):
    """How an attempt ended.

    ``ANSWERED`` is any complete answer, whatever its status. ``BLOCKED`` is our own refusal to reach an address.
    ``TOO_LARGE`` is said of the answer's headers; a long body is cut instead. ``INVALID`` is what is not HTTP: a request
    that cannot be put on the wire, or an answer that cannot be read.
    """

    ANSWERED = "answered"
    DNS = "dns"
    BLOCKED = "blocked"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    TOO_LARGE = "too_large"
    INVALID = "invalid"
    PROXY = "proxy"


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one request.

    Args:
        status: Also present where the answer broke off after its head.
        headers: Of the final answer, names as the receiver spelt them.
        body: At most ``max_response_bytes`` of it, as it came: never decompressed.
        truncated: The body went on after what was kept.
        error: For the webhook's owner: what is wrong and what to do; ``None`` when answered.
        duration_s: From the call to the last byte.
        address: For operators: the address connected to, or the one that was blocked; it may tell of internal networks.
    """

    outcome: Outcome
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    error: str | None = None
    duration_s: float = 0.0
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a request did not get its answer: the part of a result that is decided before or beside the transfer."""

    outcome: Outcome
    error: str
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """How the sender behaves towards all receivers.

    Args:
        max_requests: Under way at the same time; the rest waits its turn, within its deadline.
        max_requests_per_receiver: Of these, to one host and port.
        max_idle_connections: Kept open for further requests.
        idle_connection_s: A connection unused for longer is not used again.
        connection_lifetime_s: After this a connection is replaced, so that a receiver which moved is noticed.
        name_cache_s: How long a name's addresses are remembered.
        max_header_bytes: Of an answer's status line, headers and trailers, informational answers included.
        max_header_lines: As ``max_header_bytes``, counted in lines.
        proxy_url: An http, https or socks5h proxy that all requests pass through. Then it resolves names and guards
            addresses; without it a proxy in the environment is ignored.
    """

    user_agent: str = "Demitasse"
    max_requests: int = 512
    max_requests_per_receiver: int = 32
    max_idle_connections: int = 256
    idle_connection_s: int = 55
    connection_lifetime_s: int = 300
    name_cache_s: float = 5.0
    max_header_bytes: int = 32_768
    max_header_lines: int = 128
    proxy_url: str | None = field(default=None, repr=False)
