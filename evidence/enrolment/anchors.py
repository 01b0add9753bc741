"""What a gateway pins before it believes anything: root certificate, log key, control key.

Fetched once from `/v1/anchors` over a connection that nobody vouches for yet; the claim's pin
says whether they are the right ones, and from then on the root vouches for every connection.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from evidence import cbor
from evidence.enrolment import fields
from evidence.enrolment.claim import PIN_BYTES
from evidence.enrolment.errors import AnchorsError
from evidence.errors import WireError
from evidence.keys import PublicKey

PATH: Final = "/v1/anchors"
MEDIA_TYPE: Final = "application/vnd.coldwarden.anchors.v1+cbor"
MAX_BYTES: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """`root` is an X.509 certificate in DER; `log_origin` is the log's name without a year."""

    root: bytes
    log_origin: str
    log_key: PublicKey
    control_key: PublicKey

    def encode(self) -> bytes:
        """Return the canonical bytes, the ones that `pin` covers."""
        keys = [self.log_key.to_text(), self.control_key.to_text()]
        return cbor.encode([self.root, self.log_origin, *keys])

    def pin(self) -> bytes:
        """Return the first 16 bytes of the SHA-256 of `encode`."""
        return hashlib.sha256(self.encode()).digest()[:PIN_BYTES]


def decode_anchors(data: bytes) -> Anchors:
    """Return the anchors, believed by nobody yet.

    Raises:
        WireError: "size", "cbor", "canonical" or "field".
    """
    match cbor.decode(data, max_bytes=MAX_BYTES, max_depth=1):
        case [bytes() as root, str() as origin, str() as log, str() as control] if root:
            return Anchors(
                root=root,
                log_origin=fields.check_text(origin, "log origin"),
                log_key=fields.read_key(log),
                control_key=fields.read_key(control),
            )
        case _:
            raise WireError("field", "anchors are not [root, origin, log key, control key]")


def pinned_anchors(data: bytes, pin: bytes) -> Anchors:
    """Return the anchors that a claim vouches for.

    Raises:
        AnchorsError: they are others than the pinned ones; with the remedy.
        WireError: as `decode_anchors`.
    """
    if not hmac.compare_digest(hashlib.sha256(data).digest()[:PIN_BYTES], pin):
        raise AnchorsError(
            "the server's root and keys are not the ones of the claim; check the address, and "
            "whether something between here and there opens the connection"
        )
    return decode_anchors(data)
