"""What a gateway is to measure, as the cloud sends it and as the gateway answers (SPEC.md 6.1).

Used by the cloud to build and sign, by the gateway to understand. A document is canonical CBOR
and known by its SHA-256; on the link it travels deflated, so that thousands of points fit one
envelope. The answer is three fields of the STATE event, so it is signed and archived like
everything else that a gateway says.
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from evidence import cbor, cose
from evidence.errors import WireError
from evidence.keys import PublicKey
from evidence.outcome import Configuration, decode_down, encode_down

MAX_DOCUMENT_BYTES: Final = 1 << 20
"""Ten thousand points with their profiles; what claims to inflate to more is refused."""
MAX_PROFILES: Final = 256
MAX_NUMBER: Final = (1 << 53) - 1
MAX_REASON_CHARS: Final = 200
HASH_BYTES: Final = 32
VERSION, HASH, STAGE = 7, 8, 9
_ROLLED_BACK: Final = "rolled_back:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationDocument:
    """One version of what one gateway measures.

    `sources` is the text of the source tables of `gateway.toml`; `profiles` are device profiles
    by file name, which win over those that ship with the gateway. Versions of a gateway only
    rise; `issued_ms` is Unix time.
    """

    version: int
    gateway: str
    sources: str
    profiles: Mapping[str, str] = field(default_factory=dict)
    issued_ms: int = 0


class Stage(StrEnum):
    """How far a gateway is with a version."""

    TRIAL = "trial"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A gateway's word on one version; `reason` says why it was rolled back, else empty."""

    version: int
    sha256: bytes
    stage: Stage
    reason: str = ""

    @property
    def fields(self) -> Mapping[int, object]:
        """Return the fields of the STATE event that say it."""
        said = str(self.stage)
        if self.stage is Stage.ROLLED_BACK:
            said = f"{_ROLLED_BACK}{' '.join(self.reason.split())[:MAX_REASON_CHARS]}"
        return {VERSION: self.version, HASH: self.sha256, STAGE: said}


def standing_of(body: Mapping[int, object]) -> Standing | None:
    """Return what a STATE event says of a configuration, None when it says nothing we know."""
    match body.get(VERSION), body.get(HASH), body.get(STAGE):
        case int() as version, bytes() as sha256, str() as said if len(sha256) == HASH_BYTES:
            stage, _, reason = said.partition(":")
            if stage not in Stage.__members__.values():
                return None
            return Standing(version=version, sha256=sha256, stage=Stage(stage), reason=reason)
        case _:
            return None


def encode_document(document: ConfigurationDocument) -> bytes:
    """Return the canonical bytes of a document: what its hash is of."""
    return cbor.encode(
        {
            1: document.version,
            2: document.gateway,
            3: document.sources,
            4: dict(document.profiles),
            5: document.issued_ms,
        }
    )


def decode_document(data: bytes) -> ConfigurationDocument:
    """Return the document that `data` holds.

    Raises:
        WireError: "size", "cbor" or "canonical" as the codec; "field" when a field is not what
            it must be.
    """
    item = cbor.decode(data, max_bytes=MAX_DOCUMENT_BYTES, max_depth=2)
    match item:
        case {
            1: int() as version,
            2: str() as gateway,
            3: str() as sources,
            4: dict() as profiles,
            5: int() as issued_ms,
        } if (
            isinstance(item, dict)
            and len(item) == 5
            and _is_number(version)
            and _is_number(issued_ms)
            and len(profiles) <= MAX_PROFILES
            and all(isinstance(part, str) for pair in profiles.items() for part in pair)
        ):
            return ConfigurationDocument(
                version=version,
                gateway=gateway,
                sources=sources,
                profiles=profiles,
                issued_ms=issued_ms,
            )
        case _:
            raise WireError("field", "not {1 version, 2 gateway, 3 sources, 4 profiles, 5 ms}")


def document_hash(document: ConfigurationDocument) -> bytes:
    """Return the SHA-256 by which a document is acknowledged."""
    return hashlib.sha256(encode_document(document)).digest()


def sign_configuration(
    document: ConfigurationDocument, signer: cose.Signer, site: str
) -> bytes:
    """Return the message that brings `document` down, signed by the control key.

    Raises:
        WireError: "size" when it does not fit one envelope, even deflated.
    """
    data = encode_document(document)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise WireError("size", f"a configuration of {len(data)} bytes")
    packed = Configuration(document=zlib.compress(data, 9))
    message = encode_down(packed, signer, document.gateway, site)
    if len(message) > cose.MAX_BYTES:
        raise WireError("size", f"a configuration message of {len(message)} bytes")
    return message


def unpack_configuration(message: Configuration, gateway: str) -> ConfigurationDocument:
    """Return the document of a verified down message.

    Raises:
        WireError: as `decode_document`; "size" when it inflates beyond its limit; "profile"
            when the document is for another gateway than its envelope.
    """
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(message.document, MAX_DOCUMENT_BYTES + 1)
    except zlib.error as error:
        raise WireError("field", f"a configuration that does not inflate: {error}") from error
    if len(data) > MAX_DOCUMENT_BYTES:
        raise WireError("size", f"a configuration over {MAX_DOCUMENT_BYTES} bytes")
    if not inflater.eof or inflater.unused_data:
        raise WireError("field", "a configuration that is cut off, or followed by something")
    document = decode_document(data)
    if document.gateway != gateway:
        raise WireError("profile", f"configuration of {document.gateway!r}, not of {gateway!r}")
    return document


def open_configuration(
    message: bytes, control_key: PublicKey, gateway: str
) -> ConfigurationDocument:
    """Return the document of a signed message.

    Raises:
        WireError: as `decode_down` and `unpack_configuration`; "unsupported" when it is another
            kind of message.
    """
    down = decode_down(message, control_key, gateway)
    if not isinstance(down, Configuration):
        raise WireError("unsupported", f"{type(down).__name__.lower()}, not a configuration")
    return unpack_configuration(down, gateway)


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_NUMBER
