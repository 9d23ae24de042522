"""Signature schemes of incoming requests, and what a verification says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from demitasse.incoming.errors import InvalidScheme, UnknownScheme

TOLERANCE_S = 300
ALGORITHMS = frozenset({"sha1", "sha256", "sha384", "sha512"})


class Encoding(Enum):
    """How the bytes of a signature are written."""

    HEX = "hex"
    BASE64 = "base64"


class Layout(Enum):
    """Where in its header a signature stands."""

    WHOLE = "whole"
    """The header is one signature, after the scheme's prefix."""
    LIST = "list"
    """Signatures separated by spaces, each after the prefix; those with other prefixes are passed over."""
    PAIRS = "pairs"
    """``name=value`` separated by commas: the time as ``t``, each signature after the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How a sender signs.

    Args:
        header: Where the signature stands, in lower case.
        preamble: What is signed before the body; ``{id}`` and ``{timestamp}`` stand for what the request says.
        time_header: Where the moment of signing stands, unless it is in the signature's own header.
        id_header: Where the id of the message stands; it is signed too.
        tolerance_s: How far the moment of signing may be from now, in both directions.
        has_encoded_key: A secret that starts with ``whsec_`` goes on with base64.
    """

    name: str
    header: str
    encoding: Encoding
    layout: Layout = Layout.WHOLE
    prefix: str = ""
    algorithm: str = "sha256"
    preamble: str = ""
    time_header: str | None = None
    id_header: str | None = None
    tolerance_s: int = TOLERANCE_S
    has_encoded_key: bool = False

    @property
    def has_time(self) -> bool:
        """Whether the moment of signing is part of what is signed."""
        return "{timestamp}" in self.preamble


class Failure(Enum):
    """The check that a request did not pass."""

    NOT_CONFIGURED = "not_configured"
    MISSING = "signature_missing"
    MALFORMED = "signature_malformed"
    MISMATCH = "signature_mismatch"
    TIME_MISSING = "timestamp_missing"
    TIME_MALFORMED = "timestamp_malformed"
    TOO_OLD = "timestamp_too_old"
    TOO_NEW = "timestamp_in_the_future"
    ID_MISSING = "id_missing"
    ID_MALFORMED = "id_malformed"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the verification of one request found.

    Args:
        failure: The check that failed, ``None`` when all passed.
        message: For people, also strangers: it names no secret and no expected value.
        message_id: The id that the sender signed.
        sent_at_s: The moment of signing, in seconds since 1970.
        replay_id: What is the same when the very same message comes again; only of a good request that carries an id or
            a time.
    """

    scheme: str
    failure: Failure | None = None
    message: str = ""
    message_id: str | None = None
    sent_at_s: int | None = None
    replay_id: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the request comes from who knows the secret."""
        return self.failure is None

    @property
    def summary(self) -> str:
        """One word for the log."""
        return "verified" if self.failure is None else self.failure.value


def _standard(name: str, prefix: str) -> Scheme:
    return Scheme(
        name=name,
        header=f"{prefix}-signature",
        encoding=Encoding.BASE64,
        layout=Layout.LIST,
        prefix="v1,",
        preamble="{id}.{timestamp}.",
        time_header=f"{prefix}-timestamp",
        id_header=f"{prefix}-id",
        has_encoded_key=True,
    )


PRESETS: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme(name="hmac_hex", header="x-signature", encoding=Encoding.HEX),
        Scheme(name="hmac_base64", header="x-signature", encoding=Encoding.BASE64),
        Scheme(name="frappe", header="x-frappe-webhook-signature", encoding=Encoding.BASE64),
        Scheme(name="github", header="x-hub-signature-256", encoding=Encoding.HEX, prefix="sha256="),
        Scheme(name="shopify", header="x-shopify-hmac-sha256", encoding=Encoding.BASE64),
        Scheme(
            name="slack",
            header="x-slack-signature",
            encoding=Encoding.HEX,
            prefix="v0=",
            preamble="v0:{timestamp}:",
            time_header="x-slack-request-timestamp",
        ),
        Scheme(
            name="stripe",
            header="stripe-signature",
            encoding=Encoding.HEX,
            layout=Layout.PAIRS,
            prefix="v1=",
            preamble="{timestamp}.",
        ),
        _standard("standard_webhooks", "webhook"),
        _standard("svix", "svix"),
    )
}


def scheme_of(
    preset: str,
    *,
    header: str | None = None,
    algorithm: str | None = None,
    prefix: str | None = None,
    tolerance_s: int | None = None,
) -> Scheme:
    """Return a preset, with the parts changed that a sender does in its own way.

    Args:
        header: Where the signature stands, in any case.
        algorithm: ``sha1``, ``sha256``, ``sha384`` or ``sha512``.
        prefix: What stands before the signature in its header.

    Raises:
        UnknownScheme: there is no such preset.
        InvalidScheme: the algorithm is not known, the header empty, or the tolerance not positive.
    """
    scheme = PRESETS.get(preset)
    if scheme is None:
        message = f"There is no signature scheme {preset!r}: take one of {', '.join(PRESETS)}"
        raise UnknownScheme(message, known=tuple(PRESETS))
    if algorithm is not None and algorithm not in ALGORITHMS:
        message = f"The algorithm {algorithm!r} cannot be used: take one of {', '.join(sorted(ALGORITHMS))}"
        raise InvalidScheme(message, scheme=preset)
    if header is not None and not header.strip():
        message = f"The scheme {preset} needs the name of the header that carries the signature"
        raise InvalidScheme(message, scheme=preset)
    if tolerance_s is not None and tolerance_s <= 0:
        message = "The tolerance must be a positive number of seconds"
        raise InvalidScheme(message, scheme=preset)
    return replace(
        scheme,
        header=scheme.header if header is None else header.strip().lower(),
        algorithm=scheme.algorithm if algorithm is None else algorithm,
        prefix=scheme.prefix if prefix is None else prefix,
        tolerance_s=scheme.tolerance_s if tolerance_s is None else tolerance_s,
    )
