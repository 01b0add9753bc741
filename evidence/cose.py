"""Strict COSE_Sign1 (RFC 9052): the envelope of everything that is signed on the link.

Used by both ends and by the verifier. One layout is accepted: tag 18, a protected header that
is not empty, an empty unprotected header, an attached payload, a 64-byte signature. Receipts,
which differ, have their own module.
"""

from dataclasses import dataclass
from typing import Protocol

from evidence import cbor
from evidence.errors import WireError

ALG_ED25519 = -19
ALG_ESP256 = -9
"""Fully-specified algorithms of RFC 9864; the algorithm is pinned with the key."""
SIGNATURE_BYTES = 64
KID_BYTES = 8
MAX_BYTES = 65536

_ALG, _KID, _CLAIMS, _TYP = 1, 4, 15, 16
_ISS, _SUB = 1, 2
_START = b"\xd2\x84"
_NO_UNPROTECTED = b"\xa0"
_SIGNATURE_HEAD = b"\x58\x40"
_CONTEXT = b"\x84\x6aSignature1"
_NO_EXTERNAL = b"\x40"


class Signer(Protocol):
    """Whatever holds a private key: a file today, a secure element later."""

    @property
    def alg(self) -> int:
        """The COSE algorithm."""

    @property
    def kid(self) -> bytes:
        """Key id, 8 bytes."""

    def sign(self, data: bytes) -> bytes:
        """Return 64 bytes: Ed25519, or r || s of ECDSA with a low s."""


class Verifier(Protocol):
    """A public key."""

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` is this key's over `data`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a protected header says; `iss` and `sub` are empty when absent."""

    alg: int
    kid: bytes
    typ: str
    iss: str = ""
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Sign1:
    """The three signed parts of an envelope; `protected` is not parsed yet."""

    protected: bytes
    payload: bytes
    signature: bytes


def protected_header(*, alg: int, kid: bytes, typ: str, iss: str = "", sub: str = "") -> bytes:
    """Return the protected header; claims that are empty are left out."""
    claims = {label: text for label, text in ((_ISS, iss), (_SUB, sub)) if text}
    fields: dict[int, object] = {_ALG: alg, _KID: kid, _TYP: typ}
    if claims:
        fields[_CLAIMS] = claims
    return cbor.encode(fields)


def read_header(protected: bytes) -> Header:
    """Return what `protected` says.

    Raises:
        WireError: "profile" when a field is missing, unknown or of another type; codes of
            `evidence.cbor.decode` when it is not deterministic CBOR.
    """
    fields = cbor.decode(protected, max_bytes=1024, max_depth=2)
    match fields:
        case {1: int() as alg, 4: bytes() as kid, 16: str() as typ, **rest} if len(
            kid
        ) == KID_BYTES and rest.keys() <= {_CLAIMS}:
            iss, sub = _read_claims(rest.get(_CLAIMS, {}))
            return Header(alg=alg, kid=kid, typ=typ, iss=iss, sub=sub)
        case _:
            raise WireError("profile", "protected header is not {alg, kid, claims, typ}")


def _read_claims(claims: object) -> tuple[str, str]:
    if not isinstance(claims, dict) or not claims.keys() <= {_ISS, _SUB}:
        raise WireError("profile", "claims are not {iss, sub}")
    iss, sub = claims.get(_ISS, ""), claims.get(_SUB, "")
    if not isinstance(iss, str) or not isinstance(sub, str):
        raise WireError("profile", "iss or sub is not text")
    return iss, sub


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure of RFC 9052 section 4.4, external data empty."""
    return b"".join(
        (
            _CONTEXT,
            cbor.head(cbor.BYTES, len(protected)),
            protected,
            _NO_EXTERNAL,
            cbor.head(cbor.BYTES, len(payload)),
            payload,
        )
    )


def sign1(protected: bytes, payload: bytes, signer: Signer) -> bytes:
    """Return the signed envelope."""
    signature = signer.sign(to_be_signed(protected, payload))
    return b"".join(
        (
            _START,
            cbor.byte_string(protected),
            _NO_UNPROTECTED,
            cbor.byte_string(payload),
            _SIGNATURE_HEAD,
            signature,
        )
    )


def parse1(data: bytes, max_bytes: int = MAX_BYTES) -> Sign1:
    """Return the parts of an envelope, nothing of it verified.

    Raises:
        WireError: "size", "profile" (another layout), "cbor" or "canonical".
    """
    size = len(data)
    if size > max_bytes:
        raise WireError("size", f"{size} bytes, at most {max_bytes} are allowed")
    if data[:2] != _START:
        raise WireError("profile", "not a tagged COSE_Sign1")
    protected, at = cbor.read_bytes(data, 2)
    if not protected or data[at : at + 1] != _NO_UNPROTECTED:
        raise WireError("profile", "protected header empty, or unprotected header not empty")
    payload, at = cbor.read_bytes(data, at + 1)
    if data[at : at + 2] != _SIGNATURE_HEAD or size - at != 2 + SIGNATURE_BYTES:
        raise WireError("profile", "signature is not the last 64 bytes")
    return Sign1(protected, payload, data[at + 2 :])


def verify1(envelope: Sign1, key: Verifier) -> None:
    """Return if the signature is `key`'s.

    Raises:
        WireError: "signature".
    """
    if not key.verify(to_be_signed(envelope.protected, envelope.payload), envelope.signature):
        raise WireError("signature", "signature does not verify")
