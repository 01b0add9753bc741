"""The authority's files: made once, never overwritten, private ones readable by their owner."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from device_registry.authority.errors import AuthorityError
from evidence.disk import write_file
from evidence.errors import EvidenceError

Key = ec.EllipticCurvePrivateKey
Certificate = x509.Certificate


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def save_key(path: Path, key: ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> None:
    """Write a new file, mode 0600; AuthorityError when it is there or cannot be written."""
    encryption: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), 0o600)


def save_certificates(path: Path, *certificates: x509.Certificate) -> None:
    """Write a new PEM file; AuthorityError when it is there or cannot be written."""
    write_new(path, pem_of(*certificates), 0o644)


def replace_certificates(path: Path, *certificates: x509.Certificate) -> None:
    """Write a PEM file in place of the one that is there; AuthorityError when it cannot be."""
    try:
        write_file(path, pem_of(*certificates))
    except EvidenceError as error:
        raise AuthorityError(f"cannot write {path}: {error}") from error


def pem_of(*certificates: x509.Certificate) -> bytes:
    """Return the certificates in PEM, one after the other."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def load_key(path: Path, passphrase: bytes = b"") -> ec.EllipticCurvePrivateKey:
    """Return a private key; AuthorityError carries the remedy."""
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase or None)
    except OSError as error:
        raise AuthorityError(f"{path}: {error.strerror}; restore the authority") from error
    except (TypeError, ValueError) as error:
        raise AuthorityError(
            f"{path}: {error}; is it the right file and passphrase?"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"{path} is no P-256 key; restore the authority")
    return key


def load_certificate(path: Path) -> x509.Certificate:
    """Return a certificate; AuthorityError carries the remedy."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise AuthorityError(f"{path}: {error.strerror}; restore the authority") from error
    except ValueError as error:
        raise AuthorityError(f"{path}: {error}; restore the authority") from error


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a new file, durable when this returns; AuthorityError when it cannot be."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise AuthorityError(f"{path} exists; move it away first") from error
    except OSError as error:
        raise AuthorityError(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
