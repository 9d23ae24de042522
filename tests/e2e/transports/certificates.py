"""An authority of the tests' own, and certificates that are good or not."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, *, password: bytes | None = None) -> bytes:
        how: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


class Authority:
    """Signs certificates that only those accept who are told of it."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)
        self._own = self._sign("Test authority", issuer=None, names=(), is_authority=True)

    @property
    def pem(self) -> bytes:
        return self._own.certificate_pem

    def issue(self, *names: str, expired: bool = False, client: bool = False) -> Certified:
        return self._sign("Test", issuer=self._own, names=names, expired=expired, client=client)

    def _sign(
        self,
        common_name: str,
        *,
        issuer: Certified | None,
        names: tuple[str, ...],
        is_authority: bool = False,
        expired: bool = False,
        client: bool = False,
    ) -> Certified:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        signer = issuer.key if issuer else key
        until = self._now - timedelta(days=1) if expired else self._now + timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=2))
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if not is_authority:
            usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
            )
        return Certified(certificate=builder.sign(signer, hashes.SHA256()), key=key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def server_context(
    certified: Certified, folder: Path, *, asks_for_clients_of: Authority | None = None
) -> ssl.SSLContext:
    """Return what a server needs to show a certificate, and to ask for the client's."""
    chain = folder / "server.pem"
    chain.write_bytes(certified.certificate_pem + certified.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if asks_for_clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=asks_for_clients_of.pem.decode())
    return context
