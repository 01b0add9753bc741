"""The registry's rows as the facts that `decisions` asks for."""

import hashlib
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from device_registry.authority.csr import key_sha256
from device_registry.authority.profiles import ms_of
from device_registry.enrolment.decisions import CertificateFacts, ClaimFacts, KeyFacts
from device_registry.store.row import Row


def claim_facts(row: Row | None) -> ClaimFacts | None:
    """Return what a claim's row says."""
    if row is None:
        return None
    return ClaimFacts(
        gateway=row.text("gateway"),
        site=row.text("site"),
        state=row.text("state"),
        until_ms=row.number("until_ms"),
        secret_hash=bytes.fromhex(row.text("secret_hash")),
        bound_key=bytes.fromhex(row.text("csr_key_hash")),
    )


def key_facts(row: Row | None, site: str, successor: bytes = b"") -> KeyFacts | None:
    """Return what a key's row says; `site` is its gateway's."""
    if row is None:
        return None
    gateway, state = row.text("gateway"), row.text("state")
    return KeyFacts(gateway=gateway, site=site, state=state, successor=successor)


def parsed(row: Row) -> x509.Certificate:
    """Return the certificate of a row."""
    return x509.load_pem_x509_certificate(row.text("pem").encode())


def certificate_facts(row: Row) -> CertificateFacts:
    """Return what a certificate's row says."""
    certificate = parsed(row)
    return CertificateFacts(
        serial=certificate.serial_number,
        key_sha256=_key_sha256(certificate),
        state=row.text("state"),
        not_before_ms=ms_of(certificate.not_valid_before_utc),
        not_after_ms=ms_of(certificate.not_valid_after_utc),
    )


def of_key(rows: Iterable[Row], key: bytes) -> dict[bytes, Row]:
    """Return the rows of certificates for the TLS key with this hash, by their SHA-256."""
    certificates = ((row, parsed(row)) for row in rows)
    return {
        hashlib.sha256(one.public_bytes(Encoding.DER)).digest(): row
        for row, one in certificates
        if _key_sha256(one) == key
    }


def _key_sha256(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    return key_sha256(key) if isinstance(key, ec.EllipticCurvePublicKey) else b""
