"""One request of a device: its parts, read strictly.

Pure. Used by `cloud.enrolment.desk`.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_csr

from device_registry.authority.csr import UNREADABLE
from device_registry.authority.errors import CsrError

_PEM: Final = b"-----BEGIN"
_REMEDY: Final = "send the DER of a PKCS#10 request in base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`authorization` is the header as sent, "" without; `peer` is the address it came from."""

    method: str
    path: str
    authorization: str = ""
    body: bytes = b""
    peer: str = ""

    @property
    def credentials(self) -> tuple[str, str]:
        """User name and password of HTTP Basic, empty when there are none."""
        scheme, _, encoded = self.authorization.partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return user, password


def csr_der(body: bytes) -> bytes:
    """Return the DER of a request in base64 (RFC 8951); PEM is taken too.

    Raises:
        CsrError: neither of them; with the remedy.
    """
    try:
        if body.lstrip().startswith(_PEM):
            return load_pem_x509_csr(body).public_bytes(Encoding.DER)
        return base64.b64decode(b"".join(body.split()), validate=True)
    except UNREADABLE as error:
        raise CsrError(f"the certificate request is not base64: {error}; {_REMEDY}") from error
