"""How enrolment messages are signed: COSE_Sign1, a type of their own each, gateway and site.

Used by the codecs of this package.
"""

from dataclasses import dataclass

from evidence import cbor, cose
from evidence.enrolment import fields
from evidence.errors import WireError
from evidence.keys import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Whose message it is: the header's iss and sub."""

    gateway: str
    site: str

    def __post_init__(self) -> None:
        fields.check_gateway(self.gateway)
        fields.check_site(self.site)


def typ_of(name: str) -> str:
    """Return the type of the message called `name`."""
    return f"application/vnd.coldwarden.{name}.v1+cbor"


def seal(name: str, payload: bytes, signer: cose.Signer, parties: Parties) -> bytes:
    """Return `payload`, signed as the message called `name`."""
    protected = cose.protected_header(
        alg=signer.alg,
        kid=signer.kid,
        typ=typ_of(name),
        iss=parties.gateway,
        sub=parties.site,
    )
    return cose.sign1(protected, payload, signer)


def peek(name: str, data: bytes) -> tuple[cose.Header, Parties, cose.Sign1]:
    """Return header, parties and parts of a message, nothing of it verified.

    Raises:
        WireError: "profile" when it is another message; "field"; codes of `cose.parse1`.
    """
    envelope = cose.parse1(data)
    header = cose.read_header(envelope.protected)
    if header.typ != typ_of(name):
        raise WireError("profile", f"type is {header.typ!r}, expected {typ_of(name)!r}")
    return header, Parties(gateway=header.iss, site=header.sub), envelope


def unseal(name: str, data: bytes, key: PublicKey) -> tuple[Parties, bytes]:
    """Return the parties and the payload of a message that `key` signed.

    Raises:
        WireError: "profile" when another key signed it; "signature"; as `peek`.
    """
    header, parties, envelope = peek(name, data)
    check_signed(header, envelope, key)
    return parties, envelope.payload


def check_signed(header: cose.Header, envelope: cose.Sign1, key: PublicKey) -> None:
    """Return when `key` signed it; WireError "profile" or "signature" otherwise."""
    if header.alg != key.alg or header.kid != key.kid:
        raise WireError(
            "profile", f"signed by key {header.kid.hex()}, expected {key.kid.hex()}"
        )
    cose.verify1(envelope, key)


def flat_list(payload: bytes, count: int, name: str) -> list[object]:
    """Return `payload` as an array of `count` plain items; WireError otherwise.

    A boolean is none of them: Python would take one for a number.
    """
    item = cbor.decode(payload, max_depth=1)
    if not isinstance(item, list) or len(item) != count:
        raise WireError("field", f"{name} is not an array of {count} items")
    if any(type(part) not in (int, bytes, str) for part in item):
        raise WireError("field", f"{name} holds something else than numbers and strings")
    return item
