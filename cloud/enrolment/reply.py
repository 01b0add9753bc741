"""What a request of a device is answered with; every refusal names the remedy.

Used by `cloud.enrolment.desk` and `cloud.enrolment.http_app`.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from device_registry.authority.issuing import certs_only
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason

BUSY_S: Final = 5
_REALM: Final = b'Basic realm="coldwarden", charset="UTF-8"'
_STATUS: Final[Mapping[Reason, int]] = {
    Reason.UNKNOWN: 401,
    Reason.NOT_YET: 409,
    Reason.MISMATCH: 400,
    Reason.EXPIRED: 403,
    Reason.CANCELLED: 403,
    Reason.OTHER_KEY: 403,
    Reason.OTHER_GATEWAY: 403,
    Reason.REVOKED: 403,
    Reason.RETIRED: 403,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, content type, body, and headers besides."""

    status: int
    kind: bytes
    body: bytes
    extra: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return its headers."""
        length = str(len(self.body)).encode()
        common = [(b"content-type", self.kind), (b"content-length", length)]
        return [*common, (b"cache-control", b"no-store"), *self.extra]


def signed(body: bytes, media_type: str) -> Reply:
    """Return a message of the cloud."""
    return Reply(200, media_type.encode(), body)


def certificates(chain: tuple[x509.Certificate, ...]) -> Reply:
    """Return certificates as EST does (RFC 7030 section 4.1.3, RFC 8951)."""
    return Reply(
        200,
        b"application/pkcs7-mime; smime-type=certs-only",
        base64.encodebytes(certs_only(chain)),
        ((b"content-transfer-encoding", b"base64"),),
    )


def refused(status: int, error: str, remedy: str, *extra: tuple[bytes, bytes]) -> Reply:
    """Return the answer to a request that cannot be."""
    body = json.dumps({"error": error, "remedy": remedy}).encode()
    return Reply(status, b"application/json", body, extra)


def refusal_of(error: EnrolmentRefusedError) -> Reply:
    """Return the answer to a step that is not taken."""
    status = _STATUS[error.reason]
    return unauthorized(error) if status == 401 else refused(status, error.what, error.remedy)


def unauthorized(error: EnrolmentRefusedError) -> Reply:
    """Return the answer to the wrong secret."""
    return refused(401, error.what, error.remedy, (b"www-authenticate", _REALM))


def busy(why: str, retry_after_s: float = BUSY_S) -> Reply:
    """Return the answer when asking again later is right."""
    retry = (b"retry-after", str(max(1, round(retry_after_s))).encode())
    return refused(503, why, "try again later", retry)


def too_many(retry_after_s: float) -> Reply:
    """Return the answer to one who was refused too often."""
    retry = (b"retry-after", str(max(1, round(retry_after_s))).encode())
    return refused(429, "refused too often", "wait, and mend what the refusals said", retry)


def too_often(retry_after_s: float) -> Reply:
    """Return the answer to a gateway that renews or rotates again and again."""
    retry = (b"retry-after", str(max(1, round(retry_after_s))).encode())
    return refused(429, "renewed or rotated too often", "keep the last answer", retry)
