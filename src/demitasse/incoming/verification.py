"""Verifying signatures over the raw bytes of a request. Pure, and in constant time.

The signature is computed whatever the request says, and every candidate is compared with every secret's result to the
last byte: how long it takes tells nothing of the secret, nor of how much of a guess was right.

Source: Standard Webhooks 1.0.0; the senders' own documentation of their schemes.
"""

import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import new as new_hash

from demitasse.delivery.errors import InvalidSigningSecret
from demitasse.delivery.signing import signing_key
from demitasse.incoming.model import Encoding, Failure, Layout, Scheme, Verdict

_MAX_SIGNATURES = 16
_MAX_ID_LENGTH = 256
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_ID = re.compile(r"[!-\-/-~]+", re.ASCII)
"""Visible ASCII but no dot, which would make what is signed ambiguous."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What a request says of itself; ``failure`` is the first thing that is wrong with its form."""

    signatures: tuple[bytes, ...]
    timestamp: str
    message_id: str
    failure: Failure | None


def verify(
    scheme: Scheme,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Sequence[str],
    now: datetime,
) -> Verdict:
    """Return whether the request was signed with one of the secrets, and when not, which check failed.

    Args:
        headers: By name in lower case.
        body: The raw bytes.
        secrets: As typed; more than one while a secret is being changed. Empty ones count for nothing.
        now: Aware, UTC.
    """
    keys = [key for secret in secrets if (key := _key(scheme, secret))]
    if not keys:
        return _refused(scheme, Failure.NOT_CONFIGURED)
    claim = _read_claim(scheme, headers)
    preamble = scheme.preamble.format(id=claim.message_id, timestamp=claim.timestamp).encode()
    signed = preamble + body if preamble else body
    expected = [hmac.digest(key, signed, scheme.algorithm) for key in keys]
    is_match = _any_equal(claim.signatures, expected)
    if claim.failure is not None:
        return _refused(scheme, claim.failure)
    if not is_match:
        return _refused(scheme, Failure.MISMATCH)
    sent_at_s = None
    if scheme.has_time:
        sent_at_s = int(claim.timestamp)
        age_s = now.timestamp() - sent_at_s
        if age_s > scheme.tolerance_s:
            return _refused(scheme, Failure.TOO_OLD)
        if -age_s > scheme.tolerance_s:
            return _refused(scheme, Failure.TOO_NEW)
    message_id = claim.message_id or None
    # Without an id, the first secret's result stands for the message: it does not depend on how a header is written.
    replay_id = message_id or (expected[0].hex() if scheme.has_time else None)
    return Verdict(scheme=scheme.name, message_id=message_id, sent_at_s=sent_at_s, replay_id=replay_id)


def replayed(verdict: Verdict) -> Verdict:
    """Return the refusal of a good request that was here before."""
    return Verdict(
        scheme=verdict.scheme,
        failure=Failure.REPLAYED,
        message=_WORDS[Failure.REPLAYED],
        message_id=verdict.message_id,
        sent_at_s=verdict.sent_at_s,
        replay_id=verdict.replay_id,
    )


def _key(scheme: Scheme, secret: str) -> bytes:
    """Return the secret as HMAC takes it; nothing when it cannot be used."""
    if not scheme.has_encoded_key:
        return secret.encode()
    try:
        return signing_key(secret).standard
    except InvalidSigningSecret:
        return b""


def _any_equal(given: Sequence[bytes], expected: Sequence[bytes]) -> bool:
    """Compare everything with everything, without stopping at the first match."""
    is_equal = False
    for candidate in given:
        for digest in expected:
            is_equal |= hmac.compare_digest(candidate, digest)
    return is_equal


def _read_claim(scheme: Scheme, headers: Mapping[str, str]) -> _Claim:
    text = headers.get(scheme.header, "").strip()
    parts = _parts(scheme, text)
    if scheme.layout is Layout.PAIRS:
        timestamp = next((part[2:] for part in parts if part.startswith("t=")), "")
    else:
        timestamp = headers.get(scheme.time_header, "").strip() if scheme.time_header else ""
    size = new_hash(scheme.algorithm).digest_size
    decoded = [_decode(scheme, part, size) for part in parts[:_MAX_SIGNATURES]]
    signatures = tuple(signature for signature in decoded if signature is not None)
    message_id = headers.get(scheme.id_header, "") if scheme.id_header else ""
    failure: Failure | None = None
    if not text:
        failure = Failure.MISSING
    elif not signatures:
        failure = Failure.MALFORMED
    elif scheme.id_header and _id_failure(message_id):
        failure = _id_failure(message_id)
    elif scheme.has_time and not _TIME.fullmatch(timestamp):
        failure = Failure.TIME_MALFORMED if timestamp else Failure.TIME_MISSING
    if (
        failure is not None
    ):  # What is not well formed is not signed either: something of its size is, for the time it takes.
        signatures, timestamp, message_id = (bytes(size),), "0", "0"
    return _Claim(signatures=signatures, timestamp=timestamp, message_id=message_id, failure=failure)


def _parts(scheme: Scheme, text: str) -> list[str]:
    match scheme.layout:
        case Layout.WHOLE:
            return [text]
        case Layout.LIST:
            return text.split()
        case Layout.PAIRS:
            return [part.strip() for part in text.split(",")]


def _id_failure(message_id: str) -> Failure | None:
    if not message_id:
        return Failure.ID_MISSING
    if len(message_id) > _MAX_ID_LENGTH or not _ID.fullmatch(message_id):
        return Failure.ID_MALFORMED
    return None


def _decode(scheme: Scheme, part: str, size: int) -> bytes | None:
    """Return the bytes of one signature, ``None`` unless it is written as the scheme says and has the right length."""
    if not part.startswith(scheme.prefix) or len(part) > len(scheme.prefix) + 2 * size + 2:
        return None
    text = part.removeprefix(scheme.prefix)
    try:
        if scheme.encoding is Encoding.HEX:
            found = binascii.unhexlify(text)
        else:
            found = binascii.a2b_base64(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == size else None


_WORDS = {
    Failure.NOT_CONFIGURED: "This endpoint is not configured: it has no secret to verify signatures with",
    Failure.MISSING: "The request carries no signature",
    Failure.MALFORMED: "The signature is not written as it must be",
    Failure.MISMATCH: "The signature does not match the body",
    Failure.TIME_MISSING: "The request does not say when it was signed",
    Failure.TIME_MALFORMED: "The time of signing is not a number of seconds",
    Failure.TOO_OLD: "The request was signed too long ago",
    Failure.TOO_NEW: "The request was signed in the future: compare the clocks",
    Failure.ID_MISSING: "The request carries no id",
    Failure.ID_MALFORMED: "The request's id cannot be used",
    Failure.REPLAYED: "The very same request has been here before",
}
_ABOUT_SIGNATURE = frozenset({Failure.MISSING, Failure.MALFORMED, Failure.MISMATCH})


def _refused(scheme: Scheme, failure: Failure) -> Verdict:
    message = _WORDS[failure]
    if failure in _ABOUT_SIGNATURE:
        message = f"{message} (header {scheme.header})"
    return Verdict(scheme=scheme.name, failure=failure, message=message)
