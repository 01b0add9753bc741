"""One change of the registry as the log has it (SPEC.md section 9.1.2).

Made by the registry, read by whatever follows the log. Each entry holds the hash of the one
before it, so the trail cannot be cut, reordered or added to in the middle without a trace.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from evidence import cbor
from evidence.errors import WireError

MAX_AUDIT_RECORD_BYTES: Final = 262_144
"""Forty fields of 512 characters, twice, and what JSON makes of them."""
FIELDS: Final = 13
HASH_BYTES: Final = 32
FIRST_PREV_HASH: Final = bytes(HASH_BYTES)
_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Who changed what, when and why; `old` and `new` are canonical JSON of what differs.

    `seq` counts from 1 without gaps; `prev_hash` is that of the entry before, zeros at 1.
    """

    seq: int
    at_ms: int
    actor: str
    role: str
    via: str
    device: str
    kind: str
    id: str
    action: str
    old: str | None
    new: str | None
    why: str
    prev_hash: bytes


def audit_hash(data: bytes) -> bytes:
    """Return the hash by which the next entry names the one spelled `data`."""
    return sha256(data).digest()


def decode_audit_record(data: bytes) -> AuditRecord:
    """Return the entry in an archived object; WireError "field" and as `evidence.cbor`."""
    fields = cbor.decode(data, max_bytes=MAX_AUDIT_RECORD_BYTES, max_depth=1)
    if not isinstance(fields, dict) or list(fields) != list(range(1, FIELDS + 1)):
        raise WireError("field", "not the map of thirteen fields that an audit entry is")
    match list(fields.values()):
        case [
            int() as seq,
            int() as at_ms,
            str() as actor,
            str() as role,
            str() as via,
            str() as device,
            str() as kind,
            str() as id_,
            ("put" | "end") as action,
            (str() | None) as old,
            (str() | None) as new,
            str() as why,
            bytes() as prev_hash,
        ] if _is_count(seq, 1) and _is_count(at_ms, 0) and len(prev_hash) == HASH_BYTES:
            return AuditRecord(
                seq=seq,
                at_ms=at_ms,
                actor=actor,
                role=role,
                via=via,
                device=device,
                kind=kind,
                id=id_,
                action=action,
                old=old,
                new=new,
                why=why,
                prev_hash=prev_hash,
            )
        case _:
            raise WireError("field", "a field of an audit entry is of another type")


def _is_count(number: object, least: int) -> bool:
    return type(number) is int and least <= number <= _MAX
