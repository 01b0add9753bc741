"""An offline root and an online intermediate of a test, and certificates for what they see."""

import base64
import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
LEAF_DAYS = 90

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(slots=True)
class Issuer:
    """A certificate that signs others, and its key."""

    name: str
    parent: "Issuer | None" = None
    key: Key = field(default_factory=new_key)
    cert: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        above = self.parent or self
        builder = _builder(self.name, self.key.public_key(), above.name, LEAF_DAYS * 10)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.cert = builder.sign(above.key, hashes.SHA256())

    def issue(
        self, public: ec.EllipticCurvePublicKey, name: str, *, days: float = LEAF_DAYS
    ) -> x509.Certificate:
        """Return a client's certificate for `public`."""
        builder = _builder(name, public, self.name, days)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return builder.add_extension(usage, critical=False).sign(self.key, hashes.SHA256())

    def server_context(
        self, folder: Path, host: str = "127.0.0.1", *, begins_in_days: float = -1
    ) -> ssl.SSLContext:
        """Return the context of a server that shows its chain without the root."""
        key = new_key()
        builder = _builder(host, key.public_key(), self.name, LEAF_DAYS, begins_in_days)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        cert = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        file = folder / f"server-{cert.serial_number:x}.pem"
        private = key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + cert.public_bytes(PEM) + self.cert.public_bytes(PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def certs_only(*certs: x509.Certificate) -> bytes:
    """Return the answer of EST: base64 of a PKCS#7 without signers."""
    return base64.encodebytes(pkcs7.serialize_certificates(list(certs), DER))


def _builder(
    name: str,
    public: ec.EllipticCurvePublicKey,
    issuer: str,
    days: float,
    begins_in_days: float = -1,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=begins_in_days))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
