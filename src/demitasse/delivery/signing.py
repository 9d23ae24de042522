"""Signatures of a request: Frappe's and Standard Webhooks', over the very bytes that are sent.

Source: Frappe's ``X-Frappe-Webhook-Signature`` (base64 of HMAC-SHA256 over the body, keyed with the secret as typed);
Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).
"""

import binascii
import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from demitasse.delivery.errors import InvalidSigningSecret

FRAPPE_HEADER = "X-Frappe-Webhook-Signature"
ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A secret as each of the two schemes uses it."""

    frappe: bytes = field(repr=False)
    standard: bytes = field(repr=False)


@lru_cache(maxsize=256)
def signing_key(secret: str) -> SigningKey:
    """Return the keys that a secret stands for: after ``whsec_`` comes base64, anything else is its UTF-8 bytes.

    Raises:
        InvalidSigningSecret: what follows ``whsec_`` is not base64, or is empty.
    """
    typed = secret.encode()
    if not secret.startswith(_PREFIX):
        return SigningKey(frappe=typed, standard=typed)
    encoded = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        raw = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise _unusable() from error
    if not raw:
        raise _unusable()
    return SigningKey(frappe=typed, standard=raw)


def _unusable() -> InvalidSigningSecret:
    message = "A webhook secret that starts with whsec_ must go on with base64: copy it again, or use another text"
    return InvalidSigningSecret(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The keys of an endpoint.

    Args:
        current: ``None`` where the webhook has no secret.
        previous: The key before it, while receivers change over.
        previous_until: When the change-over ends.
        signs_for_frappe: Whether Frappe's header is sent.
    """

    current: SigningKey | None
    previous: SigningKey | None = None
    previous_until: datetime | None = None
    signs_for_frappe: bool = False

    def headers(self, body: bytes, *, message_id: str, now: datetime) -> tuple[tuple[str, str], ...]:
        """Return the headers that identify and sign a request that leaves now.

        During a change of secrets Frappe's header, which has room for one signature, is still made with the old one, and
        Standard Webhooks' carries both.
        """
        timestamp = str(int(now.timestamp()))
        found = [(ID_HEADER, message_id), (TIMESTAMP_HEADER, timestamp)]
        if self.current is None:
            return tuple(found)
        changing = self.previous is not None and self.previous_until is not None and now < self.previous_until
        signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
        signatures = "v1," + _hmac(self.current.standard, signed)
        frappe = self.current.frappe
        if changing and self.previous is not None:
            signatures += " v1," + _hmac(self.previous.standard, signed)
            frappe = self.previous.frappe
        found.append((SIGNATURE_HEADER, signatures))
        if self.signs_for_frappe:
            found.append((FRAPPE_HEADER, _hmac(frappe, body)))
        return tuple(found)


def _hmac(key: bytes, message: bytes) -> str:
    return b64encode(hmac.digest(key, message, "sha256")).decode()
