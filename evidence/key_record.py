"""What the log says of evidence keys: whose each is, and from where on it no longer counts.

Written by the cloud as records of kind 2 (SPEC.md section 9.1.1), read by its sequencer, its
registry and the verifier. The position of a record is its time: a revocation rules out every
batch of its key that is ordered after it, whatever time that batch claims.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evidence import cbor
from evidence.batch_header import GATEWAY_ID, MAX_SITE_BYTES
from evidence.cose import KID_BYTES
from evidence.errors import WireError
from evidence.keys import PublicKey

MAX_KEY_RECORD_BYTES: Final = 16_384
MAX_SIGNED_BYTES: Final = 8_192
MAX_NAME_BYTES: Final = 256
MAX_KEY_KIND_BYTES: Final = 32
FIELDS: Final = 9


class KeyEvent(StrEnum):
    """What happened to a key; the words are in the archive and never change."""

    ENROLLED = "enrolled"
    ROTATED = "rotated"
    """The key follows an older one of its gateway, which stays good for what it has signed."""
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key record.

    Attributes:
        event: what happened to the key.
        kid: its id, 8 bytes; of a rotation the new key's.
        gateway: whose key it is.
        site: the site whose readings it signs.
        public: the key as text, as `PublicKey.to_text` gives it.
        key_kind: where the private half lies: `software`, `pkcs11`.
        signed: the signed enrolment or rotation; empty where there was none.
        requested_by: account that asked for it; empty when no person did.
        approved_by: another account that agreed; a revocation always has both.
    """

    event: KeyEvent
    kid: bytes
    gateway: str
    site: str
    public: str
    key_kind: str
    signed: bytes = b""
    requested_by: str = ""
    approved_by: str = ""


def encode_key_record(record: KeyRecord) -> bytes:
    """Return the archived object; raises WireError as `decode_key_record` for a wrong one."""
    values = (
        str(record.event),
        record.kid,
        record.gateway,
        record.site,
        record.public,
        record.key_kind,
        record.signed,
        record.requested_by,
        record.approved_by,
    )
    data = cbor.encode(dict(enumerate(values, start=1)))
    decode_key_record(data)
    return data


def decode_key_record(data: bytes) -> KeyRecord:
    """Return the record in an archived object.

    Raises:
        WireError: "field" when it is none, "unsupported" for an event of a later version, or
            the codes of `evidence.cbor.decode`.
    """
    fields = cbor.decode(data, max_bytes=MAX_KEY_RECORD_BYTES, max_depth=1)
    record = _read(fields)
    _check(record)
    return record


def _read(fields: object) -> KeyRecord:
    match fields:
        case {
            1: str() as event,
            2: bytes() as kid,
            3: str() as gateway,
            4: str() as site,
            5: str() as public,
            6: str() as key_kind,
            7: bytes() as signed,
            8: str() as requested_by,
            9: str() as approved_by,
        } if isinstance(fields, dict) and len(fields) == FIELDS:
            return KeyRecord(
                event=_event(event),
                kid=kid,
                gateway=gateway,
                site=site,
                public=public,
                key_kind=key_kind,
                signed=signed,
                requested_by=requested_by,
                approved_by=approved_by,
            )
        case _:
            raise WireError("field", "not the map of nine fields that a key record is")


def _event(word: str) -> KeyEvent:
    try:
        return KeyEvent(word)
    except ValueError:
        raise WireError("unsupported", f"key event {word!r} is not known here") from None


def _check(record: KeyRecord) -> None:
    if not GATEWAY_ID.fullmatch(record.gateway):
        raise WireError("field", f"gateway id {record.gateway!r} is not 4 to 32 of a-z 0-9 -")
    _check_text("site", record.site, 1, MAX_SITE_BYTES)
    _check_text("key kind", record.key_kind, 1, MAX_KEY_KIND_BYTES)
    _check_text("requested_by", record.requested_by, 0, MAX_NAME_BYTES)
    _check_text("approved_by", record.approved_by, 0, MAX_NAME_BYTES)
    if len(record.signed) > MAX_SIGNED_BYTES:
        raise WireError("field", f"signed has {len(record.signed)} bytes")
    public = PublicKey.from_text(record.public)
    if len(record.kid) != KID_BYTES or public.kid != record.kid:
        raise WireError("field", f"key id {record.kid.hex()} is not that of its key")
    if public.to_text() != record.public:
        raise WireError("canonical", "the key is spelled otherwise than keys are")
    if record.event is KeyEvent.REVOKED:
        _check_two_people(record)


def _check_text(what: str, text: str, least: int, most: int) -> None:
    if not least <= len(text.encode()) <= most:
        raise WireError("field", f"{what} has not {least} to {most} bytes")


def _check_two_people(record: KeyRecord) -> None:
    people = {record.requested_by, record.approved_by}
    if "" in people or len(people) != 2:
        raise WireError("field", "a revocation names two people, who asked and who agreed")
