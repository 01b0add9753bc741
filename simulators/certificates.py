"""A throw-away certificate authority for mutual TLS, for a few days on one machine.

Used by the demo and by tests of the broker, the uplink and the cloud. P-256 throughout, as in
the field; files
are PEM, keys 0600. `valid_days` may be negative: that certificate has expired already.
"""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 2
BACKDATE = dt.timedelta(days=30)  # for clocks that are behind, and for ended certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One certificate with its key, as files; `ca` is the authority that vouches for it."""

    name: str
    cert: Path
    key: Path
    ca: Path

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts `ca` and presents this identity."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.cert, self.key)
        return context

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS context that demands a client certificate of the same authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.cert, self.key)
        return context


class Authority:
    """A root certificate in `folder`; two of them never trust each other."""

    def __init__(self, folder: Path, name: str = "Coldwarden throw-away authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = _dated(x509.CertificateBuilder(), AUTHORITY_DAYS)
        self._cert = (
            builder.subject_name(subject)
            .issuer_name(subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(_identifier(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))

    def server(self, name: str = "localhost", valid_days: float = 1) -> Identity:
        """Return a server's identity, good for `name`, localhost and 127.0.0.1."""
        names: list[x509.GeneralName] = [
            *(x509.DNSName(n) for n in sorted({name, "localhost"})),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        alternative = x509.SubjectAlternativeName(names)
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, valid_days, alternative)

    def client(self, name: str, valid_days: float = 1) -> Identity:
        """Return a client's identity; its common name is what the broker's ACL sees."""
        alternative = x509.SubjectAlternativeName([x509.DNSName(name)])
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, valid_days, alternative)

    def _issue(
        self,
        name: str,
        usage: x509.ObjectIdentifier,
        valid_days: float,
        alternative: x509.SubjectAlternativeName,
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        serial = x509.random_serial_number()
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        cert = (
            _dated(x509.CertificateBuilder(), valid_days)
            .subject_name(_name(name))
            .issuer_name(self._cert.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(alternative, critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = self._folder / f"{name}-{serial:x}"
        identity = Identity(
            name=name, cert=stem.with_suffix(".crt"), key=stem.with_suffix(".key"), ca=self.ca
        )
        identity.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        identity.key.touch(mode=0o600)
        identity.key.write_bytes(_private_pem(key))
        return identity


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _identifier(key: ec.EllipticCurvePublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key)


def _dated(builder: x509.CertificateBuilder, valid_days: float) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    end = now + dt.timedelta(days=valid_days)
    return builder.not_valid_before(min(now, end) - BACKDATE).not_valid_after(end)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
