"""A claim: the text (or QR) with which one gateway may enrol once.

Used by the cloud to print it and by the gateway to read it. Whoever holds the text may enrol
one device in that gateway's name until it ends, so it is secret for a day; the cloud keeps
only `secret_hash`. The pin binds what the server says of itself (`evidence.enrolment.anchors`).
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from evidence import cbor
from evidence.enrolment import fields
from evidence.enrolment.errors import ClaimError
from evidence.errors import WireError

PREFIX: Final = "cw1:"
ID_BYTES: Final = 8
SECRET_BYTES: Final = 16
PIN_BYTES: Final = 16
MAX_TEXT_CHARS: Final = 1024
_REMEDY: Final = "scan the QR again, or make a new claim on the page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Permission for one gateway; `url` is https, without a path behind the host's.

    Raises:
        WireError: "field" when a part is not what its name says.
    """

    id: bytes
    secret: bytes = field(repr=False)
    gateway: str
    site: str
    url: str
    pin: bytes

    def __post_init__(self) -> None:
        fields.check_sized(self.id, ID_BYTES, "claim id")
        fields.check_sized(self.secret, SECRET_BYTES, "claim secret")
        fields.check_sized(self.pin, PIN_BYTES, "pin")
        fields.check_gateway(self.gateway)
        fields.check_site(self.site)
        fields.check_url(self.url, "server address")

    @property
    def secret_hash(self) -> bytes:
        """SHA-256 of the secret: what the cloud keeps."""
        return secret_hash(self.secret)

    def text(self) -> str:
        """Return `cw1:` and the claim in base64url, for a QR label."""
        item = [self.id, self.secret, self.gateway, self.site, self.url, self.pin]
        return PREFIX + to_base64url(cbor.encode(item))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the claim that `text` wrote; white space around and within it is forgiven.

        Raises:
            ClaimError: it is another text, cut short or misread; with the remedy.
        """
        plain = "".join(text.split())
        if not plain.startswith(PREFIX):
            raise ClaimError(f"a claim begins with {PREFIX}; {_REMEDY}")
        if len(plain) > MAX_TEXT_CHARS:
            raise ClaimError(f"{len(plain)} characters are too many for a claim; {_REMEDY}")
        try:
            item = cbor.decode(from_base64url(plain[len(PREFIX) :]), max_depth=1)
            return cls._read(item)
        except WireError as error:
            raise ClaimError(f"claim cannot be read ({error}); {_REMEDY}") from error

    @classmethod
    def _read(cls, item: object) -> Self:
        match item:
            case [
                bytes() as id_,
                bytes() as secret,
                str() as gateway,
                str() as site,
                str() as url,
                bytes() as pin,
            ]:
                return cls(id=id_, secret=secret, gateway=gateway, site=site, url=url, pin=pin)
            case _:
                raise WireError("field", "not [id, secret, gateway, site, url, pin]")


def secret_hash(secret: bytes) -> bytes:
    """Return what the cloud keeps of a claim's secret."""
    return hashlib.sha256(secret).digest()


def to_base64url(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return the bytes of base64url without padding; WireError "field" when it is none."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise WireError("field", "not base64url") from None
    if to_base64url(data) != text:
        raise WireError("field", "not base64url in its canonical spelling")
    return data
