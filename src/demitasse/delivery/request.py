"""The request of an attempt: the stored bytes with what is only known when they are sent."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from demitasse.delivery.addressing import check_address
from demitasse.delivery.ports import Endpoint, Resolver
from demitasse.delivery.redaction import redact_headers, redact_url
from demitasse.delivery.signing import (
    FRAPPE_HEADER,
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Signer,
    SigningKey,
    signing_key,
)
from demitasse.kernel import json
from demitasse.outbox.model import Message, storable
from demitasse.transports.model import OutgoingRequest, TlsOptions

EVENT_HEADER = "X-Demitasse-Event"
SEQUENCE_HEADER = "X-Demitasse-Sequence"
ATTEMPT_HEADER = "X-Demitasse-Attempt"
_OURS = frozenset(
    name.lower()
    for name in (
        FRAPPE_HEADER,
        ID_HEADER,
        TIMESTAMP_HEADER,
        SIGNATURE_HEADER,
        EVENT_HEADER,
        SEQUENCE_HEADER,
        ATTEMPT_HEADER,
    )
)
MAX_RESPONSE_BYTES = 16_384


class PreparedRequest(Struct, frozen=True, kw_only=True, gc=False):
    """A request, and what the log may show of it."""

    request: OutgoingRequest
    shown_url: str
    shown_headers: str


class RequestMaker:
    """Makes the requests of one endpoint; secrets are looked up for each, and what follows from them is kept."""

    __slots__ = ("_endpoint", "_resolver", "_signer", "_signer_secrets", "_tls", "_tls_key")

    def __init__(self, endpoint: Endpoint, *, resolver: Resolver) -> None:
        self._endpoint = endpoint
        self._resolver = resolver
        self._signer_secrets: tuple[str | None, str | None] = (None, None)
        self._signer = self._make_signer(None, None)
        self._tls_key: str | None = None
        self._tls = self._make_tls(None)

    def make(self, message: Message, *, message_id: str, attempt: int, now: datetime) -> PreparedRequest:
        """Return the request of an attempt that leaves now.

        Raises:
            MissingSecret: something refers to a secret that is not there.
            InvalidSigningSecret: the webhook's secret cannot be used.
            HostNotListed: the message's own URL leads where the webhook does not.
        """
        endpoint, resolve = self._endpoint, self._resolver.resolve
        ours = (
            (EVENT_HEADER, message.event),
            (SEQUENCE_HEADER, str(message.sequence)),
            (ATTEMPT_HEADER, str(attempt)),
            *self._current_signer().headers(message.body, message_id=message_id, now=now),
        )
        theirs = _theirs(message.headers, message.content_type)
        url = message.url or endpoint.url
        if message.url:
            check_address(message.url, webhook_url=endpoint.url, listed=endpoint.dynamic_hosts)
        return PreparedRequest(
            request=OutgoingRequest(
                method=message.method,
                url=resolve(url),
                headers=(*((name, resolve(value)) for name, value in theirs), *ours),
                body=message.body,
                timeout_s=endpoint.timeout_s,
                max_response_bytes=MAX_RESPONSE_BYTES,
                tls=self._current_tls(),
            ),
            shown_url=storable(redact_url(url)),
            shown_headers=json.encode({**_shown(theirs), **dict(ours)}).decode(),
        )

    def _current_signer(self) -> Signer:
        endpoint, resolve = self._endpoint, self._resolver.resolve
        secrets = (
            None if endpoint.secret is None else resolve(endpoint.secret),
            None if endpoint.previous_secret is None else resolve(endpoint.previous_secret),
        )
        if secrets != self._signer_secrets:
            self._signer = self._make_signer(*secrets)
            self._signer_secrets = secrets
        return self._signer

    def _make_signer(self, secret: str | None, previous: str | None) -> Signer:
        return Signer(
            current=_key(secret),
            previous=_key(previous),
            previous_until=self._endpoint.previous_secret_until,
            signs_for_frappe=self._endpoint.signs_for_frappe,
        )

    def _current_tls(self) -> TlsOptions | None:
        endpoint = self._endpoint
        if endpoint.client_key is not None:
            key = self._resolver.resolve(endpoint.client_key)
            if key != self._tls_key:
                self._tls = self._make_tls(key)
                self._tls_key = key
        return self._tls

    def _make_tls(self, key: str | None) -> TlsOptions | None:
        endpoint = self._endpoint
        if not (endpoint.ca_certificate or endpoint.client_certificate):
            return None
        return TlsOptions(
            ca_pem=_bytes(endpoint.ca_certificate),
            client_cert_pem=_bytes(endpoint.client_certificate),
            client_key_pem=_bytes(key),
        )


@lru_cache(maxsize=512)
def _theirs(headers: tuple[tuple[str, str], ...], content_type: str) -> tuple[tuple[str, str], ...]:
    """Return the webhook's own headers without those that are ours to set, with a Content-Type."""
    kept = tuple(pair for pair in headers if pair[0].lower() not in _OURS)
    if any(name.lower() == "content-type" for name, _ in kept):
        return kept
    return (("Content-Type", content_type), *kept)


@lru_cache(maxsize=512)
def _shown(theirs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return redact_headers(theirs)


def _key(secret: str | None) -> SigningKey | None:
    return signing_key(secret) if secret else None


def _bytes(text: str | None) -> bytes | None:
    return text.encode() if text else None
