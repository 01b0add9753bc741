"""What stands in each kind of certificate that the authority makes (RFC 5280).

Used by `root` and `issuing`. P-256 and SHA-256 throughout: what a secure element, Mosquitto and
every TLS library speak. Every certificate is valid from a day before it was made, for clocks
that are behind.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_DAYS: Final = 20 * 365
INTERMEDIATE_DAYS: Final = 5 * 365
LEAF_DAYS: Final = 90
SERVER_DAYS: Final = 397
CRL_DAYS: Final = 30
"""A broker refuses everybody once its list is older: far more than any outage we survive."""
BACKDATE: Final = dt.timedelta(days=1)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def at(at_ms: int) -> dt.datetime:
    """Return the moment, in whole seconds as certificates have it."""
    return _EPOCH + dt.timedelta(seconds=at_ms // 1000)


def ms_of(moment: dt.datetime) -> int:
    """Return Unix ms."""
    return int((moment - _EPOCH).total_seconds() * 1000)


def root_certificate(
    name: str, key: ec.EllipticCurvePrivateKey, now_ms: int
) -> x509.Certificate:
    """Return a self-signed root, good for one authority below it."""
    builder = _authority(name, name, key.public_key(), path_length=1)
    return _dated(builder, now_ms, ROOT_DAYS).sign(key, hashes.SHA256())


def intermediate_certificate(
    name: str,
    public_key: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    now_ms: int,
) -> x509.Certificate:
    """Return the certificate of an authority that makes leaves only."""
    builder = _authority(name, common_name(root), public_key, path_length=0)
    builder = builder.add_extension(_authority_id(root_key.public_key()), critical=False)
    return _dated(builder, now_ms, INTERMEDIATE_DAYS).sign(root_key, hashes.SHA256())


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who signs a leaf: an authority's certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def client_certificate(
    issuer: Issuer, name: str, public_key: ec.EllipticCurvePublicKey, now_ms: int, days: int
) -> x509.Certificate:
    """Return a client's certificate; its common name is what the broker sees."""
    names = [x509.DNSName(name)]
    builder = _leaf(name, public_key, names, ExtendedKeyUsageOID.CLIENT_AUTH)
    return _signed(builder, issuer, now_ms, days)


def server_certificate(
    issuer: Issuer, names: Sequence[str], public_key: ec.EllipticCurvePublicKey, now_ms: int
) -> x509.Certificate:
    """Return a server's certificate; `names` are hosts and addresses."""
    general = [_general_name(name) for name in names]
    builder = _leaf(names[0], public_key, general, ExtendedKeyUsageOID.SERVER_AUTH)
    return _signed(builder, issuer, now_ms, SERVER_DAYS)


def _signed(
    builder: x509.CertificateBuilder, issuer: Issuer, now_ms: int, days: int
) -> x509.Certificate:
    """Sign a leaf; it is never valid for longer than its issuer."""
    now = at(now_ms)
    end = min(now + dt.timedelta(days=days), issuer.certificate.not_valid_after_utc)
    return (
        builder.issuer_name(issuer.certificate.subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(end)
        .add_extension(_authority_id(issuer.key.public_key()), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def common_name(certificate: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Return the subject's common name, "" when there is none."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _authority(
    name: str, issuer: str, key: ec.EllipticCurvePublicKey, path_length: int
) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(constraints, critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _leaf(
    name: str,
    key: ec.EllipticCurvePublicKey,
    names: Sequence[x509.GeneralName],
    usage: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _authority_id(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _dated(builder: x509.CertificateBuilder, now_ms: int, days: int) -> x509.CertificateBuilder:
    now = at(now_ms)
    return builder.not_valid_before(now - BACKDATE).not_valid_after(
        now + dt.timedelta(days=days)
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
