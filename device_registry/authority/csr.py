"""A certificate request (PKCS#10): read, and its possession of the private key proven.

Pure. Used by `device_registry.enrolment`.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from device_registry.authority.errors import CsrError
from device_registry.authority.profiles import common_name

MAX_BYTES: Final = 8192
UNREADABLE: Final = (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm)
"""What `cryptography` raises for a request that is none."""
_REMEDY: Final = "make one: openssl req -new -key tls.key -subj /CN=GATEWAY -outform DER"
_CURVE_REMEDY: Final = "make the key: openssl ecparam -name prime256v1 -genkey -noout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Csr:
    """What a request says and proves; hashes are SHA-256, of its DER and of its key's."""

    common_name: str
    public_key: ec.EllipticCurvePublicKey
    sha256: bytes
    key_sha256: bytes


def read_csr(der: bytes) -> Csr:
    """Return the request whose sender holds the private key.

    Raises:
        CsrError: no PKCS#10, not signed by its own key, or a key of another kind than P-256;
            with the remedy.
    """
    if len(der) > MAX_BYTES:
        raise CsrError(f"certificate request over {MAX_BYTES} bytes; {_REMEDY}")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        is_signed = request.is_signature_valid
        name = common_name(request)
        is_padded = not der.endswith(b"\0" + request.signature)
    except UNREADABLE as error:
        raise CsrError(f"no certificate request (PKCS#10): {error}; {_REMEDY}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, ec.SECP256R1
    ):
        raise CsrError(f"the request's key is not P-256; {_CURVE_REMEDY}")
    if not is_signed:
        raise CsrError(f"the request is not signed by its own key; {_REMEDY}")
    if is_padded:
        # A signature ending in a 0 bit verifies as well when that bit is called padding: the
        # same request would have several hashes.
        raise CsrError(
            f"the request's signature leaves bits of its last byte unused; {_REMEDY}"
        )
    return Csr(
        common_name=name,
        public_key=key,
        sha256=hashlib.sha256(der).digest(),
        key_sha256=key_sha256(key),
    )


def key_sha256(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the SHA-256 of a public key's SubjectPublicKeyInfo."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest()
