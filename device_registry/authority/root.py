"""The offline root: made once, kept apart, needed again only for the next intermediate.

Used by `coldwarden-cloud ca`. Its folder belongs on a medium in a safe; nothing that serves
ever reads it.
"""

from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from device_registry.authority import key_file, profiles
from device_registry.authority.errors import AuthorityError

KEY_NAME: Final = "root.key"
CERTIFICATE_NAME: Final = "root.crt"


class OfflineRoot:
    """The root's key and certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @classmethod
    def create(cls, folder: Path, name: str, now_ms: int, passphrase: bytes = b"") -> Self:
        """Make the root in `folder`, its key under `passphrase` when there is one.

        Raises:
            AuthorityError: a root is there already, or the disk refused; with the remedy.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise AuthorityError(f"cannot make {folder}: {error.strerror}") from error
        key = key_file.new_key()
        certificate = profiles.root_certificate(name, key, now_ms)
        key_file.save_key(folder / KEY_NAME, key, passphrase)
        key_file.save_certificates(folder / CERTIFICATE_NAME, certificate)
        return cls(key, certificate)

    @classmethod
    def load(cls, folder: Path, passphrase: bytes = b"") -> Self:
        """Return the root of `folder`; AuthorityError carries the remedy."""
        key = key_file.load_key(folder / KEY_NAME, passphrase)
        return cls(key, key_file.load_certificate(folder / CERTIFICATE_NAME))

    def intermediate(
        self, name: str, public_key: ec.EllipticCurvePublicKey, now_ms: int
    ) -> x509.Certificate:
        """Return the certificate of an intermediate authority."""
        return profiles.intermediate_certificate(
            name, public_key, self.certificate, self._key, now_ms
        )
