"""The online intermediate: makes the certificates of gateways and servers, and the CRL.

Used by enrolment, by the broker's obedience and by `coldwarden-cloud ca`. Its folder holds
`intermediate.key` (0600), `intermediate.crt` and `root.crt`; the root's key is elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from device_registry.authority import key_file, profiles
from device_registry.authority.errors import AuthorityError
from device_registry.authority.root import OfflineRoot

KEY_NAME: Final = "intermediate.key"
CERTIFICATE_NAME: Final = "intermediate.crt"
ROOT_NAME: Final = "root.crt"
CLIENT_CA_NAME: Final = "clients-ca.pem"
"""Intermediate and root in one file: what a broker needs to judge gateways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A certificate that is no longer good, and since when."""

    serial: int
    at_ms: int


class Authority:
    """See the module. Safe from several threads."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        root: x509.Certificate,
    ) -> None:
        self._key = key
        self._issuer = profiles.Issuer(certificate=certificate, key=key)
        self.certificate = certificate
        self.root = root

    @classmethod
    def create(cls, folder: Path, root: OfflineRoot, name: str, now_ms: int) -> Self:
        """Make an intermediate under `root`.

        Raises:
            AuthorityError: one is there already, or the disk refused; with the remedy.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise AuthorityError(f"cannot make {folder}: {error.strerror}") from error
        key = key_file.new_key()
        certificate = root.intermediate(name, key.public_key(), now_ms)
        key_file.save_key(folder / KEY_NAME, key)
        key_file.save_certificates(folder / CERTIFICATE_NAME, certificate)
        key_file.save_certificates(folder / ROOT_NAME, root.certificate)
        key_file.save_certificates(folder / CLIENT_CA_NAME, certificate, root.certificate)
        return cls(key, certificate, root.certificate)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the authority of `folder`.

        Raises:
            AuthorityError: files are missing or do not belong together; with the remedy.
        """
        authority = cls(
            key_file.load_key(folder / KEY_NAME),
            key_file.load_certificate(folder / CERTIFICATE_NAME),
            key_file.load_certificate(folder / ROOT_NAME),
        )
        try:
            authority.certificate.verify_directly_issued_by(authority.root)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise AuthorityError(
                f"{folder}: {CERTIFICATE_NAME} is not of {ROOT_NAME}; restore both"
            ) from error
        if authority.certificate.public_key() != authority._key.public_key():
            raise AuthorityError(
                f"{folder}: {KEY_NAME} is not of {CERTIFICATE_NAME}; restore both"
            )
        return authority

    def renew(self, folder: Path, root: OfflineRoot, now_ms: int) -> x509.Certificate:
        """Replace the intermediate's certificate in `folder` by one that begins now.

        Key and name stay, so that everything it has signed stays good.

        Raises:
            AuthorityError: it is another root, or the disk refused; with the remedy.
        """
        if root.certificate != self.root:
            raise AuthorityError(f"{folder} is of another root; bring the one that made it")
        name = profiles.common_name(self.certificate)
        renewed = root.intermediate(name, self._key.public_key(), now_ms)
        key_file.replace_certificates(folder / CLIENT_CA_NAME, renewed, self.root)
        key_file.replace_certificates(folder / CERTIFICATE_NAME, renewed)
        return renewed

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Intermediate and root."""
        return self.certificate, self.root

    def issue(
        self, gateway: str, public_key: ec.EllipticCurvePublicKey, now_ms: int
    ) -> x509.Certificate:
        """Return a gateway's certificate: 90 days, client authentication only."""
        days = profiles.LEAF_DAYS
        return profiles.client_certificate(self._issuer, gateway, public_key, now_ms, days)

    def client(
        self, name: str, public_key: ec.EllipticCurvePublicKey, now_ms: int
    ) -> x509.Certificate:
        """Return the certificate that the cloud itself shows to the broker."""
        days = profiles.SERVER_DAYS
        return profiles.client_certificate(self._issuer, name, public_key, now_ms, days)

    def server(
        self, names: Sequence[str], public_key: ec.EllipticCurvePublicKey, now_ms: int
    ) -> x509.Certificate:
        """Return a server's certificate, good for `names` (hosts or addresses)."""
        return profiles.server_certificate(self._issuer, names, public_key, now_ms)

    def crl(self, revoked: Iterable[Revoked], now_ms: int) -> bytes:
        """Return the list of revoked certificates in PEM; its number is the time in seconds."""
        now = profiles.at(now_ms)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - profiles.BACKDATE)
            .next_update(now + timedelta(days=profiles.CRL_DAYS))
            .add_extension(x509.CRLNumber(now_ms // 1000), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        for one in sorted(revoked, key=lambda one: one.serial):
            entry = x509.RevokedCertificateBuilder().serial_number(one.serial)
            builder = builder.add_revoked_certificate(
                entry.revocation_date(profiles.at(one.at_ms)).build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def certs_only(certificates: Sequence[x509.Certificate]) -> bytes:
    """Return a PKCS#7 certs-only message in DER: the shape of every answer of EST."""
    return pkcs7.serialize_certificates(list(certificates), Encoding.DER)
