"""The TLS key, its request (PKCS#10) and the chain that comes back (PKCS#7), as bytes.

Used by enrolment and renewal. P-256; what comes back is believed when it certifies our own
key in our own name and leads to the pinned root.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from gateway_firmware_py.errors import EnrolmentError

MAX_CHAIN: Final = 4
_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
_REMEDY: Final = "the cloud's authority is not set up right; tell its operator"


def new_tls_key() -> bytes:
    """Return a new private key in PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def new_request(tls_key: bytes, gateway: str) -> bytes:
    """Return a certificate request in DER for `gateway`, signed by its TLS key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(_private(tls_key), hashes.SHA256()).public_bytes(_DER)


def root_pem(root: bytes) -> bytes:
    """Return the pinned root, DER, as PEM.

    Raises:
        EnrolmentError: it is no certificate of an authority.
    """
    try:
        return x509.load_der_x509_certificate(root).public_bytes(_PEM)
    except ValueError as error:
        raise EnrolmentError(f"the pinned root is no certificate; {_REMEDY}") from error


def read_certs_only(body: bytes) -> list[x509.Certificate]:
    """Return the certificates of an answer of EST: base64 of a PKCS#7 (RFC 8951).

    Raises:
        EnrolmentError: it is something else.
    """
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
        return pkcs7.load_der_pkcs7_certificates(der)
    except (ValueError, binascii.Error) as error:
        raise EnrolmentError(f"the answer holds no certificates; {_REMEDY}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What `tls.pem` holds: the private key, the gateway's certificate, and what leads up."""

    key: bytes
    chain: tuple[x509.Certificate, ...]

    @property
    def leaf_der(self) -> bytes:
        """Return the gateway's certificate in DER."""
        return self.chain[0].public_bytes(_DER)

    @property
    def not_before_s(self) -> float:
        """Return the Unix time from which the certificate is good."""
        return self.chain[0].not_valid_before_utc.timestamp()

    @property
    def not_after_s(self) -> float:
        """Return the Unix time until which the certificate is good."""
        return self.chain[0].not_valid_after_utc.timestamp()

    def to_pem(self) -> bytes:
        """Return the file."""
        return self.key + b"".join(cert.public_bytes(_PEM) for cert in self.chain)

    def is_of(self, tls_key: bytes) -> bool:
        """Return whether the certificate is for this private key."""
        return self.chain[0].public_key() == _private(tls_key).public_key()


def read_tls_identity(pem: bytes) -> TlsIdentity:
    """Return what `TlsIdentity.to_pem` wrote.

    Raises:
        EnrolmentError: the file is damaged.
    """
    at = pem.find(b"-----BEGIN CERTIFICATE-----")
    try:
        chain = x509.load_pem_x509_certificates(pem[max(at, 0) :])
        _private(pem[: max(at, 0)])
    except ValueError as error:
        remedy = "enrol the gateway anew with a new claim"
        raise EnrolmentError(f"the TLS certificate's file is damaged; {remedy}") from error
    return TlsIdentity(key=pem[:at], chain=tuple(chain))


def certified(
    tls_key: bytes, gateway: str, found: Sequence[x509.Certificate], root: bytes
) -> TlsIdentity:
    """Return the identity that the authority made of our key.

    Args:
        tls_key: our private key, PEM.
        gateway: our name.
        found: what was issued, and the authority's own certificates, in any order.
        root: the pinned root, DER.

    Raises:
        EnrolmentError: the certificate is for another key or name, or not under the root.
    """
    ours = _private(tls_key).public_key()
    leaf = next((cert for cert in found if cert.public_key() == ours), None)
    if leaf is None:
        raise EnrolmentError(f"the certificate is not for this device's key; {_REMEDY}")
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [name.value for name in names] != [gateway]:
        raise EnrolmentError(f"the certificate is not for {gateway}; {_REMEDY}")
    return TlsIdentity(key=tls_key, chain=_chain_to(leaf, found, root))


def _chain_to(
    leaf: x509.Certificate, found: Sequence[x509.Certificate], root: bytes
) -> tuple[x509.Certificate, ...]:
    """Return leaf and intermediates; the root itself is known to the other end."""
    top = x509.load_der_x509_certificate(root)
    chain = [leaf]
    while len(chain) <= MAX_CHAIN:
        if _issued(chain[-1], top):
            return tuple(chain)
        above = next((c for c in found if c not in chain and _issued(chain[-1], c)), None)
        if above is None:
            break
        chain.append(above)
    raise EnrolmentError(f"the certificate does not lead to the claim's authority; {_REMEDY}")


def _issued(cert: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        cert.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return constraints.value.ca


def _private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not a P-256 key")
    return key
